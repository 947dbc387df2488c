"""From a featurizer's options to its encoder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from rasa_token_pruning.components.options import as_config_error
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.location import identity, locate
from rasa_token_pruning.version import __version__

if TYPE_CHECKING:
    from rasa_token_pruning.encoder.pruned import PrunedEncoder

_POLICY_KEYS = ("layers", "quantile", "min_tokens")


def encoder_from_config(config: Mapping[str, Any]) -> PrunedEncoder:
    """The encoder that a featurizer's options describe.

    :param config: The options of TokenPruningFeaturizer, complete.
    :raises InvalidConfigException: If a value is wrong, the model is missing, damaged or not supported, or torch is
        not installed.
    """
    with as_config_error("TokenPruningFeaturizer", EncoderError):
        try:
            from rasa_token_pruning.encoder.pruned import PrunedEncoder
        except ImportError as missing:
            raise EncoderError(
                f"The encoder needs the package {missing.name}: pip install 'rasa-token-pruning[train]'"
            ) from missing
        encoder = PrunedEncoder(config["model"], _preset_name(config["pruning"]), config["readout"])
        changes = {key: config[key] for key in _POLICY_KEYS if config[key] is not None}
        if not changes:
            return encoder
        return PrunedEncoder(config["model"], replace(encoder.policy, **changes), config["readout"])


def encoder_fingerprint(config: Mapping[str, Any]) -> str:
    """A text that changes whenever the same options would give other features.

    :raises InvalidConfigException: If the model is missing or damaged.
    """
    with as_config_error("TokenPruningFeaturizer", EncoderError):
        encoder = identity(locate(config["model"]))
    return json.dumps({"package": __version__, "encoder": encoder, "torch": _version("torch")}, sort_keys=True)


def _preset_name(pruning: Any) -> Any:
    """YAML 1.1 reads a bare ``off`` as false and ``on`` as true; both are understood."""
    if isinstance(pruning, bool):
        return "balanced" if pruning else "off"
    return pruning


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
