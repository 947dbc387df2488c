"""The linear head: multinomial logistic regression on L2-normalised embeddings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

_MAX_ITERATIONS = 2000


@dataclass(frozen=True)
class LinearHead:
    """Scores for each intent.

    :param weights: ``(intents, dimension)``, float32.
    :param bias: ``(intents,)``, float32.
    """

    weights: np.ndarray
    bias: np.ndarray

    def logits(self, embeddings: np.ndarray) -> np.ndarray:
        """Unscaled log-probabilities.

        :param embeddings: ``(messages, dimension)``.
        :return: ``(messages, intents)``, float64.
        """
        # Not by BLAS: for one message its threads cost more than the sum, and bits would depend on a row's neighbours.
        rows = normalized(embeddings).astype(np.float32)
        scores: np.ndarray = np.einsum("md,id->mi", rows, self.weights) + self.bias
        return scores.astype(np.float64)


def fit_head(embeddings: np.ndarray, labels: np.ndarray, strength: float) -> LinearHead:
    """Fit a head. The same input gives the same head to the bit.

    :param embeddings: ``(examples, dimension)``.
    :param labels: The number of each example's intent, ``(examples,)``; every number from 0 to the largest occurs,
        and there are at least two.
    :param strength: How far the fit may follow the examples, the inverse of the L2 regularisation (scikit-learn's C).
    """
    regression = LogisticRegression(C=strength, max_iter=_MAX_ITERATIONS)
    with threadpool_limits(1):  # these matrices are small: more threads wait for each other, and would change last bits
        regression.fit(normalized(embeddings), labels)
    weights, bias = regression.coef_, regression.intercept_
    if len(weights) == 1:  # two intents: scikit-learn keeps the row of the second alone
        weights, bias = np.vstack([np.zeros_like(weights), weights]), np.concatenate([[0.0], bias])
    return LinearHead(weights.astype(np.float32), bias.astype(np.float32))


def normalized(embeddings: np.ndarray) -> np.ndarray:
    """Rows of length 1, float64; a row of zeros stays."""
    embeddings = np.asarray(embeddings, dtype=np.float64)
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    rows: np.ndarray = embeddings / np.where(lengths > 0, lengths, 1.0)
    return rows
