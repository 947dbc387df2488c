"""Tests of fewshot/scope.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_token_pruning.fewshot.scope import TAIL, doubt, familiarity, reference_levels

# Few different numbers, all exact in float32, so that ties are common.
scores = st.integers(-8, 8).map(lambda eighths: eighths / 8)
rows_of_logits = st.lists(st.lists(scores, min_size=3, max_size=3), max_size=30).map(
    lambda rows: np.array(rows, dtype=np.float64).reshape(-1, 3)
)


@given(rows_of_logits)
def test_levels_are_the_highest_logits_in_ascending_order(logits):
    levels = reference_levels(logits)
    assert levels.dtype == np.float32
    assert levels.tolist() == sorted(max(row) for row in logits.tolist())


@pytest.mark.parametrize("count", [1000, 1001, 5000])
def test_of_many_examples_a_thousand_levels_with_both_ends_stand_for_all(count):
    logits = np.random.default_rng(count).normal(size=(count, 4))
    levels = reference_levels(logits)
    highest = logits.max(axis=1)
    assert len(levels) == 1000
    assert (np.diff(levels) >= 0).all()
    assert (levels[0], levels[-1]) == (np.float32(highest.min()), np.float32(highest.max()))
    for share in (0.01, 0.1, 0.5, 0.9):
        assert (highest <= np.quantile(levels, share)).mean() == pytest.approx(share, abs=0.005)


@given(rows_of_logits, rows_of_logits)
def test_familiarity_is_the_share_of_examples_that_are_no_higher_the_message_counted(examples, messages):
    p_values = familiarity(messages, reference_levels(examples))
    expected = [
        (1 + sum(max(example) <= max(message) for example in examples.tolist())) / (1 + len(examples))
        for message in messages.tolist()
    ]
    assert p_values.tolist() == pytest.approx(expected)
    assert ((p_values > 0) & (p_values <= 1)).all()


def test_without_levels_everything_is_familiar():
    levels = reference_levels(np.empty((0, 3)))
    assert levels.shape == (0,)
    assert familiarity(np.array([[-1e9, 0, 0], [-1e9, -1e9, -1e9]]), levels).tolist() == [1, 1]


def test_of_messages_like_the_examples_few_have_a_low_p_value():
    chance = np.random.default_rng(0)
    draws = [(chance.normal(size=(40, 5)), chance.normal(size=(50, 5))) for _ in range(300)]
    p_values = np.concatenate([familiarity(messages, reference_levels(examples)) for examples, messages in draws])
    for level in (0.05, 0.1, 0.3, 0.7):
        # 0.02 is four standard deviations of what 300 draws of 40 examples can tell.
        assert (p_values <= level).mean() <= level + 0.02
    assert (p_values <= 0.5).mean() == pytest.approx(0.5, abs=0.05)


p_value_lists = st.lists(st.floats(0.001, 1), min_size=1, max_size=20).map(sorted).map(np.array)


@given(p_value_lists, st.sampled_from([TAIL, 0.01, 0.5, 1.0]))
def test_doubt_is_1_above_the_tail_and_falls_to_0_with_the_p_value_below_it(p_values, tail):
    factors = doubt(p_values, tail)
    assert ((factors > 0) & (factors <= 1)).all()
    assert (factors[p_values >= tail] == 1).all()
    np.testing.assert_allclose(factors[p_values < tail], p_values[p_values < tail] / tail)


@given(p_value_lists)
def test_the_tail_is_the_chosen_one_unless_another_is_given(p_values):
    assert np.array_equal(doubt(p_values), doubt(p_values, TAIL))


@given(p_value_lists)
def test_without_a_tail_nothing_is_doubted(p_values):
    assert (doubt(p_values, 0.0) == 1).all()
