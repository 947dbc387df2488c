"""The encoder that an assistant was trained with: read from its archive, or made again and compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rasa.shared.exceptions import InvalidConfigException

from rasa_token_pruning.components.encoders import COMPONENT, encoder_from_config
from rasa_token_pruning.components.threads import serving_threads
from rasa_token_pruning.encoder.archived import Archived, bundled_encoder, read_archived
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.pruned import PrunedEncoder


def read_encoder(config: Mapping[str, Any], folder: Path, from_bundle: bool = True) -> PrunedEncoder:
    """The encoder that an assistant was trained with.

    :param config: The options of TokenPruningFeaturizer, complete.
    :param folder: In the archive.
    :param from_bundle: Whether to read its files if the archive has them, or to make it again.
    :raises InvalidConfigException: If the encoder in the archive is damaged, or the archive holds none and the one on
        this machine is not the one of the training.
    """
    threads = serving_threads(config)
    try:
        record = read_archived(folder)
        bundled = from_bundle and record.bundle is not None
        encoder = bundled_encoder(record, folder, threads, config["cache_mib"]) if bundled else None
    except EncoderError as error:
        raise InvalidConfigException(f"{COMPONENT}: {error}") from error
    encoder = encoder or encoder_from_config({**config, "num_threads": threads})
    _check_trained_with(record, encoder, config["model"])
    return encoder


def _check_trained_with(record: Archived, encoder: PrunedEncoder, model: str) -> None:
    if record.precision != encoder.precision:
        raise InvalidConfigException(
            f"This assistant was trained with precision {record.precision}, but here it would answer with "
            f"{encoder.precision}. Install what that needs, set precision, or train again."
        )
    if record.identity != encoder.identity:
        raise InvalidConfigException(
            f"This assistant was trained with another encoder than the one that model '{model}' names on this machine "
            f"(trained with {record.identity}, found {encoder.identity}). Install the encoder of the training here, "
            "set bundle_encoder to true where it is trained, or train again."
        )
