"""Published checkpoints to our weights, every tensor checked against the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, deserialize  # type: ignore[attr-defined]  # missing from its stubs

from rasa_token_pruning.encoder.architectures import Architecture, architecture_of, number_in, usable_positions
from rasa_token_pruning.encoder.dense import DenseFacts
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.weights import Dense, EncoderWeights, TransformerConfig

_DTYPES = {"F64": np.float64, "F32": np.float32, "F16": np.float16}


def read_arrays(file: Path) -> dict[str, np.ndarray]:
    """The floating point tensors of a safetensors file, as float32; others are left out.

    :raises EncoderError: If the file is missing or damaged.
    """
    try:
        tensors = deserialize(file.read_bytes())  # type: ignore[no-untyped-call]
    except (SafetensorError, OSError) as error:
        raise EncoderError(f"{file} cannot be read: {error}. Restore the model's folder.") from error
    found = {name: _as_float32(tensor) for name, tensor in tensors}
    return {name: array for name, array in found.items() if array is not None}


def read_dense(facts: DenseFacts) -> Dense:
    """The weights of a linear layer behind pooling.

    :raises EncoderError: If its file is damaged or does not fit what its configuration says.
    """
    checkpoint = _Checkpoint(read_arrays(facts.file), prefix="")
    weight = checkpoint.take("linear.weight", facts.out_features, facts.in_features)
    bias = checkpoint.take("linear.bias", facts.out_features) if facts.bias else np.zeros(len(weight), np.float32)
    return Dense(weight, bias, tanh=facts.activation == "tanh")


def _as_float32(tensor: Mapping[str, Any]) -> np.ndarray | None:
    kind, data = tensor["dtype"], tensor["data"]
    if kind == "BF16":  # the upper half of a float32
        array = (np.frombuffer(data, np.uint16).astype(np.uint32) << 16).view(np.float32)
    elif kind in _DTYPES:
        array = np.frombuffer(data, _DTYPES[kind]).astype(np.float32, copy=False)
    else:
        return None
    return array.reshape(tensor["shape"])


def encoder_weights(config: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> EncoderWeights:
    """The weights of a published checkpoint.

    :param config: The checkpoint's ``config.json``.
    :param tensors: The checkpoint's tensors by their published names, with or without the architecture's prefix.
    :raises EncoderError: If the architecture or one of its options is not supported, or a weight is missing
        or has another shape than the configuration says.
    """
    architecture = architecture_of(config)
    shape = _shape(config, architecture)
    return EncoderWeights(shape, _arrays(_Checkpoint(tensors, architecture.prefix), architecture, shape))


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

    def __init__(self, tensors: Mapping[str, np.ndarray], prefix: str) -> None:
        self._tensors = {
            name.removeprefix(prefix).replace("Norm.gamma", "Norm.weight").replace("Norm.beta", "Norm.bias"): tensor
            for name, tensor in tensors.items()
        }

    def take(self, name: str, *shape: int) -> np.ndarray:
        """A tensor, of the shape that the configuration says; a negative size is any from 1 on."""
        if name not in self._tensors:
            raise EncoderError(f"The model file has no tensor {name}: it does not fit its config.json.")
        tensor = self._tensors[name]
        fits = len(tensor.shape) == len(shape) and all(
            found == wanted or (wanted < 0 < found) for found, wanted in zip(tensor.shape, shape, strict=True)
        )
        if not fits:
            raise EncoderError(
                f"The model file's tensor {name} has the shape {tuple(tensor.shape)}, but its config.json says {shape}."
            )
        return tensor


def _arrays(checkpoint: _Checkpoint, architecture: Architecture, shape: TransformerConfig) -> dict[str, np.ndarray]:
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
            found[f"layers.{layer}.query_key_value.{kind}"] = np.concatenate(parts)
            for ours, name in architecture.parts.items():
                full = inner.get(ours, (width,))
                expected = full if kind == "weight" else full[:1]
                found[f"layers.{layer}.{ours}.{kind}"] = checkpoint.take(f"{theirs}.{name}.{kind}", *expected)
    return found
