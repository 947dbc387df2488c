"""Tests of encoder/reduction.py."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from rasa_token_pruning.encoder.reduction import gather_tokens, merge_tokens, most_important, scatter_tokens
from rasa_token_pruning.encoder.transformer import mean_of_tokens


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


@st.composite
def merges(draw):
    """States, sizes, and positions to keep with both ends."""
    batch, length, width = draw(st.integers(1, 3)), draw(st.integers(2, 20)), draw(st.integers(1, 6))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 1000)))
    hidden = torch.randn(batch, length, width, generator=generator, dtype=torch.float64)
    sizes = torch.randint(1, 5, (batch, length), generator=generator).double()
    positions = most_important(torch.rand(batch, length, generator=generator), draw(st.integers(2, length)))
    return hidden, sizes, positions


def slowly_merged(hidden: list[torch.Tensor], sizes: list[float], positions: list[int]):
    """What merging gives, token by token."""
    groups = {kept: [kept] for kept in positions}
    for token in range(len(hidden)):
        if token not in groups:
            similarity = [torch.cosine_similarity(hidden[token], hidden[kept], dim=0).item() for kept in positions]
            groups[positions[similarity.index(max(similarity))]].append(token)
    totals = [sum(sizes[token] for token in groups[kept]) for kept in positions]
    sums = [sum(hidden[token] * sizes[token] for token in groups[kept]) for kept in positions]
    return torch.stack([one / total for one, total in zip(sums, totals, strict=True)]), totals, groups


@given(merges())
def test_every_token_that_goes_is_averaged_into_the_most_similar_one_that_stays(case):
    hidden, sizes, positions = case
    merged, merged_sizes, targets = merge_tokens(hidden, sizes, positions)
    for row, chosen in enumerate(positions.tolist()):
        expected, totals, groups = slowly_merged(list(hidden[row]), sizes[row].tolist(), chosen)
        torch.testing.assert_close(merged[row], expected)
        assert merged_sizes[row].tolist() == totals
        assert all(token in groups[chosen[target]] for token, target in enumerate(targets[row].tolist()))


@given(merges())
def test_merging_keeps_the_number_and_the_mean_of_the_tokens(case):
    hidden, sizes, positions = case
    merged, merged_sizes, _ = merge_tokens(hidden, sizes, positions)
    assert merged.shape == (*positions.shape, hidden.shape[-1])
    assert torch.equal(merged_sizes.sum(dim=1), sizes.sum(dim=1))
    assert (merged_sizes >= sizes.gather(1, positions)).all()
    torch.testing.assert_close(mean_of_tokens(merged, merged_sizes), mean_of_tokens(hidden, sizes))


def test_merging_by_hand():
    hidden = torch.tensor([[[1.0, 0.0], [0.0, 2.0], [4.0, 1.0], [0.0, -1.0], [0.0, 1.0]]])
    sizes = torch.tensor([[1.0, 1.0, 3.0, 2.0, 1.0]])
    merged, merged_sizes, targets = merge_tokens(hidden, sizes, torch.tensor([[0, 3, 4]]))
    # Token 1 goes into token 4, token 2 into token 0.
    assert merged.tolist() == [[[13 / 4, 3 / 4], [0.0, -1.0], [0.0, 3 / 2]]]
    assert merged_sizes.tolist() == [[4.0, 2.0, 2.0]]
    assert targets.tolist() == [[0, 2, 0, 1, 2]]


def test_a_token_that_stays_is_merged_into_no_other_even_if_they_are_equal():
    hidden = torch.ones(1, 4, 3)
    merged, sizes, _ = merge_tokens(hidden, torch.ones(1, 4), torch.tensor([[0, 1, 3]]))
    assert sizes.sum() == 4
    assert (sizes >= 1).all()
    assert torch.equal(merged, torch.ones(1, 3, 3))


def test_merging_nothing_changes_nothing():
    hidden = torch.rand(2, 5, 3)
    merged, sizes, _ = merge_tokens(hidden, torch.ones(2, 5), torch.arange(5).expand(2, -1))
    assert torch.equal(merged, hidden)
    assert torch.equal(sizes, torch.ones(2, 5))


def test_states_of_zeros_can_be_merged():
    merged, *_ = merge_tokens(torch.zeros(1, 4, 3), torch.ones(1, 4), torch.tensor([[0, 3]]))
    assert torch.equal(merged, torch.zeros(1, 2, 3))
