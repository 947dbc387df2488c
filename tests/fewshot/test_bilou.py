"""Tests of fewshot/bilou.py."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_token_pruning.fewshot.bilou import OUTSIDE, PREFIXES, Label, Span, grammar, parts, shared_parts, tag, tags

CITY, START, DATE = Label("city"), Label("city", "from"), Label("date")
LABELS = (CITY, START, DATE)


def written(numbers):
    """Tags as they are usually written."""
    found = [parts(number) for number in numbers]
    return " ".join(f"{part[0]}{part[1]}" if part else "O" for part in found)


def test_a_tag_is_the_number_of_its_prefix_and_label():
    numbers = [tag(prefix, label) for label in range(3) for prefix in PREFIXES]
    assert numbers == list(range(1, 13))
    assert [parts(number) for number in numbers] == [(prefix, label) for label in range(3) for prefix in PREFIXES]
    assert parts(OUTSIDE) is None


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([], "O O O O O O"),
        ([Span(2, 2, CITY)], "O O U0 O O O"),
        ([Span(0, 1, DATE), Span(2, 5, START)], "B2 L2 B1 I1 I1 L1"),
        ([Span(4, 5, CITY), Span(0, 0, CITY), Span(1, 1, CITY)], "U0 U0 O O B0 L0"),
        ([Span(1, 3, CITY), Span(3, 4, DATE), Span(2, 2, DATE), Span(5, 5, DATE)], "O B0 I0 L0 O U2"),
        ([Span(3, 4, DATE), Span(1, 3, CITY)], "O O O B2 L2 O"),
        ([Span(1, 1, CITY), Span(1, 1, DATE)], "O U0 O O O O"),
    ],
)
def test_tokens_are_tagged_by_where_they_stand_in_an_entity_and_of_two_that_overlap_the_first_counts(spans, expected):
    assert written(tags(spans, 6, LABELS)) == expected


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.sampled_from(LABELS)), max_size=6))
def test_the_grammar_allows_the_tags_of_any_entities(drawn):
    found = tags([Span(min(one, other), max(one, other), label) for one, other, label in drawn], 7, LABELS)
    rules = grammar(len(LABELS))
    assert rules.first[found[0]] and rules.last[found[-1]]
    assert all(rules.follows[pair] for pair in pairwise(found))


@pytest.mark.parametrize(("prefix", "goes_on"), [("B", "IL"), ("I", "IL"), ("L", ""), ("U", "")])
def test_an_entity_goes_on_with_its_label_until_it_ends(prefix, goes_on):
    rules = grammar(2)
    after = np.flatnonzero(rules.follows[tag(prefix, 1)])
    anew = [OUTSIDE, *(tag(begin, label) for label in (0, 1) for begin in "BU")]
    assert after.tolist() == sorted([tag(part, 1) for part in goes_on] or anew)


def test_a_message_begins_and_ends_outside_or_with_whole_entities():
    rules = grammar(1)
    assert written(np.flatnonzero(rules.first)) == "O B0 U0"
    assert written(np.flatnonzero(rules.last)) == "O L0 U0"


def test_tags_share_what_is_learnt_of_their_label_and_of_its_type():
    shared = shared_parts(LABELS)
    assert shared.dtype == np.float32
    assert shared.shape == (13 + 3 + 2, 13)
    together = shared.T @ shared  # how many parts two tags have in common
    assert together[tag("B", 0), tag("B", 0)] == 3
    assert together[tag("B", 0), tag("L", 0)] == 2
    assert together[tag("B", 0), tag("B", 1)] == 1  # the type
    assert together[tag("B", 0), tag("B", 2)] == 0
    assert together[OUTSIDE].sum() == together[OUTSIDE, OUTSIDE] == 1


def test_without_roles_and_groups_a_label_is_no_part_beside_its_type():
    assert shared_parts((CITY, DATE)).shape == (9 + 2, 9)


def test_labels_have_one_order_even_those_with_empty_names():
    labels = [Label("b"), Label("a", "", "x"), Label("a", None, "x"), Label("a"), Label("a", ""), Label("a", "r")]
    expected = [Label("a"), Label("a", None, "x"), Label("a", ""), Label("a", "", "x"), Label("a", "r"), Label("b")]
    for given_order in (labels, labels[::-1]):
        assert sorted(given_order, key=Label.sorting) == expected
