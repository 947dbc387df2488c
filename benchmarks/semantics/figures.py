"""From what was observed to the figures of the study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks.semantics import cut, taken_out
from benchmarks.semantics.classes import word_class, words
from benchmarks.semantics.compared import flips, gap, worst_intents
from benchmarks.semantics.confidence import calibration, out_of_scope
from benchmarks.semantics.markers import lost_markers
from benchmarks.semantics.observe import FAMILIES
from benchmarks.semantics.observed import OUTSIDE, Observed
from benchmarks.semantics.parts import ALL, CUT, parts
from benchmarks.semantics.systems import LEVELS, OFF, READOUTS, Subject
from benchmarks.semantics.told_apart import own_sentences


def figures(subject: Subject, tasks: Sequence[Observed], own: Observed, texts: Sequence[str]) -> dict[str, Any]:
    """By preset all figures, rounded to four digits behind the point.

    :param tasks: The tasks of data sets.
    :param own: The task of our own sentences, see ``negation``.
    :param texts: Where to look for negations, see ``markers``.
    """
    negated = [text for text in texts if "negation" in map(word_class, words(text))]
    levels = {
        level: {
            "policy": asdict(subject.policy(level)),
            "cut": _cut(tasks, level),
            "negations": lost_markers(subject.encoder(level), negated),
            **{readout: _of_readout(tasks, own, level, readout) for readout in READOUTS},
            "calibration": {task.task: calibration(task, level, subject.readout) for task in tasks},
            "out_of_scope": {
                task.task: out_of_scope(task, level, subject.readout)
                for task in tasks
                if f"{OUTSIDE}/numbers" in task.arrays
            },
        }
        for level in LEVELS
        if level != OFF
    }
    found: dict[str, Any] = _rounded(levels)
    return found


def _cut(tasks: Sequence[Observed], level: str) -> dict[str, Any]:
    each = {task.task: task.arrays[f"tally/{level}"] for task in tasks}
    shares = {name: float(task.is_cut(level).mean()) for name, task in zip(each, tasks, strict=True)}
    return {"messages_cut": shares, **cut.figures(np.concatenate(list(each.values())))}


def _of_readout(tasks: Sequence[Observed], own: Observed, level: str, readout: str) -> dict[str, Any]:
    by_part = parts(level)
    return {
        "parts": {name: flips(tasks, level, readout, part) for name, part in by_part.items()},
        "tasks": {
            task.task: {name: flips([task], level, readout, by_part[name]) for name in (ALL, CUT)} for task in tasks
        },
        "worst_intents": worst_intents(tasks, level, readout),
        "sets": {
            family: {name: _gaps(tasks, name, level, readout) for name in sets} for family, sets in FAMILIES.items()
        },
        "taken_out": taken_out.figures(tasks, level, readout),
        "negation": own_sentences(own, level, readout),
    }


def _gaps(tasks: Sequence[Observed], name: str, level: str, readout: str) -> dict[str, Any]:
    """Of all tasks together, and the gap of each."""
    of_each = {task.task: gap([task], name, level, readout).get("gap") for task in tasks}
    return {**gap(tasks, name, level, readout), "tasks": of_each}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return round(value, 4) if isinstance(value, float) else value
