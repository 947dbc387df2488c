"""Making a batch of texts really shorter: tensors in, tensors out."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def most_important(scores: Tensor, count: int, protected: Tensor | None = None) -> Tensor:
    """The positions to keep: the first and the last token, those that are protected, and the highest scores.

    :param scores: Importance, ``(batch, length)``, finite. Of equal scores the earlier token wins.
    :param count: How many tokens stay, ``2 <= count <= length``.
    :param protected: Which tokens come before all others, by their scores among themselves, ``(batch, length)``, bool.
    :return: Positions in ascending order, ``(batch, count)``, int64.
    """
    raised = scores.clone() if protected is None else scores + protected * scores.amax(dim=1, keepdim=True)
    raised[:, 0] = raised[:, -1] = float("inf")
    order = raised.sort(dim=1, descending=True, stable=True).indices
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


def merge_tokens(hidden: Tensor, sizes: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Average every token that goes into the most similar one that stays (after ToMe, arXiv 2210.09461).

    :param hidden: ``(batch, length, width)``.
    :param sizes: How many of the text's tokens each one stands for, ``(batch, length)``, at least 1.
    :param positions: The positions that stay, ``(batch, count)``, each in ``[0, length)``, without repetition.
    :return: The states that stay, ``(batch, count, width)``, each the mean of what it stands for; their sizes,
        ``(batch, count)``, which sum to the same as before; and for each token which of them it is part of,
        ``(batch, length)``, int64, from 0 on. Similar means: high cosine of the states.
    """
    directions = functional.normalize(hidden, dim=-1)
    similarity = directions @ gather_tokens(directions, positions).transpose(1, 2)
    target = similarity.argmax(dim=-1)
    own = torch.arange(positions.shape[1], device=hidden.device).expand_as(positions)
    target = target.scatter(1, positions, own)  # what stays, stays itself
    weighted = hidden * sizes.unsqueeze(-1)
    sums = torch.zeros_like(weighted[:, : positions.shape[1]])
    sums = sums.scatter_add(1, target.unsqueeze(-1).expand_as(weighted), weighted)
    merged = torch.zeros_like(sizes[:, : positions.shape[1]]).scatter_add(1, target, sizes)
    return sums / merged.unsqueeze(-1), merged, target
