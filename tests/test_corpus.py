"""The corpus is what its page says."""

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from rasa_token_pruning.evaluation.labelled import read_labelled

CORPUS = Path(__file__).parent.parent / "corpus"
FILES = {name: sorted((CORPUS / name).glob("*.yml")) for name in ("", "choosing", "unseen")}
ALL = [file for files in FILES.values() for file in files]


def plain(text):
    return " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split())


@cache
def first_written():
    """The assistants that the page says were written first, all of which the adapter has learnt from."""
    page = (CORPUS / "README.md").read_text(encoding="utf-8")
    names = re.search(r"came first \(([^)]+)\)", page)[1]
    first = set(re.split(r",\s+|\s+and\s+", names))
    assert len(first) == 24 and first < {file.stem for file in FILES[""]}
    return first


def test_it_has_as_many_messages_as_its_page_says():
    page = (CORPUS / "README.md").read_text(encoding="utf-8")
    assert f"{500 * len(ALL):,} messages to {len(ALL)} assistants" in page
    for name, files in FILES.items():
        assert f"| `{name or '.'}` | {len(files)} |" in page


@pytest.mark.parametrize("file", ALL, ids=lambda file: file.stem)
def test_every_assistant_has_fifty_intents_of_ten_different_messages(file):
    pool = read_labelled(file)
    assert Counter(Counter(pool.intents).values()) == {10: 50}
    assert len(set(map(plain, pool.texts))) == len(pool)


@pytest.mark.parametrize("file", ALL, ids=lambda file: file.stem)
def test_messages_of_an_intent_begin_differently_and_are_short_and_long(file):
    pool = read_labelled(file)
    openings = Counter(
        (intent, *text.lower().split()[:3]) for text, intent in zip(pool.texts, pool.intents, strict=True)
    )
    assert max(openings.values()) == 1
    lengths = [len(text.split()) for text in pool.texts]
    least_short, least_long = (0.15, 0.15) if file.stem in first_written() else (0.14, 0.09)
    assert least_short <= sum(length <= 5 for length in lengths) / len(lengths) <= 0.4
    assert sum(length > 20 for length in lengths) >= least_long * len(lengths)
