"""The dense featurizer: a sentence encoder that drops unimportant tokens while it runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import cached_property
from typing import Any, TypeVar

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

from rasa_token_pruning.components.encoder_archive import read_encoder
from rasa_token_pruning.components.encoders import encoder_fingerprint, encoder_from_config
from rasa_token_pruning.components.intent_names import attach_intent_names
from rasa_token_pruning.components.options import as_config_error, check_flag, check_keys
from rasa_token_pruning.components.refining import attach_held_out, refine_encoder
from rasa_token_pruning.components.training_cache import TextRows, TrainingCache
from rasa_token_pruning.encoder.alignment import token_rows
from rasa_token_pruning.encoder.archived import write_archived
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.pruned import EncodedText, PrunedEncoder

logger = logging.getLogger(__name__)

Encoded = TypeVar("Encoded", EncodedText, TextRows)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=True)
class TokenPruningFeaturizer(DenseFeaturizer, GraphComponent):
    """Sentence and token features from a pretrained encoder with token pruning (arXiv 2408.11799).

    A message gets one sentence feature, ``(1, dimension)``, and one row per Rasa token, ``(tokens, token_dimension)``,
    float32. A token's row is the mean over its word pieces of the last state that each reached: the encoder's last
    hidden state, or, for a pruned piece, the state in which it was dropped. A token without word pieces (empty, or
    beyond the encoder's limit) has zeros.

    Training fits nothing unless ``refine`` is true; it writes the encoder into the archive, so that the assistant
    answers on a machine that has neither the model nor torch. With ``bundle_encoder: false`` or the torch engine only
    what tells it from others is written, and loading refuses another encoder.
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
            # all-MiniLM-L6-v2 (comes as a package), the path of a sentence-transformers folder, or a hub name
            "model": "all-MiniLM-L6-v2",
            # what precedes every text: the name of one of the model's prompts, or a text such as "query: "
            "prompt": None,
            # gentle | balanced | aggressive | off
            "pruning": "balanced",
            # override parts of the pruning policy: layers that cut (a list, from 0), the share of the removable
            # tokens that goes (0 <= quantile < 1), the number of tokens below which nothing is cut
            "layers": None,
            "quantile": None,
            "min_tokens": None,
            # drop | merge
            "reduction": None,
            # learnt (needs an adapter) | mean_attention | max_attention | attention_value
            "score": None,
            # words that stay: negations, or a list, as in [not, never]
            "protect": None,
            # a small change of the weights. package: the one that comes with this package for the model; auto: that,
            # where tokens are cut; none; or a file of train-encoder adapter
            "adapter": "auto",
            # final | final+cut | layers by number, as in final+0+3
            "readout": "final",
            # auto | onnx | torch
            "engine": "auto",
            # auto (int8 with the onnx engine) | fp32 | int8
            "precision": "auto",
            # whether the encoder learns from the examples of the intents: more accurate, minutes instead of seconds
            "refine": False,
            # whether the archive holds the encoder (with the onnx engine), or only what tells it from others
            "bundle_encoder": True,
            # threads for one message; empty: the engine's own choice
            "num_threads": None,
            # cpu, or with engine torch: cuda | mps
            "device": "cpu",
            # memory for the results of the last texts, in MiB; 0 for none
            "cache_mib": 32,
        }

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Refuse unknown options; most values are checked where the encoder is made."""
        check_keys(cls.__name__, config, cls.get_default_config())
        full = {**cls.get_default_config(), **config}
        check_flag(cls.__name__, full, "bundle_encoder")
        check_flag(cls.__name__, full, "refine")
        if full["alias"] is not None and not isinstance(full["alias"], str):
            raise InvalidConfigException(f"{cls.__name__}: alias is {full['alias']!r}; give a name, or leave it out.")
        if full["refine"] and (not full["bundle_encoder"] or full["engine"] == "torch" or full["device"] != "cpu"):
            raise InvalidConfigException(
                f"{cls.__name__}: refine makes an encoder that only the archive has. Leave bundle_encoder true and "
                "engine and device as they are by default, or set refine to false."
            )

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
        make_encoder: Callable[[], PrunedEncoder] | None = None,
    ) -> None:
        """Make the component ready to featurize.

        :param make_encoder: Gives the encoder to use; by default the one that the options describe. What it consists
            of is shared with all others in the process.
        """
        super().__init__(execution_context.node_name, {**self.get_default_config(), **config})
        self._model_storage = model_storage
        self._resource = resource
        self._execution_context = execution_context
        self._make_encoder = make_encoder or (lambda: encoder_from_config(self._config))
        if not self._only_trains:
            self._encoder = self._make_encoder()

    @property
    def _only_trains(self) -> bool:
        """Whether this stands in a graph that trains, where texts may be known from the training before."""
        node = self._execution_context.graph_schema.nodes.get(self._execution_context.node_name)
        return node is not None and not node.eager

    @cached_property
    def _encoder(self) -> PrunedEncoder:
        """Made when it is first needed."""
        return self._make_encoder()

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

        :raises InvalidConfigException: If the encoder in the archive is damaged, or the archive holds none and the one
            on this machine is not the one of the training.
        """
        full = {**cls.get_default_config(), **config}
        # To go on training, the encoder is made again: a loaded one cannot be written. A refined one cannot be made
        # again, and to go on training is to refine anew.
        from_bundle = full["refine"] or not execution_context.is_finetuning

        def make_encoder() -> PrunedEncoder:
            with ExitStack() as stack:
                try:
                    folder = stack.enter_context(model_storage.read_from(resource))
                except ValueError:
                    logger.debug("Cannot load %s: resource '%s' doesn't exist.", cls.__name__, resource.name)
                    return encoder_from_config(full)
                return read_encoder(full, folder, from_bundle)

        return cls(config, model_storage, resource, execution_context, make_encoder)

    def train(self, training_data: TrainingData) -> Resource:
        """Refine the encoder if that is wanted, and write it, or what tells it from others, into the archive."""
        with self._model_storage.write_to(self._resource) as folder:
            if self._config["refine"]:
                with as_config_error(type(self).__name__, EncoderError):
                    self._encoder = refine_encoder(encoder_from_config(self._config), training_data, folder)
                write_archived(self._encoder, folder, bundled=True)
            elif not TrainingCache(self._config).recall_archive(folder):
                write_archived(self._encoder, folder, self._config["bundle_encoder"])
                TrainingCache(self._config).remember_archive(folder)
        return self._resource

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Featurize all messages, and embed the name of each intent once."""
        for attribute in DENSE_FEATURIZABLE_ATTRIBUTES:
            messages = [message for message in training_data.training_examples if message.get(attribute)]
            self._featurize(messages, attribute, self._encode_for_training)
        attach_intent_names(training_data, self._embed_for_training, self._identifier)
        if self._config["refine"]:
            with self._model_storage.read_from(self._resource) as folder:
                attach_held_out(training_data, folder, self._identifier)
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        """Featurize messages of users and, in end-to-end stories, of the bot; an empty message too."""
        for attribute in (TEXT, ACTION_TEXT):
            said = [message for message in messages if isinstance(message.get(attribute), str)]
            self._featurize(said, attribute, self._encoder.encode_tokens)
            if self._execution_context.should_add_diagnostic_data and attribute == TEXT:
                self._diagnose(said)
        return messages

    def _featurize(
        self, messages: list[Message], attribute: str, encode: Callable[[list[str]], Sequence[Encoded]]
    ) -> None:
        """Add features for one attribute to the messages that have tokens for it; each text is encoded once."""
        messages = [message for message in messages if message.get(TOKENS_NAMES[attribute])]
        texts = list(dict.fromkeys(message.get(attribute) for message in messages))
        encoded = dict(zip(texts, encode(texts), strict=True))
        for message in messages:
            text = encoded[message.get(attribute)]
            spans = np.array([(token.start, token.end) for token in message.get(TOKENS_NAMES[attribute])])
            # Of control characters alone the encoder reads nothing, and what it says of nothing looks like a message.
            has_pieces = bool((text.offsets[:, 1] > text.offsets[:, 0]).any())
            self.add_features_to_message(
                sequence=token_rows(text.states, text.offsets, spans),
                sentence=text.embedding[None] * np.float32(has_pieces),
                attribute=attribute,
                message=message,
            )

    def _encode_for_training(self, texts: list[str]) -> list[TextRows]:
        """What an earlier training encoded is taken from Rasa's cache; a refined encoder is of one training alone."""
        if self._config["refine"]:
            return [TextRows.of(text) for text in self._encoder.encode_tokens(texts)]
        return TrainingCache(self._config).rows(texts, lambda unknown: self._encoder.encode_tokens(unknown))

    def _embed_for_training(self, texts: list[str]) -> list[np.ndarray]:
        return [text.embedding for text in self._encode_for_training(texts)]

    def _diagnose(self, messages: list[Message]) -> None:
        """Add what became of each word piece, which takes one more run of the encoder."""
        for message in messages:
            if message.get(TOKENS_NAMES[TEXT]):
                said = asdict(self._encoder.trace(message.get(TEXT)))
                message.add_diagnostic_data(self._execution_context.node_name, said)
