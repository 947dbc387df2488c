"""An encoder's weights in neutral terms: plain arrays that every engine reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

SCORER_UNITS = 32  # of the network that says what a token is worth
_SCORERS = "scorers."


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
        ``(output, input)``, as torch stores them. What makes tokens important in a layer, if that was
        learnt, has the names and shapes of ``scorer_shapes``.
    """

    config: TransformerConfig
    arrays: Mapping[str, np.ndarray]


def scored_layers(arrays: Iterable[str]) -> list[int]:
    """The layers, ascending, in which it was learnt what makes tokens important; of the names of arrays."""
    numbers = {name.split(".")[1] for name in arrays if name.startswith(_SCORERS)}
    return sorted(int(number) for number in numbers if number.isdecimal())


def scorer_shapes(layers: Iterable[int], width: int) -> dict[str, tuple[int, ...]]:
    """The arrays of some layers' ``scores.Scorer``, by name.

    :param layers: From 0 on.
    :param width: Of the encoder.
    """
    shapes = {"hidden.weight": (SCORER_UNITS, width), "hidden.bias": (SCORER_UNITS,), "out.weight": (1, SCORER_UNITS)}
    return {f"{_SCORERS}{number}.{name}": shape for number in layers for name, shape in shapes.items()}


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
