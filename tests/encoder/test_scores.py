"""Tests of encoder/scores.py."""

from __future__ import annotations

import pytest
import torch

from rasa_token_pruning.encoder.scores import mean_attention


def attention(batch: int, heads: int, length: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(length)
    return (3 * torch.randn(batch, heads, length, length, generator=generator)).softmax(dim=-1)


@pytest.mark.parametrize(("batch", "heads", "length"), [(1, 1, 1), (1, 12, 2), (5, 3, 17), (2, 12, 256)])
def test_scores_have_one_number_per_token_and_sum_to_one(batch, heads, length):
    scores = mean_attention(attention(batch, heads, length))
    assert scores.shape == (batch, length)
    assert (scores >= 0).all()
    torch.testing.assert_close(scores.sum(dim=1), torch.ones(batch))


def test_score_is_the_mean_over_heads_and_queries_of_what_a_token_receives():
    probabilities = attention(2, 3, 5)
    scores = mean_attention(probabilities)
    for text in range(2):
        for key in range(5):
            received = [probabilities[text, head, query, key].item() for head in range(3) for query in range(5)]
            assert scores[text, key].item() == pytest.approx(sum(received) / len(received))


def test_a_token_that_nobody_looks_at_scores_zero():
    probabilities = attention(2, 3, 6)
    probabilities[..., 4] = 0
    probabilities /= probabilities.sum(dim=-1, keepdim=True)
    scores = mean_attention(probabilities)
    assert (scores[:, 4] == 0).all()
    torch.testing.assert_close(scores.sum(dim=1), torch.ones(2))
