"""What all targets share: which errors are ours, what counts as a finding, and how a run goes on after one.

A finding is an exception that the code under test does not document, a broken promise of a target (an AssertionError,
also where a number is not finite), or an input that takes more than 5 seconds of processor time. Its input and its
traceback are kept, once for each place in the code, and the run goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import atheris
import numpy as np

_PACKAGE = "rasa_token_pruning"
_SLOW_SECONDS = 5.0
_INSIDE = "RASA_TOKEN_PRUNING_FUZZING"

# The fuzzer itself stops only where Python never comes back, or takes all memory. Inputs may be long from the start.
_ALWAYS = ("-timeout=120", "-rss_limit_mb=6000", "-print_final_stats=1", "-len_control=0")


def main(
    name: str,
    check: Callable[[bytes], None],
    allowed: tuple[type[Exception], ...],
    seeds: Iterable[bytes],
    words: Sequence[str] = (),
    longest: int = 2048,
) -> None:
    """Fuzz, and end with 1 if there are findings.

    :param name: Of the target, ``fuzz_`` left out.
    :param check: What is fuzzed.
    :param allowed: The errors that it may raise.
    :param seeds: Inputs to start with.
    :param words: What inputs are likely made of.
    :param longest: How many bytes an input may have.
    """
    parser = argparse.ArgumentParser(prog=f"python -m fuzz.fuzz_{name}")
    parser.add_argument("--seconds", type=int, default=450, help="how long to fuzz (default: 450)")
    parser.add_argument("--folder", type=Path, default=Path("build", "fuzz"), help="where inputs and findings are kept")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="run one input, with its traceback")
    arguments = parser.parse_args()
    if arguments.replay:
        check(arguments.replay.read_bytes())
        return
    corpus, findings = arguments.folder / name / "corpus", arguments.folder / name / "findings"
    if _INSIDE in os.environ:
        options = [f"-max_total_time={arguments.seconds}", f"-max_len={longest}", f"-artifact_prefix={findings}/"]
        if words:
            options.append(f"-dict={_written(words, corpus.parent)}")
        atheris.Setup([sys.argv[0], str(corpus), *options, *_ALWAYS], _watched(check, allowed, findings))
        atheris.Fuzz()  # never returns: the fuzzer ends the process
    corpus.mkdir(parents=True, exist_ok=True)
    findings.mkdir(exist_ok=True)
    for seed in seeds:
        (corpus / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
    ended = subprocess.run([sys.executable, "-m", f"fuzz.fuzz_{name}", *sys.argv[1:]], env={**os.environ, _INSIDE: "1"})
    found = sorted(findings.iterdir())
    print(f"{name}: {len(list(findings.glob('*.txt')))} findings in {findings}")
    sys.exit(1 if found else ended.returncode)


def finite(*arrays: np.ndarray) -> None:
    """:raises AssertionError: If a number is not finite."""
    assert all(np.isfinite(array).all() for array in arrays), "a number is not finite"


def _watched(
    check: Callable[[bytes], None], allowed: tuple[type[Exception], ...], findings: Path
) -> Callable[[bytes], None]:
    """A check that notes findings instead of raising them."""

    def run(content: bytes) -> None:
        started = time.process_time()
        try:
            check(content)
        except allowed:
            pass
        except (KeyboardInterrupt, SystemExit, MemoryError):
            raise
        except BaseException as error:  # tokenizers panics with no Exception
            _keep(findings, _place(error), content, "".join(traceback.format_exception(error)))
        if (taken := time.process_time() - started) > _SLOW_SECONDS:
            _keep(findings, f"slow-{content[:1].hex()}", content, f"{taken:.1f} s\n")

    return run


def _place(error: BaseException) -> str:
    """The kind of an error and the place of ours that it came through last."""
    frames = traceback.extract_tb(error.__traceback__)
    frame = ([frame for frame in frames if _PACKAGE in Path(frame.filename).parts] or frames)[-1]
    return f"{type(error).__name__}-{Path(frame.filename).stem}-{frame.lineno}"


def _keep(findings: Path, place: str, content: bytes, said: str) -> None:
    file = findings / f"{place}.txt"
    if not file.exists():
        file.write_text(said, encoding="utf-8", errors="backslashreplace")
        file.with_suffix(".input").write_bytes(content)
        print(f"FINDING {place}", file=sys.stderr)


def _written(words: Sequence[str], folder: Path) -> Path:
    """A dictionary as libFuzzer reads it."""
    file = folder / "words"
    escaped = (re.sub(rb"[^ !#-\[\]-~]", lambda found: b"\\x%02X" % found[0][0], word.encode()) for word in words)
    file.write_bytes(b"".join(b'"%s"\n' % word for word in escaped))
    return file
