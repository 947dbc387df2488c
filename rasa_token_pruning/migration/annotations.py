"""Whether training data annotates entities."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rasa_token_pruning.migration.errors import MigrationError
from rasa_token_pruning.migration.yaml_text import parse_data

# As Rasa's own parser takes them: [text](entity), [text](entity:value), [text]{"entity": ...}, [text][{...}, {...}]
# Limits, so that a line of thousands of brackets does not take the square of its length.
_ANNOTATION = re.compile(r"\[[^\]]{1,500}\](?:\([^:)]{1,500}(?::[^)]{1,500})?\)|\{[^}]{1,500}\}|\[.{0,500}?\])")
_YAML, _JSON = (".yml", ".yaml"), ".json"


def annotates_entities(path: Path) -> bool:
    """Whether an example of an intent has an entity.

    :param path: A file, or a folder, of Rasa's training data in YAML or JSON; what else it holds does not matter.
    :raises MigrationError: If a file cannot be read.
    """
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    return any(map(_has_annotation, files))


def _has_annotation(file: Path) -> bool:
    if file.suffix not in {*_YAML, _JSON} or file.name.startswith("."):
        return False
    try:
        text = file.read_text(encoding="utf-8")
        if file.suffix == _JSON:
            return _in_json(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise MigrationError(f"{file} cannot be read as training data: {error}") from error
    # Most files are done with here: to parse large ones takes its time.
    return bool(_ANNOTATION.search(text)) and any(map(_ANNOTATION.search, _examples(parse_data(text, str(file)))))


def _in_json(content: Any) -> bool:
    data = content.get("rasa_nlu_data") if isinstance(content, dict) else None
    examples = data.get("common_examples") if isinstance(data, dict) else None
    examples = examples if isinstance(examples, list) else []
    return any(isinstance(example, dict) and example.get("entities") for example in examples)


def _examples(content: Any) -> Iterator[str]:
    """The examples of all intents, annotations and all."""
    sections = content.get("nlu") if isinstance(content, dict) else None
    for section in sections if isinstance(sections, list) else ():
        examples = section.get("examples") if isinstance(section, dict) and "intent" in section else None
        if isinstance(examples, str):
            yield from (line for line in examples.splitlines() if line.startswith("-"))
        elif isinstance(examples, list):
            yield from (str(example.get("text", "")) for example in examples if isinstance(example, dict))
