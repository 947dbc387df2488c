"""The nearest example of each intent: what a linear head averages away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rasa_token_pruning.fewshot.head import normalized, similarities

# How many examples are remembered, so that a message costs a fraction of a millisecond and the files a few MiB.
MOST = 2000


@dataclass(frozen=True, eq=False)
class Memory:
    """Remembered examples.

    :param rows: Their embeddings with length 1, ``(examples, dimension)``, float16, sorted by intent.
    :param counts: How many there are of each intent, ``(intents,)``, int32: of each one at least, or of all none.
    """

    rows: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, embeddings: np.ndarray, labels: np.ndarray) -> Memory:
        """Remember examples, at most ``MOST`` or one of each intent, and as many of each as there is room for.

        :param embeddings: ``(examples, dimension)``.
        :param labels: The number of each example's intent, ``(examples,)``, ascending; every number from 0 to the
            largest occurs.
        """
        chosen = in_turns(labels.tolist(), max(MOST, int(labels.max()) + 1))
        rows = normalized(embeddings[chosen]).astype(np.float16)
        return cls(rows, np.bincount(labels[chosen]).astype(np.int32))

    @classmethod
    def empty(cls, intents: int, dimension: int) -> Memory:
        """Nothing is remembered, and every message is as far from every intent."""
        return cls(np.empty((0, dimension), dtype=np.float16), np.zeros(intents, dtype=np.int32))

    def nearest(self, embeddings: np.ndarray) -> np.ndarray:
        """The cosine of each message to the most similar example of each intent, ``(messages, intents)``, float64.

        :param embeddings: ``(messages, dimension)``.
        """
        if not len(self.rows):
            return np.zeros((len(embeddings), len(self.counts)))
        highest: np.ndarray = np.maximum.reduceat(similarities(embeddings, self._unit_rows), self._starts, axis=1)
        return highest

    @cached_property
    def _unit_rows(self) -> np.ndarray:
        return self.rows.astype(np.float32)

    @cached_property
    def _starts(self) -> np.ndarray:
        starts: np.ndarray = np.cumsum(self.counts) - self.counts
        return starts


def in_turns(kinds: Iterable[Hashable], most: int) -> list[int]:
    """Which of some things to take, ascending: the first of each kind, then the second of each, up to so many."""
    seen: Counter[Hashable] = Counter()
    turns = []
    for kind in kinds:
        turns.append(seen[kind])
        seen[kind] += 1
    return sorted(sorted(range(len(turns)), key=turns.__getitem__)[:most])
