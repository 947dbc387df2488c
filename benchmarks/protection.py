"""What it is worth that negations are never cut: each preset as it is and with `protect: negations`.

    python -m benchmarks.protection DATA
    python -m benchmarks.protection DATA --adapter auto

DATA holds a folder for each task, with train_10.csv, test.csv and valid.csv. The classifier is the
default; examples are 10 an intent. Beside the tasks stands an assistant of our own, in which only negations tell
intents apart (``semantics.negation``). Gaps are to the unpruned encoder, in points, with 95 % intervals, bootstrap over
messages. Choose on ``--split valid``; with ``test`` it writes ``benchmarks/results/protection.json``, or
``protection+adapter.json``. Prints a table.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.records import store
from benchmarks.semantics.negation import judged, taught
from benchmarks.semantics.statistics import points
from benchmarks.semantics.systems import LEVELS, OFF, Subject, System
from benchmarks.tasks import TASKS
from rasa_token_pruning import PrunedEncoder
from rasa_token_pruning.encoder.location import DEFAULT_MODEL
from rasa_token_pruning.encoder.options import NONE
from rasa_token_pruning.encoder.readout import FINAL
from rasa_token_pruning.evaluation.labelled import Labelled, read_labelled
from rasa_token_pruning.evaluation.machine import machine

PROTECT = "negations"
OWN = "intents that negations tell apart"
NEGATED = (" not ", "n't", " no ", " never ", " without ", " cannot ", " none ", " nothing ", " nobody ")


def encoders(adapter: str) -> Iterator[tuple[str, PrunedEncoder]]:
    """By name; the first is the reference."""
    subject = Subject(DEFAULT_MODEL, adapter)
    for level in LEVELS:
        for protect in ((), PROTECT) if level != OFF else ((),):
            yield f"{level}, protect" if protect else level, subject.encoder(level, protect)


def right(encoder: PrunedEncoder, examples: Labelled, messages: Labelled) -> np.ndarray:
    """Whether each message is understood by what was learnt from the examples, ``(messages,)``."""
    system = System.learn(encoder, [examples], FINAL)
    said = next(numbers for name, numbers in system.outcomes(messages.texts) if name == FINAL)[0]
    found: np.ndarray = np.array(system.classifiers[FINAL][0].intents)[said] == np.array(messages.intents)
    return found


def measure(data: Path, split: str, adapter: str) -> dict[str, dict[str, Any]]:
    """By encoder its gap on all messages of the tasks, on those with a negation, and on our own."""
    tasks = [
        (read_labelled(data / task / "train_10.csv"), read_labelled(data / task / f"{split}.csv")) for task in TASKS
    ]
    negated = np.array([any(n in f" {text} " for n in NEGATED) for _, messages in tasks for text in messages.texts])
    pairs = judged()
    rows: dict[str, dict[str, Any]] = {}
    reference: list[np.ndarray] = []
    for name, encoder in encoders(adapter):
        everything = np.concatenate([right(encoder, *task) for task in tasks])
        own = right(encoder, taught(), pairs.messages)
        found = [everything, everything[negated], own, own[np.array(pairs.negated)]]
        reference = reference or found
        kinds = ("all", "with a negation", OWN, f"{OWN}: negated")
        rows[name] = {
            kind: points(pruned * 1.0 - unpruned)
            for kind, pruned, unpruned in zip(kinds, found, reference, strict=True)
        }
    return rows


def table(rows: dict[str, dict[str, Any]]) -> str:
    """In Markdown."""
    kinds = next(iter(rows.values()))
    lines = [f"| | {' | '.join(kinds)} |"]
    lines.append("|---" * (len(kinds) + 1) + "|")
    for name, row in rows.items():
        cells = [f"{cell['value']:+.2f} [{cell['low']:+.2f}, {cell['high']:+.2f}]" for cell in row.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, store, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--split", default="test", choices=("test", "valid"))
    parser.add_argument("--adapter", default=NONE, help="as in the featurizer, unpruned too (default: %(default)s)")
    given = parser.parse_args()
    rows = measure(given.data, given.split, given.adapter)
    if given.split == "test":
        name = "protection" if given.adapter == NONE else "protection+adapter"
        store(name, machine=machine(), model=DEFAULT_MODEL, protect=PROTECT, rows=rows)
    print(table(rows))


if __name__ == "__main__":
    main()
