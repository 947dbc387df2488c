"""How far apart two tokens stand, in the buckets of T5 (arXiv 1910.10683) that MPNet uses: arrays in, arrays out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # the onnx engine runs without torch
    from torch import Tensor

_MAX_DISTANCE = 128


def distance_buckets(length: int, buckets: int) -> np.ndarray:
    """The bucket of the distance between every two positions.

    Half of the buckets are for keys before the query, half for keys after it; of each half the first half holds one
    distance each, the rest grow logarithmically up to a distance of 128.

    :param length: The number of positions, at least 1.
    :param buckets: How many buckets there are, a multiple of 4.
    :return: ``(query, key)``, int64, each in ``[0, buckets)``.
    """
    half, exact = buckets // 2, buckets // 4
    positions = np.arange(length)
    offset = positions[None, :] - positions[:, None]
    distance = np.abs(offset)
    # In float32, as the models were trained.
    growth = np.log(np.maximum(distance, 1).astype(np.float32) / exact) / np.float32(math.log(_MAX_DISTANCE / exact))
    far = np.minimum(exact + (growth * (half - exact)).astype(np.int64), half - 1)
    bucket: np.ndarray = (offset > 0) * half + np.where(distance < exact, distance, far)
    return bucket


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
