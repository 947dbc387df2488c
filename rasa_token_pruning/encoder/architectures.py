"""The one file that knows how published checkpoints name their layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rasa_token_pruning.encoder.errors import EncoderError


@dataclass(frozen=True)
class Architecture:
    """How a family of checkpoints names its sizes and its tensors.

    :param prefix: What tensor names may start with.
    :param sizes: For each of our sizes the key in ``config.json``.
    :param layer: The start of the names of a layer's tensors.
    :param attention: The names of query, key and value.
    :param parts: For each of our parts of a layer its name.
    :param position_offset: How many rows of the position embeddings stand for no position.
    :param activation: The key of the activation in ``config.json``.
    :param relative_bias: The name of the embedding of distances, if there is one.
    :param relative_buckets: How many distances it has.
    :param layer_norm_epsilon: The number, where it is not in ``config.json``.
    """

    prefix: str
    sizes: Mapping[str, str]
    layer: str
    attention: tuple[str, str, str]
    parts: Mapping[str, str]
    position_offset: int = 0
    activation: str = "hidden_act"
    relative_bias: str | None = None
    relative_buckets: int = 0
    layer_norm_epsilon: float | None = None
    words: str = "embeddings.word_embeddings.weight"
    positions: str = "embeddings.position_embeddings.weight"
    token_type: str | None = "embeddings.token_type_embeddings.weight"
    norm: str = "embeddings.LayerNorm"


_BERT_SIZES = {
    "vocabulary_size": "vocab_size",
    "width": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "feed_forward_width": "intermediate_size",
}
_BERT_PARTS = {
    "attention_output": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "expand": "intermediate.dense",
    "contract": "output.dense",
    "output_norm": "output.LayerNorm",
}
_BERT = Architecture(
    prefix="bert.",
    sizes=_BERT_SIZES,
    layer="encoder.layer",
    attention=("attention.self.query", "attention.self.key", "attention.self.value"),
    parts=_BERT_PARTS,
)
_ROBERTA = replace(_BERT, prefix="roberta.", position_offset=2)
_MPNET = replace(
    _ROBERTA,
    prefix="mpnet.",
    attention=("attention.attn.q", "attention.attn.k", "attention.attn.v"),
    parts={**_BERT_PARTS, "attention_output": "attention.attn.o", "attention_norm": "attention.LayerNorm"},
    token_type=None,
    relative_bias="encoder.relative_attention_bias.weight",
    relative_buckets=32,
)
_DISTILBERT = Architecture(
    prefix="distilbert.",
    sizes={
        **_BERT_SIZES,
        "width": "dim",
        "layers": "n_layers",
        "heads": "n_heads",
        "feed_forward_width": "hidden_dim",
    },
    layer="transformer.layer",
    attention=("attention.q_lin", "attention.k_lin", "attention.v_lin"),
    parts={
        "attention_output": "attention.out_lin",
        "attention_norm": "sa_layer_norm",
        "expand": "ffn.lin1",
        "contract": "ffn.lin2",
        "output_norm": "output_layer_norm",
    },
    token_type=None,
    activation="activation",
    layer_norm_epsilon=1e-12,
)
_ARCHITECTURES = {
    "bert": _BERT,
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "mpnet": _MPNET,
    "distilbert": _DISTILBERT,
}
SUPPORTED = tuple(_ARCHITECTURES)


def architecture_of(config: Mapping[str, Any]) -> Architecture:
    """The architecture of a checkpoint.

    :param config: The checkpoint's ``config.json``.
    :raises EncoderError: If it, or one of its options, is not supported.
    """
    _check_value(config, "model_type", SUPPORTED)
    architecture = _ARCHITECTURES[config["model_type"]]
    _check_value(config, architecture.activation, ("gelu",))
    _check_value(config, "position_embedding_type", ("absolute", None))
    if architecture.position_offset and config.get("pad_token_id", 1) != 1:
        raise EncoderError(
            f"The model's config.json has pad_token_id {config['pad_token_id']!r}; supported is 1, as in the published "
            f"models of type {config['model_type']!r}."
        )
    return architecture


def usable_positions(config: Mapping[str, Any]) -> int:
    """The number of word pieces that an encoder has positions for.

    :param config: The checkpoint's ``config.json``.
    :raises EncoderError: If the architecture is not supported, or the number is missing or less than 2.
    """
    architecture = architecture_of(config)
    positions = int(number_in(config, "max_position_embeddings")) - architecture.position_offset
    if positions < 2:
        raise EncoderError(f"The model's config.json leaves {positions} positions; a text needs at least 2.")
    return positions


def number_in(config: Mapping[str, Any], key: str, kind: type[int] | type[float] = int) -> Any:
    """A number greater than 0 from a checkpoint's ``config.json``.

    :raises EncoderError: If it is missing, or something else.
    """
    value = config.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, kind)) or not value > 0:
        raise EncoderError(f"The model's config.json has {key} {value!r}; it must be a number greater than 0.")
    return value


def _check_value(config: Mapping[str, Any], key: str, supported: tuple[Any, ...]) -> None:
    if config.get(key) not in supported:
        raise EncoderError(
            f"The model's config.json has {key} {config.get(key)!r}; supported is "
            f"{', '.join(repr(value) for value in supported if value)}. Choose another sentence encoder."
        )
