"""The dense featurizer: a sentence encoder that drops unimportant tokens while it runs."""

from __future__ import annotations

import json
import logging
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.constants import DENSE_FEATURIZABLE_ATTRIBUTES, TOKENS_NAMES
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.nlu.tokenizers.tokenizer import Tokenizer
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import ACTION_TEXT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from rasa_token_pruning.components.encoders import encoder_fingerprint, encoder_from_config
from rasa_token_pruning.components.intent_names import attach_intent_names
from rasa_token_pruning.components.options import check_keys
from rasa_token_pruning.encoder.alignment import token_rows

logger = logging.getLogger(__name__)

_RECORD = "encoder.json"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=True)
class TokenPruningFeaturizer(DenseFeaturizer, GraphComponent):
    """Sentence and token features from a pretrained encoder with token pruning (arXiv 2408.11799).

    A message gets one sentence feature, ``(1, dimension)``, and one row per Rasa token, ``(tokens, token_dimension)``,
    float32. A token's row is the mean over its word pieces of the last state that each reached: the encoder's last
    hidden state, or, for a pruned piece, the state in which it was dropped. A token without word pieces (empty, or
    beyond the encoder's limit) has zeros.

    Training fits nothing; it records which encoder the assistant was trained with, and loading refuses another.
    """

    @classmethod
    def required_components(cls) -> list[type]:
        """A tokenizer must stand before this component."""
        return [Tokenizer]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """The options and their defaults."""
        return {
            **DenseFeaturizer.get_default_config(),
            # all-MiniLM-L6-v2 (comes as a package) or the path of a sentence-transformers folder
            "model": "all-MiniLM-L6-v2",
            # balanced | off
            "pruning": "balanced",
            # override parts of the pruning policy: layers that cut (a list, from 0), the share of the removable
            # tokens that goes (0 <= quantile < 1), the number of tokens below which nothing is cut
            "layers": None,
            "quantile": None,
            "min_tokens": None,
            # final | final+cut
            "readout": "final+cut",
        }

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Refuse unknown options; values are checked where the encoder is made."""
        check_keys(cls.__name__, config, cls.get_default_config())

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str | None:
        """What decides the features beside the options: the encoder's files and the versions of what runs them.

        Does not check the options: for what it restores from its cache, Rasa calls this with options of its own.
        """
        return encoder_fingerprint({**cls.get_default_config(), **config})

    def __init__(
        self,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> None:
        """Make the component ready to featurize; the encoder is shared with all others in the process."""
        super().__init__(execution_context.node_name, {**self.get_default_config(), **config})
        self._model_storage = model_storage
        self._resource = resource
        self._execution_context = execution_context
        self._encoder = encoder_from_config(self._config)

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> TokenPruningFeaturizer:
        """Create the component for training."""
        return cls(config, model_storage, resource, execution_context)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> TokenPruningFeaturizer:
        """Load the component from an archive.

        :raises InvalidConfigException: If the encoder on this machine is not the one of the training.
        """
        component = cls(config, model_storage, resource, execution_context)
        try:
            with model_storage.read_from(resource) as folder:
                record = (folder / _RECORD).read_bytes()
        except ValueError:
            logger.debug("Cannot load %s: resource '%s' doesn't exist.", cls.__name__, resource.name)
            return component
        component._check_trained_with(record)
        return component

    def train(self, training_data: TrainingData) -> Resource:
        """Record the encoder in the archive."""
        with self._model_storage.write_to(self._resource) as folder:
            (folder / _RECORD).write_text(json.dumps({"format": 1, "identity": self._encoder.identity}))
        return self._resource

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Featurize all messages, and embed the name of each intent once."""
        for attribute in DENSE_FEATURIZABLE_ATTRIBUTES:
            self._featurize([m for m in training_data.training_examples if m.get(attribute)], attribute)
        attach_intent_names(training_data, self._encoder.encode, self._identifier)
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        """Featurize messages of users and, in end-to-end stories, of the bot; an empty message too."""
        for attribute in (TEXT, ACTION_TEXT):
            self._featurize([m for m in messages if isinstance(m.get(attribute), str)], attribute)
        return messages

    def _featurize(self, messages: list[Message], attribute: str) -> None:
        """Add features for one attribute to the messages that have tokens for it; each text is encoded once."""
        messages = [message for message in messages if message.get(TOKENS_NAMES[attribute])]
        texts = list(dict.fromkeys(message.get(attribute) for message in messages))
        encoded = dict(zip(texts, self._encoder.encode_tokens(texts), strict=True))
        for message in messages:
            text = encoded[message.get(attribute)]
            spans = np.array([(token.start, token.end) for token in message.get(TOKENS_NAMES[attribute])])
            self.add_features_to_message(
                sequence=token_rows(text.states, text.pieces.offsets, spans),
                sentence=text.embedding[None].copy(),
                attribute=attribute,
                message=message,
            )
            if self._execution_context.should_add_diagnostic_data and attribute == TEXT:
                message.add_diagnostic_data(
                    self._execution_context.node_name,
                    {
                        "pieces": list(text.pieces.texts),
                        "kept": text.kept.tolist(),
                        "truncated": text.pieces.truncated,
                    },
                )

    def _check_trained_with(self, record: bytes) -> None:
        try:
            trained_with = json.loads(record)["identity"]
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidConfigException("The record of the encoder in the archive is damaged: train again.") from error
        if trained_with != self._encoder.identity:
            raise InvalidConfigException(
                f"This assistant was trained with another encoder than the one that model '{self._config['model']}' "
                f"names on this machine (trained with {trained_with}, found {self._encoder.identity}). "
                "Install the encoder of the training here, or train again."
            )
