"""HTML in which nothing that a user wrote can be anything but text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

_VOID = frozenset({"input", "link", "meta", "wbr"})
# What is no text in HTML: controls but for white space, halves of characters, and what moves or hides other text.
_NO_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\u202a-\u202e\u2066-\u2069]")
_REPLACEMENT = "\ufffd"


class Markup(str):
    """Text that is HTML already: only what this file has made of texts, and files of this package."""

    __slots__ = ()


Child = str | Iterable[str]


def tag(name: str, /, *children: Child, **attributes: str | float | bool | None) -> Markup:
    """An element.

    :param name: Its name.
    :param children: Elements, texts (which are escaped), or several of these.
    :param attributes: Its attributes, with ``_`` for ``-`` and behind Python's own words, as in ``class_``. True for
        one without a value; none for None and False.
    """
    opened = f"<{name}{''.join(_attributes(attributes))}>"
    return Markup(opened if name in _VOID else f"{opened}{joined(children)}</{name}>")


def joined(children: Iterable[Child]) -> Markup:
    """Elements and texts one behind the other."""
    return Markup("".join(str(escaped(child)) if isinstance(child, str) else str(joined(child)) for child in children))


def escaped(text: str) -> Markup:
    """A text as HTML; HTML stays."""
    return text if isinstance(text, Markup) else Markup(html.escape(clean(text)))


def clean(text: str) -> str:
    """A text in which what cannot be shown is a replacement character."""
    return _NO_TEXT.sub(_REPLACEMENT, text)


def said(text: str) -> Markup:
    """Something that a user wrote, set apart, so that its direction of writing changes nothing around it."""
    return tag("bdi", text, class_="said")


def intent(name: str) -> Markup:
    """The name of an intent; a long one may break behind its separators."""
    parts = re.split(r"(?<=[_/.-])", clean(name))
    broken = Markup("<wbr>").join(str(escaped(part)) for part in parts)
    return tag("bdi", Markup(broken), class_="intent")


def _attributes(attributes: dict[str, str | float | bool | None]) -> Iterable[str]:
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        key = name.rstrip("_").replace("_", "-")
        yield f" {key}" if value is True else f' {key}="{html.escape(clean(str(value)))}"'
