"""The one file that knows how published checkpoints name their layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.transformer import Transformer, TransformerConfig

SUPPORTED = ("bert",)

_BERT_LAYER = {
    "attention_output": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "expand": "intermediate.dense",
    "contract": "output.dense",
    "output_norm": "output.LayerNorm",
}


def build_transformer(config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> Transformer:
    """A transformer with the weights of a published checkpoint.

    :param config: The checkpoint's ``config.json``.
    :param weights: The checkpoint's tensors by their published names, with or without a leading ``bert.``.
    :return: The transformer in fp32, ready to run.
    :raises EncoderError: If the architecture or one of its options is not supported, or a weight is missing
        or has another shape than the configuration says.
    """
    _check_supported(config)
    weights = {name.removeprefix("bert."): tensor for name, tensor in weights.items()}
    shape = TransformerConfig(
        vocabulary_size=config["vocab_size"],
        max_positions=config["max_position_embeddings"],
        width=config["hidden_size"],
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        feed_forward_width=config["intermediate_size"],
        layer_norm_epsilon=config["layer_norm_eps"],
    )
    with torch.device("meta"):
        transformer = Transformer(shape)
    try:
        transformer.load_state_dict(_renamed(weights, shape.layers), assign=True)
    except KeyError as missing:
        raise EncoderError(
            f"The checkpoint has no tensor {missing}: the model file does not fit its config.json."
        ) from None
    except RuntimeError as mismatch:
        raise EncoderError(f"The model file does not fit its config.json: {mismatch}") from None
    return transformer.eval().requires_grad_(False)


def _check_supported(config: Mapping[str, Any]) -> None:
    wanted: dict[str, tuple[Any, ...]] = {
        "model_type": SUPPORTED,
        "hidden_act": ("gelu",),
        "position_embedding_type": ("absolute", None),
    }
    for key, supported in wanted.items():
        if config.get(key) not in supported:
            raise EncoderError(
                f"The model's config.json has {key} {config.get(key)!r}; supported is "
                f"{', '.join(repr(value) for value in supported if value)}. Choose another sentence encoder."
            )


def _renamed(weights: Mapping[str, Tensor], layers: int) -> dict[str, Tensor]:
    """The checkpoint's tensors under our names; the token type of a single text, 0, is added to the positions."""
    found = {
        "embeddings.words.weight": weights["embeddings.word_embeddings.weight"],
        "embeddings.positions.weight": weights["embeddings.position_embeddings.weight"]
        + weights["embeddings.token_type_embeddings.weight"][0],
        "embeddings.norm.weight": weights["embeddings.LayerNorm.weight"],
        "embeddings.norm.bias": weights["embeddings.LayerNorm.bias"],
    }
    for layer in range(layers):
        for kind in ("weight", "bias"):
            parts = (
                weights[f"encoder.layer.{layer}.attention.self.{part}.{kind}"] for part in ("query", "key", "value")
            )
            found[f"layers.{layer}.query_key_value.{kind}"] = torch.cat(list(parts))
            for ours, theirs in _BERT_LAYER.items():
                found[f"layers.{layer}.{ours}.{kind}"] = weights[f"encoder.layer.{layer}.{theirs}.{kind}"]
    return {name: tensor.to(torch.float32) for name, tensor in found.items()}
