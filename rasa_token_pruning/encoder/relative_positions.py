"""How far apart two tokens stand, in the buckets of T5 (arXiv 1910.10683) that MPNet uses: tensors in, tensors out."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_MAX_DISTANCE = 128


def distance_buckets(length: int, buckets: int) -> Tensor:
    """The bucket of the distance between every two positions.

    Half of the buckets are for keys before the query, half for keys after it; of each half the first half holds one
    distance each, the rest grow logarithmically up to a distance of 128.

    :param length: The number of positions, at least 1.
    :param buckets: How many buckets there are, a multiple of 4.
    :return: ``(query, key)``, int64, each in ``[0, buckets)``.
    """
    half, exact = buckets // 2, buckets // 4
    positions = torch.arange(length)
    offset = positions[None, :] - positions[:, None]
    distance = offset.abs()
    growth = torch.log(distance.clamp(min=1).float() / exact) / math.log(_MAX_DISTANCE / exact)
    far = (exact + (growth * (half - exact)).long()).clamp(max=half - 1)
    return (offset > 0).long() * half + torch.where(distance < exact, distance, far)


def gather_bias(bias: Tensor, positions: Tensor) -> Tensor:
    """The bias between the tokens that stayed.

    :param bias: For all positions, ``(1 or batch, heads, length, length)``.
    :param positions: The positions to keep, ``(batch, count)``, each in ``[0, length)``.
    :return: ``(batch, heads, count, count)``.
    """
    batch, count = positions.shape
    bias = bias.expand(batch, -1, -1, -1)
    heads, length = bias.shape[1:3]
    rows = bias.gather(2, positions[:, None, :, None].expand(batch, heads, count, length))
    return rows.gather(3, positions[:, None, None, :].expand(batch, heads, count, count))
