"""What the adapter that comes with the package is worth to a task that took no part: each is left out in turn.

    python -m benchmarks.adapter DATA

DATA holds a folder for each task, with train.csv, test.csv and valid.csv. For each task an encoder learns from the
others (``benchmarks.own_encoders contrastive``, whose encoders in ``build/`` are taken if they are there), and an
adapter is made of what it has learnt, as the one in the package was made of all tasks. The reference is the encoder as
published, without pruning. Results are for ``--split``: choose on ``valid``. Writes
``benchmarks/results/adapter.json`` and prints a table.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.metrics import calibration_error
from benchmarks.own_encoders import BUILD, MEMORY, START, cells, gains, judged, left_out, out_of_scope_auroc, trained
from benchmarks.records import store
from benchmarks.tasks import SHOTS, fit, read
from rasa_token_pruning import PrunedEncoder
from rasa_token_pruning.adaptation.assistant import refined
from rasa_token_pruning.encoder.options import NONE
from rasa_token_pruning.evaluation.data_sets import DataSet, read_data_set
from rasa_token_pruning.evaluation.few_shot import Learner
from rasa_token_pruning.evaluation.machine import machine
from rasa_token_pruning.fewshot.names import name_as_text
from rasa_token_pruning.training.extraction import extract

STEPS = 400
WAYS = (("off", "final"), ("balanced", "final+cut"), ("aggressive", "final+cut"))


def adapter_without(task: str, data: Path, rank: int) -> Path:
    """The adapter that was learnt from all tasks but one."""
    learnt = trained("contrastive", task, data, ["--steps", str(STEPS), "--interval", str(STEPS)])
    file = BUILD / f"adapter-{rank}-without-{task}.safetensors"
    if not file.exists():
        print(extract(str(learnt), START, rank, file), file=sys.stderr)
    return file


def systems(adapters: dict[str, str]) -> Iterator[tuple[str, PrunedEncoder]]:
    """What is compared; the first is the reference."""
    for name, adapter in {"as published": NONE, **adapters}.items():
        for level, readout in WAYS:
            encoder = PrunedEncoder(START, level, readout, precision="auto", adapter=adapter, cache_mib=MEMORY)
            yield f"{name}, {level}, {readout}", encoder


def calibration(encoder: PrunedEncoder, folder: Path, split: str) -> dict[str, float]:
    """By the number of examples the expected calibration error; of tasks with fixed examples alone."""
    found = {}
    for shots in SHOTS:
        if (folder / f"train_{shots}.csv").is_file():
            classifier = fit(encoder, folder, shots)
            texts, intents = read(folder / f"{split}.csv")
            confidences = classifier.predict(encoder.encode(texts)).confidences
            right = np.array(classifier.intents)[confidences.argmax(axis=1)] == np.array(intents)
            found[str(shots)] = calibration_error(confidences.max(axis=1), right)
    return found


def judged_refined(encoder: PrunedEncoder, task: DataSet) -> dict[str, np.ndarray]:
    """As ``judged``, with an encoder that is refined on each draw; not on all examples, which takes too long."""
    found = {}
    for examples in map(str, SHOTS):
        right = []
        for draw in task.examples[examples]:
            names = {intent: name_as_text(intent) for intent in draw.known}
            own = refined(encoder, draw.texts, draw.intents, names)[0]
            right.append(Learner.of(own.encode, draw).right(own.encode, task.judged))
        found[examples] = np.mean(right, axis=0)
    return found


def measure(folder: Path, adapters: dict[str, str], split: str) -> dict[str, Any]:
    """Each system on the task that was left out."""
    task = read_data_set(folder, split)
    rows: dict[str, Any] = {}
    reference: dict[str, np.ndarray] = {}
    for name, encoder in systems(adapters):
        right = judged(encoder, task)
        reference = reference or right
        rows[name] = gains(right, reference)
        rows[name]["calibration_error"] = calibration(encoder, folder, split)
        rows[name]["out_of_scope_auroc"] = out_of_scope_auroc(encoder, folder, split)
        if name.startswith("rank") and "balanced" in name:
            rows[f"{name}, refined"] = gains(judged_refined(encoder, task), reference)
    return rows


def table(rows: dict[str, dict[str, Any]]) -> str:
    """Accuracy and its change in points, in Markdown."""
    lines = ["| left out | encoder | 5 | 10 | full | calibration error, 5 / 10 | AUROC |", "|---" * 7 + "|"]
    for task, systems_of_it in rows.items():
        for name, row in systems_of_it.items():
            errors = " / ".join(f"{error:.3f}" for error in row.get("calibration_error", {}).values())
            auroc = f"{found:.3f}" if (found := row.get("out_of_scope_auroc")) else ""
            lines.append(f"| {task} | {name} | {cells(row)} | {errors} | {auroc} |")
    return "\n".join(lines)


def main() -> None:
    """Train, measure, store, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--rank", type=int, nargs="+", default=[16], help="(default: that of the package's)")
    parser.add_argument("--only", nargs="+", help="the tasks to leave out (default: each)")
    parser.add_argument("--split", default="test", choices=("test", "valid"))
    given = parser.parse_args()
    rows = {}
    for folder in left_out(given.data, given.only):
        adapters = {f"rank {rank}": str(adapter_without(folder.name, given.data, rank)) for rank in given.rank}
        rows[folder.name] = measure(folder, adapters, given.split)
        print(table(rows), file=sys.stderr)
    if given.split == "test" and not given.only:
        store("adapter", machine=machine(), start=START, steps=STEPS, rank=given.rank, rows=rows)
    print(table(rows))


if __name__ == "__main__":
    main()
