"""The response selector that takes the place of Rasa's own: which answer a question wants."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.constants import (
    RESPONSE_SELECTOR_DEFAULT_INTENT,
    RESPONSE_SELECTOR_PREDICTION_KEY,
    RESPONSE_SELECTOR_PROPERTY_NAME,
    RESPONSE_SELECTOR_RANKING_KEY,
    RESPONSE_SELECTOR_RESPONSES_KEY,
    RESPONSE_SELECTOR_RETRIEVAL_INTENTS,
    RESPONSE_SELECTOR_UTTER_ACTION_KEY,
)
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import INTENT_RESPONSE_KEY, PREDICTED_CONFIDENCE_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from rasa.shared.nlu.training_data.util import intent_response_key_to_template_key

from rasa_token_pruning.components.answers import Answers
from rasa_token_pruning.components.attached import attached_sentence
from rasa_token_pruning.components.learner import Learner
from rasa_token_pruning.components.options import (
    DIET_ONLY,
    as_config_error,
    check_featurizers,
    check_flag,
    check_keys,
    check_ranking_length,
)
from rasa_token_pruning.components.ranking import shown
from rasa_token_pruning.fewshot.errors import ClassifierError

logger = logging.getLogger(__name__)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class FewShotResponseSelector(Learner):
    """Learns from a few questions each which answer of a retrieval intent, such as an FAQ, a message wants.

    Reads the sentence features of all dense featurizers before it, or of those in ``featurizers``. Hundreds of answers
    are learnt in about a second. Training is deterministic and does not depend on the order of the examples.

    Confidences are calibrated on the training data. Those of a message that is unlike all questions are lowered and sum
    to less than 1: it may be no question for any of these answers. A single answer is given with confidence 1.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """The options and their defaults."""
        return {
            # the retrieval intent whose answers are learnt; all if empty
            "retrieval_intent": None,
            # whether the text of a response counts as one more example of the questions for it
            "use_text_as_label": False,
            # whether the name of a response, in faq/opening_hours "opening hours", counts as one more example
            "use_intent_names": True,
            # the aliases of the featurizers whose features are used; all if empty
            "featurizers": [],
            # how many answers the ranking shows; 0 for all
            "ranking_length": 10,
            # whether the confidences that are shown are scaled to sum to 1
            "renormalize_confidences": False,
            # whether a message that is unlike the questions gets a lower confidence
            "doubt_unfamiliar": True,
        }

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Refuse unknown options and values out of range.

        :raises InvalidConfigException: With what was given and what is allowed.
        """
        check_keys(cls.__name__, config, cls.get_default_config(), ignored=DIET_ONLY)
        for flag in ("use_text_as_label", "use_intent_names", "renormalize_confidences", "doubt_unfamiliar"):
            check_flag(cls.__name__, config, flag)
        check_ranking_length(cls.__name__, config)
        check_featurizers(cls.__name__, config)
        intent = config["retrieval_intent"]
        if intent is not None and (not isinstance(intent, str) or not intent):
            raise InvalidConfigException(
                f"{cls.__name__}: retrieval_intent is {intent!r}; give a retrieval intent's name, or leave it out for "
                "all."
            )

    def __init__(
        self,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> None:
        """Make the component; it selects nothing."""
        super().__init__(config, model_storage, resource, execution_context)
        self._answers: Answers | None = None

    def _read(self, folder: Path) -> None:
        self._answers = Answers.load(folder)

    def train(self, training_data: TrainingData) -> Resource:
        """Learn from the questions and store what was learnt. Leaves the messages as they are.

        :raises InvalidConfigException: If the features of the examples differ in width or are not finite, the
            featurizers that the options name are not there, or a refined one is read beside others.
        """
        with as_config_error(type(self).__name__, ClassifierError):
            self._answers = Answers.learn(training_data, self._config)
        if self._answers is None:
            self._report_nothing_to_learn(training_data)
            return self._resource
        return self._store(self._answers.save)

    def _report_nothing_to_learn(self, training_data: TrainingData) -> None:
        intent, component = self._config["retrieval_intent"], type(self).__name__
        if intent is None:
            logger.debug("Cannot train '%s'. No data was provided. Skipping training.", component)
            return
        logger.warning(
            "Cannot train '%s': the retrieval intent '%s' has no examples with sentence features. Retrieval intents in "
            "the training data: %s. Skipping training.",
            component, intent, ", ".join(sorted(training_data.retrieval_intents)) or "none",
        )  # fmt: skip

    def process(self, messages: list[Message]) -> list[Message]:
        """Add the best answer and the ranking to ``response_selector`` of each message."""
        answers, name = self._answers, self._config["retrieval_intent"] or RESPONSE_SELECTOR_DEFAULT_INTENT
        for message in messages:
            before = message.get(RESPONSE_SELECTOR_PROPERTY_NAME, {})  # by other selectors
            intents = answers.retrieval_intents if answers else before.get(RESPONSE_SELECTOR_RETRIEVAL_INTENTS, [])
            said = {**before, RESPONSE_SELECTOR_RETRIEVAL_INTENTS: list(intents), name: self._selection(message)}
            message.set(RESPONSE_SELECTOR_PROPERTY_NAME, said, add_to_output=True)
        return messages

    def _selection(self, message: Message) -> dict[str, Any]:
        """What Rasa's own selector says about a message: the best answer, and the ranking."""
        answers, ranking = self._answers, self._ranking(message)
        best: dict[str, Any] = {PREDICTED_CONFIDENCE_KEY: 0.0, INTENT_RESPONSE_KEY: None}
        responses = None
        if answers and ranking:
            best = ranking[0]
            responses = answers.responses_for(best[INTENT_RESPONSE_KEY])
        return {
            RESPONSE_SELECTOR_PREDICTION_KEY: {
                RESPONSE_SELECTOR_RESPONSES_KEY: responses,
                **best,
                RESPONSE_SELECTOR_UTTER_ACTION_KEY: intent_response_key_to_template_key(best[INTENT_RESPONSE_KEY]),
            },
            RESPONSE_SELECTOR_RANKING_KEY: ranking,
        }

    def _ranking(self, message: Message) -> list[dict[str, Any]]:
        """The answers, the likeliest first; equal confidences in alphabetical order. None without usable features."""
        if self._answers is None:
            return []
        classifier = self._answers.classifier
        features = attached_sentence(message, TEXT, self._config["featurizers"])
        if features is None or features.shape != (1, classifier.dimension) or not np.isfinite(features).all():
            logger.debug("A message has no sentence features like those of the training: no response is selected.")
            return []
        if not features.any():  # zeros stand for a text of which an encoder reads nothing
            return []
        said = classifier.predict(features)
        [confidences] = said.confidences if self._config["doubt_unfamiliar"] else said.probabilities
        order = np.argsort(-confidences, kind="stable")
        ranking = [
            {PREDICTED_CONFIDENCE_KEY: float(confidences[place]), INTENT_RESPONSE_KEY: classifier.intents[place]}
            for place in order
        ]
        return shown(ranking, self._config["ranking_length"], self._config["renormalize_confidences"])
