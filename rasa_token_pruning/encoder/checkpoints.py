"""Published checkpoints into our transformer, every tensor checked against the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from rasa_token_pruning.encoder.architectures import Architecture, architecture_of, number_in, usable_positions
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.transformer import Transformer, TransformerConfig


def build_transformer(config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> Transformer:
    """A transformer with the weights of a published checkpoint.

    :param config: The checkpoint's ``config.json``.
    :param weights: The checkpoint's tensors by their published names, with or without the architecture's prefix.
    :return: The transformer in fp32, ready to run.
    :raises EncoderError: If the architecture or one of its options is not supported, or a weight is missing
        or has another shape than the configuration says.
    """
    architecture = architecture_of(config)
    shape = _shape(config, architecture)
    with torch.device("meta"):
        transformer = Transformer(shape)
    checkpoint = _Checkpoint(weights, architecture.prefix)
    transformer.load_state_dict(_weights(checkpoint, architecture, shape), assign=True)
    return transformer.eval().requires_grad_(False)


def _shape(config: Mapping[str, Any], architecture: Architecture) -> TransformerConfig:
    sizes = {ours: number_in(config, theirs) for ours, theirs in architecture.sizes.items()}
    if sizes["width"] % sizes["heads"]:
        raise EncoderError(
            f"The model's config.json splits a hidden_size of {sizes['width']} into {sizes['heads']} "
            "num_attention_heads."
        )
    return TransformerConfig(
        **sizes,
        max_positions=usable_positions(config),
        layer_norm_epsilon=architecture.layer_norm_epsilon or number_in(config, "layer_norm_eps", float),
        relative_buckets=architecture.relative_buckets,
    )


class _Checkpoint:
    """Tensors by their published names, without the variations of these."""

    def __init__(self, weights: Mapping[str, Tensor], prefix: str) -> None:
        self._weights = {
            name.removeprefix(prefix).replace("Norm.gamma", "Norm.weight").replace("Norm.beta", "Norm.bias"): tensor
            for name, tensor in weights.items()
        }

    def take(self, name: str, *shape: int) -> Tensor:
        """A tensor in fp32, of the shape that the configuration says; a negative size is any from 1 on."""
        if name not in self._weights:
            raise EncoderError(f"The model file has no tensor {name}: it does not fit its config.json.")
        tensor = self._weights[name]
        fits = len(tensor.shape) == len(shape) and all(
            found == wanted or (wanted < 0 < found) for found, wanted in zip(tensor.shape, shape, strict=True)
        )
        if not fits:
            raise EncoderError(
                f"The model file's tensor {name} has the shape {tuple(tensor.shape)}, but its config.json says {shape}."
            )
        return tensor.to(torch.float32)


def _weights(checkpoint: _Checkpoint, architecture: Architecture, shape: TransformerConfig) -> dict[str, Tensor]:
    """A checkpoint's tensors under our names; the token type of a single text, 0, is added to the positions."""
    width, wide, offset = shape.width, shape.feed_forward_width, architecture.position_offset
    positions = checkpoint.take(architecture.positions, shape.max_positions + offset, width)[offset:]
    if architecture.token_type:
        positions = positions + checkpoint.take(architecture.token_type, -1, width)[0]
    found = {
        "embeddings.words.weight": checkpoint.take(architecture.words, shape.vocabulary_size, width),
        "embeddings.positions.weight": positions,
        "embeddings.norm.weight": checkpoint.take(f"{architecture.norm}.weight", width),
        "embeddings.norm.bias": checkpoint.take(f"{architecture.norm}.bias", width),
    }
    if architecture.relative_bias:
        found["relative_bias.weight"] = checkpoint.take(architecture.relative_bias, shape.relative_buckets, shape.heads)
    inner = {"expand": (wide, width), "contract": (width, wide), "attention_output": (width, width)}
    for layer in range(shape.layers):
        theirs = f"{architecture.layer}.{layer}"
        for kind, size in (("weight", (width, width)), ("bias", (width,))):
            parts = [checkpoint.take(f"{theirs}.{name}.{kind}", *size) for name in architecture.attention]
            found[f"layers.{layer}.query_key_value.{kind}"] = torch.cat(parts)
            for ours, name in architecture.parts.items():
                full = inner.get(ours, (width,))
                expected = full if kind == "weight" else full[:1]
                found[f"layers.{layer}.{ours}.{kind}"] = checkpoint.take(f"{theirs}.{name}.{kind}", *expected)
    return found
