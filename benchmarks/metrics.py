"""Figures of merit."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import roc_auc_score

THRESHOLD = 0.3  # of Rasa's FallbackClassifier


def calibration_error(confidences: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """The expected calibration error: the gap between confidence and accuracy over bins of equal width, weighted.

    :param confidences: ``(messages,)``, each in ``[0, 1]``.
    :param right: Whether each answer is right, ``(messages,)``, bool.
    :return: A number in ``[0, 1]``; 0 is perfect.
    """
    which = np.minimum((confidences * bins).astype(int), bins - 1)
    gaps = [abs(confidences[which == b].sum() - right[which == b].sum()) for b in range(bins)]
    return float(sum(gaps) / len(confidences))


def auroc(inside: np.ndarray, outside: np.ndarray) -> float:
    """How well a number that is higher inside tells the two groups apart, in ``[0, 1]``; 0.5 is chance.

    :param inside: ``(messages,)``.
    :param outside: ``(others,)``.
    """
    truths = np.repeat([1, 0], [len(inside), len(outside)])
    return float(roc_auc_score(truths, np.concatenate([inside, outside])))


def figures(confidences: np.ndarray, right: np.ndarray, outside: np.ndarray | None = None) -> dict[str, float]:
    """What a classifier's answers are worth, before and after a fallback at Rasa's default threshold.

    :param confidences: Of the best intent of each in-scope message, ``(messages,)``, each in ``[0, 1]``.
    :param right: Whether that intent is the right one, ``(messages,)``, bool.
    :param outside: Confidences of messages that belong to no intent, ``(others,)``.
    :return: Shares in ``[0, 1]`` of in-scope messages, but for those called out of scope.
    """
    result = {
        "messages": len(confidences),
        "accuracy": float(right.mean()),
        "answered_right": float((right & (confidences >= THRESHOLD)).mean()),
        "fell_back": float((confidences < THRESHOLD).mean()),
        "calibration_error": calibration_error(confidences, right),
    }
    if outside is not None:
        result["out_of_scope_messages"] = len(outside)
        result["out_of_scope_caught"] = float((outside < THRESHOLD).mean())
        result["out_of_scope_auroc"] = auroc(confidences, outside)
    return result
