"""all-mpnet-base-v2 with its real weights: 12 layers, relative positions, and activations that are hard to quantise."""

from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from rasa_token_pruning import PrunedEncoder
from rasa_token_pruning.encoder.adapter_files import read_adapter, shipped_adapter
from rasa_token_pruning.encoder.location import WEIGHTS_FILE, sha256
from rasa_token_pruning.encoder.weights import scored_layers


@pytest.fixture(scope="module")
def folder(mpnet):
    return mpnet


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


@pytest.mark.parametrize("adapter", ["none", "auto"])
def test_both_engines_prune_alike(folder, texts, adapter):
    reference, served = (
        PrunedEncoder(folder, engine=engine, adapter=adapter).encode_tokens(texts) for engine in ("torch", "onnx")
    )
    for one, other in zip(reference, served, strict=True):
        assert (one.kept == other.kept).all()
        np.testing.assert_allclose(one.embedding, other.embedding, atol=1e-5)


def test_its_adapter_is_small_and_knows_what_is_important(folder):
    file = shipped_adapter(sha256(Path(folder) / WEIGHTS_FILE))
    assert file.stem == "all-mpnet-base-v2" and file.stat().st_size < 3e6
    adapter = read_adapter(file)
    layers = scored_layers(adapter.adapter.arrays)
    assert all(name.startswith(("scorers.", "layers.")) for name in adapter.adapter.arrays)
    assert all(adapter.provenance["scores"][str(layer)]["correlation"] > 0.4 for layer in layers)
    assert adapter.provenance["training"]["settings"]["kind"] == "contrastive"
    policies = {how: PrunedEncoder(folder, adapter=how, num_threads=1).policy for how in ("auto", "none")}
    assert set(policies["auto"].layers) == set(layers)
    assert (policies["auto"].score, policies["none"].score) == ("learnt", "mean_attention")


def test_its_adapter_changes_an_embedding_a_little_and_only_where_it_is_asked_for(folder, texts):
    file = shipped_adapter(sha256(Path(folder) / WEIGHTS_FILE))
    changed, plain, auto = (
        PrunedEncoder(folder, "off", adapter=how).encode(texts[:20]) for how in (str(file), "none", "auto")
    )
    np.testing.assert_array_equal(auto, plain)
    cosine = (changed * plain).sum(axis=1)
    assert 0.7 < cosine.min() and cosine.max() < 0.9999
