"""Tests of encoder/torch_engine.py."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from rasa_token_pruning.encoder.checkpoints import encoder_weights, read_arrays
from rasa_token_pruning.encoder.engine import EncoderSpec
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.readout import ModelHead
from rasa_token_pruning.encoder.torch_engine import TorchEngine
from rasa_token_pruning.encoder.transformer import Transformer
from rasa_token_pruning.encoder.weights import EncoderWeights

SPEC = EncoderSpec(PruningPolicy((1, 3), 0.4, 4), (0,), ModelHead("mean", (), normalize=True))


@pytest.fixture(scope="module")
def weights(tiny_folder) -> EncoderWeights:
    config = json.loads((tiny_folder / "config.json").read_text(encoding="utf-8"))
    return encoder_weights(config, read_arrays(tiny_folder / "model.safetensors"))


@pytest.fixture(scope="module")
def ids() -> np.ndarray:
    return np.random.default_rng(0).integers(5, 70, (4, 30))


def test_states_are_those_of_the_transformer(weights, ids):
    found = TorchEngine(weights, SPEC, "cpu").run(ids)
    run = Transformer.from_weights(weights).run(torch.from_numpy(ids), SPEC.policy)
    assert np.array_equal(found.reached, run.reached.numpy())
    assert [np.flatnonzero(kept).tolist() for kept in found.kept] == run.kept.tolist()
    assert found.embeddings.shape == (4, 64)
    assert (found.embeddings.dtype, found.reached.dtype, found.kept.dtype) == (np.float32, np.float32, bool)


def test_embeddings_are_the_same_with_and_without_states(weights, ids):
    engine = TorchEngine(weights, SPEC, "cpu")
    assert np.array_equal(engine.embed(ids), engine.run(ids).embeddings)


def test_several_threads_give_the_results_of_one(weights, ids):
    engine = TorchEngine(weights, SPEC, "cpu")
    expected = engine.run(ids)
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(engine.run, [ids] * 40):
            assert np.array_equal(found.embeddings, expected.embeddings)
            assert np.array_equal(found.kept, expected.kept)


@pytest.mark.parametrize("device", ["cuda", "cuda:7", "mps", "xla", "no such device", "cpu:x"])
def test_a_device_that_is_not_there_is_refused_with_its_name(weights, device):
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("this machine has it")
    with pytest.raises(EncoderError, match=f"device is '{device}'"):
        TorchEngine(weights, SPEC, device)


def test_the_number_of_threads_is_left_as_it_is_unless_it_is_given(weights):
    before = torch.get_num_threads()
    TorchEngine(weights, SPEC, "cpu")
    assert torch.get_num_threads() == before
    try:
        TorchEngine(weights, SPEC, "cpu", before + 1)
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_a_device_that_is_not_there_does_not_change_the_number_of_threads(weights):
    before = torch.get_num_threads()
    with pytest.raises(EncoderError):
        TorchEngine(weights, SPEC, "no such device", before + 1)
    assert torch.get_num_threads() == before
