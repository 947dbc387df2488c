"""Confidences that mean something: one temperature, fitted on predictions for examples that the head has not seen."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

_LOWEST, _HIGHEST = 0.02, 50.0


def probabilities(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Calibrated probabilities.

    :param logits: ``(messages, intents)``.
    :param temperature: Greater than 0; above 1 it makes answers less certain, below 1 more.
    :return: ``(messages, intents)``, float64, each in ``[0, 1]``, rows sum to 1.
    """
    calibrated: np.ndarray = softmax(logits / temperature, axis=1)
    return calibrated


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature under which the labels are likeliest (Guo et al. 2017, arXiv 1706.04599).

    The true intent's target is (n + 1) / (n + 2) instead of 1, as in Platt (1999): n examples that are all predicted
    correctly do not prove that the next one is.

    :param logits: ``(examples, intents)`` from heads that had not seen the examples.
    :param labels: ``(examples,)``.
    :return: A number in ``[0.02, 50]``; 1 if there are no examples.
    """
    count, intents = logits.shape
    if count == 0:
        return 1.0
    targets = np.full(logits.shape, 1.0 / (count + 2) / (intents - 1))
    targets[np.arange(count), labels] = (count + 1) / (count + 2)

    def cross_entropy(log_temperature: float) -> float:
        return float(-(targets * log_softmax(logits / np.exp(log_temperature), axis=1)).sum() / count)

    fitted = minimize_scalar(cross_entropy, bounds=(np.log(_LOWEST), np.log(_HIGHEST)), method="bounded")
    return float(np.exp(fitted.x))
