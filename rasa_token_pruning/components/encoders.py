"""From a featurizer's options to its encoder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rasa.shared.exceptions import InvalidConfigException

from rasa_token_pruning.components.options import as_config_error
from rasa_token_pruning.encoder.bundle import DESCRIPTION
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.location import identity, locate
from rasa_token_pruning.encoder.presets import policy_from_options
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.version import __version__

_COMPONENT = "TokenPruningFeaturizer"


def encoder_from_config(config: Mapping[str, Any]) -> PrunedEncoder:
    """The encoder that a featurizer's options describe.

    :param config: The options of TokenPruningFeaturizer, complete.
    :raises InvalidConfigException: If a value is wrong, the model is missing, damaged or not supported, or a package
        that the engine needs is not installed.
    """
    same = ("prompt", "engine", "precision", "num_threads", "device", "cache_mib")
    with as_config_error(_COMPONENT, EncoderError):
        model = shared_model(config["model"])  # held until the encoder has it, so that it is read once
        policy = policy_from_options(config, model.weights.config.layers)
        options = {key: config[key] for key in same}
        return PrunedEncoder(config["model"], policy, config["readout"], **options)


def encoder_to_archive(encoder: PrunedEncoder, folder: Path) -> str:
    """Write an encoder into an assistant's archive.

    :param encoder: One that can be saved.
    :return: What the archive has to keep to recognise the encoder, for ``encoder_from_archive``.
    """
    encoder.save(folder)
    return _hash_of_description(folder)


def encoder_from_archive(config: Mapping[str, Any], folder: Path, recognised_by: str) -> PrunedEncoder:
    """The encoder that was written into an assistant's archive.

    :param recognised_by: What ``encoder_to_archive`` gave. The description holds the hashes of the other files.
    :raises InvalidConfigException: If a file is missing or damaged.
    """
    try:
        if _hash_of_description(folder) != recognised_by:
            raise EncoderError(f"{folder / DESCRIPTION} is not what was written.")
        return PrunedEncoder.load(folder, num_threads=config["num_threads"], cache_mib=config["cache_mib"])
    except (EncoderError, OSError) as error:
        raise InvalidConfigException(
            f"{_COMPONENT}: the encoder in the archive cannot be used. Train again, or restore the archive. ({error})"
        ) from error


def encoder_fingerprint(config: Mapping[str, Any]) -> str:
    """A text that changes whenever the same options would give other features.

    :raises InvalidConfigException: If the model is missing or damaged.
    """
    with as_config_error(_COMPONENT, EncoderError):
        encoder = identity(locate(config["model"]))
    engines = {package: _version(package) for package in ("torch", "onnxruntime", "onnx")}
    return json.dumps({"package": __version__, "encoder": encoder, **engines}, sort_keys=True)


def _hash_of_description(folder: Path) -> str:
    return hashlib.sha256((folder / DESCRIPTION).read_bytes()).hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
