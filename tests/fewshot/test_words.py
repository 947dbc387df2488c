"""Tests of fewshot/words.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_token_pruning.fewshot.words import encoded, written

WORDS = st.lists(st.text(st.characters(), min_size=1, max_size=9), min_size=1, max_size=5)  # lone surrogates too


def test_a_word_is_seen_as_it_is_written_with_those_beside_it():
    first, second, third = written(["fly", "to", "OSLO"], [[], [], ["city", "capital"]])
    assert first == [
        "any", "low=fly", "prefix=fly", "prefix=fl", "suffix=fly", "suffix=ly", "before:begin", "after:low=to"
    ]  # fmt: skip
    assert second == [
        "any", "low=to", "prefix=to", "suffix=to", "before:low=fly", "after:low=oslo", "after:upper"
    ]  # fmt: skip
    assert third == [
        "any", "low=oslo", "upper", "prefix=OSLO", "prefix=OS", "suffix=OSLO", "suffix=SLO", "suffix=LO",
        "pattern=capital", "pattern=city", "before:low=to", "after:end",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("word", "shape"),
    [("Oslo", {"title"}), ("OSLO", {"upper"}), ("oslo", set()), ("X", {"title", "upper"}), ("42", {"digit"})],
)
def test_the_shape_of_a_word_is_a_feature(word, shape):
    [found] = written([word], [[]])
    assert {name for name in found if name in {"title", "upper", "digit"}} == shape


def test_of_a_long_word_the_beginning_and_the_end_are_features():
    [found] = written(["Amsterdam"], [[]])
    affixes = [name for name in found if name.startswith(("prefix", "suffix"))]
    assert affixes == ["prefix=Amste", "prefix=Am", "suffix=erdam", "suffix=dam", "suffix=am"]


def test_words_that_differ_in_nothing_but_case_share_most():
    one, other = (set(written([word], [[]])[0]) for word in ("paris", "Paris"))
    assert "low=paris" in one & other
    assert "title" in other - one


@given(WORDS)
def test_any_words_have_features_each_once_and_those_of_the_word_itself_do_not_depend_on_others(words):
    found = written(words, [[]] * len(words))
    assert len(found) == len(words)
    for word, features in zip(words, found, strict=True):
        assert len(set(features)) == len(features)
        [alone] = written([word], [[]])
        own, of_alone = (
            [name for name in names if not name.startswith(("before:", "after:"))] for names in (features, alone)
        )
        assert own == of_alone


@given(WORDS)
def test_the_known_features_are_ones_or_twos_and_others_are_left_out(words):
    found = written(words, [["seen"]] * len(words))
    known = {name: column for column, name in enumerate(sorted(set(found[0])))}
    rows = encoded(found, known)
    assert (rows.shape, rows.dtype) == ((len(words), len(known)), np.float32)
    sizes = {name: 2.0 if name == "pattern=seen" else 1.0 for name in known}
    assert rows.toarray().tolist() == [[sizes[name] * (name in features) for name in known] for features in found]


def test_words_of_which_nothing_is_known_are_rows_of_zeros():
    assert encoded([["a"], [], ["b", "c"]], {"d": 0}).toarray().tolist() == [[0], [0], [0]]
