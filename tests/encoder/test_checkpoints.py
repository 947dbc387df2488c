"""Tests of encoder/checkpoints.py with the weights of tiny BERT models."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import BertModel

from rasa_token_pruning.encoder.architectures import SUPPORTED
from rasa_token_pruning.encoder.checkpoints import encoder_weights, read_arrays
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.transformer import Transformer

UNCUT = PruningPolicy((), 0.0, 2)
IDS = torch.tensor([[2, 10, 11, 12, 40, 50, 3], [2, 30, 31, 32, 60, 61, 3]])


@pytest.fixture
def config(tiny_folder) -> dict:
    return json.loads((tiny_folder / "config.json").read_text(encoding="utf-8"))


@pytest.fixture
def weights(tiny_folder) -> dict[str, np.ndarray]:
    return read_arrays(tiny_folder / "model.safetensors")


def build_transformer(config, weights) -> Transformer:
    return Transformer.from_weights(encoder_weights(config, weights))


def test_hidden_states_are_those_of_transformers(tiny_folder, config, weights):
    with torch.inference_mode():
        theirs = BertModel.from_pretrained(tiny_folder).eval()(input_ids=IDS).last_hidden_state
    torch.testing.assert_close(build_transformer(config, weights).run(IDS, UNCUT).final, theirs, atol=1e-5, rtol=1e-5)


def test_names_with_the_prefix_bert_are_the_same_model(config, weights):
    prefixed = {f"bert.{name}": tensor for name, tensor in weights.items()} | {"cls.predictions.bias": np.zeros(3)}
    ours, theirs = build_transformer(config, prefixed), build_transformer(config, weights)
    assert torch.equal(ours.run(IDS, UNCUT).final, theirs.run(IDS, UNCUT).final)


def test_layer_norms_named_as_transformers_5_saves_them_are_the_same_model(config, weights):
    renamed = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in weights.items()
    }
    ours, theirs = build_transformer(config, renamed), build_transformer(config, weights)
    assert torch.equal(ours.run(IDS, UNCUT).final, theirs.run(IDS, UNCUT).final)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_another_precision_run_in_fp32(tmp_path, config, weights, kind):
    stored = {name: torch.from_numpy(array).to(kind) for name, array in weights.items()}
    save_file(stored, tmp_path / "model.safetensors")
    read = read_arrays(tmp_path / "model.safetensors")
    assert read.keys() == stored.keys()
    for name, array in read.items():
        assert array.dtype == np.float32
        assert np.array_equal(array, stored[name].float().numpy())
    transformer = build_transformer(config, read)
    assert {parameter.dtype for parameter in transformer.parameters()} == {torch.float32}
    assert transformer.run(IDS, UNCUT).final.isfinite().all()


def test_the_transformer_is_ready_to_run_and_not_to_train(config, weights):
    transformer = build_transformer(config, weights)
    assert not transformer.training
    assert not any(parameter.requires_grad for parameter in transformer.parameters())


def test_tensors_that_are_not_needed_are_left_out(config, weights):
    without_pooler = {name: tensor for name, tensor in weights.items() if not name.startswith("pooler")}
    extra = without_pooler | {"embeddings.position_ids": np.arange(64)[None]}
    ours, theirs = build_transformer(config, extra), build_transformer(config, weights)
    assert torch.equal(ours.run(IDS, UNCUT).final, theirs.run(IDS, UNCUT).final)


@pytest.mark.parametrize("model_type", ["albert", "deberta-v2", "gpt2", "t5", "", None], ids=repr)
def test_unsupported_model_type_is_refused_with_its_name_and_what_is_supported(config, weights, model_type):
    with pytest.raises(EncoderError) as refused:
        build_transformer(config | {"model_type": model_type}, weights)
    assert repr(model_type) in str(refused.value)
    assert all(supported in str(refused.value) for supported in SUPPORTED)


@pytest.mark.parametrize(
    ("key", "value", "supported"),
    [
        ("hidden_act", "relu", "gelu"),
        ("hidden_act", "gelu_new", "gelu"),
        ("hidden_act", None, "gelu"),
        ("position_embedding_type", "relative_key", "absolute"),
        ("position_embedding_type", "relative_key_query", "absolute"),
    ],
)
def test_unsupported_option_is_refused_with_its_value_and_what_is_supported(config, weights, key, value, supported):
    with pytest.raises(EncoderError) as refused:
        build_transformer(config | {key: value}, weights)
    assert key in str(refused.value)
    assert repr(value) in str(refused.value)
    assert repr(supported) in str(refused.value)


@pytest.mark.parametrize("value", ["absolute", None, "missing"])
def test_absolute_positions_may_be_named_or_not(config, weights, value):
    config.pop("position_embedding_type", None)
    if value != "missing":
        config["position_embedding_type"] = value
    assert build_transformer(config, weights).config.layers == config["num_hidden_layers"]


@pytest.mark.parametrize(
    "key",
    [
        "vocab_size",
        "max_position_embeddings",
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "intermediate_size",
        "layer_norm_eps",
    ],
)
def test_missing_size_in_the_configuration_is_named(config, weights, key):
    del config[key]
    with pytest.raises(EncoderError, match=key):
        build_transformer(config, weights)


@pytest.mark.parametrize("heads", [0, 5, 3])
def test_a_number_of_heads_that_does_not_divide_the_width_is_refused(config, weights, heads):
    with pytest.raises(EncoderError):
        build_transformer(config | {"num_attention_heads": heads}, weights)


@pytest.mark.parametrize(
    "name",
    [
        "embeddings.word_embeddings.weight",
        "embeddings.position_embeddings.weight",
        "embeddings.token_type_embeddings.weight",
        "embeddings.LayerNorm.bias",
        "encoder.layer.0.attention.self.query.weight",
        "encoder.layer.1.attention.self.key.bias",
        "encoder.layer.2.attention.output.dense.weight",
        "encoder.layer.3.output.LayerNorm.weight",
    ],
)
def test_missing_tensor_is_named(config, weights, name):
    del weights[name]
    with pytest.raises(EncoderError) as refused:
        build_transformer(config, weights)
    assert name in str(refused.value)
    assert "config.json" in str(refused.value)


def test_more_layers_than_the_checkpoint_has_is_a_missing_tensor(config, weights):
    with pytest.raises(EncoderError, match=r"encoder\.layer\.4\."):
        build_transformer(config | {"num_hidden_layers": 5}, weights)


@pytest.mark.parametrize(
    ("name", "shape", "named"),
    [
        ("embeddings.word_embeddings.weight", (10, 32), "embeddings"),
        ("embeddings.word_embeddings.weight", (32,), "embeddings"),
        ("embeddings.LayerNorm.weight", (31,), "embeddings"),
        ("embeddings.position_embeddings.weight", (64, 16), "embeddings"),
        ("embeddings.token_type_embeddings.weight", (0, 32), "embeddings"),
        ("encoder.layer.1.attention.self.query.weight", (16, 32), "layers?.1"),
        ("encoder.layer.1.attention.self.value.weight", (32, 16), "layers?.1"),
        ("encoder.layer.0.intermediate.dense.weight", (32, 32), "layers?.0"),
        ("encoder.layer.3.output.dense.bias", (48,), "layers?.3"),
    ],
)
def test_a_wrong_shape_is_refused_with_its_place(config, weights, name, shape, named):
    with pytest.raises(EncoderError, match=named):
        build_transformer(config, weights | {name: np.zeros(shape, np.float32)})
