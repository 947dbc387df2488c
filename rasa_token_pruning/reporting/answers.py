"""From confidences to what Rasa is told: the first intent, how sure that is, and its lead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rasa_token_pruning.fewshot.names import base_intent
from rasa_token_pruning.reporting.settings import Settings


@dataclass(frozen=True, eq=False)
class Answers:
    """What Rasa is told about messages.

    :param topics: The number of the first intent, of a retrieval intent of its best sub-intent, ``(messages,)``.
    :param confidences: Of that intent; sub-intents count together, ``(messages,)``, each in ``[0, 1]``.
    :param leads: By how much it exceeds the next, ``(messages,)``.
    """

    topics: np.ndarray
    confidences: np.ndarray
    leads: np.ndarray

    @classmethod
    def of(cls, topics: Sequence[str], confidences: np.ndarray, settings: Settings) -> Answers:
        """What a classifier's confidences come to.

        :param topics: The intents as they were learnt, as in ``faq/opening_hours``; at least two.
        :param confidences: ``(messages, topics)``.
        """
        _, group = np.unique([base_intent(topic) for topic in topics], return_inverse=True)
        sums = confidences @ np.eye(group.max() + 1)[group]
        best = sums.argmax(axis=1)
        shown = -np.sort(-sums, axis=1)[:, : settings.ranking_length or None]
        if settings.renormalize:
            shown = shown / shown.sum(axis=1, keepdims=True)
        second = shown[:, 1] if shown.shape[1] > 1 else np.full(len(shown), -1.0)  # no second, nothing to mix up with
        own = np.where(group[None, :] == best[:, None], confidences, -1.0)
        return cls(own.argmax(axis=1), shown[:, 0], shown[:, 0] - second)

    def chosen(self, which: np.ndarray) -> Answers:
        """Some of them.

        :param which: ``(messages,)``, bool.
        """
        return Answers(self.topics[which], self.confidences[which], self.leads[which])
