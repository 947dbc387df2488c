"""Tests of fewshot/scope.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_token_pruning.fewshot.scope import TAIL, Scope, doubt, doubted, evenly_chosen

# Few different numbers, all exact in float32, so that ties are common.
scores = st.integers(-8, 8).map(lambda eighths: eighths / 8)


def looks(least: int = 0):
    """Logits and cosines of messages, both ``(messages, 3)``."""
    rows = st.lists(st.lists(scores, min_size=6, max_size=6), min_size=least, max_size=30)
    return rows.map(lambda rows: tuple(np.array(rows, dtype=np.float64).reshape(-1, 2, 3).transpose(1, 0, 2)))


def drawn(chance: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits and cosines that have to do with each other, as those of one message have."""
    familiar = chance.normal(size=(count, 1))
    logits = 3 * familiar + 2 * chance.normal(size=(count, 5))
    return logits, np.tanh(0.1 * familiar + 0.1 * chance.normal(size=(count, 5)))


def drawn_scope(count: int = 60, seed: int = 0) -> Scope:
    return Scope.fit(*drawn(np.random.default_rng(seed), count))


@given(looks(), looks())
def test_p_values_are_shares_of_the_examples_and_of_the_message(examples, messages):
    count = len(examples[0])
    p_values = Scope.fit(*examples).p_values(*messages)
    assert p_values.shape == (len(messages[0]),)
    shares = p_values * (count + 1)
    np.testing.assert_allclose(shares, np.round(shares))
    assert ((p_values > 0) & (p_values <= 1)).all()


@given(looks(least=1))
def test_the_example_that_is_more_familiar_than_so_many_others_has_their_share(examples):
    p_values = np.sort(Scope.fit(*examples).p_values(*examples))
    count = len(p_values)
    ranks = np.searchsorted(p_values, p_values, side="right")  # equally familiar ones share the highest rank
    np.testing.assert_allclose(p_values, (ranks + 1) / (count + 1))


@given(looks(least=1), looks(least=1), st.sampled_from([0.25, 1.0, 4.0]), st.sampled_from([0.0, 0.5]))
def test_a_higher_logit_and_a_higher_cosine_are_never_less_familiar(examples, messages, logits, cosines):
    scope = Scope.fit(*examples)
    higher = scope.p_values(messages[0] + logits, messages[1] + cosines)
    assert (higher >= scope.p_values(*messages)).all()


def test_both_opinions_count():
    scope = drawn_scope()
    (logit, _), (cosine, _) = scope.typical
    usual = scope.p_values(np.array([[logit, -9]]), np.array([[cosine, -1]]))
    low_logit = scope.p_values(np.array([[logit - 9, -9]]), np.array([[cosine, -1]]))
    low_cosine = scope.p_values(np.array([[logit, -9]]), np.array([[cosine - 0.4, -1]]))
    assert usual > 0.3
    assert low_logit < 0.1
    assert low_cosine < 0.1


def test_the_units_of_the_two_opinions_do_not_matter():
    chance = np.random.default_rng(0)
    examples, messages = drawn(chance, 50), drawn(chance, 200)
    expected = Scope.fit(*examples).p_values(*messages)
    stretched = Scope.fit(examples[0] * 1024, examples[1] / 64)
    np.testing.assert_allclose(stretched.p_values(messages[0] * 1024, messages[1] / 64), expected)


def test_which_intent_is_the_nearest_does_not_matter():
    chance = np.random.default_rng(0)
    logits, cosines = drawn(chance, 50)
    turned = drawn_scope().p_values(logits[:, ::-1], cosines[:, [2, 0, 1, 4, 3]])
    assert np.array_equal(turned, drawn_scope().p_values(logits, cosines))


def test_of_messages_like_the_examples_few_have_a_low_p_value():
    chance = np.random.default_rng(0)
    draws = [(drawn(chance, 40), drawn(chance, 50)) for _ in range(300)]
    p_values = np.concatenate([Scope.fit(*examples).p_values(*messages) for examples, messages in draws])
    for level in (0.05, 0.1, 0.3, 0.7):
        # 0.02 is four standard deviations of what 300 draws of 40 examples can tell.
        assert (p_values <= level).mean() <= level + 0.02
    assert (p_values <= 0.5).mean() == pytest.approx(0.5, abs=0.05)


def test_of_messages_like_very_many_examples_few_have_a_low_p_value():
    chance = np.random.default_rng(0)
    p_values = Scope.fit(*drawn(chance, 20_000)).p_values(*drawn(chance, 20_000))
    for level in (0.01, 0.05, 0.5, 0.9):
        assert (p_values <= level).mean() == pytest.approx(level, abs=0.015)


def test_without_examples_everything_is_familiar():
    scope = Scope.fit(np.empty((0, 3)), np.empty((0, 3)))
    assert scope.levels.shape == (0,)
    assert scope.p_values(np.array([[-1e9, 0, 0], [-1e9, -1e9, -1e9]]), np.full((2, 3), -1.0)).tolist() == [1, 1]


def test_no_messages_give_no_p_values():
    assert drawn_scope().p_values(np.empty((0, 5)), np.empty((0, 5))).shape == (0,)


@given(looks())
def test_what_is_stored_is_finite_float32_and_the_deviations_are_greater_than_0(examples):
    scope = Scope.fit(*examples)
    assert scope.typical.shape == (2, 2)
    assert scope.levels.shape == (len(examples[0]),)
    assert scope.typical.dtype == scope.levels.dtype == np.float32
    assert np.isfinite(scope.typical).all() and np.isfinite(scope.levels).all()
    assert (scope.typical[:, 1] > 0).all()
    assert (np.diff(scope.levels) >= 0).all()


@pytest.mark.parametrize("same", [0.0, 0.1, 0.7, -3.3])
@pytest.mark.parametrize("count", [3, 9])  # three times 0.1 differs from its mean by the last bit
def test_where_all_examples_are_equal_the_other_opinion_decides(same, count):
    opinions = np.full((count, 1), same), np.linspace(0, 1, count)[:, None]
    for one, other in (opinions, opinions[::-1]):
        found = Scope.fit(one, other).p_values(one, other)
        assert found.tolist() == pytest.approx([(number + 2) / (count + 1) for number in range(count)])


@pytest.mark.parametrize("same", [0.0, 0.1, 0.7])
def test_of_equal_examples_the_like_are_familiar_and_those_below_are_not(same):
    scope = Scope.fit(np.full((3, 2), same), np.full((3, 2), same))
    assert scope.p_values(np.full((1, 2), same), np.full((1, 2), same)).tolist() == [1]
    assert scope.p_values(np.full((1, 2), same - 0.5), np.full((1, 2), same)).tolist() == [0.25]
    assert scope.p_values(np.full((1, 2), same), np.full((1, 2), same - 0.5)).tolist() == [0.25]


@given(st.lists(scores, max_size=30))
def test_few_levels_are_all_kept_in_ascending_order(levels):
    found = evenly_chosen(np.array(levels))
    assert found.dtype == np.float32
    assert found.tolist() == sorted(levels)


@pytest.mark.parametrize("count", [1000, 1001, 5000])
def test_a_thousand_levels_with_both_ends_stand_for_many(count):
    every = np.random.default_rng(count).normal(size=count)
    levels = evenly_chosen(every)
    assert len(levels) == 1000
    assert (np.diff(levels) >= 0).all()
    assert (levels[0], levels[-1]) == (np.float32(every.min()), np.float32(every.max()))
    for share in (0.01, 0.1, 0.5, 0.9):
        assert (every <= np.quantile(levels, share)).mean() == pytest.approx(share, abs=0.005)


p_value_lists = st.lists(st.floats(0.001, 1), min_size=1, max_size=20).map(sorted).map(np.array)


@given(p_value_lists, st.sampled_from([TAIL, 0.01, 0.5, 1.0]))
def test_doubt_is_1_above_the_tail_and_falls_to_0_with_the_square_of_the_p_value_below_it(p_values, tail):
    factors = doubt(p_values, tail)
    assert ((factors > 0) & (factors <= 1)).all()
    assert (factors[p_values >= tail] == 1).all()
    np.testing.assert_allclose(factors[p_values < tail], (p_values[p_values < tail] / tail) ** 2)


@given(p_value_lists)
def test_the_tail_is_the_chosen_one_unless_another_is_given(p_values):
    assert np.array_equal(doubt(p_values), doubt(p_values, TAIL))


def test_what_doubt_takes_goes_to_the_intents_that_stand_for_nothing_in_proportion():
    probabilities = np.array([[0.5, 0.3, 0.1, 0.1], [0.2, 0.2, 0.6, 0.0], [1.0, 0.0, 0.0, 0.0]])
    p_values, outside = np.array([1.0, TAIL / 2, TAIL / 2]), np.array([False, False, True, True])
    found = doubted(probabilities, p_values, outside)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_allclose(
        found, [[0.5, 0.3, 0.1, 0.1], [0.05, 0.05, 0.9, 0.0], [0.25, 0, 0.375, 0.375]], atol=1e-12
    )
    nobody = doubted(probabilities, p_values, np.zeros(4, dtype=bool))
    np.testing.assert_allclose(nobody.sum(axis=1), [1, 0.25, 0.25])


@given(p_value_lists)
def test_without_a_tail_nothing_is_doubted(p_values):
    assert (doubt(p_values, 0.0) == 1).all()
