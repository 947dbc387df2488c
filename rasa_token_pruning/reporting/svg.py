"""A drawing of matplotlib's as a part of a page: its colours are the page's, its texts are texts."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from rasa_token_pruning.reporting.markup import Markup, clean

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# What is drawn in one of these colours is shown in the page's: it has others for light, dark and print. Never black,
# which matplotlib leaves out.
INK, LINE, RIGHT, WRONG, AGAIN, MARK = "#111112", "#d0d0d1", "#0072b2", "#d55e00", "#8c8c8d", "#7a3e9d"
_NAMES = {INK: "ink", LINE: "line", RIGHT: "right", WRONG: "wrong", AGAIN: "again", MARK: "mark"}
_COLOUR = re.compile("#[0-9a-f]{6}")

THRESHOLD = "threshold"  # what has an id that begins so is moved by the page's slider

_SVG, _LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_FONT = re.compile(r"font: ([^;]*?)(\d+(?:\.\d+)?)px [^;]+")
_REFERENCE = re.compile(r"url\(#")
_SETTINGS = {"svg.fonttype": "none", "svg.hashsalt": "rasa-token-pruning", "font.size": 10, "axes.unicode_minus": True}


def svg_of(figure: Figure, name: str, title: str, description: str, shift: float = 0.0) -> Markup:
    """The drawing as an ``svg`` element.

    :param name: Unique on the page: the ids in the drawing begin with it.
    :param title: What screen readers call it.
    :param description: What there is to see.
    :param shift: How far to the right what belongs to the threshold stands from where it was drawn, in points.
    """
    import matplotlib

    content = io.StringIO()
    with matplotlib.rc_context(_SETTINGS):
        figure.savefig(content, format="svg", transparent=True, metadata={"Date": None})
    for prefix, space in (("", _SVG), ("xlink", _LINK)):
        ElementTree.register_namespace(prefix, space)
    root = ElementTree.fromstring(content.getvalue())
    _strip(root)
    for element in root.iter():
        _adapt(element, name, shift)
    _describe(root, name, title, description)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def settings() -> dict[str, object]:
    """What a figure has to be made with."""
    return dict(_SETTINGS)


def _strip(root: ElementTree.Element) -> None:
    """Take out what would hold for the whole page, and what only says who made it."""
    for parent in root.iter():
        for child in list(parent):
            if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"):
                parent.remove(child)
    for attribute in ("width", "height"):
        root.attrib.pop(attribute, None)


def _adapt(element: ElementTree.Element, name: str, shift: float) -> None:
    link = f"{{{_LINK}}}href"
    own = element.attrib.get("id", "")
    if own:
        element.set("id", f"{name}-{own}")
    if own.startswith(THRESHOLD):
        element.set("class", THRESHOLD)
        element.set("transform", f"translate({shift:.2f} 0)")
    if link in element.attrib:
        element.set(link, element.attrib[link].replace("#", f"#{name}-"))
    for key in ("clip-path", "style"):
        if key in element.attrib:
            value = _REFERENCE.sub(f"url(#{name}-", element.attrib[key])
            value = _FONT.sub(r"font: \g<1>\g<2>px system-ui, sans-serif", value)
            element.set(key, _COLOUR.sub(lambda found: _variable(found[0]), value))


def _variable(colour: str) -> str:
    return f"var(--{_NAMES[colour]})" if colour in _NAMES else colour


def _describe(root: ElementTree.Element, name: str, title: str, description: str) -> None:
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title {name}-description")
    for place, (kind, key, text) in enumerate((("title", "title", title), ("desc", "description", description))):
        element = ElementTree.Element(f"{{{_SVG}}}{kind}", {"id": f"{name}-{key}"})
        element.text = clean(text)
        root.insert(place, element)
