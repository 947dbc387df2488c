"""A trained classifier on disk: safetensors and JSON, checked when read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError  # type: ignore[attr-defined]  # missing from its stubs
from safetensors.numpy import load_file, save_file

from rasa_token_pruning.fewshot.errors import ClassifierError
from rasa_token_pruning.fewshot.names import outside_scope

FORMAT = 3

_TENSORS, _FACTS = "classifier.safetensors", "classifier.json"
_LARGEST = 1e30  # far beyond what is learnt, and sums of so large numbers are still float32
_NAMES = ("weights", "bias", "remembered", "counts", "prototypes", "typical", "levels", "true_probabilities")


def write(folder: Path, facts: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
    """Write the parts of a classifier: its facts, and arrays under the names that ``read`` gives."""
    # safetensors writes the memory of an array as it lies there, whatever its order.
    save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, folder / _TENSORS)
    text = json.dumps({"format": FORMAT, **facts}, indent=1, ensure_ascii=False)
    (folder / _FACTS).write_text(text, encoding="utf-8")


def read(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The parts that ``write`` has written.

    :return: ``intents``, ``temperature`` and ``out_of_scope``, and the arrays of a classifier.
    :raises ClassifierError: If the files are missing, damaged, of another format, or do not fit each other.
    """
    try:
        facts = json.loads((folder / _FACTS).read_bytes())
        if facts["format"] != FORMAT:
            raise ClassifierError(
                f"The stored classifier has format {facts['format']!r}, but this version reads {FORMAT}: "
                "train again with the installed version."
            )
        facts = {name: facts[name] for name in ("intents", "temperature", "out_of_scope")}
        stored = load_file(folder / _TENSORS)
        tensors = {name: stored[name] for name in _NAMES}
    except ClassifierError:
        raise
    except (OSError, KeyError, TypeError, ValueError, RecursionError, SafetensorError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ClassifierError(f"The stored classifier cannot be read ({reason}): train again.") from error
    _check_facts(**facts)
    _check_tensors(len(facts["intents"]), **tensors)
    return facts, tensors


def _check_facts(intents: Any, temperature: Any, out_of_scope: Any) -> None:
    if not isinstance(intents, list) or not all(isinstance(intent, str) for intent in intents):
        raise ClassifierError("The stored classifier's intents are no list of names: train again.")
    outside = outside_scope(intents, out_of_scope)
    if out_of_scope is not None and not outside.any():
        raise ClassifierError(f"The stored classifier has no intent {out_of_scope!r}: train again.")
    if outside.all():
        raise ClassifierError("The stored classifier has no intent that a message may belong to: train again.")
    if not isinstance(temperature, float) or not 1 / _LARGEST < temperature < _LARGEST:
        raise ClassifierError(f"The stored classifier's temperature is {temperature!r}: train again.")


def _check_tensors(
    intents: int,
    weights: np.ndarray,
    bias: np.ndarray,
    remembered: np.ndarray,
    counts: np.ndarray,
    prototypes: np.ndarray,
    typical: np.ndarray,
    levels: np.ndarray,
    true_probabilities: np.ndarray,
) -> None:
    fitting = (
        weights.ndim == 2
        and len(weights) == intents
        and bias.shape == (intents,)
        and prototypes.shape == weights.shape
        and typical.shape == (2, 2)
        and levels.ndim == true_probabilities.ndim == 1
    )
    if not fitting:
        raise ClassifierError("The stored classifier's weights do not fit its intents: train again.")
    tensors = (weights, bias, prototypes, typical, levels, true_probabilities)
    if not all(tensor.dtype == np.float32 and (np.abs(tensor) < _LARGEST).all() for tensor in tensors):
        raise ClassifierError(
            "The stored classifier's weights are not finite float32 numbers, or too large: train again."
        )
    if not (typical[:, 1] > 0).all():
        raise ClassifierError("The stored classifier's spread of examples is not greater than 0: train again.")
    _check_memory(intents, weights.shape[1], remembered, counts)


def _check_memory(intents: int, dimension: int, remembered: np.ndarray, counts: np.ndarray) -> None:
    fitting = (
        (remembered.dtype, counts.dtype) == (np.float16, np.int32)
        and remembered.shape == (counts.sum(), dimension)
        and counts.shape == (intents,)
        and (not len(remembered) or counts.min() > 0)
        and np.isfinite(remembered).all()
    )
    if not fitting:
        raise ClassifierError("The stored classifier's remembered examples do not fit its intents: train again.")
