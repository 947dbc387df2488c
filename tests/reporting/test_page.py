"""The page as a text: whole, safe, the same each time."""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from rasa_token_pruning.reporting.errors import ReportError
from rasa_token_pruning.reporting.page import page_of, write_page
from tests.reporting.conftest import SCRIPT

pytest.importorskip("matplotlib")

VOID = {"input", "link", "meta", "wbr"}


class Reader(HTMLParser):
    """The elements of a page; what is opened must be closed."""

    def __init__(self, page):
        super().__init__()
        self.open, self.found, self.texts = [], [], []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.texts.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture(scope="module")
def page(facts):
    return page_of(facts)


@pytest.fixture(scope="module")
def read(page):
    return Reader(page)


def test_ids_are_unique_and_links_lead_to_them(read):
    ids = [attributes["id"] for _, attributes in read.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {attributes["href"][1:] for attributes in read.all("a")}
    targets |= {name for _, attributes in read.found for name in attributes.get("aria-labelledby", "").split()}
    targets |= {attributes["for"] for _, attributes in read.found if "for" in attributes}
    assert targets <= set(ids) and len(read.all("section")) == 9


def test_it_begins_with_plain_words_and_what_to_do(page):
    assert page.index("In short") < page.index("What to fix first") < page.index("<table") < page.index("<svg")
    first = page[: page.index("What to fix first</h2>")]
    assert re.search(r"Of 100 messages like your examples, the assistant would answer <strong>\d+ rightly", first)


def test_what_is_not_judged_is_said_where_the_figures_stand(facts):
    noted = replace(facts, about=replace(facts.about, notes=("The config has no <FallbackClassifier>.",)))
    first = page_of(noted).partition("What to fix first</h2>")[0]
    assert "The config has no &lt;FallbackClassifier&gt;." in first


def test_an_intent_with_one_example_is_named(read):
    text = "".join(read.texts)
    assert "1 intent has a single example, and hardly a chance: lonely." in text


def test_what_a_user_wrote_is_text(page, read):
    assert "<script>alert" not in page and "alert(1)" in page
    assert any(SCRIPT in text for text in read.texts)
    assert len(read.all("script")) == 2


def test_annotations_are_plain_text(read):
    assert any("any snow in Oslo" in text for text in read.texts)
    assert not any("](" in text for text in read.texts)


def test_nothing_is_asked_of_anywhere_else(page, read):
    (policy,) = (meta["content"] for meta in read.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy and "http" not in policy
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert not re.search(r"""\b(?:src|href)="(?!#|data:,)|@import|url\((?!#)""", page)


def test_every_table_has_a_caption_and_heads(many):
    read = Reader(page_of(many))
    tables = read.all("table")
    assert len(tables) == 6
    assert len([tag for tag, _ in read.found if tag == "caption"]) == len(tables)
    assert all(attributes.get("scope") in ("col", "row") for attributes in read.all("th"))
    assert all(attributes.get("data-label") for attributes in read.all("td"))


def test_headings_leave_out_no_level(read):
    levels = [int(tag[1]) for tag, _ in read.found if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_same_facts_give_the_same_page(facts, page):
    assert page_of(facts) == page


def test_perfect_data_give_a_page_too(facts):
    text = "".join(Reader(page_of(replace(facts, tasks=(), pairs=(), changes=(), outside=None))).texts)
    assert "Nothing stands out" in text and "too few intents to hold some out" in text
    assert "Every example was understood as its own intent" in text and "None: at no level" in text


def test_hundreds_of_intents_fit(many):
    page = page_of(many)
    read = Reader(page)
    assert len(page) < 1_500_000
    names = {row.name for row in many.intents}
    assert len(names) == 500 and len(many.tasks) > 210
    assert "".join(read.texts).count("more are not shown") == 1


def test_a_report_is_replaced_and_nothing_else_is(page, tmp_path):
    file = tmp_path / "report.html"
    write_page(page, file)
    write_page(page + "<!-- again -->", file)
    assert file.read_text(encoding="utf-8").endswith("<!-- again -->") and list(tmp_path.iterdir()) == [file]
    other = tmp_path / "thesis.html"
    other.write_text("<!doctype html><p>mine")
    for place in (other, tmp_path):
        with pytest.raises(ReportError, match="is no report: name another"):
            write_page(page, place)
    assert other.read_text() == "<!doctype html><p>mine"
    with pytest.raises(ReportError, match="is no folder"):
        write_page(page, tmp_path / "nowhere" / "report.html")
