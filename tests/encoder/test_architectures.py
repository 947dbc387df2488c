"""Every architecture passes the same tests: tiny random models beside sentence-transformers and transformers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from transformers import MPNetConfig, MPNetModel

from rasa_token_pruning.encoder.architectures import SUPPORTED, usable_positions
from rasa_token_pruning.encoder.checkpoints import encoder_weights, read_arrays
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.policy import REDUCTIONS, PruningPolicy
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.encoder.relative_positions import distance_buckets
from rasa_token_pruning.encoder.transformer import Transformer
from rasa_token_pruning.encoder.weights import EncoderWeights

# Beyond 128 pieces MPNet's distances share their last bucket; beyond 200 texts are cut.
TEXTS = ["", "hello", "a card that i ordered", "reset my password please", "z " * 40, "y x " * 75, "w v u " * 100]
POLICY = PruningPolicy((1,), 0.5, 4)


@pytest.fixture
def folder(architecture_folder) -> Path:
    return architecture_folder


def config_of(folder: Path) -> dict:
    return json.loads((folder / "config.json").read_text())


def weights_of(folder: Path) -> EncoderWeights:
    return encoder_weights(config_of(folder), read_arrays(folder / "model.safetensors"))


def test_every_supported_architecture_is_tested(families):
    assert set(families) == set(SUPPORTED)


def test_embeddings_are_those_of_sentence_transformers(folder, engine):
    theirs = SentenceTransformer(str(folder), device="cpu").encode(TEXTS)
    ours = PrunedEncoder(str(folder), "off", engine=engine, num_threads=1).encode(TEXTS)
    np.testing.assert_allclose(ours, theirs, atol=1e-5, rtol=0)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_alone_equals_in_a_batch_and_tokens_really_go(folder, engine, reduction):
    policy = replace(POLICY, reduction=reduction)
    encoder = PrunedEncoder(str(folder), policy, engine=engine, num_threads=1)
    together = encoder.encode_tokens(TEXTS)
    for text, one in zip(TEXTS, together, strict=True):
        alone = encoder.encode_tokens([text])[0]
        assert (alone.kept == one.kept).all()
        np.testing.assert_allclose(alone.embedding, one.embedding, atol=1e-5)
        assert one.kept.sum() == policy.tokens_kept(len(one.kept))
        assert one.kept[0] and one.kept[-1]


def test_a_pruned_layer_computes_what_an_unpruned_one_would_for_the_tokens_that_stay(folder):
    """Tokens dropped in the first layer are as if they had never been there for the layers above it.

    Above the cut, each layer is compared with transformers' attention written out, distances of the original
    positions included.
    """
    transformer = Transformer.from_weights(weights_of(folder))
    ids = torch.randint(4, 56, (3, 20))
    run = transformer.run(ids, PruningPolicy((0,), 0.5, 4))
    seen = torch.full((3, 20, 20), float("-inf"))
    for row, kept in enumerate(run.kept):
        seen[row][:, kept] = 0.0
    hidden = transformer.embeddings(ids)
    for number, layer in enumerate(transformer.layers):
        bias = transformer.distance_bias(ids)
        mask = seen[:, None] if number else torch.zeros(1, 1, 20, 20)
        hidden = layer.feed_forward(layer.attend(hidden, mask if bias is None else mask + bias))
    expected = torch.stack([states[kept] for states, kept in zip(hidden, run.kept, strict=True)])
    torch.testing.assert_close(run.final, expected, atol=1e-4, rtol=1e-4)


def test_the_limit_is_the_number_of_positions_that_can_be_used(folder):
    assert usable_positions(config_of(folder)) == 200
    assert weights_of(folder).config.max_positions == 200


def test_another_activation_is_refused_by_its_name(folder):
    key = "activation" if config_of(folder)["model_type"] == "distilbert" else "hidden_act"
    with pytest.raises(EncoderError, match=f"{key} 'relu'"):
        encoder_weights({**config_of(folder), key: "relu"}, read_arrays(folder / "model.safetensors"))


@pytest.mark.parametrize("model_type", ["roberta", "xlm-roberta", "mpnet"])
def test_positions_that_are_counted_from_another_padding_are_refused(families, model_type):
    with pytest.raises(EncoderError, match="pad_token_id 0"):
        usable_positions(families[model_type]().config.to_dict() | {"pad_token_id": 0})


def test_distances_beyond_the_last_bucket_share_it():
    buckets = distance_buckets(300, 32)
    assert buckets.min() == 0 and buckets.max() == 31
    assert (buckets[0, 128:] == 31).all() and (buckets[128:, 0] == 15).all()
    assert (buckets.diagonal() == 0).all()


def test_another_number_of_distances_is_refused_by_its_tensor():
    sizes = {"vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4}
    model = MPNetModel(
        MPNetConfig(**sizes, intermediate_size=48, max_position_embeddings=202, relative_attention_num_buckets=64)
    )
    with pytest.raises(EncoderError, match="relative_attention_bias"):
        encoder_weights(model.config.to_dict(), {name: array.numpy() for name, array in model.state_dict().items()})
