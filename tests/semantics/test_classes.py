"""Classes of words, on word pieces as a tokenizer with a small vocabulary could cut them."""

import numpy as np
import pytest

from benchmarks.semantics import words as lists
from benchmarks.semantics.classes import CLASSES, EXCLUSIVE, IntentWords, classes, word_class, word_places
from benchmarks.semantics.cut import figures, tally
from benchmarks.semantics.markers import kind_of, markers


@pytest.mark.parametrize(
    "word, expected",
    [
        ("not", "negation"), ("don't", "negation"), ("can\u2019t", "negation"), ("without", "negation"),
        ("dont", "negation"),
        ("what's", "question word"), ("how", "question word"), ("3", "number, amount"), ("401k", "number, amount"),
        ("twenty", "number, amount"), ("euros", "number, amount"), ("sarah's", "name"), ("spanish", "name"),
        ("i'm", "function word"), ("the", "function word"), ("notice", "other word"), ("cancel", "other word"),
    ],
)  # fmt: skip
def test_a_word_has_one_class(word, expected):
    assert word_class(word) == expected


def test_closed_classes_share_no_word():
    closed = (lists.NEGATIONS, lists.QUESTIONS, lists.NUMBERS, lists.FUNCTION_WORDS, lists.NAMES)
    assert sum(map(len, closed)) == len(frozenset().union(*closed))


def pieces(text, *cut):
    """Offsets of the given pieces in order, between special tokens."""
    spans, at = [(0, 0)], 0
    for piece in cut:
        at = text.index(piece, at)
        spans.append((at, at + len(piece)))
        at += len(piece)
    return np.array([*spans, (0, 0)])


TEXT = "don't pay Anna $5 for topups?"
OFFSETS = pieces(TEXT, "don", "'", "t", "pay", "Anna", "$", "5", "for", "top", "ups", "?")


def test_each_piece_is_in_one_class_and_special_tokens_in_none():
    masks = classes(TEXT, OFFSETS, {"topups"})
    assert np.stack([masks[name] for name in EXCLUSIVE]).sum(axis=0).tolist() == [0] + [1] * 11 + [0]
    where = {name: np.flatnonzero(mask).tolist() for name, mask in masks.items()}
    assert where == {
        "negation": [1, 2, 3],
        "question word": [],
        "number, amount": [6, 7],
        "name": [5],
        "function word": [8],
        "other word": [4, 9, 10],
        "punctuation": [11],
        "intent-bearing word": [9, 10],
        "sub-word piece": [10],
    }


def test_pieces_know_their_word():
    assert word_places(TEXT, OFFSETS).tolist() == [-1, 0, 0, 0, 1, 2, -1, 3, 4, 5, 5, -1, -1]


def test_a_word_is_lost_only_with_its_last_piece():
    masks, places = classes(TEXT, OFFSETS, ()), word_places(TEXT, OFFSETS)
    kept = np.ones(len(OFFSETS), dtype=bool)
    kept[[1, 2]] = False
    assert tally(masks["negation"], places, kept) == (3, 2, 1, 0)
    kept[3] = False
    assert tally(masks["negation"], places, kept) == (3, 3, 1, 1)
    assert tally(masks["punctuation"], places, kept) == (1, 0, 0, 0)


@pytest.mark.parametrize(
    "gone, expected", [((), False), ((1,), False), ((2,), False), ((3,), False), ((2, 3), True), ((1, 2, 3), True)]
)
def test_a_negation_is_lost_with_the_part_that_negates(gone, expected):
    kept = np.ones(len(OFFSETS), dtype=bool)
    kept[list(gone)] = False
    assert list(markers(TEXT, OFFSETS, kept)) == [("n't", expected)]


def test_a_negation_of_one_piece_is_lost_with_it():
    offsets = pieces("no, it is not", "no", ",", "it", "is", "not")
    assert list(markers("no, it is not", offsets, np.arange(7) != 5)) == [("no", False), ("not", True)]
    assert kind_of("nowhere") == ("other", 0) and kind_of("can't") == ("n't", 3)


def test_the_words_of_an_intent_are_those_that_others_do_not_use():
    known = IntentWords.of(
        ["please cancel my flight", "cancel that please", "please book a flight", "book me a flight please"],
        ["cancel", "cancel", "book", "book"],
    )
    assert known.bearing("please cancel the flight", "cancel") == {"cancel"}
    assert known.bearing("please book a flight", "book") == {"book", "a"}
    assert known.bearing("cancel", "unheard of") == frozenset()


def test_shares_are_of_messages_that_are_cut_at_all():
    tallied = np.zeros((2, len(CLASSES), 4), dtype=np.int64)
    tallied[0, CLASSES.index("negation")] = (2, 1, 1, 0)
    tallied[0, CLASSES.index("other word")] = (6, 3, 6, 3)
    tallied[1, CLASSES.index("other word")] = (100, 0, 100, 0)  # not cut
    found = figures(tallied)
    assert found["messages"] == 1 and found["classes"]["all"]["pieces"] == 8
    rows = found["classes"]
    assert rows["negation"]["share_of_text"]["value"] == rows["negation"]["share_of_cut"]["value"] == 0.25
    assert rows["negation"]["lost"]["value"] == 0 and rows["other word"]["lost"]["value"] == 0.5
    assert "name" not in rows
