"""A trained tagger on disk: safetensors and JSON, checked when read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError  # type: ignore[attr-defined]  # missing from its stubs
from safetensors.numpy import load_file, save_file

from rasa_token_pruning.fewshot.bilou import PREFIXES, Label
from rasa_token_pruning.fewshot.errors import ClassifierError

FORMAT = 1

_TENSORS, _FACTS = "tagger.safetensors", "tagger.json"
_NAMES = ("mean", "scale", "weights", "transitions")


def write(folder: Path, labels: tuple[Label, ...], vocabulary: list[str], tensors: dict[str, np.ndarray]) -> None:
    """Write the parts of a tagger: labels, names of the features of words, and arrays as ``read`` gives them."""
    save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, folder / _TENSORS)
    facts = {"format": FORMAT, "labels": labels, "vocabulary": vocabulary}
    (folder / _FACTS).write_text(json.dumps(facts), encoding="utf-8")  # escaped: a word may be a lone surrogate


def read(folder: Path) -> tuple[tuple[Label, ...], list[str], dict[str, np.ndarray]]:
    """The parts that ``write`` has written.

    :raises ClassifierError: If the files are missing, damaged, of another format, or do not fit each other.
    """
    try:
        facts = json.loads((folder / _FACTS).read_bytes())
        if facts["format"] != FORMAT:
            raise ValueError(f"format {facts['format']!r} instead of {FORMAT}")
        labels, vocabulary = _labels(facts["labels"]), _vocabulary(facts["vocabulary"])
        stored = load_file(folder / _TENSORS)
        tensors = {name: stored[name] for name in _NAMES}
        _check(len(labels), len(vocabulary), tensors)
    except (OSError, KeyError, TypeError, ValueError, RecursionError, SafetensorError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ClassifierError(f"The stored entity tagger cannot be read ({reason}): train again.") from error
    return labels, vocabulary, tensors


def _labels(stored: Any) -> tuple[Label, ...]:
    """:raises ValueError: If these are not types with roles and groups, each once."""
    labels = tuple(Label(*label) for label in stored if isinstance(label, list))
    texts = all(
        isinstance(label.type, str) and all(isinstance(part, (str, type(None))) for part in label) for label in labels
    )
    if not texts or len(set(labels)) != len(stored):
        raise ValueError("the labels are no types with roles and groups")
    return labels


def _vocabulary(stored: Any) -> list[str]:
    """:raises ValueError: If these are not texts, each once."""
    if not isinstance(stored, list) or not all(isinstance(name, str) for name in stored):
        raise ValueError("the vocabulary is no list of texts")
    if len(set(stored)) != len(stored):
        raise ValueError("the vocabulary names a feature twice")
    return stored


def _check(labels: int, vocabulary: int, tensors: dict[str, np.ndarray]) -> None:
    """:raises ValueError: If tensors have other shapes than belong together, or are not finite."""
    mean, scale, weights, transitions = (tensors[name] for name in _NAMES)
    tags = 1 + len(PREFIXES) * labels
    shapes = (mean.ndim, scale.shape, transitions.shape) == (1, (1,), (tags, tags))
    if not labels or not shapes or weights.shape != (len(mean) + vocabulary, tags):
        raise ValueError("the weights do not fit the labels")
    if not all(tensor.dtype == np.float32 and np.isfinite(tensor).all() for tensor in tensors.values()):
        raise ValueError("the weights are not finite float32 numbers")
