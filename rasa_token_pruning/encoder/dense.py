"""Dense modules: linear layers that sentence-transformers puts between pooling and normalisation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.json_files import check_fixed, positive_of, read_object, value_of
from rasa_token_pruning.encoder.location import WEIGHTS_FILE, check_weights

_FIXED_DENSE = {"module_input_name": "sentence_embedding", "module_output_name": "sentence_embedding"}
_DENSE_KEYS = {"in_features", "out_features", "bias", "activation_function", *_FIXED_DENSE}
_ACTIVATIONS = {"Identity": "identity", "Tanh": "tanh"}


@dataclass(frozen=True)
class DenseFacts:
    """A linear layer between pooling and normalisation.

    :param file: Its weights: ``linear.weight``, ``(out_features, in_features)``, and perhaps ``linear.bias``.
    :param in_features: How many numbers go in, at least 1.
    :param out_features: How many come out, at least 1.
    :param bias: Whether it adds ``linear.bias``.
    :param activation: What follows it, ``identity`` or ``tanh``.
    """

    file: Path
    in_features: int
    out_features: int
    bias: bool
    activation: str


def read_dense_facts(folder: Path, paths: list[str], width: int) -> tuple[DenseFacts, ...]:
    """What a model's Dense modules say about themselves.

    :param folder: The model's folder.
    :param paths: The modules' own folders in it, in their order.
    :param width: How many numbers the first one gets.
    :raises EncoderError: If one says something that is not supported, or they do not fit together.
    """
    layers: list[DenseFacts] = []
    for path in paths:
        check_weights(folder, path)
        layers.append(_read_layer(folder / path))
        if layers[-1].in_features != width:
            raise EncoderError(
                f"{folder / path / 'config.json'} has in_features {layers[-1].in_features}, but what comes before it "
                f"gives {width}. Restore the model's folder."
            )
        width = layers[-1].out_features
    return tuple(layers)


def _read_layer(folder: Path) -> DenseFacts:
    """A Dense module; what its file does not say is as sentence-transformers has it by default."""
    file = folder / "config.json"
    layer = read_object(file)
    check_fixed(file, layer, _FIXED_DENSE)
    if unknown := layer.keys() - _DENSE_KEYS:
        raise EncoderError(f"{file} sets {', '.join(sorted(unknown))}; supported: {', '.join(sorted(_DENSE_KEYS))}.")
    package, _, name = value_of(file, layer, "activation_function", str, "torch.nn.Tanh").rpartition(".")
    if not package.startswith("torch.nn") or name not in _ACTIVATIONS:
        raise EncoderError(
            f"{file} has activation_function {layer['activation_function']!r}; supported are torch's "
            f"{' and '.join(_ACTIVATIONS)}. Choose another sentence encoder."
        )
    sizes = positive_of(file, layer, "in_features"), positive_of(file, layer, "out_features")
    return DenseFacts(folder / WEIGHTS_FILE, *sizes, value_of(file, layer, "bias", bool, True), _ACTIVATIONS[name])
