"""Tests of fewshot/chain.py: sums and maxima against those over every sequence of tags that there is."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rasa_token_pruning.fewshot.bilou import grammar
from rasa_token_pruning.fewshot.chain import Grammar, Sequences, best_path, expectation, probabilities

# What may follow what: anything; the tags of one label; of two labels.
FREE = Grammar(np.ones(3, dtype=bool), np.ones((3, 3), dtype=bool), np.ones(3, dtype=bool))
GRAMMARS = {"free": FREE, "one label": grammar(1), "two labels": grammar(2)}
LONGEST = {"free": 5, "one label": 4, "two labels": 3}
USUAL = st.floats(-15, 15)
# As far from each other as float32 has numbers.
HUGE = st.sampled_from([0.0, 1.0, -1.0, 1e30, -1e30, float(np.finfo(np.float32).max), -float(np.finfo(np.float32).max)])


@st.composite
def fields(draw, numbers=USUAL, longest=LONGEST):
    """The scores of sequences of one to three lengths, transitions, and the grammar."""
    name = draw(st.sampled_from(sorted(GRAMMARS)))
    rules = GRAMMARS[name]
    lengths = sorted(draw(st.lists(st.integers(1, longest[name]), min_size=1, max_size=3)), reverse=True)
    tags = len(rules.first)
    scores = draw(arrays(np.float64, (sum(lengths), tags), elements=numbers))
    return scores, draw(arrays(np.float64, (tags, tags), elements=numbers)), rules, Sequences(np.array(lengths))


def each(scores, sequences):
    """The scores of each sequence alone."""
    return np.split(scores, np.cumsum(sequences.lengths)[:-1])


def every_path(scores, transitions, rules):
    """The score of each sequence of tags that is allowed."""
    found = {}
    for path in product(range(scores.shape[1]), repeat=len(scores)):
        if rules.first[path[0]] and rules.last[path[-1]] and all(rules.follows[pair] for pair in pairwise(path)):
            moved = sum(transitions[pair] for pair in pairwise(path))
            found[path] = moved + sum(score[tag] for score, tag in zip(scores, path, strict=True))
    return found


@given(fields())
def test_the_sums_are_those_over_every_sequence_of_tags(field):
    scores, transitions, rules, sequences = field
    log_partition, tags, pairs = 0.0, [], np.zeros_like(transitions)
    for one in each(scores, sequences):
        paths = every_path(one, transitions, rules)
        log_total = np.logaddexp.reduce(list(paths.values()))
        log_partition += log_total
        likely = np.zeros_like(one)
        for path, score in paths.items():
            probability = np.exp(score - log_total)
            likely[np.arange(len(path)), path] += probability
            for pair in pairwise(path):
                pairs[pair] += probability
        tags.append(likely)
    found = expectation(*field)
    assert found.log_partition == pytest.approx(log_partition, abs=1e-8)
    np.testing.assert_allclose(found.tags, np.vstack(tags), atol=1e-9)
    np.testing.assert_allclose(found.pairs, pairs, atol=1e-9)


@given(fields())
def test_a_sequence_alone_has_the_probabilities_that_it_has_among_others(field):
    scores, transitions, rules, sequences = field
    alone = [probabilities(one, transitions, rules) for one in each(scores, sequences)]
    np.testing.assert_allclose(np.vstack(alone), expectation(*field).tags, atol=1e-12)


@given(fields())
def test_no_sequence_of_tags_is_likelier_than_the_best_path(field):
    scores, transitions, rules, sequences = field
    for one in each(scores, sequences):
        paths = every_path(one, transitions, rules)
        path = best_path(one, transitions, rules)
        assert all(type(tag) is int for tag in path)
        assert paths[tuple(path)] == pytest.approx(max(paths.values()), abs=1e-9)


@given(fields(HUGE, dict.fromkeys(GRAMMARS, 12)))
def test_scores_however_huge_give_finite_probabilities_and_a_path_that_is_allowed(field):
    scores, transitions, rules, sequences = field
    found = expectation(*field)
    assert np.isfinite(found.log_partition)
    assert np.isfinite(found.pairs).all()
    for tags in (found.tags, np.vstack([probabilities(one, transitions, rules) for one in each(scores, sequences)])):
        assert (tags >= 0).all()
        np.testing.assert_allclose(tags.sum(axis=1), 1, atol=1e-6)
    for one in each(scores, sequences):
        path = best_path(one, transitions, rules)
        assert rules.first[path[0]] and rules.last[path[-1]] and all(rules.follows[pair] for pair in pairwise(path))


def test_a_hopeless_tag_keeps_a_probability():
    scores = np.array([[1e30, 0.0, 0.0]])
    [[sure, *hopeless]] = probabilities(scores, np.zeros((3, 3)), FREE)
    assert sure == pytest.approx(1)
    assert all(0 < other < 1e-15 for other in hopeless)


def test_what_the_grammar_forbids_has_no_probability_however_likely_it_looks():
    rules = grammar(2)
    scores = np.full((2, len(rules.first)), -5.0)
    scores[0, 3] = scores[1, 1] = 50.0  # an end first, a beginning last
    tags = expectation(scores, np.zeros_like(rules.follows, dtype=float), rules, Sequences(np.array([2]))).tags
    assert tags[0, 3] == tags[1, 1] == 0


@pytest.mark.parametrize("length", [1, 2, 400])
def test_of_a_message_of_any_length_all_tokens_have_probabilities(length):
    rules = grammar(3)
    chance = np.random.default_rng(length)
    scores, transitions = 9 * chance.normal(size=(length, 13)), 3 * chance.normal(size=(13, 13))
    tags = probabilities(scores, transitions, rules)
    np.testing.assert_allclose(tags.sum(axis=1), 1)
    assert len(best_path(scores, transitions, rules)) == length


def test_steps_and_ends_are_the_numbers_of_tokens():
    sequences = Sequences(np.array([3, 2, 2, 1]))
    assert [step.tolist() for step in sequences.steps] == [[0, 3, 5, 7], [1, 4, 6], [2]]
    assert sequences.ends.tolist() == [2, 4, 6, 7]
