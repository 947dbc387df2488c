"""Fisher's linear discriminant: a head that is fitted in one step."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from threadpoolctl import threadpool_limits

from rasa_token_pruning.fewshot.head import LinearHead, means_of, normalized

# How much of the identity is added to the scatter within labels. This and the scale were chosen on the validation
# splits of banking77, clinc150 and hwu64, with 1 to 20 examples of a label; half or twice as much is as good.
_RIDGE = 0.005

# With this a temperature of 1, which is what there is where nothing can be held out, suits labels of one example each,
# be they 2 or 150.
_SCALE = 1.1

# Shorter directions point where rounding points them.
_LEAST = 1e-6


def fit_discriminant(embeddings: np.ndarray, labels: np.ndarray) -> LinearHead:
    """Fit a head. The same input gives the same head to the bit.

    Fisher's linear discriminant on L2-normalised embeddings, regularised, but for the lengths of the labels' means:
    where the scatter within labels is round, all are made equal. The mean of a label with one example, which averages
    nothing away, would be longer than the others, and labels may have different numbers of examples.

    :param embeddings: ``(examples, dimension)``.
    :param labels: The number of each example's label, ``(examples,)``, ascending; every number from 0 to the largest
        occurs, and there are at least two.
    """
    with threadpool_limits(1):  # more threads would change last bits
        return _fitted(normalized(embeddings).astype(np.float32), labels)


def _fitted(rows: np.ndarray, labels: np.ndarray) -> LinearHead:
    """As ``fit_discriminant``, for rows of length 1, float32, in which it calculates."""
    means, centre = means_of(rows, labels), rows.mean(axis=0)
    within = rows - means[labels]
    scatter = within.T @ within / max(1, len(rows) - len(means))
    scatter[np.diag_indices_from(scatter)] += _RIDGE
    offsets = means - centre
    weights = cho_solve(cho_factor(scatter), offsets.T).T
    lengths = np.sqrt((weights * offsets).sum(axis=1, keepdims=True))
    weights = np.ascontiguousarray(weights * (_SCALE / np.where(lengths > _LEAST, lengths, 1)), dtype=np.float32)
    return LinearHead(weights, -weights @ centre)
