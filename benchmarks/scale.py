"""How training time and memory of the classifier grow with intents and examples.

    python -m benchmarks.scale

Embeddings are drawn at random around a centre for each intent, 384 wide: time depends on their number and little on
where they lie. Each size has a process of its own. Takes about five minutes; writes ``benchmarks/results/scale.json``.
"""

from __future__ import annotations

import resource
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np

from benchmarks.memory import peak_mib
from benchmarks.records import store
from rasa_token_pruning.fewshot.classifier import FewShotClassifier

SIZES = ((10, 10), (77, 10), (150, 10), (150, 30), (150, 100), (300, 100), (300, 333), (1000, 10), (2000, 10))
WIDTH, NOISE = 384, 1.5


def measure(intents: int, shots: int) -> dict[str, Any]:
    """Train on so many intents with so many examples each, and predict one message."""
    chance = np.random.default_rng(0)
    centres = chance.normal(size=(intents, WIDTH)).astype(np.float32)
    labels = np.repeat(np.arange(intents), shots)
    rows = centres[labels] + NOISE * chance.normal(size=(len(labels), WIDTH)).astype(np.float32)
    before = peak_mib(resource.getrusage(resource.RUSAGE_SELF))
    started = time.perf_counter()
    classifier = FewShotClassifier.fit(rows, [f"intent_{label:04}" for label in labels])
    seconds = time.perf_counter() - started
    memory = peak_mib(resource.getrusage(resource.RUSAGE_SELF)) - before
    times = []
    for row in rows[:100]:
        started = time.perf_counter()
        classifier.predict(row[None])
        times.append(time.perf_counter() - started)
    return {
        "intents": intents,
        "examples": len(labels),
        "training_seconds": seconds,
        "training_mib": memory,
        "prediction_ms": 1000 * float(np.median(times)),
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Rows as a table in Markdown."""
    lines = ["| intents | examples | training | memory for it | one message |", "|---|---|---|---|---|"]
    for row in rows:
        lines.append(
            f"| {row['intents']:,} | {row['examples']:,} | {row['training_seconds']:.1f} s "
            f"| {row['training_mib']:.0f} MiB | {row['prediction_ms']:.2f} ms |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, store, print."""
    rows = []
    for size in SIZES:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            rows.append(pool.submit(measure, *size).result())
        print(rows[-1], flush=True)
    store("scale", rows=rows)
    print(table(rows))


if __name__ == "__main__":
    main()
