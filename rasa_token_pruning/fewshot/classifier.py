"""Few-shot intent classification: fit, predict, store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from rasa_token_pruning.fewshot import storage
from rasa_token_pruning.fewshot.calibration import fit_temperature, probabilities
from rasa_token_pruning.fewshot.conformal import prediction_sets
from rasa_token_pruning.fewshot.errors import ClassifierError
from rasa_token_pruning.fewshot.examples import Examples
from rasa_token_pruning.fewshot.head import LinearHead, prototypes, similarities
from rasa_token_pruning.fewshot.held_out import HeldOut, cross_fit
from rasa_token_pruning.fewshot.memory import Memory
from rasa_token_pruning.fewshot.mixture import Mixture, fit_mixture
from rasa_token_pruning.fewshot.names import outside_scope
from rasa_token_pruning.fewshot.scope import Scope, doubted, evenly_chosen

DEFAULT_STRENGTH = 20.0


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a classifier says about messages.

    :param probabilities: Of each intent, given that the message belongs to one: ``(messages, intents)`` in the order of
        the classifier's ``intents``, float64, rows sum to 1.
    :param familiarity: How much each message is like the examples, ``(messages,)``, in ``(0, 1]``: a p-value, see
        ``scope.Scope``.
    :param confidences: The probabilities, lowered where a message is unfamiliar: it may belong to no intent. What is
        taken away goes to the out-of-scope intent; without one, such rows sum to less than 1.
    """

    probabilities: np.ndarray
    familiarity: np.ndarray
    confidences: np.ndarray


@dataclass(frozen=True, eq=False)
class FewShotClassifier:
    """A trained classifier.

    :param intents: The intents, in alphabetical order.
    :param out_of_scope: The intent, or retrieval intent, of messages that belong to no other, if there is one.
    :param head: Its rows in the order of ``intents``.
    :param prototypes: The mean direction of each intent's examples, ``(intents, dimension)``, float32.
    :param temperature: Greater than 0, see ``calibration``.
    :param scope: What messages look like that belong to an intent.
    :param true_probabilities: The probabilities of the true intents of examples that were not seen, ascending,
        ``(levels,)``, float32.
    """

    intents: tuple[str, ...]
    out_of_scope: str | None
    head: Mixture
    prototypes: np.ndarray
    temperature: float
    scope: Scope
    true_probabilities: np.ndarray

    @property
    def dimension(self) -> int:
        """The width of the embeddings that it was trained on."""
        return int(self.head.linear.weights.shape[1])

    @classmethod
    def fit(
        cls,
        embeddings: np.ndarray | Sequence[np.ndarray],
        intents: Sequence[str],
        names: Mapping[str, np.ndarray] | None = None,
        strength: float = DEFAULT_STRENGTH,
        out_of_scope: str | None = None,
    ) -> FewShotClassifier:
        """Learn from examples; neither their order nor that of the names matters.

        :param embeddings: ``(examples, dimension)``, finite.
        :param intents: The intent of each example.
        :param names: For intents, the embedding of the intent's name as a text, ``(dimension,)``: one more example.
            Names of intents without examples are left out.
        :param strength: As in ``head.fit_head``, greater than 0.
        :param out_of_scope: Which intent, or retrieval intent, has the examples that belong to no intent, if one has.
        :raises ClassifierError: If there are fewer than two intents, the lengths or widths do not fit each other, an
            embedding is not finite, or there is no such out-of-scope intent, or none beside it.
        """
        examples = Examples.of(embeddings, intents, names)
        return cls.learn(examples, cross_fit(examples, partial(fit_mixture, strength=strength)), strength, out_of_scope)

    @classmethod
    def learn(
        cls, examples: Examples, held_out: HeldOut, strength: float = DEFAULT_STRENGTH, out_of_scope: str | None = None
    ) -> FewShotClassifier:
        """Learn from examples and from what cross-fitting says about them; else as ``fit``."""
        inside = ~outside_scope(examples.intents, out_of_scope)
        if out_of_scope is not None and inside.all():
            raise ClassifierError(
                f"There are no examples of the out-of-scope intent {out_of_scope!r}: add some, or leave out "
                "out_of_scope_intent."
            )
        if not inside.any():
            raise ClassifierError(f"There are no examples of other intents than {out_of_scope!r}: add some.")
        known = inside[held_out.labels]
        temperature = fit_temperature(held_out.logits, held_out.labels)
        calibrated = probabilities(held_out.logits, temperature)
        return cls(
            intents=examples.intents,
            out_of_scope=out_of_scope,
            head=fit_mixture(examples.rows, examples.labels, strength),
            prototypes=prototypes(examples.rows, examples.labels),
            temperature=temperature,
            scope=Scope.fit(held_out.logits[known][:, inside], held_out.similarities[known][:, inside]),
            true_probabilities=evenly_chosen(calibrated[np.arange(len(calibrated)), held_out.labels]),
        )

    def predict(self, embeddings: np.ndarray) -> Predictions:
        """What it says about messages.

        :param embeddings: ``(messages, dimension)``.
        :raises ClassifierError: If the embeddings have another width than those it was trained on.
        """
        logits, outside = self._logits(embeddings), self._outside
        cosines = similarities(embeddings, self.prototypes)[:, ~outside]
        p_values = self.scope.p_values(logits[:, ~outside], cosines)
        calibrated = probabilities(logits, self.temperature)
        return Predictions(calibrated, p_values, doubted(calibrated, p_values, outside))

    def predict_proba(self, embeddings: np.ndarray) -> np.ndarray:
        """The ``probabilities`` of ``predict`` alone."""
        return probabilities(self._logits(embeddings), self.temperature)

    def predict_sets(self, embeddings: np.ndarray, coverage: float) -> np.ndarray:
        """For each message the intents that it may have, see ``conformal.prediction_sets``.

        :param embeddings: ``(messages, dimension)``.
        :param coverage: The share of messages whose true intent is to be in its set, in ``(0, 1)``.
        :return: ``(messages, intents)``, bool.
        :raises ClassifierError: If the embeddings have another width than those it was trained on.
        """
        return prediction_sets(self.predict_proba(embeddings), self.true_probabilities, coverage)

    @cached_property
    def _outside(self) -> np.ndarray:
        return outside_scope(self.intents, self.out_of_scope)

    def _logits(self, embeddings: np.ndarray) -> np.ndarray:
        if embeddings.ndim != 2 or embeddings.shape[1] != self.dimension:
            raise ClassifierError(
                f"Trained on embeddings of width {self.dimension}, but got the shape {embeddings.shape}: "
                "predict with the encoder of the training, or train again."
            )
        return self.head.logits(embeddings)

    def save(self, folder: Path) -> None:
        """Write the classifier to a folder as safetensors and JSON."""
        facts = {"intents": self.intents, "temperature": self.temperature, "out_of_scope": self.out_of_scope}
        tensors = {
            "weights": self.head.linear.weights,
            "bias": self.head.linear.bias,
            "remembered": self.head.memory.rows,
            "counts": self.head.memory.counts,
            "prototypes": self.prototypes,
            "typical": self.scope.typical,
            "levels": self.scope.levels,
            "true_probabilities": self.true_probabilities,
        }
        storage.write(folder, facts, tensors)

    @classmethod
    def load(cls, folder: Path) -> FewShotClassifier:
        """Read a classifier that ``save`` wrote.

        :raises ClassifierError: If the files are missing, damaged, or of another format.
        """
        facts, tensors = storage.read(folder)
        return cls(
            intents=tuple(facts["intents"]),
            out_of_scope=facts["out_of_scope"],
            head=Mixture(
                LinearHead(tensors["weights"], tensors["bias"]), Memory(tensors["remembered"], tensors["counts"])
            ),
            prototypes=tensors["prototypes"],
            temperature=facts["temperature"],
            scope=Scope(tensors["typical"], tensors["levels"]),
            true_probabilities=tensors["true_probabilities"],
        )
