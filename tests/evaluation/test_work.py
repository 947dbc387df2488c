"""The share of work that a policy leaves, by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.evaluation.work import work_left
from tests.encoder.conftest import WORDS, write_tiny_model

policies = st.builds(
    PruningPolicy,
    st.sets(st.integers(0, 11)).map(sorted).map(tuple),
    st.floats(0, 0.99),
    st.integers(2, 30),
)
lengths = st.lists(st.integers(1, 300), min_size=1, max_size=20)


@pytest.mark.parametrize(
    "policy, layers, lengths, expected",
    [
        # 12 pieces, of which 10 are removable: 5 go. 12 + 12 in front, (12 + 7) / 2 inside, 7 + 7 + 7 behind.
        (PruningPolicy((2,), 0.5, 2), 6, [12], (12 + 12 + 9.5 + 3 * 7) / (6 * 12)),
        (PruningPolicy((0,), 0.5, 2), 6, [12], (9.5 + 5 * 7) / (6 * 12)),
        (PruningPolicy((5,), 0.5, 2), 6, [12], (5 * 12 + 9.5) / (6 * 12)),
        # Of the 7 that are left 5 are removable, and 2 of them go at the second cut.
        (PruningPolicy((1, 3), 0.5, 2), 6, [12], (12 + 9.5 + 7 + 6 + 5 + 5) / (6 * 12)),
        (PruningPolicy((0, 1), 0.5, 2), 2, [12], (9.5 + 6) / 24),
        # Short messages are not cut; long ones count for more.
        (PruningPolicy((0,), 0.5, 10), 1, [10, 30], (10 + 25) / 40),
        (PruningPolicy((0,), 0.5, 10), 1, [10, 10, 30], (10 + 10 + 25) / 50),
        # A layer that the encoder does not have cuts nothing.
        (PruningPolicy((0, 7), 0.5, 10), 1, [30], 25 / 30),
    ],
)
def test_by_hand(policy, layers, lengths, expected):
    assert work_left(policy, layers, lengths) == pytest.approx(expected, abs=1e-12)
    assert work_left(policy, layers, iter(lengths)) == work_left(policy, layers, lengths)


@given(policies, st.integers(1, 12), lengths)
def test_it_is_a_share(policy, layers, lengths):
    share = work_left(policy, layers, lengths)
    assert 0 < share <= 1
    assert share == pytest.approx(work_left(policy, layers, sorted(lengths)))


@given(policies, st.integers(1, 12), lengths)
def test_nothing_is_saved_by_what_does_not_prune(policy, layers, lengths):
    assert work_left(policy.without_cuts(), layers, lengths) == 1
    assert work_left(PruningPolicy((), policy.quantile, policy.min_tokens), layers, lengths) == 1
    assert work_left(policy, layers, [min(length, policy.min_tokens) for length in lengths]) == 1


@given(st.integers(0, 10), st.floats(0.1, 0.9), lengths)
def test_an_earlier_cut_and_a_second_one_leave_less(layer, quantile, lengths):
    early, late, two = (PruningPolicy(layers, quantile, 2) for layers in ((layer,), (layer + 1,), (layer, layer + 1)))
    shares = [work_left(policy, 12, lengths) for policy in (two, early, late)]
    assert shares == sorted(shares)


def test_it_counts_what_the_encoder_keeps(tmp_path):
    folder = write_tiny_model(tmp_path / "model")
    policy = PruningPolicy((1, 3), 0.4, 5)
    encoder = PrunedEncoder(str(folder), policy, engine="torch", num_threads=1)
    texts = [" ".join(WORDS[:number]) for number in (1, 3, 6)]
    for text, encoded in zip(texts, encoder.encode_tokens(texts), strict=True):
        length, kept = len(encoded.kept), int(encoded.kept.sum())
        between = policy.tokens_kept(length)
        expected = length + (length + between) / 2 + between + (between + kept) / 2
        assert work_left(policy, 4, [length]) == pytest.approx(expected / (4 * length)), text
