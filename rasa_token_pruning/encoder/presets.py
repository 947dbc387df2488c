"""Named pruning policies: those that a search has found for an encoder, and a rule for all others."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.options import AUTO, NONE, PACKAGE
from rasa_token_pruning.encoder.policy import PruningPolicy

LEVELS = ("gentle", "balanced", "aggressive")
NAMES = ("off", *LEVELS)

# What `rasa-token-pruning tune --preset` has written, one file for each encoder, named after it.
_FOLDER = Path(__file__).resolve().parent.parent / "presets"
_ADAPTED = "+adapter"  # what a file's name ends in for an encoder with the adapter that comes with this package


def preset(name: str, layers: int, model: str = "", adapter: str = NONE) -> PruningPolicy:
    """The policy of a name.

    :param name: ``gentle``, ``balanced`` or ``aggressive``, by how much accuracy they may cost (docs/pruning.md).
        ``off`` is ``balanced`` without its cuts.
    :param layers: The number of layers of the encoder, at least 1.
    :param model: The name or folder of the encoder. If its last part is the name of an encoder for which a search has
        found policies, it is these; else a rule of thumb, by the number of layers.
    :param adapter: As in the featurizer. With ``auto`` and ``package``, where an adapter comes with the package for the
        model, the policies are those that were found with it.
    :raises EncoderError: If there is no preset of that name, or the file of those that were found is damaged.
    """
    if name not in NAMES:
        raise EncoderError(f"pruning is {name!r}: give one of {', '.join(NAMES)}.")
    place = re.split(r"[\\/]", model.rstrip("\\/"))[-1]
    with_adapter = adapter in (AUTO, PACKAGE) and name != "off" and _has_adapter(model)
    found = (_tuned(place + _ADAPTED) if with_adapter else {}) or _tuned(place)
    level = "balanced" if name == "off" else name
    policy = found.get(level, by_rule(level, layers))
    if any(layer >= layers for layer in policy.layers):  # another encoder of the same name
        policy = by_rule(level, layers)
    return policy.without_cuts() if name == "off" else policy


def policy_from_options(options: Mapping[str, Any], layers: int) -> PruningPolicy:
    """The policy that a featurizer's options describe: a preset, parts of which they may override.

    :param options: ``model``; ``adapter``, if there may be one; ``pruning``, the name of a preset; and ``layers``,
        ``quantile``, ``min_tokens``, ``reduction``, ``score`` and ``protect``, each with a value of its own, None or
        missing.
    :param layers: The number of layers of the encoder, at least 1.
    :raises EncoderError: If a value is wrong.
    """
    name = options["pruning"]
    if isinstance(name, bool):  # what YAML 1.1 makes of a bare `off` and `on`
        name = "balanced" if name else "off"
    given = {key.name: options.get(key.name) for key in fields(PruningPolicy)}
    changes = {key: value for key, value in given.items() if value is not None}
    return replace(preset(name, layers, options["model"], options.get("adapter", NONE)), **changes)


def by_rule(level: str, layers: int) -> PruningPolicy:
    """A policy for an encoder that no search has been run for.

    :param level: One of ``LEVELS``.
    :param layers: The number of its layers, at least 1.
    """
    quantile, floor = _RULE[level]
    return PruningPolicy(layers=(layers // 3,), quantile=quantile, min_tokens=floor)


_RULE = {"gentle": (0.3, 10), "balanced": (0.4, 10), "aggressive": (0.6, 6)}


def _has_adapter(model: str) -> bool:
    from rasa_token_pruning.encoder.adapter_files import adapter_where_cut  # a loaded encoder does not need it

    return adapter_where_cut(model, AUTO) is not None


@lru_cache
def _tuned(model: str) -> dict[str, PruningPolicy]:
    """By level the policies that were found for an encoder; none if there is no file for it."""
    known = {file.stem: file for file in _FOLDER.glob("*.json")}
    if model not in known:
        return {}
    try:
        levels = json.loads(known[model].read_bytes())["levels"]
        return {name: PruningPolicy(**level["policy"]) for name, level in levels.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise EncoderError(
            f"{known[model]} holds no presets ({error!r}): write it again with rasa-token-pruning tune --preset, or "
            "remove it."
        ) from error
