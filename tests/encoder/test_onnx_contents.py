"""Tests of encoder/onnx_contents.py: graphs that we write pass, and nothing else does."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.onnx_contents import OPERATORS, check_contents
from rasa_token_pruning.encoder.policy import REDUCTIONS, PruningPolicy
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.encoder.scores import SCORES


@pytest.fixture(scope="module")
def graphs(tiny_folder, scored_adapter, tmp_path_factory, write_family, families) -> dict[str, bytes]:
    """Graphs of every family, score, reduction, precision and pooling."""
    options = {"engine": "onnx", "num_threads": 1}
    found = {}
    for score, reduction, precision in product(SCORES, REDUCTIONS, ("fp32", "int8")):
        policy = PruningPolicy((1, 2), 0.4, 4, reduction, score)
        encoder = PrunedEncoder(str(tiny_folder), policy, precision=precision, **options)
        found[f"{score} {reduction} {precision}"] = encoder._runtime.graph
        learnt = replace(policy, score="learnt")
        encoder = PrunedEncoder(str(tiny_folder), learnt, precision=precision, adapter=str(scored_adapter), **options)
        found[f"learnt {reduction} {precision}"] = encoder._runtime.graph
    for family, precision in product(families, ("fp32", "int8")):
        folder = write_family(tmp_path_factory.mktemp("models") / family, family)
        found[f"{family} {precision}"] = PrunedEncoder(
            str(folder), "off", precision=precision, **options
        )._runtime.graph
    return found


def check(tmp_path, content: bytes) -> None:
    file = tmp_path / "encoder.onnx"
    file.write_bytes(content)
    check_contents(file)


def refusal(tmp_path, content: bytes) -> str:
    with pytest.raises(EncoderError, match="is not an encoder's graph") as raised:
        check(tmp_path, content)
    return str(raised.value)


def test_every_graph_that_we_write_passes(graphs, tmp_path):
    for graph in graphs.values():
        check(tmp_path, graph)


def test_our_operators_are_the_ones_that_graphs_have(graphs):
    found = {node.op_type for graph in graphs.values() for node in onnx.load_from_string(graph).graph.node}
    assert found <= OPERATORS


@pytest.fixture
def model(graphs) -> onnx.ModelProto:
    return onnx.load_from_string(next(iter(graphs.values())))


@pytest.mark.parametrize("domain", ["", "com.microsoft", "ai.onnx.ml", "evil"])
@pytest.mark.parametrize("operator", ["Loop", "PyOp", "StringNormalizer", "MatMul "])
def test_another_operator_is_named(model, tmp_path, operator, domain):
    model.graph.node.append(helper.make_node(operator, ["ids"], ["x"], domain=domain))
    assert f"operator {domain}:{operator}, which no encoder has" in refusal(tmp_path, model.SerializeToString())


def test_our_operators_of_another_maker_are_refused(model, tmp_path):
    model.graph.node.append(helper.make_node("MatMul", ["ids", "ids"], ["x"], domain="evil"))
    assert "operator evil:MatMul" in refusal(tmp_path, model.SerializeToString())


def test_data_in_another_file_is_refused(model, tmp_path):
    onnx.external_data_helper.set_external_data(model.graph.initializer[0], "../../secret")
    assert "field 13 of tensor" in refusal(tmp_path, model.SerializeToString())


def test_data_of_an_attribute_in_another_file_is_refused(model, tmp_path):
    tensor = numpy_helper.from_array(np.ones(1, np.float32))
    onnx.external_data_helper.set_external_data(tensor, "/etc/passwd")
    model.graph.node.append(helper.make_node("ConstantOfShape", ["ids"], ["x"], value=tensor))
    assert "field 13 of tensor" in refusal(tmp_path, model.SerializeToString())


def test_graphs_within_operators_are_refused(model, tmp_path):
    model.graph.node.append(helper.make_node("Add", ["ids", "ids"], ["x"], body=model.graph))
    assert "field 6 of attribute" in refusal(tmp_path, model.SerializeToString())


def test_functions_are_refused(model, tmp_path):
    nodes = [helper.make_node("Add", ["a", "a"], ["b"])]
    model.functions.append(helper.make_function("", "Add", ["a"], ["b"], nodes, [helper.make_opsetid("", 17)]))
    assert "field 25 of model" in refusal(tmp_path, model.SerializeToString())


@pytest.mark.parametrize("content", [b"", b"no graph", b"\x3a\x7f", b"\xff" * 20, b"\x3b\x08"], ids=repr)
def test_what_is_no_graph_is_refused_or_empty(tmp_path, content):
    if content:
        refusal(tmp_path, content)
    else:
        check(tmp_path, content)  # nothing in it is wrong; onnxruntime refuses it


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(EncoderError, match="is not an encoder's graph"):
        check_contents(tmp_path / "encoder.onnx")


@settings(deadline=None, max_examples=200)
@given(place=st.integers(0, 2**31), byte=st.integers(0, 255), length=st.integers(0, 2**31))
def test_damage_never_does_more_than_be_refused(graphs, tmp_path_factory, place, byte, length):
    content = bytearray(next(iter(graphs.values())))
    content[place % len(content)] = byte
    file = tmp_path_factory.getbasetemp() / "damaged.onnx"
    file.write_bytes(content[: length % (len(content) + 1)])
    try:
        check_contents(file)
    except EncoderError:
        pass
