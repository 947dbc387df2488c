"""YAML as Rasa reads it, and where on a line a comment starts."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate, islice
from typing import Any

from rasa_token_pruning.migration.errors import MigrationError

_MOST_NODES = 100_000  # more than any config has
_LONGEST_NUMBER = 1000  # characters; Python refuses to write numbers of more than 4300 digits


def parse(text: str, name: str) -> Any:
    """What a text in YAML says.

    :param name: What messages call it.
    :raises MigrationError: If it is no YAML, or ruamel.yaml is missing.
    """
    return _run("load", text, name)


def parse_data(text: str, name: str) -> Any:
    """What a large text in YAML says; faster where ruamel.yaml has its parser in C.

    :param name: What messages call it.
    :raises MigrationError: If it is no YAML, or ruamel.yaml is missing.
    """
    return _run("load", text, name, pure=False)


def compose(text: str, name: str) -> Any:
    """The nodes of a text in YAML, which know where they stand; None if it says nothing.

    :param name: What messages call it.
    :raises MigrationError: If it is no YAML, says too much by aliases, has a huge number, or ruamel.yaml is missing.
    """
    root = _run("compose", text, name)
    try:
        much = root is not None and next(islice(_nodes(root), _MOST_NODES, None), None) is not None
    except RecursionError as error:
        raise MigrationError(f"{name}: something that has an &anchor holds its own *alias. Write it out.") from error
    if much:
        raise MigrationError(f"{name} says more than {_MOST_NODES} things, with its *aliases. Is it a config?")
    for node in _nodes(root) if root is not None else ():
        if node.id == "scalar" and node.tag.endswith(":int") and len(node.value) > _LONGEST_NUMBER:
            where = f"{name}:{node.start_mark.line + 1}"
            raise MigrationError(
                f"{where}: a number of {len(node.value)} characters. Write one of at most {_LONGEST_NUMBER}."
            )
    return root


def lines_of(text: str) -> list[str]:
    """The lines of a text with their ends."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


class Lines:
    """The lines of a text in YAML, with their comments.

    :param text: The text.
    :param root: Its nodes.
    """

    def __init__(self, text: str, root: Any) -> None:
        self.all = lines_of(text)
        self._length = len(text)
        self._starts = list(accumulate(map(len, self.all), initial=0))[:-1]
        self.newline = "\r\n" if self.all and self.all[0].endswith("\r\n") else "\n"
        if self.all and not self.all[-1].endswith("\n"):
            self.all[-1] += self.newline
        scalars = bytearray(len(text))  # where there are values: a # there starts no comment
        for node in _nodes(root) if root is not None else ():
            if node.id == "scalar":
                start, end = node.start_mark.index, node.end_mark.index
                scalars[start:end] = b"\1" * (end - start)
        pairs = zip(self.all, self._starts, strict=True)
        self._comments = [_comment_column(line, scalars[start : start + len(line)]) for line, start in pairs]

    def at(self, index: int) -> tuple[int, int]:
        """The line and the column of a character; behind the last character, the line after the last."""
        if index >= self._length:
            return len(self.all), 0
        line = bisect_right(self._starts, index) - 1
        return line, index - self._starts[line]

    def comment(self, line: int) -> str:
        """The comment on a line, or ""."""
        column = self._comments[line]
        return "" if column is None else self.all[line][column:].rstrip()

    def is_comment(self, line: int) -> bool:
        """Whether there is nothing but a comment on a line."""
        return self.all[line].lstrip().startswith("#") and bool(self.comment(line))

    def is_blank(self, line: int) -> bool:
        """Whether there is nothing on a line."""
        return not self.all[line].strip()


def _run(task: str, text: str, name: str, pure: bool = True) -> Any:
    try:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError, YAMLError
    except ImportError as missing:
        raise MigrationError(
            f"migrate needs the package {missing.name}: pip install 'rasa-token-pruning[train]'"
        ) from missing
    yaml = YAML(typ="safe", pure=pure)
    yaml.version = (1, 2)  # Rasa's: yes and on are texts
    try:
        return getattr(yaml, task)(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}" if mark else name
        raise MigrationError(f"{where}: {', '.join(filter(None, (error.context, error.problem)))}.") from error
    except (YAMLError, ValueError, TypeError, LookupError, RecursionError) as error:  # of values that do not fit tags
        raise MigrationError(f"{name} cannot be read as YAML: {error}") from error


def _comment_column(line: str, scalars: bytearray) -> int | None:
    """Where a comment starts on a line.

    :param scalars: For each character whether it belongs to a value.
    """
    found = (column for column, character in enumerate(line) if character == "#" and not scalars[column])
    return next(found, None)


def _nodes(node: Any) -> Iterator[Any]:
    """A node and all nodes in it; what has aliases comes as often as it is meant."""
    yield node
    for child in node.value if node.id == "sequence" else ():
        yield from _nodes(child)
    for pair in node.value if node.id == "mapping" else ():
        for child in pair:
            yield from _nodes(child)
