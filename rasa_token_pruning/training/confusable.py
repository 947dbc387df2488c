"""Batches in which intents stand beside those that they are taken for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from datasets import Dataset
from sentence_transformers.base.sampler import DefaultBatchSampler

LABEL = "label"  # the column with the number of the intent


class ConfusableBatches(DefaultBatchSampler):
    """Pairs of different intents in each batch, half of them of intents that are most like the first.

    In a batch every other pair is a negative (MultipleNegativesRankingLoss): two of one intent would be false ones, and
    those of intents that are alike are the hard ones. An epoch has as many batches as there are pairs for; of an intent
    all pairs come before one comes again, but how often an intent comes is by chance.

    :param dataset: Pairs with a column ``label``; of those without one each comes once in an epoch, but for the last
        that would not fill a batch.
    :param alike: For each number of an intent the numbers of others, the most similar first.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        drop_last: bool,
        valid_label_columns: list[str] | None = None,
        generator: Any = None,
        seed: int = 0,
        *,
        alike: Sequence[Sequence[int]],
    ) -> None:
        super().__init__(dataset, batch_size, drop_last, valid_label_columns, generator, seed)
        labels = np.array(dataset[LABEL] if LABEL in dataset.column_names else [], dtype=int)
        known, counts = np.unique(labels, return_counts=True)
        by_label = np.split(np.argsort(labels, kind="stable"), np.cumsum(counts)[:-1])
        self._rows = dict(zip(known.tolist(), by_label, strict=False))  # none without labels
        self._pairs = len(dataset)
        self._share = counts / self._pairs
        self._size = min(batch_size, len(self._rows) or self._pairs)
        self._count = max(1, self._pairs // self._size)
        self._alike = alike

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[list[int]]:
        chance = np.random.default_rng([self.seed, self.epoch])
        if not self._rows:
            whole = chance.permutation(self._pairs)[: self._count * self._size]
            yield from whole.reshape(self._count, self._size).tolist()
            return
        queues = {label: list(chance.permutation(rows)) for label, rows in self._rows.items()}
        for _ in range(self._count):
            batch = []
            for label in self._labels(chance):
                if not queues[label]:
                    queues[label] = list(chance.permutation(self._rows[label]))
                batch.append(int(queues[label].pop()))
            yield batch

    def _labels(self, chance: np.random.Generator) -> list[int]:
        """The intents of a batch."""
        drawn = [int(label) for label in chance.choice(list(self._rows), len(self._rows), replace=False, p=self._share)]
        hard = [label for label in self._alike[drawn[0]] if label in self._rows][: self._size // 2]
        return list(dict.fromkeys([drawn[0], *hard, *drawn]))[: self._size]
