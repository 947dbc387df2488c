"""The dense features of a message, without a copy of what is not asked for.

``Message.get_dense_features`` joins the features of the sentence and those of every word, whichever are wanted: with
half a million words that takes seconds, and memory for all of them once more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, FEATURE_TYPE_SEQUENCE
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message

from rasa_token_pruning.fewshot.errors import ClassifierError


def attached_sentence(message: Message, attribute: str, featurizers: Sequence[str] = ()) -> np.ndarray | None:
    """What featurizers say of an attribute as a whole, side by side, ``(1, dimension)``; None if none says anything.

    The array may be a featurizer's own: it is not to be changed.

    :param featurizers: The featurizers whose features count; all if empty.
    """
    return _joined(message, attribute, FEATURE_TYPE_SENTENCE, featurizers)


def attached_tokens(message: Message, attribute: str, featurizers: Sequence[str] = ()) -> np.ndarray | None:
    """What featurizers say of the tokens of an attribute, side by side, ``(tokens, dimension)``: as above.

    None too if featurizers differ in the number of tokens: it cannot be told which row is of which.
    """
    return _joined(message, attribute, FEATURE_TYPE_SEQUENCE, featurizers)


def origins(
    messages: Iterable[Message], attribute: str, featurizers: Sequence[str] = (), kind: str = FEATURE_TYPE_SENTENCE
) -> set[str]:
    """The featurizers that say something dense of an attribute.

    :param featurizers: The featurizers whose features count; all if empty.
    :param kind: Of the attribute as a whole, or with ``FEATURE_TYPE_SEQUENCE`` of its tokens.
    """
    return {features.origin for message in messages for features in _chosen(message, attribute, kind, featurizers)}


def check_named(
    messages: Collection[Message], attribute: str, featurizers: Sequence[str], kind: str = FEATURE_TYPE_SENTENCE
) -> None:
    """Whether the featurizers that an option names are there; ``kind`` as in ``origins``.

    :param featurizers: The names; none if all count.
    :raises ClassifierError: If none of them says anything dense of any message, and others do.
    """
    if not featurizers or origins(messages, attribute, featurizers, kind):
        return
    there = origins(messages, attribute, kind=kind)
    if there:
        raise ClassifierError(
            f"featurizers is {list(featurizers)}, but none of these has dense features of the examples. Name some of "
            f"{', '.join(map(repr, sorted(there)))} (the alias of a featurizer, or Rasa's name of its node), or leave "
            "out featurizers to read all."
        )


def _joined(message: Message, attribute: str, kind: str, featurizers: Sequence[str]) -> np.ndarray | None:
    found: list[np.ndarray] = [features.features for features in _chosen(message, attribute, kind, featurizers)]
    if len({len(rows) for rows in found}) != 1:  # nothing, or not to be joined
        return None
    return found[0] if len(found) == 1 else np.concatenate(found, axis=-1)


def _chosen(message: Message, attribute: str, kind: str, featurizers: Sequence[str]) -> list[Features]:
    return [
        features
        for features in message.features
        if (features.attribute, features.type) == (attribute, kind)
        and features.is_dense()
        and (not featurizers or features.origin in featurizers)
    ]
