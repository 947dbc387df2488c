"""The page says what was measured."""

import json
import re

import pytest

from benchmarks.protection import table
from benchmarks.semantics.tables import TABLES
from rasa_token_pruning.encoder.presets import LEVELS

PAGES = {  # by what was measured: the page, and the presets
    "all-MiniLM-L6-v2": ("what-attention-loses.md", "all-MiniLM-L6-v2.json"),
    "all-MiniLM-L6-v2+adapter": ("what-pruning-loses.md", "all-MiniLM-L6-v2+adapter.json"),
}


def read(root, *names):
    return root.joinpath(*names).read_text(encoding="utf-8")


@pytest.mark.parametrize("title", TABLES)
@pytest.mark.parametrize("name", PAGES)
def test_its_tables_are_the_measured_ones(root, name, title):
    record = json.loads(read(root, "benchmarks", "results", f"semantics-{name}.json"))
    assert TABLES[title](record) in read(root, "docs", PAGES[name][0])


@pytest.mark.parametrize(
    ("name", "page"), [("protection", "what-attention-loses.md"), ("protection+adapter", "what-pruning-loses.md")]
)
def test_so_is_the_table_of_protected_negations(root, name, page):
    assert table(json.loads(read(root, "benchmarks", "results", f"{name}.json"))["rows"]) in read(root, "docs", page)


@pytest.mark.parametrize("name", PAGES)
def test_what_was_measured_cuts_as_a_preset_does_now(root, name):
    record = json.loads(read(root, "benchmarks", "results", f"semantics-{name}.json"))
    presets = json.loads(read(root, "rasa_token_pruning", "presets", PAGES[name][1]))
    for level in LEVELS:
        assert record["levels"][level]["policy"] == presets["levels"][level]["policy"]


@pytest.mark.parametrize("page", [page for page, _ in PAGES.values()])
def test_its_links_lead_somewhere(root, page):
    for target in re.findall(r"\]\(([^)#]+)\)", read(root, "docs", page)):
        assert target.startswith("https://") or (root / "docs" / target).exists(), target
