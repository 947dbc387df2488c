"""Figures of merit."""

from __future__ import annotations

import numpy as np


def calibration_error(confidences: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """The expected calibration error: the gap between confidence and accuracy over bins of equal width, weighted.

    :param confidences: ``(messages,)``, each in ``[0, 1]``.
    :param right: Whether each answer is right, ``(messages,)``, bool.
    :return: A number in ``[0, 1]``; 0 is perfect.
    """
    which = np.minimum((confidences * bins).astype(int), bins - 1)
    gaps = [abs(confidences[which == b].sum() - right[which == b].sum()) for b in range(bins)]
    return float(sum(gaps) / len(confidences))
