"""Our weights to a published checkpoint: the reverse of ``checkpoints``, for what training changes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from rasa_token_pruning.encoder.architectures import Architecture, architecture_of
from rasa_token_pruning.encoder.checkpoints import read_arrays
from rasa_token_pruning.encoder.location import WEIGHTS_FILE
from rasa_token_pruning.encoder.weights import EncoderWeights

_OTHER_RUNTIMES = ("*.bin", "*.pt", "*.h5", "*.msgpack", "*.ot", "*.onnx", "onnx", "openvino", ".*")


def publish(source: Path, weights: EncoderWeights, folder: Path) -> None:
    """Write a sentence-transformers folder whose layers have other weights, in float32.

    :param source: The folder of the model as it was. What it holds for other runtimes is left out: it has the old
        weights.
    :param weights: What its layers weigh now; its embeddings are those of the source.
    :param folder: It does not exist.
    """
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns(*_OTHER_RUNTIMES))
    config = json.loads((source / "config.json").read_bytes())
    changed = _layers(architecture_of(config), weights)
    tensors = {name: _named(name, array, changed) for name, array in read_arrays(source / WEIGHTS_FILE).items()}
    save_file(tensors, folder / WEIGHTS_FILE, metadata={"format": "pt"})


def _named(name: str, array: np.ndarray, changed: Mapping[str, np.ndarray]) -> np.ndarray:
    """What a checkpoint's tensor is now; older checkpoints have a prefix, and other names in their norms."""
    plain = name.replace("Norm.gamma", "Norm.weight").replace("Norm.beta", "Norm.bias")
    return next((new for key, new in changed.items() if plain == key or plain.endswith(f".{key}")), array)


def _layers(architecture: Architecture, weights: EncoderWeights) -> dict[str, np.ndarray]:
    """The tensors of the layers under their published names, without a prefix."""
    found: dict[str, np.ndarray] = {}
    for layer in range(weights.config.layers):
        theirs = f"{architecture.layer}.{layer}"
        for kind in ("weight", "bias"):
            parts = np.split(weights.arrays[f"layers.{layer}.query_key_value.{kind}"], 3)
            found |= {f"{theirs}.{n}.{kind}": part for n, part in zip(architecture.attention, parts, strict=True)}
            for ours, name in architecture.parts.items():
                found[f"{theirs}.{name}.{kind}"] = weights.arrays[f"layers.{layer}.{ours}.{kind}"]
    return {name: np.ascontiguousarray(array) for name, array in found.items()}
