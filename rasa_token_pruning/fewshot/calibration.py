"""Confidences that mean something: one temperature, fitted on predictions for examples that the head has not seen."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from rasa_token_pruning.fewshot.head import fit_head

_FOLDS = 5
_LOWEST, _HIGHEST = 0.02, 50.0


def probabilities(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Calibrated probabilities.

    :param logits: ``(messages, intents)``.
    :param temperature: Greater than 0; above 1 it makes answers less certain, below 1 more.
    :return: ``(messages, intents)``, float64, each in ``[0, 1]``, rows sum to 1.
    """
    calibrated: np.ndarray = softmax(logits / temperature, axis=1)
    return calibrated


def out_of_fold_logits(
    embeddings: np.ndarray, labels: np.ndarray, always: np.ndarray, strength: float
) -> tuple[np.ndarray, np.ndarray]:
    """Logits for each example from a head that was fitted without it.

    :param embeddings: ``(examples, dimension)``, in an order that does not depend on how the user sorted the data.
    :param labels: The number of each example's intent, ``(examples,)``.
    :param always: Which examples are part of every fold's training and never predicted, ``(examples,)``, bool.
    :param strength: As in ``fit_head``.
    :return: The logits, ``(held out, intents)``, and the labels that belong to them.
    """
    folds = _folds(labels, always)
    logits, truths = [np.empty((0, labels.max() + 1))], [np.empty(0, dtype=labels.dtype)]
    for fold in range(_FOLDS):
        held_out = folds == fold
        if held_out.any():
            head = fit_head(embeddings[~held_out], labels[~held_out], strength)
            logits.append(head.logits(embeddings[held_out]))
            truths.append(labels[held_out])
    return np.concatenate(logits), np.concatenate(truths)


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


def _folds(labels: np.ndarray, always: np.ndarray) -> np.ndarray:
    """The fold of each example, spread evenly within its intent; -1 if an intent would be left without training."""
    folds = np.full(len(labels), -1)
    for label in np.unique(labels):
        members = np.flatnonzero((labels == label) & ~always)
        if len(members) > 1 or (always & (labels == label)).any():
            folds[members] = (np.arange(len(members)) + label) % _FOLDS
    return folds
