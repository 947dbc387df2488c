"""Tests of fewshot/memory.py and fewshot/mixture.py."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from rasa_token_pruning.fewshot import memory
from rasa_token_pruning.fewshot.discriminant import fit_discriminant
from rasa_token_pruning.fewshot.head import fit_head
from rasa_token_pruning.fewshot.memory import Memory, in_turns
from rasa_token_pruning.fewshot.mixture import DISCRIMINANT, NEAREST, fit_mixture
from tests.fewshot.conftest import DIMENSION


def points(counts, seed=0):
    chance = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    return chance.normal(size=(len(labels), DIMENSION)), labels


def test_the_nearest_example_of_each_intent_counts():
    rows = np.array([[2.0, 0.0], [0.0, 3.0], [-1.0, 0.0], [1.0, -1.0]])
    found = Memory.of(rows, np.array([0, 0, 1, 2])).nearest(np.array([[5.0, 0.0], [0.0, -0.1]]))
    half = 0.5**0.5
    np.testing.assert_allclose(found, [[1, -1, half], [0, 0, half]], atol=1e-3)
    assert found.dtype == np.float64


@pytest.mark.parametrize("counts", [[1, 1], [3, 1, 5], [2] * 40])
def test_it_is_the_highest_cosine_by_hand(counts):
    rows, labels = points(counts)
    messages = points([20], seed=1)[0]
    cosines = messages @ rows.T / np.linalg.norm(messages, axis=1)[:, None] / np.linalg.norm(rows, axis=1)
    expected = np.stack([cosines[:, labels == label].max(axis=1) for label in range(len(counts))], axis=1)
    np.testing.assert_allclose(Memory.of(rows, labels).nearest(messages), expected, atol=2e-3)


def test_of_many_examples_as_many_of_each_intent_are_remembered_as_there_is_room_for(monkeypatch):
    monkeypatch.setattr(memory, "MOST", 10)
    rows, labels = points([20, 2, 20])
    kept = Memory.of(rows, labels)
    assert kept.counts.tolist() == [4, 2, 4] and kept.rows.shape == (10, DIMENSION)
    assert (Memory.of(*points([1] * 30)).counts == 1).all()  # one of each intent, however many there are


def test_nothing_remembered_is_as_near_to_every_intent():
    assert not Memory.empty(3, DIMENSION).nearest(points([4])[0]).any()
    assert Memory.empty(3, DIMENSION).nearest(np.empty((0, DIMENSION))).shape == (0, 3)


@pytest.mark.parametrize(
    ("kinds", "most", "taken"),
    [("aaabbc", 3, [0, 3, 5]), ("aaabbc", 5, [0, 1, 3, 4, 5]), ("abab", 9, [0, 1, 2, 3]), ("", 2, []), ("abc", 0, [])],
)
def test_in_turns(kinds, most, taken):
    assert in_turns(kinds, most) == taken


def test_a_mixture_is_the_sum_of_its_parts():
    rows, labels = points([4, 2, 6])
    messages = points([9], seed=1)[0]
    found = fit_mixture(rows, labels, 20.0)
    parts = [head.logits(messages) for head in (fit_head(rows, labels, 20.0), fit_discriminant(rows, labels))]
    expected = parts[0] + DISCRIMINANT * parts[1] + NEAREST * Memory.of(rows, labels).nearest(messages)
    np.testing.assert_allclose(found.logits(messages), expected, atol=1e-4)


def test_an_intent_that_is_said_in_two_ways_is_known_by_each():
    """Its mean is nothing that anybody says; all others lie between."""
    chance = np.random.default_rng(0)
    ways = np.eye(DIMENSION)[:2] * 4

    def said(count):
        middles = np.repeat([ways[0], -ways[0], ways[1], ways[1]], count, axis=0)
        return middles + chance.normal(size=middles.shape), np.repeat([0, 1], 2 * count)

    rows, labels = said(3)
    messages, truths = said(200)
    heads = (fit_head(rows, labels, 20.0), fit_mixture(rows, labels, 20.0))
    line, both = ((head.logits(messages).argmax(axis=1) == truths).mean() for head in heads)
    assert both > line


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_examples_give_the_same_logits_to_the_bit(threads):
    rows, labels = points([3] * 30)
    first = fit_mixture(rows, labels, 20.0).logits(rows)
    with threadpool_limits(threads):
        assert fit_mixture(rows.copy(), labels, 20.0).logits(rows).tobytes() == first.tobytes()
