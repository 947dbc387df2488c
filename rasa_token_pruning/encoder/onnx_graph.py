"""A small writer of onnx graphs: operators in, names of their results out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

# Operators of onnxruntime itself, fused and faster than their parts.
CONTRIB = "com.microsoft"
# onnx's numbers for types.
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
# The newest operator set that all supported versions of onnxruntime run, and the file format that goes with it.
_OPSET, _IR_VERSION = 17, 8


class Graph:
    """Grows operator by operator. Results are known by their names."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._changeable: list[Any] = []

    def constant(self, value: np.ndarray) -> str:
        """Store an array of any shape and type in the graph."""
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def changeable(self, name: str, *values: int) -> None:
        """Store a vector of int64 in whose place a run may be given another of any length, as an input of that name."""
        self._constants.append(numpy_helper.from_array(np.array(values, dtype=np.int64), name))
        self._changeable.append(helper.make_tensor_value_info(name, INT64, [f"length_of_{name}"]))

    def integers(self, *values: int) -> str:
        """Store a vector of int64."""
        return self.constant(np.array(values, dtype=np.int64))

    def number(self, value: float) -> str:
        """Store one float32 without dimensions."""
        return self.constant(np.array(value, dtype=np.float32))

    def ones(self, shape: str) -> str:
        """An array of float32 ones whose shape the graph computes."""
        return self.add("ConstantOfShape", shape, value=numpy_helper.from_array(np.ones(1, np.float32)))

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Append an operator that has one result."""
        return self.add_many(operator, 1, *inputs, **attributes)[0]

    def add_many(self, operator: str, results: int, *inputs: str, **attributes: Any) -> list[str]:
        """Append an operator that has several results."""
        names = [f"n{len(self._nodes)}_{number}" for number in range(results)]
        self._nodes.append(helper.make_node(operator, list(inputs), names, **attributes))
        return names

    def contrib(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Append one of onnxruntime's own operators."""
        return self.add(operator, *inputs, domain=CONTRIB, **attributes)

    def serialize(self, outputs: Mapping[str, str], shapes: Mapping[str, Sequence[str]] | None = None) -> bytes:
        """The file's content. The only input that it needs is ``ids``, int64, ``(batch, length)``.

        :param outputs: For each output its name to the outside and its name in here.
        :param shapes: For each output the names of its sizes; they depend on the texts.
        """
        for outside, inside in outputs.items():
            self._nodes.append(helper.make_node("Identity", [inside], [outside]))
        graph = helper.make_graph(
            self._nodes,
            "encoder",
            [helper.make_tensor_value_info("ids", INT64, ["batch", "length"]), *self._changeable],
            [_output(name, (shapes or {}).get(name)) for name in outputs],
            initializer=self._constants,
        )
        sets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(CONTRIB, 1)]
        model = helper.make_model(graph, opset_imports=sets, ir_version=_IR_VERSION, producer_name="rasa-token-pruning")
        content: bytes = model.SerializeToString(deterministic=True)
        return content


def _output(name: str, shape: Sequence[str] | None) -> Any:
    kind = INT64 if name.startswith(("positions", "targets")) else FLOAT
    return helper.make_tensor_value_info(name, kind, shape)
