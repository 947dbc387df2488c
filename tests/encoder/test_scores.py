"""Tests of encoder/scores.py."""

from __future__ import annotations

import pytest
import torch

from rasa_token_pruning.encoder import policy
from rasa_token_pruning.encoder.scores import SCORES, Scorer, attention_value, max_attention, mean_attention
from rasa_token_pruning.encoder.weights import scorer_shapes


def attention(batch: int, heads: int, length: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(length)
    return (3 * torch.randn(batch, heads, length, length, generator=generator)).softmax(dim=-1)


def values(batch: int, heads: int, length: int) -> torch.Tensor:
    return torch.randn(batch, heads, length, 7, generator=torch.Generator().manual_seed(length + 1))


def received(probabilities: torch.Tensor, text: int, head: int, key: int) -> float:
    """What a token gets in a head, averaged over queries."""
    column = [row[key].item() for row in probabilities[text, head]]
    return sum(column) / len(column)


def test_every_score_that_a_policy_may_name_is_there():
    assert (*SCORES, policy.LEARNT) == policy.SCORES


def test_what_was_learnt_ranks_the_tokens_of_a_text_by_what_they_are_worth():
    states, scorer = torch.randn(2, 5, 4), Scorer(4).requires_grad_(False)
    scores = scorer(states)
    assert (scores >= 0).all() and torch.allclose(scores.sum(dim=1), torch.ones(2))
    assert torch.equal(scores.argsort(dim=1), scorer.worth(states).argsort(dim=1))


def test_a_scorer_has_the_arrays_that_weights_have_of_it():
    named = {f"scorers.3.{name}": tuple(array.shape) for name, array in Scorer(8).named_parameters()}
    assert list(named.items()) == list(scorer_shapes([3], 8).items())


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize(("batch", "heads", "length"), [(1, 1, 1), (1, 12, 2), (5, 3, 17), (2, 12, 256)])
def test_scores_have_one_number_per_token_of_at_least_zero(name, batch, heads, length):
    scores = SCORES[name](attention(batch, heads, length), values(batch, heads, length))
    assert scores.shape == (batch, length)
    assert (scores >= 0).all()
    assert scores.isfinite().all()


@pytest.mark.parametrize(("batch", "heads", "length"), [(1, 1, 1), (1, 12, 2), (5, 3, 17), (2, 12, 256)])
def test_the_mean_scores_of_a_text_sum_to_one(batch, heads, length):
    scores = mean_attention(attention(batch, heads, length), values(batch, heads, length))
    torch.testing.assert_close(scores.sum(dim=1), torch.ones(batch))


def test_mean_attention_is_the_mean_over_heads_and_queries_of_what_a_token_receives():
    probabilities = attention(2, 3, 5)
    scores = mean_attention(probabilities, values(2, 3, 5))
    for text in range(2):
        for key in range(5):
            expected = sum(received(probabilities, text, head, key) for head in range(3)) / 3
            assert scores[text, key].item() == pytest.approx(expected)


def test_max_attention_is_what_a_token_receives_in_the_head_that_looks_at_it_most():
    probabilities = attention(2, 3, 5)
    scores = max_attention(probabilities, values(2, 3, 5))
    for text in range(2):
        for key in range(5):
            expected = max(received(probabilities, text, head, key) for head in range(3))
            assert scores[text, key].item() == pytest.approx(expected)


def test_attention_value_is_what_a_token_receives_times_the_l1_norm_of_its_value():
    probabilities, value = attention(2, 3, 5), values(2, 3, 5)
    scores = attention_value(probabilities, value)
    for text in range(2):
        for key in range(5):
            norms = [sum(abs(number) for number in value[text, head, key].tolist()) for head in range(3)]
            parts = [received(probabilities, text, head, key) * norms[head] for head in range(3)]
            assert scores[text, key].item() == pytest.approx(sum(parts) / 3)


def test_a_token_without_a_value_scores_zero_by_its_value():
    value = values(2, 3, 6)
    value[:, :, 2] = 0
    assert (attention_value(attention(2, 3, 6), value)[:, 2] == 0).all()


@pytest.mark.parametrize("name", ["mean_attention", "max_attention"])
def test_values_matter_to_no_other_score(name):
    probabilities = attention(2, 3, 6)
    assert torch.equal(
        SCORES[name](probabilities, values(2, 3, 6)), SCORES[name](probabilities, torch.zeros(2, 3, 6, 7))
    )


@pytest.mark.parametrize("name", SCORES)
def test_a_token_that_nobody_looks_at_scores_zero(name):
    probabilities = attention(2, 3, 6)
    probabilities[..., 4] = 0
    probabilities /= probabilities.sum(dim=-1, keepdim=True)
    assert (SCORES[name](probabilities, values(2, 3, 6))[:, 4] == 0).all()
