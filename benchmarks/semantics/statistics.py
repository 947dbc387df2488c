"""Intervals and tests: all are over messages, paired, and two-sided at 95 %."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import binomtest

RESAMPLES = 2000
_LEVEL = (2.5, 97.5)
_SEED = 0

Interval = dict[str, float]


def ratio(numerators: np.ndarray, denominators: np.ndarray, groups: np.ndarray | None = None) -> Interval:
    """The sum of some numbers over the sum of others, with a bootstrap interval (percentiles).

    :param numerators: One for each message, ``(messages,)``.
    :param denominators: ``(messages,)``, at least 0, not all 0.
    :param groups: What is drawn together, ``(messages,)``; by default each message on its own.
    :return: ``value``, ``low``, ``high``.
    """
    pairs = np.stack([numerators, denominators], axis=1).astype(np.float64)
    if groups is not None:
        _, place = np.unique(groups, return_inverse=True)
        summed = np.zeros((place.max() + 1, 2))
        np.add.at(summed, place, pairs)
        pairs = summed
    # Few messages differ in their numbers: to draw messages is to draw how often each pair of numbers comes up.
    kinds, counts = np.unique(pairs, axis=0, return_counts=True)
    drawn = np.random.default_rng(_SEED).multinomial(len(pairs), counts / len(pairs), RESAMPLES) @ kinds
    value, (low, high) = pairs[:, 0].sum() / pairs[:, 1].sum(), _ends(drawn[drawn[:, 1] > 0])
    return {"value": float(value), "low": low, "high": high}


def mean(values: np.ndarray, groups: np.ndarray | None = None) -> Interval:
    """The mean of one number for each message, with a bootstrap interval; see ``ratio``."""
    return ratio(values, np.ones(len(values)), groups)


def points(values: np.ndarray, groups: np.ndarray | None = None) -> Interval:
    """The mean of differences of shares, in points."""
    return mean(100 * values, groups)


def bootstrap(statistic: Callable[[np.ndarray], float], messages: int, resamples: int = 500) -> Interval:
    """Any number that messages have together, with a bootstrap interval.

    :param statistic: Takes the numbers of the messages drawn, ``(messages,)``.
    :param messages: How many there are.
    """
    chance = np.random.default_rng(_SEED)
    found = np.array([statistic(chance.integers(messages, size=messages)) for _ in range(resamples)])
    low, high = np.percentile(found[np.isfinite(found)], _LEVEL)
    return {"value": statistic(np.arange(messages)), "low": float(low), "high": float(high)}


def mcnemar(broken: int, fixed: int) -> float:
    """The exact p-value of McNemar's test: is what was broken as much as what was fixed?"""
    return 1.0 if broken + fixed == 0 else float(binomtest(broken, broken + fixed).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values for many tests at once (Holm 1979), in their order."""
    order = np.argsort(p_values, kind="stable")
    raised = np.array(p_values, dtype=np.float64)[order] * np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(raised))
    return [float(p) for p in adjusted]


def _ends(drawn: np.ndarray) -> tuple[float, float]:
    low, high = np.percentile(drawn[:, 0] / drawn[:, 1], _LEVEL)
    return float(low), float(high)
