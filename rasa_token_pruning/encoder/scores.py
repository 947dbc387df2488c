"""The importance of tokens, from attention or learnt: tensors in, tensors out.

Every score from attention takes a layer's attention probabilities, ``(batch, heads, query, key)``, of which each query
sums to 1, and its values, ``(batch, heads, key, width / heads)``. It gives the importance of each token,
``(batch, key)``, at least 0.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor


def mean_attention(probabilities: Tensor, values: Tensor) -> Tensor:
    """The attention that each token receives, averaged over heads and queries (the score of arXiv 2408.11799).

    A text's scores sum to 1.
    """
    return probabilities.mean(dim=(1, 2))


def max_attention(probabilities: Tensor, values: Tensor) -> Tensor:
    """The attention that each token receives, averaged over queries, in the head that looks at it most."""
    return probabilities.mean(dim=2).amax(dim=1)


def attention_value(probabilities: Tensor, values: Tensor) -> Tensor:
    """The attention that each token receives times the L1 norm of its value (VATP, arXiv 2406.12335), over heads."""
    return (probabilities.mean(dim=2) * values.abs().sum(dim=-1)).mean(dim=1)


def learnt(states: Tensor, scorer: Tensor) -> Tensor:
    """How far each token's state lies in a direction that was learnt, see ``training.importance``.

    :param states: What leaves the layer's attention, ``(batch, length, width)``.
    :param scorer: The direction, ``(width,)``.
    :return: ``(batch, length)``, at least 0; a text's scores sum to 1.
    """
    return (states @ scorer).softmax(dim=-1)


SCORES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mean_attention": mean_attention,
    "max_attention": max_attention,
    "attention_value": attention_value,
}
