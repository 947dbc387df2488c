"""How the embeddings of intent names travel from the featurizer to the classifier: on the training messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, INTENT, INTENT_RESPONSE_KEY
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from rasa_token_pruning.components.attached import attached_sentence
from rasa_token_pruning.fewshot.names import names_of

# None of Rasa's own attributes: features for INTENT would change what Rasa's policies learn.
INTENT_NAME = "rasa_token_pruning_intent_name"


def attach_intent_names(
    training_data: TrainingData, encode: Callable[[list[str]], Sequence[np.ndarray]], origin: str
) -> None:
    """Give the first example of each intent, or sub-intent of a retrieval intent, the embedding of its name.

    :param training_data: Changed in place: features are added.
    :param encode: Texts to embeddings, each ``(dimension,)``.
    :param origin: The identifier of the featurizer.
    """
    first = {full_intent(message): message for message in reversed(training_data.intent_examples)}
    names = names_of(first)
    for intent, embedding in zip(names, encode(list(names.values())), strict=True):
        first[intent].add_features(Features(embedding[None].copy(), FEATURE_TYPE_SENTENCE, INTENT_NAME, origin))


def collect_intent_names(training_data: TrainingData, featurizers: list[str]) -> dict[str, np.ndarray]:
    """The embeddings that ``attach_intent_names`` attached.

    :param featurizers: The featurizers whose features count; all if empty.
    :return: For each full intent that has one, its name's embedding, ``(dimension,)``.
    """
    names = {}
    for message in training_data.intent_examples:
        features = attached_sentence(message, INTENT_NAME, featurizers)
        if features is not None:
            names[full_intent(message)] = features[0]
    return names


def full_intent(message: Message) -> str:
    """The intent of a training message; of a retrieval intent with the sub-intent, as in ``faq/opening_hours``."""
    intent: str = message.get(INTENT_RESPONSE_KEY) or message.get(INTENT)
    return intent
