"""The tables of the documents are what was measured."""

import re

import pytest

from benchmarks.pages import DOCUMENTS, MARKED, TABLES, filled
from benchmarks.records import RESULTS
from rasa_token_pruning.tuning.result import SearchResult
from tests.docs.documents import ROOT


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_tables_are_the_measured_ones(document):
    text = document.read_text(encoding="utf-8")
    assert filled(text) == text


def shown_in(file):
    return [name for _, name, _ in MARKED.findall(file.read_text(encoding="utf-8"))]


def test_every_table_stands_in_a_document():
    assert {name for file in DOCUMENTS for name in shown_in(file)} == set(TABLES)


def test_the_readme_shows_what_is_to_be_expected():
    names = ["example bot", "intents, means", "cross-validation", "levels of the adapter", "speed, in short"]
    assert shown_in(ROOT / "README.md") == names
    assert "example bot" in shown_in(ROOT / "docs" / "measurements.md")
    assert TABLES["speed, in short"]().count("\n| ") >= 14


def test_a_table_that_is_not_the_measured_one_is_written_anew():
    page = (ROOT / "docs" / "measurements.md").read_text(encoding="utf-8")
    empty = MARKED.sub(r"\1\3", page)
    assert len(empty) < len(page) / 2 and filled(empty) == page
    with pytest.raises(KeyError, match="no such"):
        filled("<!-- table: no such -->\n<!-- end of table -->")


def test_what_it_says_of_single_policies_is_what_was_found():
    found = SearchResult.load(RESULTS / "tune-all-MiniLM-L6-v2+adapter-broad.json")
    scores = {}
    for score in found.scores("final+cut"):
        policy = score.policy
        cells = (f"{score.work:.2f}", score.mean, score.long, score.longest)
        scores[f"{list(policy.layers)}, {policy.quantile}, {policy.min_tokens}"] = " | ".join(map(str, cells))
    page = (ROOT / "docs" / "tried.md").read_text(encoding="utf-8")
    said = re.findall(r"^\| (\[[\d, ]+\], [\d.]+, \d+) \| [`a-z]* ?\| (\d.+) \|$", page, re.M)
    assert len(said) == 16
    for policy, cells in said:
        assert scores[policy] == cells
