"""Assistants' labelled messages as commands take them: a path, or a name and a path."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from rasa_token_pruning.evaluation.labelled import Labelled, LabelledError, read_labelled

_GENERIC = ("train", "data", "nlu")  # names that say nothing: the folder's says more


@dataclass(frozen=True)
class Task:
    """Labelled messages of one assistant.

    :param name: What it is called in results.
    :param pool: At least two intents.
    """

    name: str
    pool: Labelled


def read_task(given: str) -> Task:
    """Labelled messages of which some can be drawn to learn from, and others to judge by.

    :param given: The path of a CSV file (text,intent), or of a Rasa NLU file or folder; or ``NAME=PATH``.
    :raises LabelledError: If they cannot be read, or are too few.
    """
    name, is_named, path = given.partition("=")
    if not is_named or Path(given).exists():
        name, path = "", given
    file = Path(path)
    pool = read_labelled(file)
    if len(pool.known) < 2 or max(Counter(pool.intents).values()) < 2:
        raise LabelledError(
            f"{path} has {len(pool)} messages, intents: {len(pool.known)}; a task needs several of two intents or more."
        )
    return Task(name or _name(file), pool)


def _name(file: Path) -> str:
    """The first name from the file on upwards that says something."""
    names = [file.stem, *(folder.name for folder in file.absolute().parents)]
    return next((name for name in names if name and name not in _GENERIC), file.stem)
