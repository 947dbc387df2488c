"""From a config and the pipeline that it is to have to its new text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from rasa_token_pruning.migration.draft import Draft, Item
from rasa_token_pruning.migration.errors import MigrationError
from rasa_token_pruning.migration.reading import Block, Document
from rasa_token_pruning.migration.yaml_text import parse

# What needs no quotes anywhere: words, also with dots as in a component's name, and variables of the environment, which
# Rasa only replaces without quotes.
_PLAIN = re.compile(r"(?!(?:true|false|null|yes|no|on|off)$)[A-Za-z_][\w./-]*|\$\{\w+\}", re.IGNORECASE | re.ASCII)


def edited(document: Document, draft: Draft) -> tuple[str, list[str]]:
    """The config with the pipeline of a draft. What is not of the pipeline stays as it is, to the character.

    :return: The text, and the comments that went with the lines that they stood on.
    :raises MigrationError: If what goes is needed elsewhere in the file.
    """
    lost: list[str] = []
    text = "".join(_in_blocks(document, draft, lost) if document.blocks else _anew(document, draft, lost))
    if not document.text.endswith("\n"):
        text = text.removesuffix(document.lines.newline)
    try:
        meant = parse(text, document.name)
    except MigrationError as error:
        said = str(error).partition(": ")[2]  # without the line, which is one of the new text
        raise MigrationError(
            f"{document.name}: an option that goes has an &anchor that is needed elsewhere: {said} Write the value out "
            "there."
        ) from error
    if meant != {**document.data, "pipeline": draft.pipeline()}:
        raise MigrationError(f"{document.name}: the pipeline is written in a way that cannot be changed line by line.")
    return text, lost


def written(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{written(key)}: {written(one)}' for key, one in value.items())}}}"
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _in_blocks(document: Document, draft: Draft, lost: list[str]) -> Iterator[str]:
    """The lines of a config whose components stand one below the other."""
    lines, blocks = document.lines, document.blocks
    layout = next((block for block in blocks if block.column is not None), blocks[0])
    yield from lines.all[: blocks[0].head]
    for number, block in enumerate(blocks):
        head = range(block.head, block.start)
        if number in draft.kept or draft.before[number] or any(map(lines.is_comment, head)):
            yield from lines.all[head.start : head.stop]
        for item in draft.before[number]:
            yield from _new(item, layout.dash, layout.column, lines.newline)
        if number not in draft.kept:
            lost.extend(_comments(document, block.start, block.end))
        elif draft.kept[number] == draft.old[number].item:
            yield from lines.all[block.start : block.end]
        else:
            change = _in_braces if block.column is None else _changed
            yield from change(document, block, draft.old[number].item, draft.kept[number], lost)
        for item in draft.after[number]:
            yield from _new(item, layout.dash, layout.column, lines.newline)
    yield from lines.all[blocks[-1].end :]


def _anew(document: Document, draft: Draft, lost: list[str]) -> Iterator[str]:
    """The lines of a config whose pipeline is written in brackets, or left to Rasa."""
    lines = document.lines
    if document.value is None:
        yield from lines.all
        yield f"{lines.newline if lines.all else ''}pipeline:{lines.newline}"
        rest = len(lines.all)
    else:
        (first, start), (last, end) = (lines.at(index - 1) for index in document.value)  # the character before each
        lost.extend(_comments(document, first, last))
        yield from lines.all[:first]
        yield lines.all[first][: start + 1].rstrip() + lines.all[last][end + 1 :]
        rest = last + 1
    for item in draft.pipeline():
        yield from _new(item, 2, None, lines.newline)
    yield from lines.all[rest:]


def _new(item: Item, dash: int, column: int | None, newline: str) -> Iterator[str]:
    """The lines of a component that was not there."""
    column = dash + 2 if column is None else column
    prefix = " " * dash + "-" + " " * (column - dash - 1)
    for key, value in item.items():
        yield f"{prefix}{key}: {written(value)}{newline}"
        prefix = " " * column


def _changed(document: Document, block: Block, old: Item, item: Item, lost: list[str]) -> list[str]:
    """The lines of a component whose options change."""
    lines, column, first = document.lines, block.column or 0, block.options[0].start
    there = [option.key for option in block.options]
    merged = old.keys() - set(there)  # written elsewhere: <<: *alias
    unmerge = any(key not in item or item[key] != old[key] for key in merged)
    new = [key for key in item if key not in there and (unmerge or key not in merged)]
    additions = [f"{' ' * column}{key}: {written(item[key])}{lines.newline}" for key in new]
    body = [] if "name" in there else additions
    ends = [*(option.start for option in block.options[1:]), block.end]
    for option, end in zip(block.options, ends, strict=True):
        key, content, gap = option.key, lines.all[option.start : option.end], lines.all[option.end : end]
        content[0] = " " * column + content[0][column:]  # the first has the dash there
        if key == "name" and block.name and item["name"] != old["name"]:
            content[0] = _renamed(content[0], block.name, item["name"])
        elif (key == "<<" and unmerge) or (key != "<<" and (key not in item or item[key] != old[key])):
            lost.extend(_comments(document, option.start, option.end))
            content = [f"{' ' * column}{key}: {written(item[key])}{lines.newline}"] if key in item else []
            gap = gap if content else [line for line in gap if line.strip()]
        body += content + (additions if key == "name" else []) + gap
    dashed = next(number for number, line in enumerate(body) if line.strip() and line.lstrip()[0] != "#")
    body[dashed] = lines.all[first][:column] + body[dashed][column:]
    return lines.all[block.start : first] + body


def _renamed(line: str, place: tuple[int, int, int], name: str) -> str:
    """A line with another name, in the quotes of the old one."""
    _, start, end = place
    quote = line[start] if line[start] in "'\"" else ""
    return f"{line[:start]}{quote}{name}{quote}{line[end:]}"


def _in_braces(document: Document, block: Block, old: Item, item: Item, lost: list[str]) -> list[str]:
    """The lines of a component that is written in braces and whose options change."""
    lines = document.lines
    last = max(line for line in range(block.start, block.end) if not lines.is_comment(line))
    lost.extend(_comments(document, block.start, last))
    before, _, _ = "".join(lines.all[block.start : last + 1]).partition("{")
    comment = lines.comment(last)
    return [
        f"{before}{written(item)}{'  ' if comment else ''}{comment}{lines.newline}",
        *lines.all[last + 1 : block.end],
    ]


def _comments(document: Document, start: int, end: int) -> Iterator[str]:
    """The comments on lines, each with the number of its line."""
    for line in range(start, end):
        if comment := document.lines.comment(line):
            yield f"line {line + 1}: {comment}"
