"""Making a batch of texts really shorter: tensors in, tensors out."""

from __future__ import annotations

from torch import Tensor


def most_important(scores: Tensor, count: int) -> Tensor:
    """The positions to keep: the first and the last token, and the highest scores among the others.

    :param scores: Importance, ``(batch, length)``, finite. Of equal scores the earlier token wins.
    :param count: How many tokens stay, ``2 <= count <= length``.
    :return: Positions in ascending order, ``(batch, count)``, int64.
    """
    protected = scores.clone()
    protected[:, 0] = protected[:, -1] = float("inf")
    order = protected.sort(dim=1, descending=True, stable=True).indices
    return order[:, :count].sort(dim=1).values


def gather_tokens(hidden: Tensor, positions: Tensor) -> Tensor:
    """The hidden states at the given positions.

    :param hidden: ``(batch, length, width)``.
    :param positions: ``(batch, count)``, each in ``[0, length)``.
    :return: ``(batch, count, width)``.
    """
    return hidden.gather(1, positions.unsqueeze(-1).expand(-1, -1, hidden.shape[-1]))


def scatter_tokens(onto: Tensor, positions: Tensor, hidden: Tensor) -> Tensor:
    """A copy of ``onto`` in which the rows at the given positions are replaced: the inverse of ``gather_tokens``.

    :param onto: ``(batch, length, width)``.
    :param positions: ``(batch, count)``, each in ``[0, length)`` and at most once per row.
    :param hidden: ``(batch, count, width)``.
    :return: ``(batch, length, width)``.
    """
    return onto.scatter(1, positions.unsqueeze(-1).expand(-1, -1, onto.shape[-1]), hidden)
