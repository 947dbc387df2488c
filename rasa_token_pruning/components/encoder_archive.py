"""Which encoder an assistant was trained with: in its archive, with the encoder's files or without."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rasa.shared.exceptions import InvalidConfigException

from rasa_token_pruning.components.encoders import COMPONENT, encoder_from_config
from rasa_token_pruning.encoder.bundle import DESCRIPTION
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.pruned import PrunedEncoder

RECORD, BUNDLE = "encoder.json", "encoder"
FORMAT = 1


def write_encoder(encoder: PrunedEncoder, folder: Path, bundled: bool) -> None:
    """Write an encoder, or what tells it from others, into an assistant's archive.

    :param folder: In the archive.
    :param bundled: Whether the archive shall hold the encoder's files, if it can be saved.
    """
    bundled = bundled and encoder.can_be_saved
    if bundled:
        encoder.save(folder / BUNDLE)
    record = {
        "format": FORMAT,
        "identity": encoder.identity,
        "precision": encoder.precision,
        # The description holds the hashes of the other files.
        "bundle": _hash(folder / BUNDLE / DESCRIPTION) if bundled else None,
    }
    (folder / RECORD).write_text(json.dumps(record))


def read_encoder(config: Mapping[str, Any], folder: Path, from_bundle: bool = True) -> PrunedEncoder:
    """The encoder that an assistant was trained with.

    :param config: The options of TokenPruningFeaturizer, complete.
    :param folder: In the archive.
    :param from_bundle: Whether to read its files if the archive has them, or to make it again.
    :raises InvalidConfigException: If the encoder in the archive is damaged, or the archive holds none and the one on
        this machine is not the one of the training.
    """
    record = _read_record(folder / RECORD)
    if from_bundle and record["bundle"] is not None:
        encoder = _from_bundle(config, folder / BUNDLE, record["bundle"])
    else:
        encoder = encoder_from_config(config)
    _check_trained_with(record, encoder, config["model"])
    return encoder


def _from_bundle(config: Mapping[str, Any], folder: Path, recognised_by: str) -> PrunedEncoder:
    try:
        if _hash(folder / DESCRIPTION) != recognised_by:
            raise EncoderError(f"{folder / DESCRIPTION} is not what was written.")
        return PrunedEncoder.load(folder, num_threads=config["num_threads"], cache_mib=config["cache_mib"])
    except (EncoderError, OSError) as error:
        raise InvalidConfigException(
            f"{COMPONENT}: the encoder in the archive cannot be used. Train again, or restore the archive. ({error})"
        ) from error


def _read_record(file: Path) -> dict[str, Any]:
    try:
        record = json.loads(file.read_bytes())
        known = {key: record[key] for key in ("format", "identity", "precision", "bundle")}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidConfigException("The record of the encoder in the archive is damaged: train again.") from error
    if known["format"] != FORMAT:
        raise InvalidConfigException(
            f"{COMPONENT}: the record of the encoder in the archive has format {known['format']!r}, but this version "
            f"reads {FORMAT}: train again with the installed version."
        )
    return known


def _check_trained_with(record: Mapping[str, Any], encoder: PrunedEncoder, model: str) -> None:
    trained_with = record["identity"]
    if record["precision"] != encoder.precision:
        raise InvalidConfigException(
            f"This assistant was trained with precision {record['precision']}, but here it would answer with "
            f"{encoder.precision}. Install what that needs, set precision, or train again."
        )
    if trained_with != encoder.identity:
        raise InvalidConfigException(
            f"This assistant was trained with another encoder than the one that model '{model}' names on this machine "
            f"(trained with {trained_with}, found {encoder.identity}). Install the encoder of the training here, set "
            "bundle_encoder to true where it is trained, or train again."
        )


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
