"""Few-shot intent classification: fit, predict, store."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError  # type: ignore[attr-defined]  # missing from its stubs
from safetensors.numpy import load_file, save_file

from rasa_token_pruning.fewshot.calibration import fit_temperature, out_of_fold_logits, probabilities
from rasa_token_pruning.fewshot.head import LinearHead, fit_head
from rasa_token_pruning.fewshot.scope import doubt, familiarity, reference_levels

DEFAULT_STRENGTH = 20.0

_FORMAT = 1
_TENSORS, _FACTS = "classifier.safetensors", "classifier.json"


class ClassifierError(ValueError):
    """Training data that cannot be learnt from, or stored files that cannot be used. The message says the way out."""


@dataclass(frozen=True)
class FewShotClassifier:
    """A trained classifier.

    :param intents: The intents, in alphabetical order.
    :param head: The linear head, its rows in the order of ``intents``.
    :param temperature: Greater than 0, see ``calibration``.
    :param levels: What a familiar message looks like, ascending, see ``scope``.
    """

    intents: tuple[str, ...]
    head: LinearHead
    temperature: float
    levels: np.ndarray

    @property
    def dimension(self) -> int:
        """The width of the embeddings that it was trained on."""
        return int(self.head.weights.shape[1])

    @classmethod
    def fit(
        cls,
        embeddings: np.ndarray | Sequence[np.ndarray],
        intents: Sequence[str],
        names: Mapping[str, np.ndarray] | None = None,
        strength: float = DEFAULT_STRENGTH,
    ) -> FewShotClassifier:
        """Learn from examples; neither their order nor that of the names matters.

        :param embeddings: ``(examples, dimension)``, finite.
        :param intents: The intent of each example.
        :param names: For intents, the embedding of the intent's name as a text, ``(dimension,)``: one more example.
            Names of intents without examples are left out.
        :param strength: As in ``head.fit_head``, greater than 0.
        :raises ClassifierError: If there are fewer than two intents, the lengths or widths do not fit each other, or
            an embedding is not finite.
        """
        known = sorted(set(intents))
        if len(known) < 2:
            raise ClassifierError(f"Need at least 2 different intents to learn from, but got {len(known)}: {known}.")
        if len(embeddings) != len(intents):
            raise ClassifierError(f"Got {len(embeddings)} embeddings for {len(intents)} intents: give one for each.")
        named = {intent: name for intent, name in sorted((names or {}).items()) if intent in known}
        rows = _stacked([*embeddings, *named.values()])
        labels = np.searchsorted(known, [*intents, *named])
        is_name = np.arange(len(rows)) >= len(embeddings)

        order = sorted(range(len(rows)), key=lambda row: (labels[row], is_name[row], rows[row].tobytes()))
        rows, labels, is_name = rows[order], labels[order], is_name[order]
        head = fit_head(rows, labels, strength)
        logits, truths = out_of_fold_logits(rows, labels, is_name, strength)
        return cls(tuple(known), head, fit_temperature(logits, truths), reference_levels(logits))

    def predict_proba(self, embeddings: np.ndarray) -> np.ndarray:
        """The probability of each intent, given that a message belongs to one of them.

        :param embeddings: ``(messages, dimension)``.
        :return: ``(messages, intents)`` in the order of ``intents``, float64, rows sum to 1.
        :raises ClassifierError: If the embeddings have another width than those it was trained on.
        """
        return probabilities(self._logits(embeddings), self.temperature)

    def familiarity(self, embeddings: np.ndarray) -> np.ndarray:
        """How much each message is like the examples, ``(messages,)``, in ``(0, 1]``; see ``scope.familiarity``."""
        return familiarity(self._logits(embeddings), self.levels)

    def confidences(self, embeddings: np.ndarray) -> np.ndarray:
        """The probabilities, lowered where a message is unlike the examples: it may belong to no intent.

        :return: ``(messages, intents)``, float64; a row sums to 1 if the message is familiar, else to less.
        """
        logits = self._logits(embeddings)
        lowered: np.ndarray = probabilities(logits, self.temperature) * doubt(familiarity(logits, self.levels))[:, None]
        return lowered

    def _logits(self, embeddings: np.ndarray) -> np.ndarray:
        if embeddings.ndim != 2 or embeddings.shape[1] != self.dimension:
            raise ClassifierError(
                f"Trained on embeddings of width {self.dimension}, but got the shape {embeddings.shape}: "
                "predict with the encoder of the training, or train again."
            )
        return self.head.logits(embeddings)

    def save(self, folder: Path) -> None:
        """Write the classifier to a folder as safetensors and JSON."""
        tensors = {"weights": self.head.weights, "bias": self.head.bias, "levels": self.levels}
        # safetensors writes the memory of an array as it lies there, whatever its order.
        save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, folder / _TENSORS)
        facts = {"format": _FORMAT, "intents": self.intents, "temperature": self.temperature}
        (folder / _FACTS).write_text(json.dumps(facts, indent=1, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> FewShotClassifier:
        """Read a classifier that ``save`` wrote.

        :raises ClassifierError: If the files are missing, damaged, or of another format.
        """
        try:
            facts = json.loads((folder / _FACTS).read_bytes())
            if facts["format"] != _FORMAT:
                raise ClassifierError(
                    f"The stored classifier has format {facts['format']!r}, but this version reads {_FORMAT}: "
                    "train again with the installed version."
                )
            intents, temperature = facts["intents"], facts["temperature"]
            tensors = load_file(folder / _TENSORS)
            weights, bias, levels = (tensors[name] for name in ("weights", "bias", "levels"))
        except ClassifierError:
            raise
        except (OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise ClassifierError(f"The stored classifier cannot be read ({reason}): train again.") from error
        _check_stored(intents, temperature, weights, bias, levels)
        return cls(tuple(intents), LinearHead(weights, bias), float(temperature), levels)


def _stacked(embeddings: Sequence[np.ndarray]) -> np.ndarray:
    """The embeddings as one array, ``(examples, dimension)``."""
    shapes = sorted({np.shape(embedding) for embedding in embeddings})
    if len(shapes) > 1 or len(shapes[0]) != 1:
        raise ClassifierError(f"Embeddings must be rows of one width, names included, but have the shapes {shapes}.")
    rows: np.ndarray = np.stack(embeddings)
    if not np.isfinite(rows).all():
        raise ClassifierError("Embeddings must be finite numbers, but some are not: check what computes them.")
    return rows


def _check_stored(intents: Any, temperature: Any, *tensors: np.ndarray) -> None:
    """:raises ClassifierError: If the parts of a stored classifier do not fit each other."""
    weights, bias, levels = tensors
    if not isinstance(intents, list) or not all(isinstance(intent, str) for intent in intents):
        raise ClassifierError("The stored classifier's intents are no list of names: train again.")
    if isinstance(temperature, bool) or not isinstance(temperature, (int, float)) or not 0 < temperature < np.inf:
        raise ClassifierError(f"The stored classifier's temperature is {temperature!r}: train again.")
    if weights.ndim != 2 or len(weights) != len(intents) or bias.shape != (len(intents),) or levels.ndim != 1:
        raise ClassifierError("The stored classifier's weights do not fit its intents: train again.")
    if not all(tensor.dtype == np.float32 and np.isfinite(tensor).all() for tensor in tensors):
        raise ClassifierError("The stored classifier's weights are not finite float32 numbers: train again.")
