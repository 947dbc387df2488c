"""The intent classifier that takes DIET's place."""

from __future__ import annotations

import json
import logging
from contextlib import ExitStack
from importlib.metadata import version
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import INTENT, INTENT_RANKING_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from rasa_token_pruning.components.intent_names import base_intent, collect_intent_names, full_intent
from rasa_token_pruning.components.options import DIET_ONLY, as_config_error, check_flag, check_keys
from rasa_token_pruning.fewshot.classifier import DEFAULT_STRENGTH, ClassifierError, FewShotClassifier
from rasa_token_pruning.version import __version__

logger = logging.getLogger(__name__)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class FewShotIntentClassifier(IntentClassifier, GraphComponent):
    """Learns intents from a few examples each: calibrated logistic regression on dense sentence features.

    Reads the sentence features of all dense featurizers before it, or of those in ``featurizers``. Leaves entities to
    others. Training is deterministic and does not depend on the order of the examples.

    Confidences are calibrated on the training data. Those of a message that is unlike all examples are lowered and sum
    to less than 1, because it may belong to no intent.

    A retrieval intent such as ``faq`` is many topics in one. Each sub-intent is learnt as an intent of its own, and the
    confidence of the retrieval intent is the sum over its sub-intents.
    """

    @classmethod
    def required_components(cls) -> list[type]:
        """A dense featurizer must stand before this component."""
        return [DenseFeaturizer]

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
            # how far the fit may follow the examples (inverse regularisation, greater than 0)
            "C": DEFAULT_STRENGTH,
        }

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Refuse unknown options and values out of range.

        :raises InvalidConfigException: With what was given and what is allowed.
        """
        check_keys(cls.__name__, config, cls.get_default_config(), ignored=DIET_ONLY)
        for flag in ("renormalize_confidences", "use_intent_names", "doubt_unfamiliar"):
            check_flag(cls.__name__, config, flag)
        length, strength = config["ranking_length"], config["C"]
        if isinstance(length, bool) or not isinstance(length, int) or length < 0:
            raise InvalidConfigException(
                f"{cls.__name__}: ranking_length is {length!r}; give a whole number, 0 for all intents."
            )
        if isinstance(strength, bool) or not isinstance(strength, (int, float)) or not 0 < strength < float("inf"):
            raise InvalidConfigException(f"{cls.__name__}: C is {strength!r}; give a number greater than 0.")
        if not isinstance(config["featurizers"], list):
            raise InvalidConfigException(
                f"{cls.__name__}: featurizers is {config['featurizers']!r}; give a list of aliases."
            )

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str | None:
        """The versions of what learns: Rasa itself only looks at this file.

        Does not check the options: for what it restores from its cache, Rasa calls this with options of its own.
        """
        return json.dumps({"package": __version__, "scikit-learn": version("scikit-learn")}, sort_keys=True)

    def __init__(
        self,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        classifier: FewShotClassifier | None = None,
    ) -> None:
        """Make the component; without a classifier it is untrained and answers no intent."""
        self._config = {**self.get_default_config(), **config}
        self.validate_config(self._config)
        self._model_storage = model_storage
        self._resource = resource
        self._warned = False
        self._use(classifier)

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> FewShotIntentClassifier:
        """Create an untrained component."""
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> FewShotIntentClassifier:
        """Load a trained component; an untrained one if the archive holds none.

        :raises InvalidConfigException: If the stored classifier cannot be used.
        """
        with ExitStack() as stack:
            try:
                folder = stack.enter_context(model_storage.read_from(resource))
            except ValueError:
                logger.debug("Cannot load %s: resource '%s' doesn't exist.", cls.__name__, resource.name)
                return cls.create(config, model_storage, resource, execution_context)
            with as_config_error(cls.__name__, ClassifierError):
                return cls(config, model_storage, resource, FewShotClassifier.load(folder))

    def train(self, training_data: TrainingData) -> Resource:
        """Learn from the examples and store what was learnt. Leaves the messages as they are.

        :raises InvalidConfigException: If the features of the examples differ in width or are not finite.
        """
        rows, intents = self._examples(training_data)
        if not rows:
            logger.debug("Cannot train '%s'. No data was provided. Skipping training.", type(self).__name__)
            return self._resource
        if len({base_intent(intent) for intent in intents}) < 2:
            logger.error(
                "Cannot train '%s'. Need at least 2 different intent classes. Skipping training of classifier.",
                type(self).__name__,
            )
            return self._resource
        names = {}
        if self._config["use_intent_names"]:
            names = collect_intent_names(training_data, self._config["featurizers"])
        # With a second dense featurizer, which knows nothing of names, they are narrower than the examples.
        names = {intent: name for intent, name in names.items() if len(name) == len(rows[0])}
        with as_config_error(type(self).__name__, ClassifierError):
            classifier = FewShotClassifier.fit(rows, intents, names, self._config["C"])
        with self._model_storage.write_to(self._resource) as folder:
            classifier.save(folder)
        self._use(classifier)
        return self._resource

    def _examples(self, training_data: TrainingData) -> tuple[list[np.ndarray], list[str]]:
        """The sentence features of each example that has any, and its intent."""
        rows, intents = [], []
        for message in training_data.intent_examples:
            _, sentence = message.get_dense_features(TEXT, self._config["featurizers"])
            if sentence is not None:
                rows.append(sentence.features[0])
                intents.append(full_intent(message))
        return rows, intents

    def process(self, messages: list[Message]) -> list[Message]:
        """Set ``intent`` and ``intent_ranking`` of each message; an intent of None where nothing can be said."""
        for message in messages:
            ranking = self._rank(message)
            best = dict(ranking[0]) if ranking else {"name": None, "confidence": 0.0}
            message.set(INTENT, best, add_to_output=True)
            message.set(INTENT_RANKING_KEY, ranking, add_to_output=True)
        return messages

    def _use(self, classifier: FewShotClassifier | None) -> None:
        """Predict with a classifier from now on."""
        self._classifier = classifier
        labels = classifier.intents if classifier else ()
        self._intents, self._group = np.unique([base_intent(label) for label in labels], return_inverse=True)

    def _rank(self, message: Message) -> list[dict[str, Any]]:
        """The ranking of a message, the likeliest intent first; equal confidences in alphabetical order."""
        classifier = self._classifier
        features = self._features(message, classifier.dimension) if classifier else None
        if classifier is None or features is None:
            return []
        predict = classifier.confidences if self._config["doubt_unfamiliar"] else classifier.predict_proba
        # The confidence of a retrieval intent is the sum over its sub-intents.
        confidences = np.bincount(self._group, weights=predict(features)[0])
        order = np.argsort(-confidences, kind="stable")[: self._config["ranking_length"] or None]
        shown = confidences[order]
        if self._config["renormalize_confidences"]:
            shown = shown / shown.sum()
        return [
            {"name": str(self._intents[index]), "confidence": float(confidence)}
            for index, confidence in zip(order, shown, strict=True)
        ]

    def _features(self, message: Message, dimension: int) -> np.ndarray | None:
        """The message's sentence features, ``(1, dimension)``, or None if there are none that can be used."""
        _, sentence = message.get_dense_features(TEXT, self._config["featurizers"])
        if sentence is None:
            return None
        features: np.ndarray = sentence.features
        if features.shape != (1, dimension) or not np.isfinite(features).all():
            if not self._warned:
                self._warned = True
                logger.warning(
                    "A message has features of shape %s, but the classifier was trained on (1, %d) finite numbers; "
                    "such messages get no intent. Do all dense featurizers featurize every message?",
                    features.shape, dimension,
                )  # fmt: skip
            return None
        return features
