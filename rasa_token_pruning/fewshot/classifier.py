"""Few-shot intent classification: fit, predict, store."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError  # type: ignore[attr-defined]  # missing from its stubs
from safetensors.numpy import load_file, save_file

from rasa_token_pruning.fewshot.calibration import fit_temperature, out_of_fold_logits, probabilities
from rasa_token_pruning.fewshot.head import LinearHead, fit_head

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
    """

    intents: tuple[str, ...]
    head: LinearHead
    temperature: float

    @property
    def dimension(self) -> int:
        """The width of the embeddings that it was trained on."""
        return int(self.head.weights.shape[1])

    @classmethod
    def fit(
        cls,
        embeddings: np.ndarray,
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
        :raises ClassifierError: If there are fewer than two intents, or the lengths do not fit each other.
        """
        known = sorted(set(intents))
        if len(known) < 2:
            raise ClassifierError(f"Need at least 2 different intents to learn from, but got {len(known)}: {known}.")
        if len(embeddings) != len(intents):
            raise ClassifierError(f"Got {len(embeddings)} embeddings for {len(intents)} intents: give one for each.")
        named = [intent for intent in known if intent in (names or {})]
        rows = np.vstack([embeddings, *(names[intent][None] for intent in named)]) if names else np.asarray(embeddings)
        labels = np.searchsorted(known, [*intents, *named])
        is_name = np.arange(len(rows)) >= len(embeddings)

        order = sorted(range(len(rows)), key=lambda row: (labels[row], is_name[row], rows[row].tobytes()))
        rows, labels, is_name = rows[order], labels[order], is_name[order]
        head = fit_head(rows, labels, strength)
        temperature = fit_temperature(*out_of_fold_logits(rows, labels, is_name, strength))
        return cls(tuple(known), head, temperature)

    def predict_proba(self, embeddings: np.ndarray) -> np.ndarray:
        """The probability of each intent.

        :param embeddings: ``(messages, dimension)``.
        :return: ``(messages, intents)`` in the order of ``intents``, float64, rows sum to 1.
        :raises ClassifierError: If the embeddings have another width than those it was trained on.
        """
        if embeddings.ndim != 2 or embeddings.shape[1] != self.dimension:
            raise ClassifierError(
                f"Trained on embeddings of width {self.dimension}, but got the shape {embeddings.shape}: "
                "predict with the encoder of the training, or train again."
            )
        return probabilities(self.head.logits(embeddings), self.temperature)

    def save(self, folder: Path) -> None:
        """Write the classifier to a folder as safetensors and JSON."""
        save_file({"weights": self.head.weights, "bias": self.head.bias}, folder / _TENSORS)
        facts = {"format": _FORMAT, "intents": self.intents, "temperature": self.temperature}
        (folder / _FACTS).write_text(json.dumps(facts, indent=1, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> FewShotClassifier:
        """Read a classifier that ``save`` wrote.

        :raises ClassifierError: If the files are missing, damaged, or of another format.
        """
        try:
            facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
            if facts["format"] != _FORMAT:
                raise ClassifierError(
                    f"The stored classifier has format {facts['format']!r}, but this version reads {_FORMAT}: "
                    "train again with the installed version."
                )
            tensors = load_file(folder / _TENSORS)
            intents, temperature = tuple(facts["intents"]), float(facts["temperature"])
            head = LinearHead(tensors["weights"], tensors["bias"])
        except (OSError, KeyError, TypeError, json.JSONDecodeError, SafetensorError) as error:
            raise ClassifierError(f"The stored classifier cannot be read ({error!r}): train again.") from error
        if head.weights.ndim != 2 or head.bias.shape != (len(intents),) or len(head.weights) != len(intents):
            raise ClassifierError("The stored classifier's weights do not fit its intents: train again.")
        return cls(intents, head, temperature)
