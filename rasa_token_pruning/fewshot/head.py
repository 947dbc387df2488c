"""The linear head: multinomial logistic regression on L2-normalised embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

_MAX_ITERATIONS, _TOLERANCE = 2000, 1e-6


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
        scores: np.ndarray = _products(embeddings, self.weights) + self.bias
        return scores


def fit_head(embeddings: np.ndarray, labels: np.ndarray, strength: float) -> LinearHead:
    """Fit a head. The same input gives the same head to the bit.

    The optimum is that of scikit-learn's LogisticRegression; this is twice as fast, because it calculates in float32
    and around the mean embedding, where fewer steps are needed. The intercept makes up for the mean.

    :param embeddings: ``(examples, dimension)``.
    :param labels: The number of each example's intent, ``(examples,)``; every number from 0 to the largest occurs,
        and there are at least two.
    :param strength: How far the fit may follow the examples, the inverse of the L2 regularisation (scikit-learn's C).
    """
    rows = normalized(embeddings)
    mean = rows.mean(axis=0)
    intents, dimension = int(labels.max()) + 1, rows.shape[1]
    objective = partial(_loss_and_gradient, (rows - mean).astype(np.float32), labels, 1 / strength)
    with threadpool_limits(1):  # more threads wait for each other, and would change last bits
        found = minimize(
            objective,
            np.zeros(intents * (dimension + 1)),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": _MAX_ITERATIONS, "maxfun": _MAX_ITERATIONS, "gtol": _TOLERANCE, "ftol": 1e-9},
        )
    weights, bias = np.split(found.x.reshape(intents, dimension + 1), [dimension], axis=1)
    return LinearHead(weights.astype(np.float32), (bias[:, 0] - weights @ mean).astype(np.float32))


def _loss_and_gradient(
    rows: np.ndarray, labels: np.ndarray, penalty: float, parameters: np.ndarray
) -> tuple[float, np.ndarray]:
    """The regularised cross-entropy for one example, and its gradient.

    :param rows: ``(examples, dimension)``, float32.
    :param penalty: The weight of half the squared weights; the bias goes free.
    :param parameters: Weights and bias of each intent in turn, ``(intents * (dimension + 1),)``, float64.
    """
    count, dimension = rows.shape
    weights, bias = np.split(parameters.reshape(-1, dimension + 1), [dimension], axis=1)
    logits = rows @ weights.T.astype(np.float32) + bias[:, 0].astype(np.float32)
    logits = logits - logits.max(axis=1, keepdims=True)
    true = (np.arange(count), labels)
    likelihood = logits[true].sum(dtype=np.float64)
    errors = np.exp(logits, out=logits)
    sums = errors.sum(axis=1, keepdims=True)
    errors /= sums
    errors[true] -= 1
    loss = np.log(sums).sum(dtype=np.float64) - likelihood + penalty / 2 * (weights**2).sum()
    gradient = np.hstack([errors.T @ rows + penalty * weights, errors.sum(axis=0, dtype=np.float64)[:, None]])
    return loss / count, gradient.ravel() / count


def prototypes(embeddings: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean direction of each intent's examples, ``(intents, dimension)``, float32, rows of length 1.

    :param embeddings: ``(examples, dimension)``.
    :param labels: As in ``fit_head``, ascending.
    """
    return normalized(means_of(normalized(embeddings), labels)).astype(np.float32)


def means_of(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean of each label's rows, ``(labels, dimension)``, of the type of the rows.

    :param labels: As in ``prototypes``.
    """
    starts = np.flatnonzero(np.diff(labels, prepend=-1))
    means: np.ndarray = np.add.reduceat(rows, starts) / np.diff(starts, append=len(labels))[:, None].astype(np.float32)
    return means


def similarities(embeddings: np.ndarray, prototypes: np.ndarray) -> np.ndarray:
    """The cosine of each message to each prototype, ``(messages, intents)``, float64."""
    return _products(embeddings, prototypes)


def _products(embeddings: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Normalised messages times weights, ``(messages, intents)``, float64.

    Not by BLAS: for one message its threads cost more than the sum, and bits would depend on a row's neighbours.
    """
    products: np.ndarray = np.einsum("md,id->mi", normalized(embeddings).astype(np.float32), weights)
    return products.astype(np.float64)


def normalized(embeddings: np.ndarray) -> np.ndarray:
    """Rows of length 1, float64; a row of zeros stays."""
    embeddings = np.asarray(embeddings, dtype=np.float64)
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    rows: np.ndarray = embeddings / np.where(lengths > 0, lengths, 1.0)
    return rows
