"""JSON files of a model's folder, read with errors that name the file and the key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from rasa_token_pruning.encoder.errors import EncoderError

_KINDS = {bool: "true or false", str: "a text", dict: "an object", list: "a list"}
_T = TypeVar("_T")


def check_fixed(file: Path, found: Mapping[str, Any], fixed: Mapping[str, Any]) -> None:
    """Refuse what would change the embeddings and is not done here: other values than these, if a key is there.

    :raises EncoderError: If there is one.
    """
    for key, supported in fixed.items():
        if found.get(key) not in (supported, None):
            raise EncoderError(
                f"{file} has {key} {found[key]!r}; supported is {supported!r}. Choose another sentence encoder."
            )


def value_of(file: Path, found: Mapping[str, Any], key: str, kind: type[_T], default: _T | None = None) -> _T:
    """The value of a key, which must be of a kind.

    :raises EncoderError: If it is of another, or missing and there is no default.
    """
    value = found.get(key, default)
    if not isinstance(value, kind):
        raise EncoderError(f"{file} has {key} {value!r}; it must be {_KINDS[kind]}. Restore the model's folder.")
    return value


def positive_of(file: Path, found: Mapping[str, Any], key: str) -> int:
    """The value of a key, which must be a whole number from 1 on.

    :raises EncoderError: If it is not.
    """
    value = found.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise EncoderError(f"{file} has {key} {value!r}; it must be a whole number from 1. Restore the model's folder.")
    return value


def read_object(file: Path) -> dict[str, Any]:
    """A file that holds one JSON object.

    :raises EncoderError: If it is missing or damaged, or holds something else.
    """
    found = read_json(file)
    if not isinstance(found, dict):
        raise EncoderError(f"{file} holds no JSON object. Restore the model's folder.")
    return found


def read_json(file: Path) -> Any:
    """The content of a JSON file.

    :raises EncoderError: If it is missing or damaged.
    """
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise EncoderError(
            f"{file} cannot be read: {error}. A model's folder must be one that sentence-transformers wrote."
        ) from error
