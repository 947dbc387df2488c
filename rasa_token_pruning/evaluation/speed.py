"""How fast encoders are beside SentenceTransformer.encode: every system in its own process, measured in turns.

The protocol follows sentence-transformers' own efficiency benchmark: the same texts, each backend at its best batch
size, ratios rather than times. Turns keep a busy moment of the machine from counting against one system alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryFile
from typing import Any

BATCH_SIZES = (16, 32, 64, 128)
_WORKER = Path(__file__).with_name("speed_worker.py")


class SpeedError(RuntimeError):
    """A system could not be started or did not answer."""


@dataclass(frozen=True)
class System:
    """What is to be measured.

    :param name: How the table calls it.
    :param kind: One of ``speed_worker.SYSTEMS``.
    :param options: What that function takes.
    :param python: The Python to run it with.
    :param batch_sizes: Those worth trying; the best one counts.
    """

    name: str
    kind: str
    options: Mapping[str, Any]
    python: str = sys.executable
    batch_sizes: Sequence[int] = (32,)


class Worker:
    """A system in its own process.

    :raises SpeedError: If it cannot be started.
    """

    def __init__(self, system: System) -> None:
        self.system = system
        command = [system.python, str(_WORKER), system.kind, json.dumps(dict(system.options))]
        start = time.perf_counter()
        self._errors = TemporaryFile("w+")
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True
        )
        first = self._answer()
        self.start_s = time.perf_counter() - start
        self.load_s: float = first["load_s"]
        self.resident_mib: float = first["resident_mib"]

    def single(self, texts: Sequence[str]) -> list[float]:
        """The time of each text alone, in ms."""
        times: list[float] = self._ask(texts=texts)["ms"]
        return times

    def batched(self, texts: Sequence[str]) -> float:
        """Texts per second at the best batch size."""
        return max(float(self._ask(texts=texts, batch_size=size)["per_second"]) for size in self.system.batch_sizes)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._errors.close()

    def _ask(self, **request: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # the missing answer says it
        answer = self._answer()
        self.resident_mib = answer["resident_mib"]
        return answer

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            last = self._errors.read().strip().rpartition("\n")[2]
            raise SpeedError(f"{self.system.name} ended without an answer: {last or 'it said nothing.'}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def started(systems: Sequence[System]) -> Iterator[list[Worker]]:
    """All systems, started one after the other."""
    with ExitStack() as stack:
        workers = []
        for system in systems:
            worker = Worker(system)
            stack.callback(worker.close)
            workers.append(worker)
        yield workers


def latencies(
    workers: Sequence[Worker], by_length: Mapping[int, Sequence[str]], rounds: int, progress: Callable[[str], None]
) -> list[dict[str, Any]]:
    """The time of one text, for each length and system; ratios are to the first system.

    :param by_length: Texts by their approximate number of word pieces.
    :param rounds: How many turns each system has, at least 1.
    """
    rows = []
    for length, texts in by_length.items():
        what = f"one message of {length} word pieces"
        times = _in_turns(workers, partial(Worker.single, texts=texts), rounds, what, progress)
        reference = median(times[workers[0].system.name])
        for name, found in times.items():
            ordered = sorted(found)
            p50, p95 = median(ordered), ordered[int(0.95 * (len(ordered) - 1))]
            rows.append({"pieces": length, "system": name, "p50_ms": p50, "p95_ms": p95, "ratio": reference / p50})
    return rows


def throughputs(
    workers: Sequence[Worker], sets: Mapping[str, Sequence[str]], rounds: int, progress: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Texts per second, the median over the rounds, for each set and system; ratios are to the first system."""
    rows = []
    for name, texts in sets.items():
        what = f"{len(texts)} messages ({name})"
        found = _in_turns(workers, partial(_rate, texts=texts), rounds, what, progress)
        reference = median(found[workers[0].system.name])
        for system, rates in found.items():
            rate = median(rates)
            rows.append({"texts": name, "system": system, "per_second": rate, "ratio": rate / reference})
    return rows


def _rate(worker: Worker, texts: Sequence[str]) -> list[float]:
    return [worker.batched(texts)]


def _in_turns(
    workers: Sequence[Worker],
    measure: Callable[[Worker], list[float]],
    rounds: int,
    what: str,
    progress: Callable[[str], None],
) -> dict[str, list[float]]:
    """Everything that was measured for each system, by its name."""
    found: dict[str, list[float]] = {worker.system.name: [] for worker in workers}
    for turn in range(rounds):
        progress(f"{what}, round {turn + 1} of {rounds}")
        for worker in workers:
            found[worker.system.name] += measure(worker)
    return found
