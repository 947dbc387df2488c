"""From a featurizer's options to its encoder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from rasa_token_pruning.components.options import as_config_error
from rasa_token_pruning.encoder import archived, bundle
from rasa_token_pruning.encoder.adapter_files import adapter_identity
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.from_options import encoder_from_options
from rasa_token_pruning.encoder.location import identity, locate
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.version import __version__

COMPONENT = "TokenPruningFeaturizer"


def encoder_from_config(config: Mapping[str, Any]) -> PrunedEncoder:
    """The encoder that a featurizer's options describe.

    :param config: The options of TokenPruningFeaturizer, complete.
    :raises InvalidConfigException: If a value is wrong, the model is missing, damaged or not supported, or a package
        that the engine needs is not installed.
    """
    with as_config_error(COMPONENT, EncoderError):
        return encoder_from_options(config, config["cache_mib"])


def encoder_fingerprint(config: Mapping[str, Any]) -> str:
    """A text that changes whenever the same options would give other features, or other files.

    :raises InvalidConfigException: If the model is missing or damaged.
    """
    with as_config_error(COMPONENT, EncoderError):
        encoder = identity(locate(config["model"]))
        adapter = adapter_identity(config["adapter"])
    formats = [archived.FORMAT, bundle.FORMAT]
    engines = {package: _version(package) for package in ("torch", "onnxruntime", "onnx")}
    return json.dumps(
        {"package": __version__, "encoder": encoder, "adapter": adapter, "format": formats, **engines}, sort_keys=True
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
