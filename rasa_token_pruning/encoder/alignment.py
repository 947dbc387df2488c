"""Word pieces to the tokens of somebody else's tokenizer, by the characters that both stand for."""

from __future__ import annotations

import numpy as np


def token_rows(states: np.ndarray, offsets: np.ndarray, spans: np.ndarray) -> np.ndarray:
    """One row per token: the mean of the states of the word pieces that overlap it.

    :param states: A state for each piece, ``(pieces, width)``.
    :param offsets: Start and end character of each piece, ``(pieces, 2)``, ascending; an empty piece (a special token,
        start = end) belongs to no token.
    :param spans: Start and end character of each token, ``(tokens, 2)``, in any order.
    :return: ``(tokens, width)``, float32, C-contiguous. A token that no piece overlaps (empty, beyond the model's
        limit, or of characters that the model's tokenizer drops) has zeros.
    """
    real = offsets[:, 1] > offsets[:, 0]
    states, offsets = states[real], offsets[real]
    first = np.searchsorted(offsets[:, 1], spans[:, 0], side="right")
    last = np.searchsorted(offsets[:, 0], spans[:, 1], side="left")
    counts = np.where(spans[:, 1] > spans[:, 0], np.maximum(last - first, 0), 0)
    sums = np.zeros((len(states) + 1, states.shape[1]), dtype=np.float64)
    np.cumsum(states, axis=0, out=sums[1:])
    rows = np.zeros((len(spans), states.shape[1]), dtype=np.float32)
    covered = counts > 0
    rows[covered] = (sums[last[covered]] - sums[first[covered]]) / counts[covered, None]
    return rows
