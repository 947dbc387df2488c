"""What training an encoder is worth to a task that took no part: `train-encoder` on all tasks but one, each in turn.

    python -m benchmarks.own_encoders contrastive DATA
    python -m benchmarks.own_encoders distill DATA --corpus corpus --start build/adapted
    python -m benchmarks.own_encoders adapt DATA --corpus corpus

DATA holds a folder for each task, with train.csv, test.csv and valid.csv. With ``--corpus`` one encoder learns from the
files of a folder instead, and no task takes part. ``--start`` names what encoders start from and are compared with; a
student of ``distill`` has that for a teacher. Trained encoders are kept in ``build/`` and not trained again; a run
that was killed goes on. What follows ``--`` goes to `train-encoder`. Results are for ``--split``: choose options on
``valid``. Writes ``benchmarks/results/own_encoders-KIND.json`` and prints a table.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.metrics import auroc
from benchmarks.records import store
from benchmarks.tasks import fit, read
from rasa_token_pruning import PrunedEncoder
from rasa_token_pruning.evaluation.data_sets import EXAMPLES, DataSet, read_data_set
from rasa_token_pruning.evaluation.few_shot import Learner, gain
from rasa_token_pruning.evaluation.machine import machine
from rasa_token_pruning.evaluation.paired_time import paired_time

START = "all-MiniLM-L6-v2"
BUILD = Path("build") / "own_encoders"
LAYERS = ("0", "2", "5")  # that stay
TIMED = 200  # messages
MEMORY = 512  # MiB for what was encoded


def trained(kind: str, left_out: str, data: Path, corpus: Path | None, start: str, options: Sequence[str]) -> Path:
    """An encoder that learnt from all tasks but one, or from a corpus."""
    learnt = f"{kind}-of-{corpus.name}" if corpus else f"{kind}-without-{left_out}"
    output = BUILD / (learnt if start == START else f"{learnt}-from-{Path(start).name}")
    if not output.exists():
        given = [str(file) for file in sorted(corpus.glob("*.yml"))] if corpus else _others(kind, left_out, data)
        special = ["--model", start] + (["--teacher", start, "--layers", *LAYERS] if kind == "distill" else [])
        output.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "rasa_token_pruning.cli", "train-encoder", kind, *given, "--output", output]
        subprocess.run([str(part) for part in (*command, *special, *options)], check=True)
    return output


def _others(kind: str, left_out: str, data: Path) -> list[str]:
    """The training messages of all tasks but one, as `train-encoder` takes them."""
    others = [folder for folder in sorted(data.iterdir()) if folder.is_dir() and folder.name != left_out]
    named = kind == "contrastive"
    return [f"{folder.name}={folder}/train.csv" if named else f"{folder}/train.csv" for folder in others]


def judged(encoder: PrunedEncoder, task: DataSet) -> dict[str, np.ndarray]:
    """By the number of examples how often each message is understood, ``(messages,)``, the mean of the draws."""
    return {
        examples: np.mean(
            [Learner.of(encoder.encode, draw).right(encoder.encode, task.judged) for draw in draws], axis=0
        )
        for examples, draws in task.examples.items()
    }


def out_of_scope_auroc(encoder: PrunedEncoder, folder: Path, split: str) -> float | None:
    """How well confidence tells messages of no intent, at five examples; None for a task that has none."""
    outside = folder / f"oos_{split}.csv"
    if not outside.is_file():
        return None
    classifier = fit(encoder, folder, 5)
    texts = [read(folder / f"{split}.csv")[0], read(outside)[0]]
    found = [classifier.predict(encoder.encode(part)).confidences.max(axis=1) for part in texts]
    return auroc(*found)


def systems(kind: str, own: Path, start: str) -> Iterator[tuple[str, PrunedEncoder]]:
    """What is compared; the first is the reference."""
    yield "start", PrunedEncoder(start, "off", cache_mib=MEMORY)
    if kind != "adapt":
        yield "own", PrunedEncoder(str(own), "off", cache_mib=MEMORY)
        return
    for level in ("balanced", "aggressive"):
        for readout in ("final", "final+cut"):
            plain = PrunedEncoder(start, level, readout, cache_mib=MEMORY)
            yield f"start, {level}, {readout}", plain
            yield f"own, {level}, {readout}", PrunedEncoder(str(own), plain.policy, readout, cache_mib=MEMORY)


def measure(kind: str, folder: Path, own: Path, start: str, split: str) -> dict[str, Any]:
    """Each system on the task that was left out."""
    task = read_data_set(folder, split)
    rows: dict[str, Any] = {}
    reference: dict[str, np.ndarray] = {}
    for name, encoder in systems(kind, own, start):
        right = judged(encoder, task)
        reference = reference or right
        rows[name] = gains(right, reference)
        rows[name]["out_of_scope_auroc"] = out_of_scope_auroc(encoder, folder, split)
    if kind == "distill":
        student, whole = (PrunedEncoder(model, "off", precision="auto", cache_mib=0) for model in (str(own), start))
        times = paired_time(student.encode, whole.encode, task.judged.texts[:TIMED])
        rows["own"]["time"] = round(times.share, 3)
    return rows


def gains(right: dict[str, np.ndarray], reference: dict[str, np.ndarray]) -> dict[str, Any]:
    """By the number of examples the accuracy, and the change against the reference."""
    return {examples: gain(found, reference[examples]) for examples, found in right.items()}


def cells(row: dict[str, Any]) -> str:
    """The columns of a table for accuracies; empty where there is none."""
    found = (row.get(examples) for examples in EXAMPLES)
    return " | ".join(f"{x['accuracy']:.3f} ({x['change']:+.2f} ± {x['error']:.2f})" if x else "" for x in found)


def left_out(data: Path, only: Sequence[str] | None) -> Iterator[Path]:
    """The folders of the tasks to leave out, each in turn."""
    return (one for one in sorted(data.iterdir()) if one.is_dir() and one.name in (only or [one.name]))


def table(rows: dict[str, dict[str, Any]]) -> str:
    """Accuracy and its change in points, in Markdown."""
    lines = ["| left out | system | 5 | 10 | full | out of scope, AUROC | time |", "|---" * 7 + "|"]
    for task, systems_of_it in rows.items():
        for name, row in systems_of_it.items():
            auroc = "" if row["out_of_scope_auroc"] is None else f"{row['out_of_scope_auroc']:.3f}"
            lines.append(f"| {task} | {name} | {cells(row)} | {auroc} | {row.get('time', '')} |")
    return "\n".join(lines)


def main() -> None:
    """Train, measure, store, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("contrastive", "distill", "adapt"))
    parser.add_argument("data", type=Path)
    parser.add_argument("--corpus", type=Path, help="a folder of Rasa's NLU data to learn from in place of the tasks")
    parser.add_argument("--start", default=START, help="the encoder to start from, and to compare with")
    parser.add_argument("--only", nargs="+", help="the tasks to leave out (default: each)")
    parser.add_argument("--split", default="test", choices=("test", "valid"))
    words = [*sys.argv[1:], "--"]
    given, options = parser.parse_args(words[: words.index("--")]), words[words.index("--") + 1 : -1]
    rows = {}
    for folder in left_out(given.data, given.only):
        own = trained(given.kind, folder.name, given.data, given.corpus, given.start, options)
        rows[folder.name] = measure(given.kind, folder, own, given.start, given.split)
        print(table(rows), file=sys.stderr)
    if given.split == "test" and not given.only:
        store(
            f"own_encoders-{given.kind}",
            machine=machine(),
            start=given.start,
            corpus=bool(given.corpus),
            options=options,
            rows=rows,
        )
    print(table(rows))


if __name__ == "__main__":
    main()
