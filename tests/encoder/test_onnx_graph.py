"""Tests of encoder/onnx_graph.py."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from rasa_token_pruning.encoder.onnx_graph import Graph
from tests.encoder.conftest import operators


def doubled() -> bytes:
    graph = Graph()
    table = graph.constant(np.arange(6, dtype=np.float32).reshape(3, 2).T.copy().T)  # not contiguous
    return graph.serialize(
        {"twice": graph.add("Mul", graph.add("Gather", table, "ids"), graph.number(2)), "again": table}
    )


def test_a_graph_runs():
    content = doubled()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    twice, again = session.run(["twice", "again"], {"ids": np.array([[2, 0]])})
    assert twice.tolist() == [[[8, 10], [0, 2]]]
    assert again.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert operators(content) == ["Gather", "Identity", "Mul"]


def test_writing_twice_gives_the_same_bytes():
    assert doubled() == doubled()


def test_several_results_have_different_names():
    graph = Graph()
    parts = graph.add_many("Split", 3, graph.constant(np.arange(3, dtype=np.float32)), axis=0)
    content = graph.serialize({name: part for name, part in zip("abc", parts, strict=True)})
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    assert [array.tolist() for array in session.run(None, {"ids": np.zeros((1, 1), np.int64)})] == [[0], [1], [2]]


@pytest.mark.parametrize(("value", "kind"), [(3, np.int64), (0.5, np.float32)])
def test_numbers_are_of_one_type(value, kind):
    graph = Graph()
    name = graph.integers(value) if kind is np.int64 else graph.number(value)
    content = graph.serialize({"positions" if kind is np.int64 else "out": name})
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"ids": np.zeros((1, 1), np.int64)})
    assert found.dtype == kind
    assert found == value
