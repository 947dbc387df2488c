"""The site beside what MkDocs does: documents outside docs/ become pages, links lead where they do in a checkout."""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = ("README.md", "SECURITY.md", "CHANGELOG.md")

_NOT_RUN = re.compile(r"^<!-- not run: (.+?) -->\n(?=```\w)", re.M)
_LINK = re.compile(r"\[([^\[\]]*)\]\(([^()\s:#]+)(#[^()\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the documents outside docs/, and each file outside that a document leads to."""
    pages = [ROOT / name for name in PAGES]
    for source in {*pages, *(target for page in [*pages, *DOCS.glob("*.md")] for target in _files_outside(page))}:
        files.append(File.generated(config, source.relative_to(ROOT).as_posix(), abs_src_path=str(source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Make the links of a document those of the site, and show why a command is not run by the tests."""
    return site_links(_NOT_RUN.sub(r"*Not run by our tests: \1.*\n\n", markdown), Path(str(page.file.abs_src_path)))


def site_links(markdown: str, document: Path) -> str:
    """The text of a document with links as the site has them.

    On the site all documents stand in one folder, and files outside docs/ stand where they do in the repository. A
    folder is no page: its name alone stays. What does not exist is left to MkDocs to find wrong.

    :param document: The file that the text is of.
    """

    def on_the_site(link: re.Match[str]) -> str:
        text, path, anchor = link.groups(default="")
        target = (document.parent / path).resolve()
        if target.is_dir():
            return text
        if not target.is_file() or not target.is_relative_to(ROOT):
            return link[0]
        home = DOCS if target.is_relative_to(DOCS) else ROOT
        return f"[{text}]({target.relative_to(home).as_posix()}{anchor})"

    return _LINK.sub(on_the_site, markdown)


def _files_outside(document: Path) -> list[Path]:
    """The files outside docs/ that a document leads to."""
    links = _LINK.findall(document.read_text(encoding="utf-8"))
    targets = [(document.parent / path).resolve() for _, path, _ in links]
    return [file for file in targets if file.is_file() and file.is_relative_to(ROOT) and not file.is_relative_to(DOCS)]
