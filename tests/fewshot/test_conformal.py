"""Tests of fewshot/conformal.py."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.special import softmax

from rasa_token_pruning.fewshot.conformal import prediction_sets

shares = st.integers(0, 64).map(lambda number: number / 64)  # few and exact, so that ties are common
level_arrays = st.lists(shares, max_size=30).map(lambda levels: np.array(sorted(levels), dtype=np.float32))
probability_arrays = arrays(
    np.float64, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=6), elements=shares, fill=st.nothing()
)
coverages = st.floats(0.01, 0.99)


@given(probability_arrays, level_arrays, coverages)
def test_the_most_probable_intent_is_always_in_the_set(probabilities, levels, coverage):
    sets = prediction_sets(probabilities, levels, coverage)
    assert sets.shape == probabilities.shape
    assert sets.dtype == bool
    assert sets[np.arange(len(sets)), probabilities.argmax(axis=1)].all()


@given(probability_arrays, level_arrays, coverages, coverages)
def test_sets_grow_with_the_coverage(probabilities, levels, one, other):
    smaller, larger = (prediction_sets(probabilities, levels, coverage) for coverage in sorted([one, other]))
    assert (larger | ~smaller).all()


@pytest.mark.parametrize("coverage", [1e-320, 1e-17, 1e-12])
@pytest.mark.parametrize("count", [0, 1, 9])
def test_next_to_no_coverage_asks_for_the_most_probable_intent_alone(coverage, count):
    levels = np.full(count, 0.9, dtype=np.float32)
    sets = prediction_sets(np.array([[0.3, 0.5, 0.2]]), levels, coverage)
    assert sets.tolist() == [[count == 0, True, count == 0]]


@given(probability_arrays, level_arrays, coverages)
def test_an_intent_that_is_no_less_probable_than_one_in_the_set_is_in_it_too(probabilities, levels, coverage):
    for row, chosen in zip(probabilities, prediction_sets(probabilities, levels, coverage), strict=True):
        if chosen.sum() > 1:
            assert chosen[row >= row[chosen].min()].all()


@pytest.mark.parametrize("percent", [1, 5, 10, 20, 30, 50, 70, 80, 90, 95, 99])
def test_the_threshold_is_the_textbook_quantile_for_any_number_of_examples(percent):
    for count in [*range(1, 130), 999, 1000]:
        levels = ((np.arange(count) + 1) / 2048).astype(np.float32)
        below = floor((count + 1) * (1 - Fraction(percent, 100)))
        found = prediction_sets(levels[None].astype(np.float64), levels, percent / 100)
        assert found.sum() == (count - below + 1 if below else count), count


@pytest.mark.parametrize(("count", "coverage"), [(9, 0.9), (19, 0.9), (4, 0.8), (19, 0.95), (99, 0.99), (29, 0.7)])
def test_what_floating_point_leaves_of_the_coverage_costs_no_example(count, coverage):
    # 10 * (1 - 0.9) is a little less than 1, and yet the lowest of 9 levels is the threshold.
    levels = np.linspace(0.1, 0.9, count, dtype=np.float32)
    lowest = levels[round((count + 1) * (1 - coverage)) - 1]
    assert prediction_sets(np.array([[1.0, lowest, lowest - 1e-3]]), levels, coverage).tolist() == [[True, True, False]]


@pytest.mark.parametrize(("count", "coverage"), [(0, 0.1), (0, 0.9), (8, 0.9), (3, 0.8), (18, 0.95), (998, 0.999)])
def test_with_too_few_examples_the_sets_hold_all_intents(count, coverage):
    sets = prediction_sets(np.array([[1.0, 0.0, 0.0]]), np.ones(count, dtype=np.float32), coverage)
    assert sets.all()


def test_a_message_like_an_example_is_judged_like_it_although_levels_are_rounded():
    lowest = 0.1  # which is more in float32
    assert float(np.float32(lowest)) > lowest
    levels = np.full(9, lowest).astype(np.float32)
    assert prediction_sets(np.array([[0.9, lowest]]), levels, 0.9).all()


def test_no_messages_give_no_sets():
    assert prediction_sets(np.empty((0, 3)), np.linspace(0, 1, 9, dtype=np.float32), 0.5).shape == (0, 3)


def test_the_probabilities_are_left_as_they_were():
    probabilities = np.array([[0.2, 0.8], [0.5, 0.5]])
    before = probabilities.copy()
    prediction_sets(probabilities, np.linspace(0, 1, 19, dtype=np.float32), 0.9)
    assert np.array_equal(probabilities, before)


def answers(chance: np.random.Generator, count: int, sharpness: float) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of 6 intents and the true ones; what is said is sharper or flatter than what is true."""
    logits = 2 * chance.normal(size=(count, 6))
    labels = np.array([chance.choice(6, p=row) for row in softmax(logits, axis=1)])
    return softmax(sharpness * logits, axis=1), labels


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
@pytest.mark.parametrize("sharpness", [0.2, 1.0, 3.0], ids=["too careful", "calibrated", "too sure"])
def test_of_messages_like_the_examples_the_share_that_was_asked_for_has_its_intent_in_the_set(coverage, sharpness):
    chance = np.random.default_rng(0)
    covered, sizes = [], []
    for _ in range(150):
        probabilities, labels = answers(chance, 100, sharpness)
        true = probabilities[np.arange(100), labels]
        sets = prediction_sets(probabilities[60:], np.sort(true[:60]).astype(np.float32), coverage)
        covered.append(sets[np.arange(40), labels[60:]].mean())
        sizes.append(sets.sum(axis=1).mean())
    # Four standard deviations of the mean; one of 61 ranks is what 60 examples cannot tell.
    error = 4 * np.std(covered) / np.sqrt(len(covered))
    assert coverage - error <= np.mean(covered) <= coverage + 1 / 61 + error
    assert np.mean(sizes) < 5.5
