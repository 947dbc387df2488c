"""Looks into a graph file before it is run: is in it only what ``onnx_export`` writes?

Reads protobuf's wire format (https://protobuf.dev/programming-guides/encoding) itself: serving does without onnx.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rasa_token_pruning.encoder.errors import EncoderError

OPERATORS = frozenset(
    """
    Add ArgMax Attention BiasGelu Cast Concat ConstantOfShape Div Equal Expand FastGelu Gather GatherElements GatherND
    Identity Log LpNormalization MatMul MatMulIntegerToFloat Mul MultiHeadAttention Pad QAttention QuantizeLinear Range
    ReduceL1 ReduceMax ReduceMean ReduceSum Relu Reshape ScatterElements Shape SkipLayerNormalization Slice Softmax
    Split Squeeze Sub Tanh TopK Transpose Unsqueeze
    """.split()
)
_DOMAINS = frozenset({"", "com.microsoft"})

# The fields of onnx.proto that we write, by their numbers, and what those hold that are looked into. Not among them are
# data in other files, graphs within operators, and functions.
_MODEL, _GRAPH, _NODE, _ATTRIBUTE, _TENSOR = "model", "graph", "operator", "attribute", "tensor"
_FIELDS: dict[str, dict[int, str | None]] = {
    _MODEL: {1: None, 2: None, 7: _GRAPH, 8: None},
    _GRAPH: {1: _NODE, 2: None, 5: _TENSOR, 11: None, 12: None},
    _NODE: {1: None, 2: None, 3: None, 4: None, 5: _ATTRIBUTE, 7: None},
    _ATTRIBUTE: {1: None, 2: None, 3: None, 4: None, 5: _TENSOR, 7: None, 8: None, 20: None},
    _TENSOR: {1: None, 2: None, 8: None, 9: None},
}
_OPERATOR, _DOMAIN = 4, 7

_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5


def check_contents(file: Path) -> None:
    """Refuse a graph with anything that ``onnx_export`` does not write.

    :raises EncoderError: If it has such a thing, or is no graph.
    """
    try:
        _check(memoryview(file.read_bytes()), _MODEL)
    except (OSError, ValueError) as error:
        raise EncoderError(f"{file} is not an encoder's graph ({error}). Save the encoder again.") from error


def _check(message: memoryview, kind: str) -> None:
    """:raises ValueError: If a message holds a field or an operator that we do not write."""
    domain = operator = ""
    for number, value in _fields(message):
        if number not in _FIELDS[kind]:
            raise ValueError(f"field {number} of {kind}, which no encoder has")
        inner = _FIELDS[kind][number]
        if inner is not None:
            _check(value, inner)
        if kind == _NODE and number == _OPERATOR:
            operator = str(value, "utf-8")
        if kind == _NODE and number == _DOMAIN:
            domain = str(value, "utf-8")
    if kind == _NODE and (operator not in OPERATORS or domain not in _DOMAINS):
        raise ValueError(f"operator {domain}:{operator}, which no encoder has")


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The number of each field and its bytes; of numbers none."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind, size = key & 7, 0
        if kind == _VARINT:
            _, at = _varint(message, at)
        elif kind == _BYTES:
            size, at = _varint(message, at)
        elif kind in (_FIXED_64, _FIXED_32):
            size = 8 if kind == _FIXED_64 else 4
        else:
            raise ValueError(f"kind of field {kind}")
        if at + size > len(message):
            raise ValueError("it ends too early")
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number of up to 64 bits that begins at a byte, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise ValueError("it ends too early")
        byte, at = message[at], at + 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number is too long")
