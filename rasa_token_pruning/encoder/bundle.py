"""An encoder on disk that needs neither its model nor torch: graph, tokenizer and a description, checked by hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.policy import PruningPolicy

DESCRIPTION, GRAPH, TOKENIZER = "encoder.json", "encoder.onnx", "tokenizer.json"
FORMAT = 2
_LEAST = {"layers": 1, "width": 1, "dimension": 1, "max_length": 2}


@dataclass(frozen=True)
class Description:
    """What is to be known about an encoder.

    :param identity: The hash of the model that it was made of.
    :param policy: Where and how much it cuts.
    :param readout: What of it becomes the embedding.
    :param precision: ``fp32`` or ``int8``.
    :param layers: The number of layers.
    :param width: The width of a token's state.
    :param dimension: The width of an embedding.
    :param max_length: How many word pieces it reads of a text, special tokens counted.
    :param prompt: What precedes every text.
    """

    identity: str
    policy: PruningPolicy
    readout: str
    precision: str
    layers: int
    width: int
    dimension: int
    max_length: int
    prompt: str


def write_bundle(folder: Path, description: Description, graph: bytes, tokenizer: str) -> None:
    """Write an encoder's files; the description comes last, so that a folder that has one is complete.

    :param folder: Made if it does not exist; files in it are replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    contents = {GRAPH: graph, TOKENIZER: tokenizer.encode("utf-8")}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    record = {"format": FORMAT, **asdict(description), "sha256": hashes}
    record["checksum"] = _checksum(record)
    (folder / DESCRIPTION).write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read_bundle(folder: Path) -> tuple[Description, str]:
    """The description of an encoder whose files were checked, and what tells it from every other.

    :raises EncoderError: If a file is missing, damaged, or of a newer format.
    """
    file = folder / DESCRIPTION
    try:
        content = file.read_bytes()
        record = json.loads(content)
    except (OSError, ValueError, RecursionError) as error:
        raise EncoderError(f"{file} cannot be read: {error}. Save the encoder again.") from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        found = record.get("format") if isinstance(record, dict) else None
        raise EncoderError(f"{file} has the format {found!r}; this version reads format {FORMAT}. Save it again.")
    try:
        description = as_description(record)
        hashes = {name: record["sha256"][name] for name in (GRAPH, TOKENIZER)}
        if record.pop("checksum") != _checksum(record):
            raise EncoderError("its checksum is not that of its content")
    except (KeyError, TypeError, EncoderError) as error:
        raise EncoderError(f"{file} is damaged ({error}). Save the encoder again.") from error
    for name, expected in hashes.items():
        _check_hash(folder / name, expected)
    return description, hashlib.sha256(content).hexdigest()


def as_description(record: Mapping[str, Any]) -> Description:
    """The description that ``asdict`` made a record of, and JSON, which may hold more.

    :raises KeyError, TypeError, EncoderError: If the record holds none.
    """
    values = {field.name: record[field.name] for field in fields(Description)}
    values["policy"] = PruningPolicy(**values["policy"])
    for field in fields(Description):
        if field.type in ("int", "str") and type(values[field.name]).__name__ != field.type:
            raise TypeError(f"{field.name} is {values[field.name]!r}")
    for key, least in _LEAST.items():
        if values[key] < least:
            raise EncoderError(f"{key} is {values[key]}, less than {least}")
    return Description(**values)


def _checksum(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode("utf-8")).hexdigest()


def _check_hash(file: Path, expected: str) -> None:
    try:
        found = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise EncoderError(f"{file} cannot be read: {error.strerror}. Save the encoder again.") from error
    if found != expected:
        raise EncoderError(f"{file} has SHA-256 {found}, but it was saved with {expected}: save the encoder again.")
