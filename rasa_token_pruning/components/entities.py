"""The entity extractor that takes DIET's place: which words of a message are a city, a date, a name."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import ENTITIES, FEATURE_TYPE_SEQUENCE, SPLIT_ENTITIES_BY_COMMA, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from rasa_token_pruning.components.attached import check_named
from rasa_token_pruning.components.learner import Learner
from rasa_token_pruning.components.options import DIET_ONLY, as_config_error, check_featurizers, check_keys
from rasa_token_pruning.components.tagged import spans_of, token_features, tokens_of, with_confidences
from rasa_token_pruning.fewshot.errors import ClassifierError
from rasa_token_pruning.fewshot.tagger import EntityTagger

logger = logging.getLogger(__name__)

# Options that DIET shares with FewShotIntentClassifier.
_OF_INTENTS = frozenset({"ranking_length", "renormalize_confidences"})


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class FewShotEntityExtractor(Learner, EntityExtractorMixin):
    """Learns from a few annotated messages which of their words are entities, with roles and groups.

    Reads the token features of all dense featurizers before it, or of those in ``featurizers``, the words as they are
    written, and the patterns that RegexFeaturizer has found. Training is deterministic and does not depend on the order
    of the examples. The confidence of an entity is that of its least certain token.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """The options and their defaults."""
        return {
            # the aliases of the featurizers whose features are used; all if empty
            "featurizers": [],
            # whether a comma ends an entity, as in "milk, eggs"; or for single entities, as in {"address": false}
            SPLIT_ENTITIES_BY_COMMA: True,
        }

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Refuse unknown options and values out of range.

        :raises InvalidConfigException: With what was given and what is allowed.
        """
        check_keys(cls.__name__, config, cls.get_default_config(), ignored=DIET_ONLY | _OF_INTENTS)
        check_featurizers(cls.__name__, config)
        splitting = config[SPLIT_ENTITIES_BY_COMMA]
        flags = list(splitting.values()) if isinstance(splitting, dict) else [splitting]
        if not all(isinstance(flag, bool) for flag in flags):
            raise InvalidConfigException(
                f"{cls.__name__}: {SPLIT_ENTITIES_BY_COMMA} is {splitting!r}; give true or false, or one of them for "
                "each of some entities."
            )

    def __init__(
        self,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> None:
        """Make the component; it finds nothing."""
        super().__init__(config, model_storage, resource, execution_context)
        self._tagger: EntityTagger | None = None
        splitting = self._config[SPLIT_ENTITIES_BY_COMMA]
        self._splitting = {SPLIT_ENTITIES_BY_COMMA: splitting}
        if isinstance(splitting, dict):
            self._splitting = {**splitting, SPLIT_ENTITIES_BY_COMMA: True}  # of those that it does not name

    def _read(self, folder: Path) -> None:
        self._tagger = EntityTagger.load(folder)

    def train(self, training_data: TrainingData) -> Resource:
        """Learn from the annotated messages and store what was learnt. Leaves the messages as they are.

        Entities that another extractor is named for are left to it. Those that do not begin and end with a token are
        warned of; they count as all the tokens that they touch.

        :raises InvalidConfigException: If the features of the examples differ in width or are not finite, or the
            featurizers that the options name are not there.
        """
        self.check_correct_entity_annotations(training_data)
        with as_config_error(type(self).__name__, ClassifierError):
            check_named(training_data.nlu_examples, TEXT, self._config["featurizers"], FEATURE_TYPE_SEQUENCE)
        messages, examples = self.filter_trainable_entities(training_data.nlu_examples), []
        for message in messages:
            features = token_features(message, self._config["featurizers"])
            if features is not None:
                examples.append((features, spans_of(message, len(features.words))))
        if not any(spans for _, spans in examples):
            self._report_nothing_to_learn(sum(bool(message.get(ENTITIES)) for message in messages))
            return self._resource
        with as_config_error(type(self).__name__, ClassifierError):
            self._tagger = EntityTagger.learn(*zip(*examples, strict=True))
        logger.info("Learnt %d kinds of entities from %d messages.", len(self._tagger.labels), len(examples))
        return self._store(self._tagger.save)

    def _report_nothing_to_learn(self, annotated: int) -> None:
        component = type(self).__name__
        if not annotated:
            logger.debug("Cannot train '%s'. No entities are annotated. Skipping training.", component)
            return
        logger.warning(
            "Cannot train '%s': entities are annotated in %d messages, but none of these has usable features of its "
            "tokens. Do all dense featurizers that are read see the same tokens? Skipping training.",
            component, annotated,
        )  # fmt: skip

    def process(self, messages: list[Message]) -> list[Message]:
        """Add the entities of each message to those that it has."""
        for message in messages:
            found = self.add_extractor_name(self._entities(message))
            message.set(ENTITIES, [*message.get(ENTITIES, []), *found], add_to_output=True)
        return messages

    def _entities(self, message: Message) -> list[dict[str, Any]]:
        """The entities of a message; none if it has no features like those of the training."""
        tagger = self._tagger
        features = token_features(message, self._config["featurizers"]) if tagger else None
        if tagger is None or features is None or not features.fits(tagger.dimension):
            logger.debug("A message has no token features like those of the training: no entities are extracted.")
            return []
        tags, confidences = with_confidences(tagger.tag(features), tagger.labels)
        found: list[dict[str, Any]] = self.convert_predictions_into_entities(
            message.get(TEXT), tokens_of(message)[: len(features.words)], tags, self._splitting, confidences
        )
        return found
