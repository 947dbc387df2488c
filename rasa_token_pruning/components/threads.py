"""How many threads serve a message."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from rasa.constants import DEFAULT_SANIC_WORKERS, ENV_SANIC_WORKERS


def serving_threads(config: Mapping[str, Any]) -> int | None:
    """How many threads the encoder may use for a message.

    :param config: The options of TokenPruningFeaturizer, complete.
    :return: ``num_threads`` if it is given. Else nothing, which leaves it to the engine; but where Rasa starts several
        workers, the share of the processors that each of them has, at least 1: else they are in each other's way.
    """
    if config["num_threads"] is not None:
        threads: int = config["num_threads"]
        return threads
    workers = _workers()
    return max(1, _processors() // workers) if workers > 1 else None


def _workers() -> int:
    try:
        return int(os.environ.get(ENV_SANIC_WORKERS, DEFAULT_SANIC_WORKERS))
    except ValueError:  # Rasa says so, and starts one
        return 1


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
