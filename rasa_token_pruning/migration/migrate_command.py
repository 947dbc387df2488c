"""``rasa-token-pruning migrate``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from typing import Any

from rasa_token_pruning.migration.annotations import annotates_entities
from rasa_token_pruning.migration.classifiers import AUTO, DEFAULT_ENTITIES, ENTITIES, NONE, Wish
from rasa_token_pruning.migration.errors import MigrationError
from rasa_token_pruning.migration.migrating import Migration, migrate
from rasa_token_pruning.migration.yaml_text import lines_of

__all__ = ["MigrationError", "add"]

_COLOURS = {"+": "\x1b[32m", "-": "\x1b[31m", "@": "\x1b[36m"}
_PLAIN = "\x1b[0m"


def add(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "migrate",
        help="put this package in DIET's place in a config.yml",
        description="Writes the config with this package in DIET's place to the output, and what changes, with notes, "
        "to the errors. Comments, order and quotes stay. Changes no file unless --output or --in-place say so.",
    )
    parser.add_argument("config", type=Path, metavar="CONFIG.yml", help="a config of Rasa 3.6")
    parser.add_argument(
        "--entities",
        choices=ENTITIES,
        default=AUTO,
        help="what extracts entities instead of DIET: FewShotEntityExtractor (fewshot), CRFEntityExtractor (crf), "
        f"DIETClassifier for them alone (diet), or nothing (none); auto is {DEFAULT_ENTITIES}, but none where there "
        "are no entities, or a CRFEntityExtractor already (default: auto)",
    )
    parser.add_argument(
        "--data",
        type=Path,
        help="training data, to see whether it has entities (default: the folder data beside the config)",
    )
    parser.add_argument("--keep-response-selector", action="store_true", help="leave Rasa's ResponseSelector")
    to = parser.add_mutually_exclusive_group()
    to.add_argument(
        "--output", type=Path, metavar="FILE", help="write the new config to a file that does not exist yet"
    )
    to.add_argument("--in-place", action="store_true", help="change the config; the old one stays as CONFIG.yml.bak")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Migrate, write, say what changed.

    :raises MigrationError: If the config cannot be migrated, or a file is in the way.
    """
    file = arguments.config
    text = _read(file)
    wish = Wish(arguments.entities, _annotated(arguments), arguments.keep_response_selector)
    migration = migrate(text, str(file), wish)
    if arguments.in_place:
        _replace(file, text, migration.text)
    elif arguments.output:
        _create(arguments.output, migration.text)
    else:
        _say(migration.text)
        if sys.stdout.isatty():
            print(file=sys.stderr)
    coloured = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    print(report(text, migration, str(file), coloured), file=sys.stderr)


def report(old: str, migration: Migration, name: str, coloured: bool = False) -> str:
    """The unified diff and the notes, as a person reads them."""
    diff = list(_diff(old, migration.text, name))
    if coloured:
        diff = [f"{_COLOURS[line[0]]}{line}{_PLAIN}" if line[:1] in _COLOURS else line for line in diff]
    notes = [f"- {note}" for note in migration.notes]
    return "\n".join([*diff, "", "Notes", *notes] if diff else migration.notes)


def _diff(old: str, new: str, name: str) -> Iterator[str]:
    for line in unified_diff(lines_of(old), lines_of(new), name, f"{name} (migrated)"):
        yield line.rstrip("\r\n")
        if not line.endswith("\n"):
            yield "\\ No newline at end of file"


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8")  # with its line ends
    except UnicodeDecodeError as error:
        raise MigrationError(f"{file} is no UTF-8 text ({error.reason}): convert it.") from error


def _annotated(arguments: argparse.Namespace) -> bool | None:
    """Whether the training data has entities; None if there is no data, or nobody asks."""
    data = arguments.data or arguments.config.parent / "data"
    if arguments.data and not data.exists():
        raise MigrationError(f"--data {data}: there is no such file or folder.")
    if arguments.entities == NONE or not data.exists():
        return None
    return annotates_entities(data)


def _create(file: Path, text: str) -> None:
    try:
        with file.open("xb") as stream:
            stream.write(text.encode())
    except FileExistsError as error:
        raise MigrationError(f"{file} exists: name another file, or move it away.") from error


def _replace(file: Path, old: str, new: str) -> None:
    if new != old:
        _create(file.with_name(f"{file.name}.bak"), old)
        file.write_bytes(new.encode())


def _say(text: str) -> None:
    """Write a config to the output as it is to be on disk."""
    try:
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has enough, as head has after ten lines
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python still flushes at its end
        sys.exit(0)
