"""A config: what it says, and which lines each component has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rasa_token_pruning.migration.errors import MigrationError
from rasa_token_pruning.migration.yaml_text import Lines, compose, parse


@dataclass(frozen=True)
class Option:
    """The lines of one option.

    :param key: Its name.
    :param start: Its first line, from 0.
    :param end: The line after its last; comments and blank lines may follow.
    """

    key: str
    start: int
    end: int


@dataclass(frozen=True)
class Block:
    """The lines of one component.

    :param head: The first line of the comments and blank lines above it.
    :param start: Its first line, the one with the dash.
    :param end: The line after its last, with comments that are indented further than the dash.
    :param dash: The column of the dash.
    :param column: The column of the options, or None if they are in braces.
    :param options: Its options.
    :param name: Line, first column and column after the last of the value of ``name``; None if it is written elsewhere.
    """

    head: int
    start: int
    end: int
    dash: int
    column: int | None
    options: tuple[Option, ...]
    name: tuple[int, int, int] | None


@dataclass(frozen=True)
class Document:
    """A config.

    :param name: What messages call it.
    :param text: All of it.
    :param data: What it says.
    :param lines: Its lines.
    :param blocks: The components, if they are written one below the other.
    :param value: Where in the text the value of ``pipeline`` starts and ends if it is written otherwise.
    """

    name: str
    text: str
    data: dict[str, Any]
    lines: Lines
    blocks: tuple[Block, ...]
    value: tuple[int, int] | None

    @property
    def pipeline(self) -> list[dict[str, Any]] | None:
        """The components, or None if there are none."""
        return self.data.get("pipeline")


def read(text: str, name: str) -> Document:
    """Read a config.

    :param name: What messages call it.
    :raises MigrationError: If it is no YAML, no config of Rasa's, or written in a way that cannot be changed.
    """
    root = compose(text, name)  # first: it refuses what would take parse forever
    data = parse(text, name)
    lines = Lines(text, root)
    if root is None:
        return Document(name, text, {}, lines, (), None)
    if root.id != "mapping" or root.flow_style:
        raise MigrationError(f"{name}:1: a config has one key a line, as in 'pipeline:'. Write it so.")
    key, value = next((pair for pair in root.value if pair[0].value == "pipeline"), (None, None))
    if value is None or key is None:
        return Document(name, text, data, lines, (), None)
    _check(name, key, value, data["pipeline"])
    if value.id == "sequence" and not value.flow_style:
        return Document(name, text, data, lines, tuple(_blocks(name, lines, key, value)), None)
    start, end = value.start_mark.index, value.end_mark.index
    if start == end:  # nothing at all: the parser only sees that where the next key starts
        start = end = text.index(":", key.end_mark.index) + 1
    return Document(name, text, data, lines, (), (start, end))


def _check(name: str, key: Any, value: Any, pipeline: Any) -> None:
    """:raises MigrationError: If the pipeline is no list of components that are written where they stand."""
    line = key.start_mark.line + 1
    if value.start_mark.index < key.start_mark.index:
        raise MigrationError(f"{name}:{line}: the pipeline is written elsewhere (*alias). Write it here.")
    if pipeline is None:
        return
    if not isinstance(pipeline, list):
        raise MigrationError(f"{name}:{line}: pipeline is {pipeline!r}. Give a list of components.")
    before = key.start_mark.index
    for node, item in zip(value.value, pipeline, strict=True):
        if node.start_mark.index <= before:
            raise MigrationError(f"{name}:{line}: a component is written elsewhere (*alias). Write it out.")
        before, line = node.start_mark.index, node.start_mark.line + 1
        _check_component(f"{name}:{line}", item)


def _check_component(place: str, item: Any) -> None:
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise MigrationError(f"{place}: a component needs a name, as in '- name: WhitespaceTokenizer'.")
    for key in item:
        if not isinstance(key, str):
            raise MigrationError(f"{place}: {item['name']} has an option {key!r}. An option's name is a text.")


def _blocks(name: str, lines: Lines, key: Any, value: Any) -> Iterator[Block]:
    _, dash = lines.at(value.start_mark.index)
    firsts = [_dash_line(name, lines, lines.at(node.start_mark.index)[0], dash) for node in value.value]
    limits = [*firsts[1:], lines.at(value.end_mark.index)[0]]
    head = lines.at(key.start_mark.index)[0] + 1
    for node, start, limit in zip(value.value, firsts, limits, strict=True):
        end = _content_end(lines, start, limit)
        while end < limit and lines.is_comment(end) and _indentation(lines, end) > dash:
            end += 1
        column = None if node.flow_style else lines.at(node.value[0][0].start_mark.index)[1]
        options = () if node.flow_style else tuple(_options(lines, node, end))
        yield Block(head, start, end, dash, column, options, _name(lines, node))
        head = end


def _dash_line(name: str, lines: Lines, line: int, dash: int) -> int:
    """The line with the dash of a component whose options start on a line: that one or one above.

    :raises MigrationError: If there is none, as where something else than a line feed ends the lines.
    """
    for at in range(line, -1, -1):
        if lines.all[at][dash : dash + 1] == "-" and not lines.all[at][:dash].strip():
            return at
    raise MigrationError(f"{name}: the pipeline has no line of its own for each component. Write it so.")


def _options(lines: Lines, node: Any, end: int) -> Iterator[Option]:
    starts = [lines.at(key.start_mark.index)[0] for key, _ in node.value]
    for (key, _), start, limit in zip(node.value, starts, [*starts[1:], end], strict=True):
        yield Option(key.value, start, _content_end(lines, start, limit))


def _content_end(lines: Lines, start: int, limit: int) -> int:
    """The line after the last that is neither blank nor a comment."""
    while limit > start + 1 and (lines.is_blank(limit - 1) or lines.is_comment(limit - 1)):
        limit -= 1
    return limit


def _indentation(lines: Lines, line: int) -> int:
    return len(lines.all[line]) - len(lines.all[line].lstrip(" "))


def _name(lines: Lines, node: Any) -> tuple[int, int, int] | None:
    for key, value in node.value:
        if key.value == "name" and value.start_mark.index > key.start_mark.index:
            (line, start), (last, end) = lines.at(value.start_mark.index), lines.at(value.end_mark.index)
            return (line, start, end) if line == last else None
    return None
