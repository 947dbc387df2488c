"""Does a message belong to the assistant at all? Learnt from the in-scope examples alone."""

from __future__ import annotations

import numpy as np

# Below this p-value a message counts as unfamiliar; chosen on validation splits (docs/measurements.md).
TAIL = 0.1

_MOST_LEVELS = 1000


def reference_levels(logits: np.ndarray) -> np.ndarray:
    """What a familiar message looks like: the highest logit of each example, from a head that had not seen it.

    :param logits: Out-of-fold logits, ``(examples, intents)``.
    :return: Ascending, ``(levels,)``, float32; at most 1000 levels, evenly chosen.
    """
    highest = np.sort(logits.max(axis=1))
    if len(highest) > _MOST_LEVELS:
        highest = np.quantile(highest, np.linspace(0, 1, _MOST_LEVELS))
    return highest.astype(np.float32)


def familiarity(logits: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """The conformal p-value of "this message is like the examples" (Bates et al. 2023, arXiv 2104.08279).

    Of messages that are like the examples, a share of p or fewer has a p-value of at most p.

    :param logits: ``(messages, intents)``.
    :param levels: As ``reference_levels`` gives them; none means that nothing is unfamiliar.
    :return: ``(messages,)``, each in ``(0, 1]``: the share of examples whose highest logit is no higher.
    """
    not_higher = np.searchsorted(levels, logits.max(axis=1).astype(np.float32), side="right")
    p_values: np.ndarray = (not_higher + 1) / (len(levels) + 1)
    return p_values


def doubt(p_values: np.ndarray, tail: float = TAIL) -> np.ndarray:
    """The factor for the confidences of a message: 1 if it is familiar, falling to 0 with its p-value below the tail.

    :param p_values: ``(messages,)``, each in ``(0, 1]``.
    :param tail: The p-value below which a message is unfamiliar, in ``[0, 1]``; at 0 none is.
    :return: ``(messages,)``, each in ``(0, 1]``.
    """
    return np.minimum(1.0, p_values / tail) if tail else np.ones_like(p_values)
