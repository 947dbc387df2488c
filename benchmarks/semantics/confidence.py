"""Calibration, and messages of no intent, before and after pruning; of the first draw's classifier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.metrics import calibration_error
from benchmarks.semantics.observed import CLEAN, OUTSIDE, Observed
from benchmarks.semantics.parts import ALL, LENGTHS, between, length_name
from benchmarks.semantics.statistics import bootstrap
from benchmarks.semantics.systems import OFF

_FEWEST = 100  # messages, below which neither is worth a number

# Of a system, 0 unpruned and 1 pruned, and of the numbers of messages, one number.
Statistic = Callable[[int, np.ndarray], float]


def calibration(task: Observed, level: str, readout: str) -> dict[str, Any]:
    """By length the expected calibration error, unpruned and pruned, and the difference; in points."""
    right = [task.said(CLEAN, each, readout)[0] == task.truth for each in (OFF, level)]
    sure = [task.confidence(CLEAN, each, readout) for each in (OFF, level)]

    def error(system: int, chosen: np.ndarray) -> float:
        return 100 * calibration_error(sure[system][chosen], right[system][chosen])

    return _by_length(task, error, np.empty(0, dtype=np.int64))


def out_of_scope(task: Observed, level: str, readout: str) -> dict[str, Any]:
    """By length of the messages that have an intent the AUROC that tells them from all that have none; in points."""
    inside, outside = ([task.confidence(name, each, readout) for each in (OFF, level)] for name in (CLEAN, OUTSIDE))
    sure = [np.concatenate([known, unknown]) for known, unknown in zip(inside, outside, strict=True)]
    messages = len(task.truth)

    def auroc(system: int, chosen: np.ndarray) -> float:
        return 100 * float(roc_auc_score(chosen < messages, sure[system][chosen]))

    return _by_length(task, auroc, np.arange(messages, len(sure[0])))


def _by_length(task: Observed, statistic: Statistic, always: np.ndarray) -> dict[str, Any]:
    """A statistic of the messages of each length, and of some others, which take part every time."""
    ranges = {ALL: np.ones(len(task.truth), dtype=bool)}
    ranges |= {length_name(low, high): between(low, high, task) for low, high in LENGTHS}
    return {
        name: _beside(statistic, np.concatenate([np.flatnonzero(within), always]), int(within.sum()))
        for name, within in ranges.items()
        if within.sum() >= _FEWEST
    }


def _beside(statistic: Statistic, pool: np.ndarray, messages: int) -> dict[str, Any]:
    def difference(drawn: np.ndarray) -> float:
        return statistic(1, pool[drawn]) - statistic(0, pool[drawn])

    full, pruned = statistic(0, pool), statistic(1, pool)
    return {"messages": messages, "full": full, "pruned": pruned, "difference": bootstrap(difference, len(pool))}
