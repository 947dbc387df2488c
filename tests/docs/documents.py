"""The documents, and what in them can be checked: fenced blocks, and commands in lines of text."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENTS = [*(ROOT / name for name in ("README.md", "SECURITY.md", "CHANGELOG.md")), *sorted(ROOT.glob("docs/*.md"))]

_BLOCK = re.compile(r"^(?:<!-- not run: (.+?) -->\n)?```(\w*)(?: title=\"(.+?)\")?\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    :param document: The name of the document.
    :param language: What stands behind the fence.
    :param title: The name of the file that it shows, or None.
    :param not_run: Why it cannot be checked, or None if it can.
    """

    document: str
    language: str
    title: str | None
    not_run: str | None
    text: str

    @property
    def lines(self):
        """Its lines, those that go on in the next one joined."""
        return self.text.replace("\\\n", " ").splitlines()


def blocks(*languages):
    """The fenced blocks of these languages in all documents."""
    found = []
    for document in DOCUMENTS:
        for reason, language, title, text in _BLOCK.findall(document.read_text(encoding="utf-8")):
            found.append(Block(document.name, language, title or None, reason or None, text))
    return [block for block in found if block.language in languages]


def prose(document):
    """A document without its fenced blocks."""
    return _BLOCK.sub("", document.read_text(encoding="utf-8"))
