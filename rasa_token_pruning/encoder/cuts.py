"""What each cut did to a text: which of its tokens went, by what importance, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True, eq=False)
class Cut:
    """One cut of one text.

    :param layer: The layer inside which it was made, from 0 on.
    :param importance: The importance of each token, see ``scores``, ``(length,)``, float32, at least 0; NaN for those
        that went before.
    :param part_of: The position of the token that each is part of from then on, ``(length,)``, int64: its own if it
        stayed, another if it was merged; -1 if it was dropped, or went before.
    """

    layer: int
    importance: np.ndarray
    part_of: np.ndarray


class Step(NamedTuple):
    """The same as an engine knows it, which counts only the tokens that the cut was offered.

    :param layer: As above.
    :param importance: Theirs, ``(offered,)``, float32.
    :param chosen: Which of them stayed, ``(kept,)``, int64, in any order.
    :param targets: For each of them the place in ``chosen`` of what it is part of from then on, ``(offered,)``; nothing
        if what goes is dropped.
    """

    layer: int
    importance: np.ndarray
    chosen: np.ndarray
    targets: np.ndarray | None


def followed(length: int, steps: Iterable[Step]) -> tuple[Cut, ...]:
    """The cuts of a text at which a token went.

    :param length: The number of its tokens.
    :param steps: In the order in which they were made.
    """
    cuts = []
    offered = np.arange(length)
    for step in steps:
        stayed = offered[step.chosen]
        if len(stayed) < len(offered):
            importance = np.full(length, np.nan, dtype=np.float32)
            importance[offered] = step.importance
            part_of = np.full(length, -1)
            part_of[offered] = -1 if step.targets is None else stayed[step.targets]
            part_of[stayed] = stayed
            cuts.append(Cut(step.layer, importance, part_of))
        offered = stayed
    return tuple(cuts)
