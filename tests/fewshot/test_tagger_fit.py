"""Tests of fewshot/tagger_fit.py."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from rasa_token_pruning.fewshot import tagger_fit
from rasa_token_pruning.fewshot.bilou import Label, grammar
from rasa_token_pruning.fewshot.chain import Sequences, best_path, expectation
from rasa_token_pruning.fewshot.tagger_fit import Examples, fit

LABELS = {
    "one type": (Label("city"),),
    "types": (Label("city"), Label("date")),
    "roles": (Label("city", "from"), Label("city", "to"), Label("date")),
}
LENGTHS = [5, 4, 2, 2, 1]


def examples(labels, seed=0, lengths=LENGTHS):
    """Random features, and tags that the grammar allows."""
    chance = np.random.default_rng(seed)
    rules, tokens = grammar(len(labels)), sum(lengths)
    tags = len(rules.first)
    truth = [best_path(chance.normal(size=(length, tags)), np.zeros((tags, tags)), rules) for length in lengths]
    return Examples(
        rows=chance.normal(size=(tokens, 3)).astype(np.float32),
        words=csr_matrix((chance.random((tokens, 4)) < 0.4).astype(np.float32)),
        truth=np.concatenate(truth),
        sequences=Sequences(np.array(lengths)),
        labels=labels,
    )


def size(one):
    return 7 * len(one.shared) + one.shared.shape[1] ** 2


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("lengths", [LENGTHS, [3], [1, 1]], ids=str)
def test_the_gradient_is_that_of_the_loss(labels, lengths):
    one = examples(labels, lengths=lengths)
    chance = np.random.default_rng(1)
    point = chance.normal(size=size(one))
    _, gradient = tagger_fit._loss_and_gradient(point, one)
    for _ in range(20):
        # As far as float32, in which features are weighed, can be told apart.
        step = 1e-2 * chance.normal(size=len(point))
        ahead, behind = (tagger_fit._loss_and_gradient(place, one)[0] for place in (point + step, point - step))
        assert (ahead - behind) / 2 == pytest.approx(gradient @ step, abs=2e-4, rel=1e-3)


def test_the_loss_of_nothing_learnt_is_the_number_of_sequences_of_tags():
    one = examples(LABELS["one type"], lengths=[2])
    loss, _ = tagger_fit._loss_and_gradient(np.zeros(size(one)), one)
    assert loss == pytest.approx(np.log(5))  # OO, OU, UO, UU, BL


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_the_weights_are_those_that_the_penalty_balances(labels):
    """At the best place a weight is what the tags are missed by, divided by the penalty."""
    one = examples(labels)
    weights, transitions = fit(one)
    features = np.hstack([one.rows, one.words.toarray()])
    expected = expectation((features @ weights).astype(np.float64), transitions, one.grammar, one.sequences)
    missed = np.eye(len(transitions))[one.truth] - expected.tags
    balance = features.T @ missed @ one.shared.T @ one.shared / tagger_fit._PENALTY
    np.testing.assert_allclose(weights, balance, atol=0.02 * np.abs(weights).max())
    counted = np.zeros_like(transitions)
    for length, end in zip(LENGTHS, one.sequences.ends, strict=True):
        np.add.at(counted, (one.truth[end + 1 - length : end], one.truth[end + 2 - length : end + 1]), 1)
    balance = (counted - expected.pairs) / tagger_fit._PENALTY
    np.testing.assert_allclose(transitions, balance, atol=0.02 * np.abs(transitions).max())


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_the_same_examples_give_the_same_scores_to_the_bit(labels):
    first, second = fit(examples(labels)), fit(examples(labels))
    tags = 1 + 4 * len(labels)
    assert [part.shape for part in first] == [(3 + 4, tags), (tags, tags)]
    assert [part.dtype for part in first] == [np.float32, np.float32]
    assert [part.tobytes() for part in first] == [part.tobytes() for part in second]


def test_transitions_that_the_grammar_forbids_are_not_learnt():
    _, transitions = fit(examples(LABELS["roles"]))
    follows = grammar(3).follows
    assert not transitions[~follows].any()
    assert transitions[follows].any()
