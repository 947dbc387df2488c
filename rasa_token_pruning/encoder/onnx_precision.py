"""The parts of a graph that exist in two precisions: fp32 and int8."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rasa_token_pruning.encoder.onnx_graph import FLOAT, Graph

# The smallest number that a float32 holds with all of its digits.
_SMALLEST = float(np.finfo(np.float32).tiny)


class Precision(Protocol):
    """How words are stored, and how linear layers are computed. Weights are ``(output, input)``."""

    activation: str

    def words(self, graph: Graph, table: np.ndarray) -> str:
        """The rows of ``ids`` in a table ``(vocabulary, width)``."""

    def linear(self, graph: Graph, hidden: str, name: str, weight: np.ndarray, bias: np.ndarray | None) -> str:
        """A linear layer, known by its name."""

    def attention(
        self, graph: Graph, hidden: str, name: str, weight: np.ndarray, bias: np.ndarray, heads: int, added: str
    ) -> str:
        """Projection to queries, keys and values, and attention; ``added`` to the scores, or an empty name."""


class Float32:
    """Exact. Remembers what enters each linear layer, so that its range can be measured."""

    activation = "BiasGelu"

    def __init__(self) -> None:
        self.entering: dict[str, str] = {}

    def words(self, graph: Graph, table: np.ndarray) -> str:
        """See ``Precision``."""
        return graph.add("Gather", graph.constant(table), "ids", axis=0)

    def linear(self, graph: Graph, hidden: str, name: str, weight: np.ndarray, bias: np.ndarray | None) -> str:
        """See ``Precision``."""
        self.entering[name] = hidden
        product = graph.add("MatMul", hidden, graph.constant(weight.T))
        return product if bias is None else graph.add("Add", product, graph.constant(bias))

    def attention(
        self, graph: Graph, hidden: str, name: str, weight: np.ndarray, bias: np.ndarray, heads: int, added: str
    ) -> str:
        """See ``Precision``."""
        self.entering[name] = hidden
        inputs = [hidden, graph.constant(weight.T), graph.constant(bias)]
        return graph.contrib("Attention", *inputs, *(["", "", added] if added else []), num_heads=heads)


@dataclass(frozen=True)
class Range:
    """The smallest and the largest value of each component of what enters a linear layer, each ``(input,)``."""

    low: np.ndarray
    high: np.ndarray


# All but what follows attention, where smoothing changes nothing.
SMOOTHED = ("query_key_value", "expand", "contract")


class Int8:
    """Weights in 8 bits with a scale per output, activations in 8 bits with a fixed scale per layer.

    Fixed scales keep a row independent of the others in its batch. Components that are much larger than the others are
    made smaller before rounding, and their weights larger (SmoothQuant, arXiv 2211.10438).

    :param ranges: For each linear layer what enters it.
    :param smoothed: The ends of the names of the layers that are smoothed.
    """

    # The tanh form of GELU: its difference is far below one step of 8 bits.
    activation = "FastGelu"

    def __init__(self, ranges: Mapping[str, Range], smoothed: tuple[str, ...] = SMOOTHED) -> None:
        self._ranges = ranges
        self._smoothed = smoothed

    def words(self, graph: Graph, table: np.ndarray) -> str:
        """See ``Precision``. Each row has a scale of its own."""
        rows, scales = quantize_rows(table)
        whole = graph.add("Cast", graph.add("Gather", graph.constant(rows), "ids", axis=0), to=FLOAT)
        return graph.add("Mul", whole, graph.add("Gather", graph.constant(scales[:, None]), "ids", axis=0))

    def linear(self, graph: Graph, hidden: str, name: str, weight: np.ndarray, bias: np.ndarray | None) -> str:
        """See ``Precision``."""
        wanted, more = len(weight), outputs_to_add(len(weight))
        weight = np.pad(weight, ((0, more), (0, 0)))
        quantized, rows, weight_scales, scale, zero = self._quantize(graph, hidden, name, weight)
        inputs = [quantized, rows, scale, weight_scales, zero, graph.constant(np.zeros(len(weight), np.int8))]
        inputs += [] if bias is None else [graph.constant(np.pad(bias, (0, more)))]
        product = graph.contrib("MatMulIntegerToFloat", *inputs)
        if not more:
            return product
        return graph.add("Slice", product, graph.integers(0), graph.integers(wanted), graph.integers(-1))

    def attention(
        self, graph: Graph, hidden: str, name: str, weight: np.ndarray, bias: np.ndarray, heads: int, added: str
    ) -> str:
        """See ``Precision``."""
        if added or outputs_to_add(len(weight) // 3 // heads):  # the fused kernel multiplies head by head
            joined = self.linear(graph, hidden, name, weight, bias)
            query_key_value = graph.add_many("Split", 3, joined, axis=-1)
            return graph.contrib("MultiHeadAttention", *query_key_value, "", "", added, num_heads=heads)
        quantized, rows, weight_scales, scale, zero = self._quantize(graph, hidden, name, weight)
        zeros = graph.constant(np.zeros(len(weight), np.int8))
        inputs = [quantized, rows, graph.constant(bias), scale, weight_scales, "", zero, zeros]
        return graph.contrib("QAttention", *inputs, num_heads=heads)

    def _quantize(self, graph: Graph, hidden: str, name: str, weight: np.ndarray) -> tuple[str, str, str, str, str]:
        """What enters a layer in 8 bits, its weights and their scales, and the scale and the zero of what enters."""
        low, high = self._ranges[name].low, self._ranges[name].high
        if name.endswith(self._smoothed):
            divisor = smoothing(np.maximum(-low, high), weight)
            hidden = graph.add("Mul", hidden, graph.constant(1 / divisor))
            low, high, weight = low / divisor, high / divisor, weight * divisor
        rows, weight_scales = quantize_rows(weight)
        scale, zero = quantization(float(low.min()), float(high.max()))
        scale_name, zero_name = graph.constant(scale), graph.constant(zero)
        quantized = graph.add("QuantizeLinear", hidden, scale_name, zero_name)
        return quantized, graph.constant(rows.T), graph.constant(weight_scales), scale_name, zero_name


def outputs_to_add(outputs: int) -> int:
    """How many outputs of zeros a layer needs for onnxruntime to compute the others right.

    On a processor with AMX, 1.23.2 gives wrong numbers, often others at each call, where 32 rows or more enter and the
    outputs after the last whole 32 are 17 to 31.
    """
    rest = outputs % 32
    return 32 - rest if rest > 16 else 0


def quantize_rows(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each row in 8 bits with its own scale.

    :param weight: ``(rows, columns)``, finite.
    :return: ``(rows, columns)``, int8, from -127 to 127, and the scales ``(rows,)``, float32, greater than 0.
    """
    scales = np.maximum(np.abs(weight).max(axis=1) / 127, _SMALLEST).astype(np.float32)
    return np.rint(weight / scales[:, None]).astype(np.int8), scales


def quantization(low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """The scale, float32, and the zero point, uint8, that lay a range that is widened to hold 0 over 0 to 255."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = np.float32(max((high - low) / 255, _SMALLEST))
    return np.array(scale, np.float32), np.array(np.clip(np.rint(-low / scale), 0, 255), np.uint8)


def smoothing(largest: np.ndarray, weight: np.ndarray, strength: float = 0.75) -> np.ndarray:
    """What to divide each component by, so that activations and weights share the burden of large components.

    :param largest: The largest absolute value of each component, ``(input,)``.
    :param weight: ``(output, input)``.
    :param strength: 0 leaves the burden with the activations, 1 gives all of it to the weights.
    :return: ``(input,)``, float32, greater than 0, geometric mean 1.
    """
    activations = np.maximum(largest, 1e-3) ** strength
    divisor = activations / np.maximum(np.abs(weight).max(axis=0), 1e-3) ** (1 - strength)
    normalized: np.ndarray = (divisor / np.exp(np.log(divisor).mean())).astype(np.float32)
    return normalized
