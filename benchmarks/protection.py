"""What it is worth that negations are never cut: each preset as it is and with `protect: negations`.

    python -m benchmarks.protection DATA

DATA holds a folder for each task, with train_10.csv, test.csv and valid.csv. The encoder and the classifier are the
defaults; examples are 10 an intent. Beside the tasks stands an assistant of our own, in which only negations tell
intents apart (``semantics.negation``). Gaps are to the unpruned encoder, in points, with 95 % intervals, bootstrap over
messages. Choose on ``--split valid``; with ``test`` it writes ``benchmarks/results/protection.json``. Prints a table.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.records import store
from benchmarks.semantics.negation import judged, taught
from benchmarks.semantics.statistics import points
from benchmarks.semantics.systems import LEVELS, OFF, System, policy_of
from benchmarks.tasks import TASKS
from rasa_token_pruning import PrunedEncoder
from rasa_token_pruning.encoder.location import DEFAULT_MODEL
from rasa_token_pruning.encoder.readout import FINAL_AND_CUT
from rasa_token_pruning.evaluation.labelled import Labelled, read_labelled
from rasa_token_pruning.evaluation.machine import machine

PROTECT = "negations"
OWN = "intents that negations tell apart"
NEGATED = (" not ", "n't", " no ", " never ", " without ", " cannot ", " none ", " nothing ", " nobody ")


def encoders() -> Iterator[tuple[str, PrunedEncoder]]:
    """By name; the first is the reference."""
    for level in LEVELS:
        policy = policy_of(DEFAULT_MODEL, level)
        for protect in ("", PROTECT) if level != OFF else ("",):
            own = replace(policy, protect=protect) if protect else policy
            name = f"{level}, protect" if protect else level
            yield name, PrunedEncoder(DEFAULT_MODEL, own, FINAL_AND_CUT, precision="auto")


def right(encoder: PrunedEncoder, examples: Labelled, messages: Labelled) -> np.ndarray:
    """Whether each message is understood by what was learnt from the examples, ``(messages,)``."""
    system = System.learn(encoder, [examples])
    said = next(numbers for name, numbers in system.outcomes(messages.texts) if name == FINAL_AND_CUT)[0]
    found: np.ndarray = np.array(system.classifiers[FINAL_AND_CUT][0].intents)[said] == np.array(messages.intents)
    return found


def measure(data: Path, split: str) -> dict[str, dict[str, Any]]:
    """By encoder its gap on all messages of the tasks, on those with a negation, and on our own."""
    tasks = [
        (read_labelled(data / task / "train_10.csv"), read_labelled(data / task / f"{split}.csv")) for task in TASKS
    ]
    negated = np.array([any(n in f" {text} " for n in NEGATED) for _, messages in tasks for text in messages.texts])
    pairs = judged()
    rows: dict[str, dict[str, Any]] = {}
    reference: list[np.ndarray] = []
    for name, encoder in encoders():
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
    given = parser.parse_args()
    rows = measure(given.data, given.split)
    if given.split == "test":
        store("protection", machine=machine(), model=DEFAULT_MODEL, protect=PROTECT, rows=rows)
    print(table(rows))


if __name__ == "__main__":
    main()
