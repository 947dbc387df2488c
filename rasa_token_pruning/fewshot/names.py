"""What an intent's name says."""

from __future__ import annotations

import re

_CAMEL_CASE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATORS = re.compile(r"[\W_]+")


def name_as_text(intent: str) -> str:
    """An intent's name as a text: ``reset_password`` and ``resetPassword`` are "reset password".

    A team that names its intents well has written one more training example for each.

    :param intent: The name of an intent.
    :return: Its words in lower case, separated by single spaces; empty if the name has no word characters.
    """
    return _SEPARATORS.sub(" ", _CAMEL_CASE.sub(" ", intent)).strip().lower()
