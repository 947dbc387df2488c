"""From what the classifier says to what Rasa shows: sub-intents summed, sorted, cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rasa_token_pruning.fewshot.names import base_intent


class Ranking:
    """The intents of Rasa for the labels that were learnt: a retrieval intent has several, one for each sub-intent.

    :param labels: The labels, such as ``greet`` and ``faq/opening_hours``.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        intents, self._group = np.unique([base_intent(label) for label in labels], return_inverse=True)
        self._intents = [str(intent) for intent in intents]

    def rank(self, confidences: np.ndarray) -> list[dict[str, Any]]:
        """The intents, the likeliest first; equal confidences in alphabetical order.

        :param confidences: Of the labels, ``(labels,)``. Those of an intent are summed.
        """
        sums = np.bincount(self._group, weights=confidences)
        order = np.argsort(-sums, kind="stable")
        return [{"name": self._intents[index], "confidence": float(sums[index])} for index in order]

    def containing(self, labels: np.ndarray) -> set[str]:
        """The intents that have one of the labels.

        :param labels: ``(labels,)``, bool.
        """
        return {self._intents[index] for index in self._group[labels]}


def shown(ranking: list[dict[str, Any]], length: int, renormalize: bool) -> list[dict[str, Any]]:
    """The beginning of a ranking.

    :param length: How many intents; 0 for all.
    :param renormalize: Whether their confidences are scaled to sum to 1.
    """
    first = ranking[: length or None]
    total = sum(entry["confidence"] for entry in first) if renormalize else 1.0
    return [{**entry, "confidence": entry["confidence"] / total} for entry in first]
