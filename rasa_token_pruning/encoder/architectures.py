"""The one file that knows how published checkpoints name their layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.transformer import Transformer, TransformerConfig

SUPPORTED = ("bert",)

_ATTENTION_INPUTS = ("query", "key", "value")


def build_transformer(config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> Transformer:
    """A transformer with the weights of a published checkpoint.

    :param config: The checkpoint's ``config.json``.
    :param weights: The checkpoint's tensors by their published names, with or without a leading ``bert.``.
    :return: The transformer in fp32, ready to run.
    :raises EncoderError: If the architecture or one of its options is not supported, or a weight is missing
        or has another shape than the configuration says.
    """
    _check_supported(config)
    shape = _shape(config)
    with torch.device("meta"):
        transformer = Transformer(shape)
    transformer.load_state_dict(_bert_weights(_Checkpoint(weights), shape), assign=True)
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


def _shape(config: Mapping[str, Any]) -> TransformerConfig:
    def number(key: str, kind: type[int] | type[float] = int) -> Any:
        value = config.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, kind)) or not value > 0:
            raise EncoderError(f"The model's config.json has {key} {value!r}; it must be a number greater than 0.")
        return value

    width, heads = number("hidden_size"), number("num_attention_heads")
    if width % heads:
        raise EncoderError(f"The model's config.json splits a hidden_size of {width} into {heads} num_attention_heads.")
    return TransformerConfig(
        vocabulary_size=number("vocab_size"),
        max_positions=number("max_position_embeddings"),
        width=width,
        layers=number("num_hidden_layers"),
        heads=heads,
        feed_forward_width=number("intermediate_size"),
        layer_norm_epsilon=number("layer_norm_eps", float),
    )


class _Checkpoint:
    """Tensors by their published names, without the variations of these."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        self._weights = {
            name.removeprefix("bert.").replace("Norm.gamma", "Norm.weight").replace("Norm.beta", "Norm.bias"): tensor
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


def _bert_weights(checkpoint: _Checkpoint, shape: TransformerConfig) -> dict[str, Tensor]:
    """BERT's tensors under our names; the token type of a single text, 0, is added to the positions."""
    width, wide = shape.width, shape.feed_forward_width
    token_type = checkpoint.take("embeddings.token_type_embeddings.weight", -1, width)[0]
    positions = checkpoint.take("embeddings.position_embeddings.weight", shape.max_positions, width)
    found = {
        "embeddings.words.weight": checkpoint.take("embeddings.word_embeddings.weight", shape.vocabulary_size, width),
        "embeddings.positions.weight": positions + token_type,
        "embeddings.norm.weight": checkpoint.take("embeddings.LayerNorm.weight", width),
        "embeddings.norm.bias": checkpoint.take("embeddings.LayerNorm.bias", width),
    }
    rest = {
        "attention_output": ("attention.output.dense", (width, width)),
        "attention_norm": ("attention.output.LayerNorm", (width,)),
        "expand": ("intermediate.dense", (wide, width)),
        "contract": ("output.dense", (width, wide)),
        "output_norm": ("output.LayerNorm", (width,)),
    }
    for layer in range(shape.layers):
        theirs = f"encoder.layer.{layer}"
        for kind, size in (("weight", (width, width)), ("bias", (width,))):
            parts = [checkpoint.take(f"{theirs}.attention.self.{part}.{kind}", *size) for part in _ATTENTION_INPUTS]
            found[f"layers.{layer}.query_key_value.{kind}"] = torch.cat(parts)
            for ours, (name, full) in rest.items():
                expected = full if kind == "weight" else full[:1]
                found[f"layers.{layer}.{ours}.{kind}"] = checkpoint.take(f"{theirs}.{name}.{kind}", *expected)
    return found
