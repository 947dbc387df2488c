"""The encoder that an assistant was trained with: read from its archive, or made again and compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rasa_token_pruning.components.encoders import COMPONENT, encoder_from_config
from rasa_token_pruning.components.options import as_config_error
from rasa_token_pruning.components.threads import serving_threads
from rasa_token_pruning.encoder.archived import bundled_encoder, check_trained_with, read_archived
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
    with as_config_error(COMPONENT, EncoderError):
        record = read_archived(folder)
        bundled = from_bundle and record.bundle is not None
        if bundled:
            return bundled_encoder(record, folder, threads, config["cache_mib"])
        encoder = encoder_from_config({**config, "num_threads": threads})
        check_trained_with(record, encoder, config["model"])
        return encoder
