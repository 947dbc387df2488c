"""Do confidences mean what they say?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 15  # as in this package's measurements


@dataclass(frozen=True)
class Bin:
    """Messages of about one confidence.

    :param low: From which confidence.
    :param high: Up to which.
    :param count: How many messages, at least 1.
    :param confidence: Their mean confidence, in ``[0, 1]``.
    :param right: The share of them whose intent is right, in ``[0, 1]``.
    """

    low: float
    high: float
    count: int
    confidence: float
    right: float


def bins_of(confidences: np.ndarray, right: np.ndarray) -> tuple[Bin, ...]:
    """Bins of equal width, without empty ones.

    :param confidences: ``(messages,)``, each in ``[0, 1]``.
    :param right: Whether each answer is right, ``(messages,)``, bool.
    """
    which = np.minimum((confidences * BINS).astype(int), BINS - 1)
    return tuple(
        Bin(
            one / BINS,
            (one + 1) / BINS,
            int((which == one).sum()),
            float(confidences[which == one].mean()),
            float(right[which == one].mean()),
        )
        for one in np.unique(which).tolist()
    )


def calibration_error(bins: tuple[Bin, ...]) -> float:
    """The expected calibration error (Naeini et al. 2015): the gaps of the bins, weighted, in ``[0, 1]``; 0 is perfect.

    :param bins: At least one.
    """
    return sum(one.count * abs(one.confidence - one.right) for one in bins) / sum(one.count for one in bins)
