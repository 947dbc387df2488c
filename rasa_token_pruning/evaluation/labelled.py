"""Labelled messages on disk: CSV files and Rasa's NLU data in YAML, read without Rasa."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_YAML = (".yml", ".yaml")
# [text](entity), [text](entity:value), [text]{"entity": ...} and [text][{...}, ...], as Rasa's own parser takes them.
# Limits, so that a line of thousands of brackets does not take the square of its length.
_ENTITY = re.compile(r"\[(?P<text>[^\]]{1,500})\](?:\([^:)]{1,500}(?::[^)]{1,500})?\)|\{[^}]{1,500}\}|\[.{0,500}?\])")
_ENDS = "\n\r "  # what Rasa takes off an example


class LabelledError(ValueError):
    """Labelled messages cannot be read. The message says the way out."""


@dataclass(frozen=True)
class Labelled:
    """Messages with their intents.

    :param texts: The messages.
    :param intents: The intent of each; a retrieval intent with its sub-intent, as in ``faq/hours``.
    """

    texts: tuple[str, ...]
    intents: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def known(self) -> list[str]:
        """The intents, each once, in alphabetical order."""
        return sorted(set(self.intents))

    def chosen(self, numbers: Sequence[int]) -> Labelled:
        """Those with the given numbers."""
        return Labelled(tuple(self.texts[n] for n in numbers), tuple(self.intents[n] for n in numbers))


def read_labelled(path: Path) -> Labelled:
    """Messages and intents from a CSV file with the columns ``text`` and ``intent``, or from Rasa's NLU data.

    :param path: A ``.csv`` file, a ``.yml`` file, or a folder with ``.yml`` files, which may hold stories and rules
        too. Annotations of entities are taken out of the texts; a text that an intent has twice counts once.
    :raises LabelledError: If there is no such file, it cannot be read, or it holds no labelled message.
    """
    files = sorted(filter(_is_nlu, path.rglob("*"))) if path.is_dir() else [path]
    pairs: dict[tuple[str, str], None] = {}
    for file in files:
        pairs.update(dict.fromkeys(_of_csv(file) if file.suffix.lower() == ".csv" else _of_yaml(file)))
    if not pairs:
        raise LabelledError(
            f"{path} holds no labelled messages: give a CSV file with the columns text and intent, or Rasa's NLU data."
        )
    return Labelled(tuple(text for text, _ in pairs), tuple(intent for _, intent in pairs))


def _is_nlu(file: Path) -> bool:
    return file.suffix in _YAML and not file.name.startswith(".") and file.is_file()


def _of_csv(file: Path) -> Iterator[tuple[str, str]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            for row in csv.DictReader(stream):
                text, intent = row["text"] or "", row["intent"] or ""  # a row can be short of columns
                if text.strip() and intent.strip():
                    yield text, intent
    except (OSError, KeyError, csv.Error, UnicodeDecodeError) as error:
        raise LabelledError(
            f"{file} cannot be read as labelled messages ({error!r}): give a CSV file in UTF-8 with the columns text "
            "and intent."
        ) from error


def _of_yaml(file: Path) -> Iterator[tuple[str, str]]:
    import yaml  # of the train extra

    try:
        # Makes lists, mappings and texts alone: a tag runs nothing, and an intent may be called yes or no, as in Rasa.
        content = yaml.load(file.read_text(encoding="utf-8"), yaml.BaseLoader)
    except (OSError, ValueError, OverflowError, RecursionError, yaml.YAMLError) as error:
        raise LabelledError(f"{file} cannot be read as Rasa's NLU data: {error}") from error
    sections = content.get("nlu") if isinstance(content, dict) else None
    for section in sections if isinstance(sections, list) else []:
        intent = section.get("intent", "") if isinstance(section, dict) else ""
        if isinstance(intent, (dict, list)):
            raise LabelledError(f"{file} has a {type(intent).__name__} where the name of an intent belongs.")
        for example in _examples(section.get("examples")) if intent else ():
            text = _ENTITY.sub(lambda found: found["text"], example).strip()
            if text:
                yield text, intent


def _examples(examples: Any) -> Iterator[str]:
    """The examples of an intent: a text with one ``- example`` a line, or a list of mappings with a ``text``."""
    if isinstance(examples, str):
        for line in examples.splitlines():
            if line.startswith("-"):
                yield line[1:].strip(_ENDS)
    elif isinstance(examples, list):
        for example in examples:
            if isinstance(example, dict) and isinstance(example.get("text"), str):
                yield example["text"].strip(_ENDS)
