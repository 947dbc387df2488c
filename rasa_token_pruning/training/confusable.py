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
    those of intents that are alike are the hard ones.

    :param dataset: Pairs with a column ``label``; those without one are drawn without regard to intents.
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
        labels = np.array(dataset[LABEL] if LABEL in dataset.column_names else np.arange(len(dataset)))
        self._rows = {int(label): np.flatnonzero(labels == label) for label in np.unique(labels)}
        self._share = np.array([len(rows) for rows in self._rows.values()]) / len(labels)
        self._size = min(batch_size, len(self._rows))
        self._count = max(1, len(labels) // self._size)
        self._alike = alike if LABEL in dataset.column_names else None

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[list[int]]:
        chance = np.random.default_rng([self.seed, self.epoch])
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
        if self._alike is None:
            return drawn[: self._size]
        hard = [label for label in self._alike[drawn[0]] if label in self._rows][: self._size // 2]
        return list(dict.fromkeys([drawn[0], *hard, *drawn]))[: self._size]
