"""The site: built without a warning, every link leads somewhere, and nothing comes from elsewhere."""

import re
import shutil
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.docs.conftest import build
from tests.docs.documents import DOCUMENTS, ROOT, blocks, prose

# What a browser fetches by itself: the attribute of each element that says from where.
FETCHED = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src", "object": "data"}


class Page(HTMLParser):
    """What leads away from a page, and where it can be led to; what is in its article."""

    def __init__(self, file):
        super().__init__()
        self.links, self.fetched, self.anchors, self.article, self._inside = [], [], set(), Counter(), False
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.anchors |= {attributes[key] for key in ("id", "name") if attributes.get(key)}
        self.links += [attributes["href"]] if tag == "a" and "href" in attributes else []
        self.fetched += [attributes[FETCHED[tag]]] if attributes.get(FETCHED.get(tag)) else []
        self._inside = self._inside or tag == "article"
        self.article[tag] += self._inside

    def handle_endtag(self, tag):
        self._inside = self._inside and tag != "article"


@pytest.fixture(scope="session")
def pages(site):
    return {file: Page(file) for file in site.rglob("*.html")}


def test_every_document_is_a_page(pages):
    names = {"README.md": "index.html"}
    expected = {names.get(document.name, f"{document.stem}.html") for document in DOCUMENTS}
    assert {file.name for file in pages} == expected | {"404.html"}


def test_every_link_leads_to_a_file_and_every_anchor_to_a_place_in_it(site, pages):
    for file, page in pages.items():
        if file.name == "404.html":  # whose links are those of a site at the root of a server
            continue
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme:
                assert parts.scheme == "https", link
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            assert target.is_file() and target.is_relative_to(site), f"{file.name}: {link}"
            assert not parts.fragment or unquote(parts.fragment) in pages[target].anchors, f"{file.name}: {link}"


def test_links_out_of_the_documents_lead_to_copies(site, pages):
    links = pages[site / "index.html"].links
    assert {"migration.html", "benchmarks/results/example_bot.json", "constraints.txt", "LICENSE"} <= set(links)
    assert (site / "constraints.txt").read_bytes() == (ROOT / "constraints.txt").read_bytes()


def test_why_a_command_is_not_run_can_be_read(site):
    shown = (site / "deployment.html").read_text(encoding="utf-8")
    reasons = [block.not_run for block in blocks("bash", "dockerfile") if block.document == "deployment.md"]
    assert any(reasons) and all(f"<em>Not run by our tests: {reason}.</em>" in shown for reason in reasons if reason)


def test_a_page_loads_nothing_from_elsewhere(site, pages):
    for file, page in pages.items():
        for source in page.fetched:
            assert not urlsplit(source).scheme and not source.startswith("//"), f"{file.name}: {source}"
        assert "mermaid" not in file.read_text(encoding="utf-8").replace("/mermaid", "")  # it would be fetched
    for style in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//|@import", style.read_text(encoding="utf-8")), style.name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_lists_and_tables_are_that_on_the_site_too(document, site, pages):
    """What GitHub takes for one, Python-Markdown may not: after a line of text, without an empty line between."""
    shown = pages[site / ("index.html" if document.name == "README.md" else f"{document.stem}.html")].article
    text = prose(document)
    items, rows = re.findall(r"^ *(?:[-*]|\d+\.) ", text, re.M), re.findall(r"^ *\|(?![-|: ]+$)", text, re.M)
    if document.name == "api.md":  # what is written there from docstrings has tables and lists of its own
        assert shown["li"] >= len(items) and shown["tr"] >= len(rows)
    else:
        assert (shown["li"], shown["tr"]) == (len(items), len(rows))


@pytest.fixture
def project(tmp_path):
    """The documents and what they are built with, to be changed."""
    for name in ("docs", "scripts", "benchmarks/results"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("rasa_token_pruning", "example_bot", "tests_pro"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name in ("mkdocs.yml", "README.md", "SECURITY.md", "CHANGELOG.md", "LICENSE", *map(str, ROOT.glob("*.txt"))):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def test_what_leads_nowhere_ends_the_build(project: Path):
    faults = {
        "nowhere-1.md": ("docs/limits.md", "[x](nowhere-1.md)"),
        "nowhere-2.md": ("README.md", "[x](docs/nowhere-2.md)"),
        "nothing-1": ("docs/limits.md", "[x](options.md#nothing-1)"),
        "nothing-2": ("docs/limits.md", "[x](../README.md#nothing-2)"),
        "new.md": ("docs/new.md", "# A page that is in no navigation"),
    }
    for file, text in faults.values():
        with (project / file).open("a") as document:
            document.write(f"\n{text}\n")
    built = build(project, project / "site")
    assert built.returncode != 0 and all(fault in built.stderr for fault in faults), built.stderr


def test_a_name_that_does_not_exist_ends_the_build(project: Path):
    with (project / "docs" / "api.md").open("a") as document:
        document.write("\n::: rasa_token_pruning.Nothing\n")
    built = build(project, project / "site")
    assert built.returncode != 0 and "rasa_token_pruning.Nothing" in built.stderr, built.stderr
