"""From the folder of a bot, NLU data or a CSV file to labelled messages and the config that belongs to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rasa_token_pruning.evaluation.labelled import Labelled, read_labelled
from rasa_token_pruning.reporting.errors import ReportError

_CONFIG, _DATA = "config.yml", "data"  # Rasa's own defaults


@dataclass(frozen=True)
class Source:
    """What a report is about.

    :param name: What it is called.
    :param data: Where its messages are from.
    :param messages: Its labelled messages, of at least two intents.
    :param config: Its config, if it has one.
    """

    name: str
    data: Path
    messages: Labelled
    config: Path | None


def read_source(given: Path, config: Path | None = None) -> Source:
    """Find and read what a report is to be about.

    :param given: A bot, whose messages are in ``data`` as Rasa has it by default; or a file or folder of NLU data, or a
        CSV file with the columns ``text`` and ``intent``.
    :param config: The config; by default the bot's, or the ``config.yml`` beside the data.
    :raises ReportError: If there is no such file or folder, or too little to learn from and to judge by.
    :raises LabelledError: If the messages cannot be read.
    """
    for path in (given, config):
        if path is not None and not path.exists():
            raise ReportError(
                f"{path} is not there: give the folder of a bot, NLU data (.yml, or a folder), or a CSV file with the "
                "columns text and intent; with --config a config.yml."
            )
    is_bot = (given / _CONFIG).is_file() and (given / _DATA).is_dir()
    data = given / _DATA if is_bot else given
    messages = read_labelled(data)
    counts = Counter(messages.intents)
    if len(counts) < 2 or max(counts.values()) < 2:
        raise ReportError(
            f"{data} has {len(messages)} messages, intents: {len(counts)}. A report learns from some and judges by "
            "others: give several messages of two intents or more."
        )
    return Source(_name(given), data, messages, config or next(_configs(data), None))


def _configs(data: Path) -> Iterator[Path]:
    """The configs that may belong to data: in the same folder, or beside the folder ``data`` in which it lies."""
    path = data.absolute()
    folders = [path if path.is_dir() else path.parent, *(up.parent for up in (path, *path.parents) if up.name == _DATA)]
    return (folder / _CONFIG for folder in folders if (folder / _CONFIG).is_file())


def _name(given: Path) -> str:
    """The first name from the file or folder on upwards that says something."""
    path = given.absolute()
    names = [path.stem if path.is_file() else path.name, *(folder.name for folder in path.parents)]
    return next((name for name in names if name and name not in (_DATA, "nlu")), "assistant")
