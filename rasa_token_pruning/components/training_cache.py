"""What training has encoded, kept in Rasa's cache folder for the next training."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import ZipFile

import numpy as np
from safetensors.numpy import load, save

from rasa_token_pruning.components.encoders import encoder_fingerprint
from rasa_token_pruning.encoder.disk_cache import DiskCache
from rasa_token_pruning.encoder.pruned import EncodedText

_FILE = "rasa_token_pruning.db"
# Of what Rasa's cache may take. Rasa counts our file, but cannot shorten it: it would drop its own results instead.
_SHARE = 0.25
# Rasa's own settings and their defaults; a size in MB, 0 for no cache.
_FOLDER, _SIZE = ("RASA_CACHE_DIRECTORY", str(Path(".rasa", "cache"))), ("RASA_MAX_CACHE_SIZE", "1000")
# Options that change nothing about what an encoder gives.
_IRRELEVANT = {"alias", "cache_mib"}


class TextRows(NamedTuple):
    """What becomes of a text.

    :param embedding: ``(dimension,)``, float32.
    :param states: For each word piece the last state that it reached, ``(pieces, token_dimension)``, float32.
    :param offsets: Start and end character of each piece in the text, ``(pieces, 2)``, int64.
    """

    embedding: np.ndarray
    states: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, text: EncodedText) -> TextRows:
        """Those of an encoded text."""
        return cls(text.embedding, text.states, text.pieces.offsets)


class TrainingCache:
    """What one encoder gave, by the texts; and what it left in the archive. Off where Rasa's cache is.

    :param config: The options of TokenPruningFeaturizer, complete.
    :raises InvalidConfigException: If the model is missing or damaged.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        options = {key: value for key, value in config.items() if key not in _IRRELEVANT}
        self._key = _digest(json.dumps([encoder_fingerprint(config), options], sort_keys=True, default=str))
        self._disk = DiskCache(Path(_setting(*_FOLDER), _FILE), int(_SHARE * 1e6 * float(_setting(*_SIZE))))

    def recall_archive(self, folder: Path) -> bool:
        """Write to a folder what ``remember_archive`` found in one; whether that is known."""
        name = f"{self._key}/archive"
        packed = self._disk.read([name]).get(name)
        if packed is not None:
            with ZipFile(BytesIO(packed)) as files:
                files.extractall(folder)
        return packed is not None

    def remember_archive(self, folder: Path) -> None:
        """Remember the files of a folder."""
        packed = BytesIO()
        with ZipFile(packed, "w") as files:
            for file in sorted(file for file in folder.rglob("*") if file.is_file()):
                files.write(file, file.relative_to(folder).as_posix())
        self._disk.write({f"{self._key}/archive": packed.getvalue()})

    def rows(self, texts: Sequence[str], encode: Callable[[list[str]], Sequence[EncodedText]]) -> list[TextRows]:
        """The rows of texts, of which only the unknown ones are encoded.

        :param texts: The texts, each once.
        :param encode: What encodes them; called if there is an unknown one.
        """
        names = {text: f"{self._key}/text/{_digest(text)}" for text in texts}
        known = self._disk.read(names.values())
        found = {text: TextRows(**load(known[name])) for text, name in names.items() if name in known}
        unknown = [text for text in texts if text not in found]
        if unknown:
            encoded = {text: TextRows.of(result) for text, result in zip(unknown, encode(unknown), strict=True)}
            self._disk.write({names[text]: save(rows._asdict()) for text, rows in encoded.items()})
            found |= encoded
        return [found[text] for text in texts]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _setting(name: str, default: str) -> str:
    return os.environ.get(name, default)
