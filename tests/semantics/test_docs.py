"""The page says what was measured."""

import json
import re

import pytest

from benchmarks.protection import table
from benchmarks.semantics.tables import TABLES

SMALL, LARGE = MODELS = ("all-MiniLM-L6-v2", "all-mpnet-base-v2")


@pytest.fixture(scope="module")
def page(root):
    return (root / "docs" / "what-pruning-loses.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def record(root):
    return json.loads((root / "benchmarks" / "results" / "semantics-all-MiniLM-L6-v2.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("title", TABLES)
def test_its_tables_are_the_measured_ones(page, record, title):
    assert TABLES[title](record) in page


def test_so_is_the_table_of_protected_negations(root, page):
    found = json.loads((root / "benchmarks" / "results" / "protection.json").read_text(encoding="utf-8"))
    assert table(found["rows"]) in page


def test_what_was_measured_cuts_as_the_presets_do_now(root, record):
    presets = json.loads(
        (root / "rasa_token_pruning" / "presets" / "all-MiniLM-L6-v2.json").read_text(encoding="utf-8")
    )
    for level, found in record["levels"].items():
        assert found["policy"] == presets["levels"][level]["policy"]


def test_its_links_lead_somewhere(root, page):
    for target in re.findall(r"\]\(([^)#]+)\)", page):
        assert target.startswith("https://") or (root / "docs" / target).exists(), target
