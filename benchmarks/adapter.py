"""What the adapter that comes with the package is worth to tasks that it has not seen.

    python -m benchmarks.adapter DATA
    python -m benchmarks.adapter DATA --only "adapter, balanced" "adapter, aggressive"
    python -m benchmarks.adapter DATA --model all-mpnet-base-v2 --few --only "adapter, off" "adapter, balanced"

DATA holds a folder for each task, with train.csv, test.csv and valid.csv. The adapter learnt from ``corpus/`` alone.
The reference is the encoder as published, without pruning. Results are for ``--split``: choose on ``valid``. Writes
``benchmarks/results/adapter.json`` (of another model ``adapter-MODEL.json``) after each task, and prints a table. With
``--only`` rows whose names start so are measured, and the others stay as they were stored.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.metrics import auroc, figures
from benchmarks.own_encoders import MEMORY, START, cells, gains, judged
from benchmarks.records import store, stored
from benchmarks.tasks import SHOTS, fit, read
from rasa_token_pruning import PrunedEncoder
from rasa_token_pruning.adaptation.assistant import refined
from rasa_token_pruning.encoder.adapter_files import adapter_identity
from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.options import AUTO, NONE
from rasa_token_pruning.encoder.presets import preset
from rasa_token_pruning.encoder.runtime import adapter_of
from rasa_token_pruning.evaluation.data_sets import EXAMPLES, FULL, DataSet, read_data_set
from rasa_token_pruning.evaluation.few_shot import Learner
from rasa_token_pruning.evaluation.long_messages import lengthened
from rasa_token_pruning.evaluation.machine import machine
from rasa_token_pruning.evaluation.work import piece_counts, work_left
from rasa_token_pruning.fewshot.names import name_as_text

WAYS = (("off", "final"), ("off", "final+cut"), ("balanced", "final"), ("aggressive", "final"))
ADAPTED = (*WAYS[:2], ("gentle", "final"), *WAYS[2:], ("balanced", "final+cut"))
LONG = 500  # messages at most that are made long
REFINED = "balanced"  # the level at which encoders are refined as well


def systems(model: str, adapter: str) -> Iterator[tuple[str, PrunedEncoder]]:
    """What is compared; the first is the reference. Each has the presets that were found for it, and the adapter those
    that were found without it, by attention, as well.
    """
    layers = shared_model(model).weights.config.layers
    ways = [("as published", NONE, NONE, way) for way in WAYS] + [("adapter", adapter, AUTO, way) for way in ADAPTED]
    ways += [("adapter by attention", adapter, NONE, way) for way in WAYS if way[0] != "off"]
    for name, file, found_with, (level, readout) in ways:
        policy = preset(level, layers, model, found_with)
        encoder = PrunedEncoder(model, policy, readout, precision="auto", adapter=file, cache_mib=MEMORY)
        yield f"{name}, {level}, {readout}", encoder


def confidences(encoder: PrunedEncoder, folder: Path, split: str) -> dict[str, Any]:
    """By the number of examples what confidences are worth; of tasks with fixed examples alone."""
    found: dict[str, Any] = {}
    for shots in SHOTS:
        if not (folder / f"train_{shots}.csv").is_file():
            continue
        classifier = fit(encoder, folder, shots)
        texts, intents = read(folder / f"{split}.csv")
        inside = classifier.predict(encoder.encode(texts))
        right = np.array(classifier.intents)[inside.probabilities.argmax(axis=1)] == np.array(intents)
        strangers = folder / f"oos_{split}.csv"
        outside = classifier.predict(encoder.encode(read(strangers)[0])) if strangers.is_file() else None
        highest = None if outside is None else outside.confidences.max(axis=1)
        found[str(shots)] = figures(inside.confidences.max(axis=1), right, highest)
        if outside is not None:
            found[str(shots)]["familiarity_auroc"] = auroc(inside.familiarity, outside.familiarity)
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


def made_long(task: DataSet) -> DataSet:
    """Some of a task's messages with a story around them, to be understood after few examples as they are."""
    every = -(-len(task.judged) // LONG)
    judged_long = lengthened(task.judged.chosen(range(0, len(task.judged), every)))
    return replace(with_few(task), judged=judged_long)


def with_few(task: DataSet) -> DataSet:
    """A task without learning from all of its examples."""
    return replace(task, examples={few: draws for few, draws in task.examples.items() if few != FULL})


def work(encoder: PrunedEncoder, lengths: Sequence[int]) -> dict[str, float]:
    """The share of the work that is left, of messages of some numbers of pieces and of those of 17 and more."""
    kinds = {"all": lengths, "17 pieces and more": [length for length in lengths if length >= 17]}
    return {kind: round(work_left(encoder.policy, encoder.layers, some), 3) for kind, some in kinds.items()}


def measure(folder: Path, encoders: Iterable[tuple[str, PrunedEncoder]], given: argparse.Namespace) -> dict[str, Any]:
    """Each system on a task, or those whose names start in one of some ways."""
    task, only = read_data_set(folder, given.split), tuple(given.only or [""])
    task = with_few(task) if given.few else task
    long, lengths = made_long(task), piece_counts(given.model, task.judged.texts)
    rows: dict[str, Any] = {}
    reference: dict[str, np.ndarray] = {}
    of_long: dict[str, np.ndarray] = {}
    for number, (name, encoder) in enumerate(encoders):
        if number and not name.startswith(only):
            continue  # the first is the reference
        right = judged(encoder, task)
        reference = reference or right
        right_of_long = judged(encoder, long)
        of_long = of_long or right_of_long
        rows[name] = {
            "work": work(encoder, lengths),
            **gains(right, reference),
            "long": gains(right_of_long, of_long),
            "confidences": confidences(encoder, folder, given.split),
        }
        if given.refined and name.startswith("adapter") and REFINED in name:
            rows[f"{name}, refined"] = gains(judged_refined(encoder, task), reference)
    return rows


def table(rows: dict[str, dict[str, Any]]) -> str:
    """Accuracy and its change in points, in Markdown; where a column has two figures they are at 5 / 10 examples."""
    lines = [
        "| data set | encoder | work left, of 17 pieces and more | 5 examples | 10 examples | all | long "
        "| calibration error | AUROC | familiarity's |",
        "|---" * 10 + "|",
    ]
    for task, systems_of_it in rows.items():
        for name, row in systems_of_it.items():
            few = row.get("confidences", {}).values()
            told = [
                " / ".join(f"{one[key]:.3f}" for one in few if key in one)
                for key in ("calibration_error", "out_of_scope_auroc", "familiarity_auroc")
            ]
            long = " / ".join(f"{one['accuracy']:.3f}" for one in row.get("long", {}).values())
            lines.append(f"| {task} | {name} | {_work([row])} | {cells(row)} | {long} | {' | '.join(told)} |")
    lines += [f"| mean change | {name} | {told} | | | |" for name, told in means(rows).items()]
    return "\n".join(lines)


def means(rows: dict[str, dict[str, Any]]) -> dict[str, str]:
    """By system the cells of the table from the work left to the long messages, on the mean of the data sets."""
    found = {}
    for name in next(iter(rows.values())):
        of_tasks = [systems_of_it[name] for systems_of_it in rows.values()]
        changes = " | ".join(_mean_change(of_tasks, examples) for examples in EXAMPLES)
        of_long = [row.get("long", {}) for row in of_tasks]
        long = " / ".join(_mean_change(of_long, str(shots)) for shots in SHOTS)
        found[name] = f"{_work(of_tasks)} | {changes} | {long}"
    return found


def _work(rows: Sequence[dict[str, Any]]) -> str:
    return ", ".join(f"{np.mean([row['work'][kind] for row in rows]):.2f}" for kind in rows[0]["work"])


def _mean_change(rows: list[dict[str, Any]], examples: str) -> str:
    known = all(examples in row for row in rows)
    return f"{np.mean([row[examples]['change'] for row in rows]):+.1f}" if known else ""


def main() -> None:
    """Measure, store, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default=START)
    parser.add_argument("--adapter", default=AUTO, help="the file of another one (default: the package's)")
    parser.add_argument("--split", default="test", choices=("test", "valid"))
    parser.add_argument("--refined", action="store_true", help="with `refine: true` as well, which takes long")
    parser.add_argument("--few", action="store_true", help="not with all examples, which takes a large encoder long")
    parser.add_argument("--only", nargs="+", help="rows to measure, by how their names start")
    given = parser.parse_args()
    options = PrunedEncoder(given.model, adapter=given.adapter).options
    assert options is not None  # as of every encoder that was made from a model
    adapter = str(adapter_of(options))
    name = "adapter" if given.model == START else f"adapter-{Path(given.model).name}"
    rows = stored(name).get("rows", {}) if given.only else {}
    for folder in sorted(one for one in given.data.iterdir() if one.is_dir()):
        encoders = systems(given.model, adapter)
        measured = measure(folder, encoders, given)
        rows[folder.name] = {**rows.get(folder.name, {}), **measured}
        if given.split == "test" and given.adapter == AUTO:
            identity = adapter_identity(adapter)
            store(name, machine=machine(), start=given.model, adapter=identity, measured=given.only, rows=rows)
    print(table(rows))


if __name__ == "__main__":
    main()
