"""Training data: checked, and in an order that does not depend on how the user sorted it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rasa_token_pruning.fewshot.errors import ClassifierError


@dataclass(frozen=True, eq=False)
class Examples:
    """Examples of intents, and the names of intents as further examples.

    :param intents: The intents, in alphabetical order; at least two.
    :param rows: The embeddings, ``(rows, dimension)``, finite, sorted by intent.
    :param labels: The number of each row's intent, ``(rows,)``, ascending.
    :param numbers: Which of the given examples each row is, ``(rows,)``; -1 for the name of an intent.
    """

    intents: tuple[str, ...]
    rows: np.ndarray
    labels: np.ndarray
    numbers: np.ndarray

    @classmethod
    def of(
        cls,
        embeddings: np.ndarray | Sequence[np.ndarray],
        intents: Sequence[str],
        names: Mapping[str, np.ndarray] | None = None,
    ) -> Examples:
        """Check and sort; neither the order of the examples nor that of the names matters.

        :param embeddings: ``(examples, dimension)``, finite.
        :param intents: The intent of each example.
        :param names: For intents, the embedding of the intent's name as a text, ``(dimension,)``. Names of intents
            without examples are left out.
        :raises ClassifierError: If there are fewer than two intents, the lengths or widths do not fit each other, or
            an embedding is not finite.
        """
        known = sorted(set(intents))
        if len(known) < 2:
            raise ClassifierError(f"Need at least 2 different intents to learn from, but got {len(known)}: {known}.")
        if len(embeddings) != len(intents):
            raise ClassifierError(f"Got {len(embeddings)} embeddings for {len(intents)} intents: give one for each.")
        named = {intent: name for intent, name in sorted((names or {}).items()) if intent in set(known)}
        rows = _stacked([*embeddings, *named.values()])
        number = {intent: number for number, intent in enumerate(known)}
        labels = np.array([number[intent] for intent in (*intents, *named)])
        numbers = np.concatenate([np.arange(len(intents)), np.full(len(named), -1)])
        order = sorted(range(len(rows)), key=lambda row: (labels[row], numbers[row] < 0, rows[row].tobytes()))
        return cls(tuple(known), rows[order], labels[order], numbers[order])

    @property
    def is_name(self) -> np.ndarray:
        """Which rows are names of intents, ``(rows,)``, bool."""
        named: np.ndarray = self.numbers < 0
        return named


def _stacked(embeddings: Sequence[np.ndarray]) -> np.ndarray:
    """The embeddings as one array, ``(examples, dimension)``."""
    shapes = sorted({np.shape(embedding) for embedding in embeddings})
    if len(shapes) > 1 or len(shapes[0]) != 1:
        raise ClassifierError(f"Embeddings must be rows of one width, names included, but have the shapes {shapes}.")
    rows: np.ndarray = np.stack(embeddings)
    if not np.isfinite(rows).all():
        raise ClassifierError("Embeddings must be finite numbers, but some are not: check what computes them.")
    return rows
