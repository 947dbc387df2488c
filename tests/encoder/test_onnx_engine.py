"""Tests of encoder/onnx_engine.py; what it computes is tested with the graphs, in test_onnx_export.py."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.onnx_engine import OnnxEngine
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.pruned import PrunedEncoder


@pytest.fixture(scope="module")
def graph(tiny_folder) -> bytes:
    encoder = PrunedEncoder(str(tiny_folder), PruningPolicy((1, 3), 0.4, 4, "merge"), engine="onnx", num_threads=1)
    return encoder._runtime.graph


@pytest.fixture(scope="module")
def ids() -> np.ndarray:
    return np.random.default_rng(0).integers(5, 70, (4, 30))


@pytest.mark.parametrize("threads", [None, 1, 2])
def test_a_file_and_its_content_are_the_same_with_any_number_of_threads(tmp_path, graph, ids, threads):
    (tmp_path / "encoder.onnx").write_bytes(graph)
    expected = OnnxEngine(graph, 1).run(ids)
    found = OnnxEngine(tmp_path / "encoder.onnx", threads).run(ids)
    assert np.array_equal(found.kept, expected.kept)
    np.testing.assert_allclose(found.embeddings, expected.embeddings, atol=1e-6)
    np.testing.assert_allclose(found.reached, expected.reached, atol=1e-5)


def test_several_threads_give_the_results_of_one(graph, ids):
    engine = OnnxEngine(graph, 1)
    expected = engine.run(ids)
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(engine.run, [ids] * 40):
            assert np.array_equal(found.kept, expected.kept)
            assert np.array_equal(found.embeddings, expected.embeddings)
            assert np.array_equal(found.reached, expected.reached)


@pytest.mark.parametrize("content", [b"", b"no graph", b"\x08\x08"], ids=repr)
def test_what_is_no_graph_is_refused(tmp_path, content):
    file = tmp_path / "encoder.onnx"
    file.write_bytes(content)
    for graph in (content, file):
        with pytest.raises(EncoderError, match="cannot read the encoder's graph"):
            OnnxEngine(graph)


def test_a_truncated_graph_is_refused(graph):
    with pytest.raises(EncoderError, match="cannot read the encoder's graph"):
        OnnxEngine(graph[: len(graph) // 2])


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(EncoderError, match=r"missing\.onnx"):
        OnnxEngine(Path(tmp_path / "missing.onnx"))
