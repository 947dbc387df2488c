"""The dense features of a message, without a copy of what is not asked for.

``Message.get_dense_features`` joins the features of the sentence and those of every word, whichever are wanted: with
half a million words that takes seconds, and memory for all of them once more.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, FEATURE_TYPE_SEQUENCE
from rasa.shared.nlu.training_data.message import Message


def attached_sentence(message: Message, attribute: str, featurizers: Sequence[str] = ()) -> np.ndarray | None:
    """What featurizers say of an attribute as a whole, side by side, ``(1, dimension)``; None if none says anything.

    The array may be a featurizer's own: it is not to be changed.

    :param featurizers: The featurizers whose features count; all if empty.
    """
    return _joined(message, attribute, FEATURE_TYPE_SENTENCE, featurizers)


def attached_tokens(message: Message, attribute: str, featurizers: Sequence[str] = ()) -> np.ndarray | None:
    """What featurizers say of the tokens of an attribute, side by side, ``(tokens, dimension)``: as above.

    :raises ValueError: If featurizers differ in the number of tokens.
    """
    return _joined(message, attribute, FEATURE_TYPE_SEQUENCE, featurizers)


def _joined(message: Message, attribute: str, kind: str, featurizers: Sequence[str]) -> np.ndarray | None:
    found: list[np.ndarray] = [
        features.features
        for features in message.features
        if (features.attribute, features.type) == (attribute, kind)
        and features.is_dense()
        and (not featurizers or features.origin in featurizers)
    ]
    if len(found) > 1:
        joined: np.ndarray = np.concatenate(found, axis=-1)
        return joined
    return found[0] if found else None
