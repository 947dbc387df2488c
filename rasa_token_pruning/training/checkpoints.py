"""The checkpoints of a training: those that a kill left half written, and those of another training."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rasa_token_pruning.training.errors import TrainingError

_SETTINGS, _STATE, _START = "settings.json", "trainer_state.json", "checkpoint-"


def claim(folder: Path, settings: Mapping[str, Any]) -> Path | None:
    """Make a folder of checkpoints this training's own, and find where it can go on.

    :param folder: Made if it does not exist. Checkpoints that were not written to their end are removed.
    :param settings: All that decides what the training learns, as JSON can say it.
    :return: The last checkpoint; None if there is none.
    :raises TrainingError: If the folder is that of a training with other settings.
    """
    known = folder / _SETTINGS
    wanted = json.loads(json.dumps(settings))
    if known.is_file() or any(folder.glob(f"{_START}*")):
        if (found := _read(known)) != wanted:
            differing = sorted(key for key in {*wanted, *(found or {})} if (found or {}).get(key) != wanted.get(key))
            raise TrainingError(
                f"{folder} has checkpoints of another training (other: {', '.join(differing)}): give the options of "
                "that one to go on with it, name another --output, or remove the folder."
            )
    folder.mkdir(parents=True, exist_ok=True)
    partial = known.with_suffix(f".{os.getpid()}")  # processes that torchrun started come here together
    partial.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, known)
    complete = []
    for checkpoint in folder.glob(f"{_START}*"):
        if _read(checkpoint / _STATE) is None:  # it is written last
            shutil.rmtree(checkpoint, ignore_errors=True)
        else:
            complete.append(checkpoint)
    return max(complete, key=lambda checkpoint: int(checkpoint.name.removeprefix(_START)), default=None)


def fingerprint(content: Any) -> str:
    """Of what a training learns from, for its settings.

    :param content: As JSON can say it.
    """
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def _read(file: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
