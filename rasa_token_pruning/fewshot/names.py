"""What an intent's name says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

OUT_OF_SCOPE = "out_of_scope"  # what Rasa's documentation calls the intent of messages that belong to none

_CAMEL_CASE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATORS = re.compile(r"[\W_]+")
_DELIMITER = "/"  # Rasa's, between a retrieval intent and its sub-intent


def name_as_text(intent: str) -> str:
    """An intent's name as a text: ``reset_password`` and ``resetPassword`` are "reset password".

    A team that names its intents well has written one more training example for each.

    :param intent: The name of an intent.
    :return: Its words in lower case, separated by single spaces; empty if the name has no word characters.
    """
    return _SEPARATORS.sub(" ", _CAMEL_CASE.sub(" ", intent)).strip().lower()


def base_intent(intent: str) -> str:
    """What Rasa calls the intent: ``faq`` for ``faq/opening_hours``."""
    return intent.partition(_DELIMITER)[0]


def outside_scope(intents: Sequence[str], out_of_scope: str | None) -> np.ndarray:
    """Which intents stand for messages that belong to none, ``(intents,)``, bool.

    :param out_of_scope: The intent of that name, or all topics of the retrieval intent of that name; none if None.
    """
    return np.array([out_of_scope in (intent, base_intent(intent)) for intent in intents], dtype=bool)


def last_part(intent: str) -> str:
    """The part of an intent's name that says most: ``opening_hours`` for ``faq/opening_hours``."""
    return intent.rpartition(_DELIMITER)[2]


def names_of(intents: Iterable[str]) -> dict[str, str]:
    """The names of intents as texts, of sub-intents the last part; those without word characters are left out."""
    return {intent: name for intent in sorted(set(intents)) if (name := name_as_text(last_part(intent)))}
