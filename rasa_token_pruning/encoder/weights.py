"""An encoder's weights in neutral terms: plain arrays that every engine reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

SCORERS = "scorers."


@dataclass(frozen=True)
class TransformerConfig:
    """The shape of an encoder: sizes in numbers of units.

    ``relative_buckets`` is 0 for encoders whose attention does not depend on the distance of tokens.
    """

    vocabulary_size: int
    max_positions: int
    width: int
    layers: int
    heads: int
    feed_forward_width: int
    layer_norm_epsilon: float
    relative_buckets: int = 0


@dataclass(frozen=True, eq=False)
class EncoderWeights:
    """A shape and the arrays that fill it.

    :param config: The shape.
    :param arrays: float32 arrays under the names of ``transformer.Transformer``'s parameters. Linear weights are
        ``(output, input)``, as torch stores them. Under ``scorers.2`` is what makes tokens important in layer 2, if
        that was learnt, ``(width,)``, see ``scores.learnt``.
    """

    config: TransformerConfig
    arrays: Mapping[str, np.ndarray]


def scored_layers(arrays: Iterable[str]) -> list[int]:
    """The layers, ascending, in which it was learnt what makes tokens important; of the names of arrays."""
    numbers = (name.removeprefix(SCORERS) for name in arrays if name.startswith(SCORERS))
    return sorted(int(number) for number in numbers if number.isdecimal())


@dataclass(frozen=True, eq=False)
class Dense:
    """A linear layer between pooling and normalisation.

    :param weight: ``(output, input)``, float32.
    :param bias: ``(output,)``, float32.
    :param tanh: Whether the hyperbolic tangent follows.
    """

    weight: np.ndarray
    bias: np.ndarray
    tanh: bool
