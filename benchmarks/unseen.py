"""The presets on assistants that nothing was learnt from: how the loss is spread over them.

    python -m benchmarks.unseen

The assistants are the 24 of ``corpus/unseen``, by which nothing was chosen either: 50 intents each, of which five
examples each are learnt, and the other five judged by; three draws. Every draw is judged as written, with a story
around 100 of the messages, and by its 50 longest messages. Takes about eight minutes on 2 cores and can be interrupted;
writes ``benchmarks/results/unseen.json`` and prints a table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.records import store
from rasa_token_pruning.encoder.adapter_files import adapter_identity
from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.location import DEFAULT_MODEL
from rasa_token_pruning.encoder.options import AUTO, NONE
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.presets import preset
from rasa_token_pruning.encoder.readout import FINAL, FINAL_AND_CUT
from rasa_token_pruning.evaluation.long_messages import LONG, LONGEST, SHORT
from rasa_token_pruning.evaluation.machine import machine
from rasa_token_pruning.evaluation.tasks import read_task
from rasa_token_pruning.tuning.search import search
from rasa_token_pruning.tuning.trial import UNCUT, Setting, Trial

UNSEEN = Path(__file__).resolve().parent.parent / "corpus" / "unseen"
NOTES = Path("build") / "unseen.trials"
LEVELS = {NONE: ("balanced",), AUTO: ("gentle", "balanced", "aggressive")}
JOINED = ("off", "balanced")  # levels that are judged with the joined read-out, too
NAMES = {NONE: "as published", AUTO: "adapter"}
KINDS = {SHORT: "as written", LONG: "in a story", LONGEST: "longest"}
MUCH = 1.0  # point

Row = dict[str, Any]


def trials(adapter: str) -> Iterator[tuple[str, Trial]]:
    """Every preset on every assistant, and the unpruned encoder under ``off``."""
    tasks = [read_task(str(file)) for file in sorted(UNSEEN.glob("*.yml"))]
    layers = shared_model(DEFAULT_MODEL).weights.config.layers
    policies = {level: preset(level, layers, DEFAULT_MODEL, adapter) for level in LEVELS[adapter]}
    levels = {policy: level for level, policy in policies.items()}
    # Every layer that a read-out joins has an unpruned encoder of its own; one of them will do.
    levels[PruningPolicy(policies["balanced"].layers[:1], *UNCUT)] = "off"
    setting = Setting(DEFAULT_MODEL, "int8", (5,), seeds=3, held_out=250, long=100, adapter=adapter, longest=50)
    NOTES.parent.mkdir(exist_ok=True)
    for trial in search(list(policies.values()), tasks, setting, NOTES, jobs=2):
        if trial.policy in levels:
            yield levels[trial.policy], trial


def measured() -> dict[str, Row]:
    """By system and kind of message the accuracy on each assistant, and the work that is left on the mean."""
    rows: dict[str, Row] = defaultdict(lambda: {**{name: {} for name in KINDS.values()}, "work": defaultdict(list)})
    for adapter in LEVELS:
        for level, trial in trials(adapter):
            for readout in (FINAL, FINAL_AND_CUT) if level in JOINED else (FINAL,):
                row = rows[f"{NAMES[adapter]}, {level}, {readout}"]
                for kind, name in KINDS.items():
                    row[name][trial.task] = round(float(np.mean(trial.accuracies[readout][kind])), 4)
                    row["work"][name].append(trial.work[kind])
    for row in rows.values():
        row["work"] = {name: round(float(np.mean(shares)), 3) for name, shares in row["work"].items()}
    return dict(rows)


def changes(row: Row, reference: Row, kind: str) -> np.ndarray:
    """What each assistant gains against a reference, ``(assistants,)``, in points."""
    return np.array([100 * (row[kind][name] - accuracy) for name, accuracy in reference[kind].items()])


def table(rows: Mapping[str, Row]) -> str:
    """Points against the same encoder unpruned with its own embedding, in Markdown; ± is the standard error."""
    lines = [
        "| encoder | accuracy | work left | change | lose more than 1 point | the worst | in a story | longest |",
        "|---" * 8 + "|",
    ]
    for name, row in rows.items():
        reference = rows[f"{name.split(',')[0]}, off, {FINAL}"]
        written, story, longest = (changes(row, reference, kind) for kind in KINDS.values())
        accuracy = np.mean(list(row[KINDS[SHORT]].values()))
        worst = f"{written.min():+.1f} ({list(reference[KINDS[SHORT]])[int(written.argmin())]})"
        lines.append(
            f"| {name} | {accuracy:.3f} | {row['work'][KINDS[SHORT]]:.2f} | {_mean(written)} "
            f"| {np.mean(written < -MUCH):.0%} | {worst} | {_mean(story)} | {_mean(longest)} |"
        )
    return "\n".join(lines)


def _mean(gained: np.ndarray) -> str:
    return f"{gained.mean():+.2f} ± {gained.std(ddof=1) / np.sqrt(len(gained)):.2f}"


def main() -> None:
    """Measure, store, print."""
    rows = measured()
    store("unseen", machine=machine(), model=DEFAULT_MODEL, adapter=adapter_identity(AUTO), rows=rows)
    print(table(rows))


if __name__ == "__main__":
    main()
