"""Does a message belong to the assistant at all? Learnt from the in-scope examples alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Below this p-value a message counts as unfamiliar; chosen on validation splits (docs/measurements.md).
TAIL = 0.06

_MOST_LEVELS = 1000

# Where the examples differ by less, they are equal but for rounding.
_LEAST_SPREAD = 1e-6


@dataclass(frozen=True, eq=False)
class Scope:
    """What messages look like that belong to the assistant.

    How familiar a message is, is the sum of two opinions, each in units of its own spread over the examples: the
    highest logit (Vaze et al. 2022, arXiv 2110.06207) and the highest cosine to the prototype of an intent.

    :param typical: The mean and the standard deviation of the highest logit and of the highest cosine of examples that
        were not seen, ``(2, 2)``, float32; the deviations are greater than 0.
    :param levels: Their familiarities, ascending, ``(levels,)``, float32; at most 1000, evenly chosen.
    """

    typical: np.ndarray
    levels: np.ndarray

    @classmethod
    def fit(cls, logits: np.ndarray, cosines: np.ndarray) -> Scope:
        """Learn from examples as they look to what had not seen them.

        :param logits: ``(examples, intents)``; no examples at all mean that nothing is unfamiliar.
        :param cosines: To the prototype of each intent, ``(examples, intents)``.
        """
        if not len(logits):
            return cls(np.array([[0, 1], [0, 1]], dtype=np.float32), np.empty(0, dtype=np.float32))
        highest = np.stack([logits.max(axis=1), cosines.max(axis=1)])
        spread = highest.std(axis=1)
        typical = np.stack([highest.mean(axis=1), np.where(spread > _LEAST_SPREAD, spread, 1)], axis=1).astype(
            np.float32
        )
        scope = cls(typical, np.empty(0, dtype=np.float32))
        return cls(typical, evenly_chosen(scope._familiarity(logits, cosines)))

    def p_values(self, logits: np.ndarray, cosines: np.ndarray) -> np.ndarray:
        """The conformal p-value of "this message is like the examples" (Bates et al. 2023, arXiv 2104.08279).

        Of messages that are like the examples, about a share of p or fewer has a p-value of at most p: the examples
        were held out by cross-fitting, from heads that had seen a little less.

        :param logits: ``(messages, intents)``.
        :param cosines: ``(messages, intents)``.
        :return: ``(messages,)``, each in ``(0, 1]``: the share of examples that are no more familiar.
        """
        no_more = np.searchsorted(self.levels, self._familiarity(logits, cosines), side="right")
        p_values: np.ndarray = (no_more + 1) / (len(self.levels) + 1)
        return p_values

    def _familiarity(self, logits: np.ndarray, cosines: np.ndarray) -> np.ndarray:
        highest = np.stack([logits.max(axis=1), cosines.max(axis=1)])
        opinions = (highest - self.typical[:, :1]) / self.typical[:, 1:]
        familiarity: np.ndarray = opinions.sum(axis=0).astype(np.float32)
        return familiarity


def doubt(p_values: np.ndarray, tail: float = TAIL) -> np.ndarray:
    """The factor for the confidences of a message: 1 if it is familiar, falling to 0 with its p-value below the tail.

    Falls with the square: a message is trusted or it is not, and few are in between.

    :param p_values: ``(messages,)``, each in ``(0, 1]``.
    :param tail: The p-value below which a message is unfamiliar, in ``[0, 1]``; at 0 none is.
    :return: ``(messages,)``, each in ``(0, 1]``.
    """
    return np.minimum(1.0, p_values / tail) ** 2 if tail else np.ones_like(p_values)


def doubted(probabilities: np.ndarray, p_values: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Probabilities lowered where a message is unfamiliar, ``(messages, intents)``.

    What is taken away goes to the intents that stand for messages which belong to none, in the proportion that these
    have already; without one, such rows sum to less than 1.

    :param probabilities: ``(messages, intents)``.
    :param p_values: ``(messages,)``.
    :param outside: Which intents those are, ``(intents,)``, bool.
    """
    confidences: np.ndarray = probabilities * doubt(p_values)[:, None]
    if outside.any():
        taken = (probabilities - confidences).sum(axis=1, keepdims=True)
        shares = np.maximum(probabilities[:, outside], np.finfo(np.float64).tiny)
        confidences[:, outside] += taken * (shares / shares.sum(axis=1, keepdims=True))
    return confidences


def evenly_chosen(levels: np.ndarray) -> np.ndarray:
    """Levels in ascending order, ``(levels,)``, float32; at most 1000 that stand for all."""
    ascending = np.sort(levels)
    if len(ascending) > _MOST_LEVELS:
        ascending = np.quantile(ascending, np.linspace(0, 1, _MOST_LEVELS))
    return ascending.astype(np.float32)
