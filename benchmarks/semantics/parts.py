"""Parts of the messages as written: those that are cut, those of some length, those with words of some class."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.semantics.observed import CLEAN, Observed

# Which messages of a task count, (messages,), bool.
Part = Callable[[Observed], np.ndarray]

# In word pieces, special tokens counted.
LENGTHS = ((1, 10), (11, 14), (15, 20), (21, 30), (31, 512))
WITH = ("negation", "question word", "number, amount", "name", "sub-word piece")
ALL, CUT = "all", "cut at all"


def parts(level: str) -> dict[str, Part]:
    """By name."""
    lengths = {length_name(low, high): partial(between, low, high) for low, high in LENGTHS}
    having = {f"cut, with a {name}": partial(_cut_with, level, name) for name in WITH}
    without = {"cut, without a negation": partial(_cut_without, level, "negation")}
    return {ALL: everything, CUT: partial(cut_at_all, level), **lengths, **having, **without}


def everything(task: Observed) -> np.ndarray:
    """All messages."""
    return np.ones(len(task.truth), dtype=bool)


def cut_at_all(level: str, task: Observed) -> np.ndarray:
    """Those that a preset cuts."""
    return task.is_cut(level)


def length_name(low: int, high: int) -> str:
    """What a range of lengths is called."""
    return f"{low} to {high} pieces" if high < LENGTHS[-1][1] else f"{low} pieces and more"


def between(low: int, high: int, task: Observed) -> np.ndarray:
    """Those of a range of lengths in word pieces, ends included."""
    pieces = task.arrays[f"{CLEAN}/pieces"]
    found: np.ndarray = (low <= pieces) & (pieces <= high)
    return found


def _cut_without(level: str, name: str, task: Observed) -> np.ndarray:
    found: np.ndarray = task.is_cut(level) & ~task.has(level, name)
    return found


def _cut_with(level: str, name: str, task: Observed) -> np.ndarray:
    found: np.ndarray = task.is_cut(level) & task.has(level, name)
    return found
