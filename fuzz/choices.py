"""From a fuzzer's bytes to decisions, and from decisions to damaged JSON."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

_T = TypeVar("_T")

# What JSON and YAML can say where something else was expected.
NASTY: tuple[Any, ...] = (
    None, True, False, 0, 1, 2, 7, -1, -(2**31), 2**31, 2**63, 10**30, 0.0, -0.5, 0.5, 1.0, 1e-320, 1e308, -1e308,
    float("nan"), float("inf"), float("-inf"), "", "a", "0", "off", "../x", "/etc/passwd", "a\x00b", "\ud800",
    "x" * 300, "final+cut", "final+" + "1" * 30, "final+0+1", "int8", "cuda", "onnx", "torch", "merge", "[UNK]", "☃",
    [], [0], [0, 1], [1, 0], ["a"], [None], [[]], {}, {"a": 1}, {"": None},
)  # fmt: skip
DEEP = "[" * 100_000  # JSON that no parser's stack can take


class Choices:
    """Decisions that are read off bytes from the first on; where they end, all are 0."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def number(self, below: int) -> int:
        """A number from 0; one byte, or three where it may be larger than a byte."""
        size = 1 if below <= 256 else 3
        taken, self._at = self._content[self._at : self._at + size], self._at + size
        return int.from_bytes(taken, "big") % below

    def of(self, options: Sequence[_T]) -> _T:
        """One of several."""
        return options[self.number(len(options))]

    def rest(self) -> bytes:
        """All bytes that are left."""
        taken, self._at = self._content[self._at :], len(self._content)
        return taken

    def text(self) -> str:
        """What is left as a text, in which anything may stand that a Python string may hold."""
        rest = self.rest()
        try:
            return rest.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return rest.decode("latin-1")


def damaged(document: Any, choices: Choices) -> bytes:
    """JSON: bytes of the fuzzer's own, something too deep, or the document with up to four changes."""
    kind = choices.number(16)
    if kind == 15:
        return choices.rest()
    if kind == 14:
        return DEEP.encode()
    return json.dumps(changed(document, choices)).encode()


def changed(document: Any, choices: Choices) -> Any:
    """A copy of a document in which up to four values are others, gone, or there under another name."""
    document = copy.deepcopy(document)
    for _ in range(choices.number(5)):
        places = list(_places(document))
        if not places:
            return choices.of(NASTY)
        parent, key = choices.of(places)
        _change(parent, key, choices)
    return document


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every list or object, with each of its keys."""
    keys = range(len(document)) if isinstance(document, list) else list(document) if isinstance(document, dict) else ()
    for key in keys:
        yield document, key
        yield from _places(document[key])


def _change(parent: Any, key: Any, choices: Choices) -> None:
    kind = choices.number(8)
    if kind == 7:
        del parent[key]
    elif kind == 6 and isinstance(parent, dict):
        parent[choices.of([value for value in NASTY if isinstance(value, str)])] = parent.pop(key)
    elif kind == 5 and isinstance(parent, list):
        parent.insert(key, copy.deepcopy(parent[key]))
    else:
        parent[key] = copy.deepcopy(choices.of(NASTY))
