"""The importance of tokens, from attention: tensors in, tensors out."""

from __future__ import annotations

from torch import Tensor


def mean_attention(probabilities: Tensor) -> Tensor:
    """The attention that each token receives, averaged over heads and queries (the score of arXiv 2408.11799).

    :param probabilities: Attention probabilities of one layer, ``(batch, heads, query, key)``, each query sums to 1.
    :return: The importance of each token, ``(batch, key)``, each in ``[0, 1]``; a text's scores sum to 1.
    """
    return probabilities.mean(dim=(1, 2))
