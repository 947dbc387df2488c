"""What a threshold comes to: answered rightly, answered wrongly, asked again, let through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rasa_token_pruning.reporting.answers import Answers
from rasa_token_pruning.reporting.settings import Settings

# Confidences are rounded down to so many steps: the page, which has them as text, counts as Python does.
_STEPS = 10_000


@dataclass(frozen=True)
class Outcomes:
    """What becomes of messages.

    :param right: How many are answered as they should be.
    :param wrong: How many are answered otherwise; of messages out of scope, those that are answered at all.
    :param again: How many are not answered: the assistant asks again, or says that it does not know.
    """

    right: int
    wrong: int
    again: int

    @property
    def total(self) -> int:
        """How many messages there are."""
        return self.right + self.wrong + self.again


@dataclass(frozen=True)
class Crowd:
    """The confidences of messages, ascending, each in ``[0, 1]``, by what an answer to them would be.

    :param right: Of those whose answer would be right.
    :param wrong: Of those whose answer would be wrong.
    :param never: Of those that no threshold lets through: two intents are too close, or it is understood that the
        message belongs to none.
    """

    right: tuple[float, ...]
    wrong: tuple[float, ...]
    never: tuple[float, ...]

    @classmethod
    def of(cls, answers: Answers, right: np.ndarray, declined: np.ndarray, settings: Settings) -> Crowd:
        """Sort answers.

        :param right: Whether each would be right, ``(messages,)``, bool.
        :param declined: Whether each is that the message belongs to no intent, ``(messages,)``, bool.
        """
        rounded = np.floor(answers.confidences.clip(0, 1) * _STEPS + 1e-6) / _STEPS
        never = declined | (answers.leads < settings.ambiguity)
        parts = [np.sort(rounded[which]).tolist() for which in (~never & right, ~never & ~right, never)]
        return cls(*map(tuple, parts))

    def outcomes(self, threshold: float) -> Outcomes:
        """What a threshold comes to; a confidence that equals it is enough, as in Rasa.

        :param threshold: In ``[0, 1]``.
        """
        right, wrong = (_at_least(confidences, threshold) for confidences in (self.right, self.wrong))
        total = len(self.right) + len(self.wrong) + len(self.never)
        return Outcomes(right, wrong, total - right - wrong)


def _at_least(ascending: Sequence[float], threshold: float) -> int:
    return len(ascending) - int(np.searchsorted(np.array(ascending), threshold, side="left"))
