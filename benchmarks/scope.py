"""Out-of-scope messages and the fallback, and candidates: what doubt catches and costs, and what the sets cover.

    python -m benchmarks.scope DATA

DATA holds a folder for each task, with train.csv and valid.csv (columns text and intent); ``clinc150`` also has
``oos_valid.csv``, whose messages stand for out-of-scope ones. Validation splits only. Takes about a minute; writes
``benchmarks/results/scope.json``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.metrics import figures
from benchmarks.records import store
from benchmarks.tasks import SHOTS, TASKS, fit, read
from rasa_token_pruning import PrunedEncoder
from rasa_token_pruning.fewshot.scope import doubt

OUT_OF_SCOPE = "clinc150/oos_valid.csv"
TAILS = (0.0, 0.04, 0.06, 0.08, 0.1)
COVERAGES = (0.9, 0.95)


def measure(encoder: PrunedEncoder, data: Path, task: str, shots: int) -> list[dict[str, Any]]:
    """A row for each tail; shares are of in-scope messages, but for those called out of scope."""
    classifier = fit(encoder, data / task, shots)
    texts, intents = read(data / task / "valid.csv")
    inside, outside = encoder.encode(texts), encoder.encode(read(data / OUT_OF_SCOPE)[0])
    probabilities = classifier.predict_proba(inside)
    right = np.array(classifier.intents)[probabilities.argmax(axis=1)] == np.array(intents)
    rows = []
    for tail in TAILS:
        known, unknown = (
            said.probabilities.max(axis=1) * doubt(said.familiarity, tail)
            for said in (classifier.predict(inside), classifier.predict(outside))
        )
        rows.append({"task": task, "shots": shots, "tail": tail, **figures(known, right, unknown)})
    return rows


def measure_sets(encoder: PrunedEncoder, data: Path, task: str, shots: int) -> list[dict[str, Any]]:
    """A row for each coverage: how often the right intent is among the candidates, and how many these are."""
    classifier = fit(encoder, data / task, shots)
    texts, intents = read(data / task / "valid.csv")
    embeddings, right = encoder.encode(texts), np.searchsorted(classifier.intents, intents)
    rows = []
    for coverage in COVERAGES:
        sets = classifier.predict_sets(embeddings, coverage)
        rows.append(
            {
                "task": task,
                "shots": shots,
                "coverage": coverage,
                "covered": float(sets[np.arange(len(sets)), right].mean()),
                "candidates": float(sets.sum(axis=1).mean()),
                "alone": float((sets.sum(axis=1) == 1).mean()),
            }
        )
    return rows


def sets_table(rows: list[dict[str, Any]]) -> str:
    """The rows of ``measure_sets`` in Markdown."""
    lines = ["| task | shots | coverage asked for | covered | candidates | a single one |", "|---|---|---|---|---|---|"]
    for row in rows:
        lines.append(
            f"| {row['task']} | {row['shots']} | {row['coverage']} | {row['covered']:.3f} "
            f"| {row['candidates']:.2f} | {row['alone']:.2f} |"
        )
    return "\n".join(lines)


def table(rows: list[dict[str, Any]]) -> str:
    """CLINC150, whose out-of-scope messages are its own, in Markdown."""
    lines = [
        "| shots | tail | answered rightly | fell back | calibration error | out of scope: fell back | AUROC |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if row["task"] == "clinc150":
            lines.append(
                f"| {row['shots']} | {row['tail'] or 'off'} | {row['answered_right']:.3f} | {row['fell_back']:.3f} "
                f"| {row['calibration_error']:.3f} | {row['out_of_scope_caught']:.2f} "
                f"| {row['out_of_scope_auroc']:.3f} |"
            )
    return "\n".join(lines)


def main(data: Path) -> None:
    """Measure, store, print."""
    encoder = PrunedEncoder(precision="int8", adapter="auto")
    rows = [row for task in TASKS for shots in SHOTS for row in measure(encoder, data, task, shots)]
    sets = [row for task in TASKS for shots in SHOTS for row in measure_sets(encoder, data, task, shots)]
    store("scope", split="valid", rows=rows, sets=sets)
    print(table(rows), sets_table(sets), sep="\n\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
