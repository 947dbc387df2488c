"""The intent classifier that takes DIET's place."""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import INTENT, INTENT_RANKING_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from rasa_token_pruning.components.attached import attached_sentence
from rasa_token_pruning.components.learner import Learner
from rasa_token_pruning.components.learning import LabelledMessages, learn
from rasa_token_pruning.components.options import (
    DIET_ONLY,
    as_config_error,
    check_featurizers,
    check_flag,
    check_keys,
    check_number,
    check_ranking_length,
)
from rasa_token_pruning.components.ranking import Ranking, shown
from rasa_token_pruning.fewshot.classifier import DEFAULT_STRENGTH, FewShotClassifier, Predictions
from rasa_token_pruning.fewshot.conformal import prediction_sets
from rasa_token_pruning.fewshot.errors import ClassifierError
from rasa_token_pruning.fewshot.neighbours import Neighbours

logger = logging.getLogger(__name__)

# Under this name a message's output holds the intents that it may have, if ``coverage`` is set.
INTENT_CANDIDATES = "intent_candidates"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class FewShotIntentClassifier(IntentClassifier, Learner):
    """Learns intents from a few examples each, on dense sentence features, with confidences that are calibrated.

    Reads the sentence features of all dense featurizers before it, or of those in ``featurizers``. Leaves entities to
    others. Training is deterministic and does not depend on the order of the examples.

    Confidences are calibrated on the training data. Those of a message that is unlike all examples are lowered and sum
    to less than 1, because it may belong to no intent.

    A retrieval intent such as ``faq`` is many topics in one. Each sub-intent is learnt as an intent of its own, and the
    confidence of the retrieval intent is the sum over its sub-intents.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """The options and their defaults."""
        return {
            # the aliases of the featurizers whose features are used; all if empty
            "featurizers": [],
            # how many intents the ranking shows; 0 for all
            "ranking_length": 10,
            # whether the confidences that are shown are scaled to sum to 1
            "renormalize_confidences": False,
            # whether the name of an intent counts as one more example of it
            "use_intent_names": True,
            # whether a message that is unlike the examples gets a lower confidence, so that the fallback sees it
            "doubt_unfamiliar": True,
            # the intent, or retrieval intent, whose examples belong to none of the others; "out_of_scope" if there is
            # one of that name
            "out_of_scope_intent": None,
            # the share of messages whose intent is to be among the intent_candidates, such as 0.9; null for none
            "coverage": None,
            # whether the log names examples that look wrong
            "review_data": True,
            # whether the archive holds examples, and diagnostic data the nearest ones
            "explain": True,
            # how far the fit may follow the examples (inverse regularisation, 1e-6 to 1e6)
            "C": DEFAULT_STRENGTH,
        }

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Refuse unknown options and values out of range.

        :raises InvalidConfigException: With what was given and what is allowed.
        """
        check_keys(cls.__name__, config, cls.get_default_config(), ignored=DIET_ONLY)
        for flag in ("renormalize_confidences", "use_intent_names", "doubt_unfamiliar", "review_data", "explain"):
            check_flag(cls.__name__, config, flag)
        check_ranking_length(cls.__name__, config)
        check_featurizers(cls.__name__, config)
        check_number(cls.__name__, config, "C", "from 1e-6 to 1e6", lambda strength: 1e-6 <= strength <= 1e6)
        if config["coverage"] is not None:
            check_number(cls.__name__, config, "coverage", "between 0 and 1", lambda coverage: 0 < coverage < 1)
        named = config["out_of_scope_intent"]
        if named is not None and not isinstance(named, str):
            raise InvalidConfigException(f"{cls.__name__}: out_of_scope_intent is {named!r}; give an intent's name.")

    def __init__(
        self,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> None:
        """Make the component; it answers no intent."""
        super().__init__(config, model_storage, resource, execution_context)
        self._warned = False
        self._use(None, None)

    def _read(self, folder: Path) -> None:
        classifier = FewShotClassifier.load(folder)
        self._use(classifier, Neighbours.load(folder, classifier.dimension))

    def train(self, training_data: TrainingData) -> Resource:
        """Learn from the examples and store what was learnt. Leaves the messages as they are.

        :raises InvalidConfigException: If the features of the examples differ in width or are not finite, or the
            featurizers or the out-of-scope intent that the options name are not there.
        """
        with as_config_error(type(self).__name__, ClassifierError):
            messages = LabelledMessages.of(training_data, self._config["featurizers"])
        if not messages.rows:
            logger.debug("Cannot train '%s'. No data was provided. Skipping training.", type(self).__name__)
            return self._resource
        if len(messages.base_intents) < 2:
            logger.error(
                "Cannot train '%s'. Need at least 2 different intent classes. Skipping training of classifier.",
                type(self).__name__,
            )
            return self._resource
        with as_config_error(type(self).__name__, ClassifierError):
            classifier, neighbours = learn(messages, self._config)
        self._use(classifier, neighbours)

        def write(folder: Path) -> None:
            classifier.save(folder)
            if neighbours:
                neighbours.save(folder)

        return self._store(write)

    def process(self, messages: list[Message]) -> list[Message]:
        """Set ``intent`` and ``intent_ranking`` of each message; an intent of None where nothing can be said."""
        for message in messages:
            ranking = self._answer(message)
            best = dict(ranking[0]) if ranking else {"name": None, "confidence": 0.0}
            message.set(INTENT, best, add_to_output=True)
            message.set(INTENT_RANKING_KEY, ranking, add_to_output=True)
        return messages

    def _use(self, classifier: FewShotClassifier | None, neighbours: Neighbours | None) -> None:
        """Predict with a classifier from now on."""
        self._classifier = classifier
        self._neighbours = neighbours
        self._ranking = Ranking(classifier.intents if classifier else ())

    def _answer(self, message: Message) -> list[dict[str, Any]]:
        """The ranking of a message; what else there is to say is set on the message."""
        if self._config["coverage"] is not None:
            message.set(INTENT_CANDIDATES, [], add_to_output=True)  # a list wherever it answers
        classifier = self._classifier
        features = self._features(message, classifier.dimension) if classifier else None
        if classifier is None or features is None:
            return []
        predictions = classifier.predict(features)
        doubting = self._config["doubt_unfamiliar"]
        ranking = self._ranking.rank((predictions.confidences if doubting else predictions.probabilities)[0])
        if self._config["coverage"] is not None:
            levels = classifier.true_probabilities
            [possible_labels] = prediction_sets(predictions.probabilities, levels, self._config["coverage"])
            possible = self._ranking.containing(possible_labels)
            possible.add(ranking[0]["name"])  # whose label may not be in the set: a sum of topics, or out of scope
            candidates = [entry for entry in ranking if entry["name"] in possible]
            message.set(INTENT_CANDIDATES, candidates, add_to_output=True)
        if self._execution_context.should_add_diagnostic_data:
            diagnosis = self._diagnosis(features[0], predictions)
            message.add_diagnostic_data(self._execution_context.node_name, diagnosis)
        return shown(ranking, self._config["ranking_length"], self._config["renormalize_confidences"])

    def _diagnosis(self, embedding: np.ndarray, predictions: Predictions) -> dict[str, Any]:
        """How sure it was, and why."""
        probable = self._ranking.rank(predictions.probabilities[0])
        diagnosis: dict[str, Any] = {
            "familiarity": float(predictions.familiarity[0]),
            "margin": probable[0]["confidence"] - probable[1]["confidence"],
        }
        if self._neighbours:
            diagnosis["nearest_examples"] = [asdict(neighbour) for neighbour in self._neighbours.nearest(embedding)]
        return diagnosis

    def _features(self, message: Message, dimension: int) -> np.ndarray | None:
        """The message's sentence features, ``(1, dimension)``, or None if there are none that can be used."""
        features = attached_sentence(message, TEXT, self._config["featurizers"])
        if features is None and not message.get(TEXT):
            return None
        if features is None or features.shape != (1, dimension) or not np.isfinite(features).all():
            self._warn_once("no features" if features is None else f"features of shape {features.shape}", dimension)
            return None
        return features if features.any() else None  # zeros stand for a text of which an encoder reads nothing

    def _warn_once(self, found: str, dimension: int) -> None:
        if not self._warned:
            self._warned = True
            logger.warning(
                "A message has %s, but the classifier was trained on (1, %d) finite numbers; such messages get no "
                "intent. Do all dense featurizers featurize every message?", found, dimension,
            )  # fmt: skip
