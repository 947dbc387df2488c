"""The corpus is what its page says."""

from collections import Counter
from pathlib import Path

import pytest

from rasa_token_pruning.evaluation.labelled import read_labelled

CORPUS = Path(__file__).parent.parent / "corpus"
LEARNT, UNSEEN = (sorted(folder.glob("*.yml")) for folder in (CORPUS, CORPUS / "unseen"))
FILES = [*LEARNT, *UNSEEN]


def plain(text):
    return " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split())


def test_it_has_as_many_messages_as_its_page_says():
    page = (CORPUS / "README.md").read_text(encoding="utf-8")
    for files, said in ((LEARNT, "12,000 messages to 24 assistants"), (UNSEEN, "48,000 messages to 96 others")):
        assert said == f"{500 * len(files):,} messages to {len(files)} {said.split()[-1]}" and said in page


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_assistant_has_fifty_intents_of_ten_different_messages(file):
    pool = read_labelled(file)
    assert Counter(Counter(pool.intents).values()) == {10: 50}
    assert len(set(map(plain, pool.texts))) == len(pool)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_messages_of_an_intent_begin_differently_and_are_short_and_long(file):
    pool = read_labelled(file)
    openings = Counter(
        (intent, *text.lower().split()[:3]) for text, intent in zip(pool.texts, pool.intents, strict=True)
    )
    assert max(openings.values()) == 1
    lengths = [len(text.split()) for text in pool.texts]
    least_short, least_long = (0.15, 0.15) if file in LEARNT else (0.14, 0.09)
    assert least_short <= sum(length <= 5 for length in lengths) / len(lengths) <= 0.4
    assert sum(length > 20 for length in lengths) >= least_long * len(lengths)
