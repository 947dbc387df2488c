"""all-mpnet-base-v2 with its real weights: 12 layers, relative positions, and activations that are hard to quantise."""

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from benchmarks.mpnet import assemble
from rasa_token_pruning import PrunedEncoder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(assemble(tmp_path_factory.mktemp("mpnet")))


@pytest.fixture(scope="module")
def texts(varied_texts):
    return [text for text in varied_texts if len(text) < 200][::5]


@pytest.fixture(scope="module")
def theirs(folder, texts):
    return SentenceTransformer(folder, device="cpu").encode(texts)


@pytest.mark.parametrize("engine", ["torch", "onnx"])
def test_exact_when_off(folder, texts, theirs, engine):
    ours = PrunedEncoder(folder, pruning="off", engine=engine).encode(texts)
    np.testing.assert_allclose(ours, theirs, atol=1e-5, rtol=0)


def test_int8_stays_close(folder, texts, theirs):
    ours = PrunedEncoder(folder, pruning="off", precision="int8").encode(texts)
    cosine = (ours * theirs).sum(axis=1) / np.linalg.norm(ours, axis=1)
    assert cosine.mean() > 0.98 and cosine.min() > 0.9


def test_both_engines_prune_alike(folder, texts):
    reference, served = (PrunedEncoder(folder, engine=engine).encode_tokens(texts) for engine in ("torch", "onnx"))
    for one, other in zip(reference, served, strict=True):
        assert (one.kept == other.kept).all()
        np.testing.assert_allclose(one.embedding, other.embedding, atol=1e-5)
