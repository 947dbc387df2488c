"""Tests of adaptation/trainable.py on random encoders of every family."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rasa_token_pruning.adaptation.trainable import TrainableEncoder
from rasa_token_pruning.encoder.engine import EncoderSpec
from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.torch_engine import TorchEngine
from tests.encoder.conftest import FAMILIES, write_architecture

CUT = PruningPolicy((2,), 0.5, 4)


def texts(count: int = 12) -> list[np.ndarray]:
    """Token ids of texts of five lengths."""
    chance = np.random.default_rng(0)
    return [np.array([2, *chance.integers(4, 50, 5 + 3 * (number % 5)), 3]) for number in range(count)]


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def model(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param) / "model"
    folder.mkdir()
    return shared_model(str(write_architecture(folder, request.param)))


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("policy", [CUT, PruningPolicy((2, 3), 0.5, 4, "merge"), CUT.without_cuts()], ids=str)
@pytest.mark.parametrize("first", [0, 1, 2])
def test_before_training_it_gives_the_embeddings_of_the_engine(model, policy, first):
    spec = EncoderSpec(policy, (), model.head)
    encoder, engine = TrainableEncoder(model.weights, spec, first), TorchEngine(model.weights, spec, "cpu")
    found = encoder.embed(encoder.entering(texts())).detach().numpy()
    expected = np.concatenate([engine.embed(ids[None]) for ids in texts()])
    np.testing.assert_allclose(found, unit(expected), atol=1e-5)


def test_only_the_upper_layers_get_gradients_and_the_given_weights_stay(model):
    before = {name: array.copy() for name, array in model.weights.arrays.items()}
    encoder = TrainableEncoder(model.weights, EncoderSpec(CUT, (), model.head), 2)
    optimizer = torch.optim.SGD(encoder.trained.parameters(), lr=0.1)
    encoder.embed(encoder.entering(texts()))[:, 0].sum().backward()
    optimizer.step()
    after = encoder.weights()
    changed = {name for name, array in after.arrays.items() if not np.array_equal(array, before[name])}
    assert changed
    assert all(name.startswith(("layers.2.", "layers.3.")) for name in changed)
    assert all(np.array_equal(array, before[name]) for name, array in model.weights.arrays.items())


def test_dropout_is_for_training_alone(model):
    encoder = TrainableEncoder(model.weights, EncoderSpec(CUT, (), model.head), 2)
    entering = encoder.entering(texts())
    encoder.train(True)
    assert not torch.equal(encoder.embed(entering), encoder.embed(entering))
    encoder.train(False)
    assert torch.equal(encoder.embed(entering), encoder.embed(entering))


def test_dropout_is_that_of_the_seed_whatever_else_draws(model):
    spec = EncoderSpec(CUT, (), model.head)
    found = []
    for seed in (1, 1, 2):
        encoder = TrainableEncoder(model.weights, spec, 2, seed)
        encoder.train(True)
        found.append(encoder.embed(encoder.entering(texts())))
        torch.rand(3)
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])
