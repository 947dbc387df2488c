"""A pruned system beside the unpruned one: gaps in accuracy, answers that change, what is broken and fixed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.semantics.observe import FAMILIES
from benchmarks.semantics.observed import CLEAN, Observed
from benchmarks.semantics.parts import Part
from benchmarks.semantics.people import BASELINE
from benchmarks.semantics.statistics import holm, mcnemar, mean, points
from benchmarks.semantics.systems import OFF

WORST = 5
_BASELINE = f"name: {BASELINE}"


def flips(tasks: Sequence[Observed], level: str, readout: str, part: Part) -> dict[str, Any]:
    """Messages as written: accuracies, the gap in points, and the answers that change.

    Accuracies are means over the draws. Answers that change, those broken and fixed, and McNemar's test are of the
    first draw, the published one.
    """
    full, pruned = np.concatenate([pair(task, CLEAN, level, readout)[:, part(task)] for task in tasks], axis=1)
    if not len(full):
        return {"messages": 0}
    changed = np.concatenate([_changed(task, CLEAN, level, readout)[part(task)] for task in tasks])
    broken, fixed = np.sum([_broken_and_fixed(task, level, readout, part(task)) for task in tasks], axis=0).tolist()
    return {
        "messages": len(full),
        **_accuracies(full, pruned),
        "flips": mean(changed),
        "broken": broken,
        "fixed": fixed,
        "p": mcnemar(broken, fixed),
    }


def worst_intents(tasks: Sequence[Observed], level: str, readout: str) -> list[dict[str, Any]]:
    """The five intents of all tasks that lose most messages; p-values are for as many tests as there are intents."""
    rows: list[dict[str, Any]] = []
    for task in tasks:
        for number, intent in enumerate(task.intents):
            of_it = task.truth == number
            broken, fixed = _broken_and_fixed(task, level, readout, of_it)
            row = {"task": task.task, "intent": intent, "messages": int(of_it.sum()), "broken": broken, "fixed": fixed}
            rows.append(row)
    adjusted = holm([mcnemar(row["broken"], row["fixed"]) for row in rows])
    rows = [{**row, "p_holm": p} for row, p in zip(rows, adjusted, strict=True)]
    return sorted(rows, key=lambda row: (row["fixed"] - row["broken"], row["task"], row["intent"]))[:WORST]


def gap(tasks: Sequence[Observed], name: str, level: str, readout: str) -> dict[str, Any]:
    """A set of changed texts: accuracies and the gap in points.

    ``extra`` is the gap less that of the same messages in the set which it is compared with, see ``reference``.
    ``unstable_full`` is the share of texts that get another intent than their message as written does, unpruned;
    ``unstable`` by how many points it is more with pruning.
    """
    full, pruned = np.concatenate([pair(task, name, level, readout) for task in tasks], axis=1)
    if not len(full):
        return {"messages": 0}
    before = [_pair_before(task, name, level, readout) for task in tasks]
    full_before, pruned_before = np.concatenate(before, axis=1)
    moved, moved_pruned = np.concatenate([_unstable(task, name, level, readout) for task in tasks], axis=1)
    return {
        "messages": len(full),
        **_accuracies(full, pruned),
        "flips": mean(np.concatenate([_changed(task, name, level, readout) for task in tasks])),
        "extra": points((pruned - full) - (pruned_before - full_before)),
        "unstable_full": mean(moved),
        "unstable": points(moved_pruned - moved),
    }


def reference(name: str) -> str:
    """What a set is compared with: all messages after an English name for other names, else messages as written."""
    introduced = {*FAMILIES["name"], *FAMILIES["script"]} - {_BASELINE}
    return _BASELINE if name in introduced else CLEAN


def pair(task: Observed, name: str, level: str, readout: str) -> np.ndarray:
    """How often each text of a set is understood, unpruned and pruned, ``(2, texts)``."""
    return np.stack([task.right(name, each, readout) for each in (OFF, level)])


def _accuracies(full: np.ndarray, pruned: np.ndarray) -> dict[str, Any]:
    return {"full": mean(full), "pruned": mean(pruned), "gap": points(pruned - full)}


def _unstable(task: Observed, name: str, level: str, readout: str) -> np.ndarray:
    rows = []
    for each in (OFF, level):
        before = task.said(CLEAN, each, readout)[:, task.numbers(name)]
        rows.append((task.said(name, each, readout) != before).mean(axis=0))
    return np.stack(rows)


def _first(task: Observed, level: str, readout: str) -> np.ndarray:
    said: np.ndarray = task.said(CLEAN, level, readout)[0]
    return said


def _changed(task: Observed, name: str, level: str, readout: str) -> np.ndarray:
    changed: np.ndarray = task.said(name, OFF, readout)[0] != task.said(name, level, readout)[0]
    return changed


def _pair_before(task: Observed, name: str, level: str, readout: str) -> np.ndarray:
    """``pair`` of the same messages in the set that a set is compared with."""
    places = np.searchsorted(task.numbers(reference(name)), task.numbers(name))
    return pair(task, reference(name), level, readout)[:, places]


def _broken_and_fixed(task: Observed, level: str, readout: str, chosen: np.ndarray) -> tuple[int, int]:
    full, pruned = (_first(task, each, readout) == task.truth for each in (OFF, level))
    return int((full & ~pruned & chosen).sum()), int((~full & pruned & chosen).sum())
