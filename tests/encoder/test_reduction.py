"""Tests of encoder/reduction.py."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from rasa_token_pruning.encoder.reduction import gather_tokens, most_important, scatter_tokens


@st.composite
def batches_of_scores(draw):
    """Scores of few different values, so that ties are common, and how many tokens stay."""
    batch, length = draw(st.integers(1, 3)), draw(st.integers(2, 40))
    row = st.lists(st.sampled_from([0.0, 0.125, 0.25, 0.5, 1.0]), min_size=length, max_size=length)
    scores = torch.tensor(draw(st.lists(row, min_size=batch, max_size=batch)))
    return scores, draw(st.integers(2, length))


def slowly(scores: list[float], count: int) -> list[int]:
    inner = range(1, len(scores) - 1)
    best = sorted(inner, key=lambda position: (-scores[position], position))[: count - 2]
    return sorted([0, len(scores) - 1, *best])


@given(batches_of_scores())
def test_most_important_is_both_ends_and_the_best_of_the_others_where_the_earlier_wins_a_tie(case):
    scores, count = case
    assert most_important(scores, count).tolist() == [slowly(row, count) for row in scores.tolist()]


@given(batches_of_scores())
def test_positions_are_ascending_int64_with_both_ends(case):
    scores, count = case
    positions = most_important(scores, count)
    assert positions.shape == (len(scores), count)
    assert positions.dtype == torch.int64
    assert (positions[:, 0] == 0).all()
    assert (positions[:, -1] == scores.shape[1] - 1).all()
    assert (positions.diff(dim=1) > 0).all()


def test_scores_are_left_as_they_were():
    scores = torch.rand(2, 9)
    before = scores.clone()
    most_important(scores, 4)
    assert torch.equal(scores, before)


@given(batches_of_scores(), st.integers(1, 5))
def test_gather_takes_the_rows_at_the_positions(case, width):
    scores, count = case
    hidden = torch.rand(*scores.shape, width)
    positions = most_important(scores, count)
    gathered = gather_tokens(hidden, positions)
    for row, chosen in enumerate(positions.tolist()):
        assert torch.equal(gathered[row], hidden[row][chosen])


@given(batches_of_scores(), st.integers(1, 5))
def test_scatter_undoes_gather_and_touches_nothing_else(case, width):
    scores, count = case
    hidden = torch.rand(*scores.shape, width)
    positions = most_important(scores, count)
    assert torch.equal(scatter_tokens(hidden, positions, gather_tokens(hidden, positions)), hidden)

    onto, new = torch.rand_like(hidden), torch.rand(len(scores), count, width)
    before = onto.clone()
    changed = scatter_tokens(onto, positions, new)
    assert torch.equal(gather_tokens(changed, positions), new)
    assert torch.equal(onto, before)
    for row, chosen in enumerate(positions.tolist()):
        others = [position for position in range(scores.shape[1]) if position not in chosen]
        assert torch.equal(changed[row][others], onto[row][others])
