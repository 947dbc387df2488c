"""Tests of encoder/policy.py."""

from __future__ import annotations

from fractions import Fraction
from math import floor, inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.policy import PruningPolicy

policies = st.builds(
    PruningPolicy,
    layers=st.just((1,)),
    quantile=st.floats(min_value=0, max_value=1, exclude_max=True),
    min_tokens=st.integers(2, 300),
)
lengths = st.integers(0, 5000)
decimals = st.integers(0, 999).map(lambda thousandths: f"0.{thousandths:03}")


@given(policies, lengths)
def test_tokens_kept_stays_between_the_floor_and_the_length(policy, length):
    assert min(length, policy.min_tokens) <= policy.tokens_kept(length) <= length


@given(policies, lengths)
def test_tokens_kept_never_falls_as_length_grows(policy, length):
    assert policy.tokens_kept(length) <= policy.tokens_kept(length + 1)


@given(st.integers(2, 300), lengths)
def test_quantile_zero_keeps_everything(min_tokens, length):
    assert PruningPolicy((1,), 0, min_tokens).tokens_kept(length) == length
    assert PruningPolicy((1,), 0.0, min_tokens).tokens_kept(length) == length


@given(policies, st.data())
def test_a_text_of_at_most_min_tokens_is_kept_whole(policy, data):
    length = data.draw(st.integers(0, policy.min_tokens))
    assert policy.tokens_kept(length) == length


@given(decimals, st.integers(2, 300), lengths)
def test_tokens_kept_is_exact_for_decimal_quantiles(quantile, min_tokens, length):
    removable = max(0, length - min_tokens)
    expected = length - floor(Fraction(quantile) * removable)
    assert PruningPolicy((1,), float(quantile), min_tokens).tokens_kept(length) == expected


def test_binary_rounding_does_not_keep_a_token_too_many():
    cases = [(thousandths, removable) for thousandths in range(1000) for removable in range(300)]
    misleading = [(t, removable) for t, removable in cases if int(t / 1000 * removable) != t * removable // 1000]
    assert misleading
    for thousandths, removable in misleading:
        policy = PruningPolicy((1,), thousandths / 1000, 2)
        assert policy.tokens_kept(2 + removable) == 2 + removable - thousandths * removable // 1000


@pytest.mark.parametrize(
    "layers",
    [2, None, "2", {2}, {2: 3}, [-1], [2, 2], [3, 1], [True], [False], [0, True], [2.0], ["2"], [None], [nan], [[2]]],
    ids=repr,
)
def test_bad_layers_are_refused_with_the_value_and_the_way_out(layers):
    with pytest.raises(EncoderError) as refused:
        PruningPolicy(layers, 0.5, 4)
    assert repr(layers) in str(refused.value)
    assert "ascending" in str(refused.value)


@pytest.mark.parametrize("quantile", [nan, inf, -inf, -0.1, 1.0, 1, 2, 50, True, False, "0.5", None, [0.5]], ids=repr)
def test_bad_quantile_is_refused_with_the_value_and_the_way_out(quantile):
    with pytest.raises(EncoderError) as refused:
        PruningPolicy((1,), quantile, 4)
    assert repr(quantile) in str(refused.value)
    assert "0 <= quantile < 1" in str(refused.value)


@pytest.mark.parametrize("min_tokens", [1, 0, -4, 10**400, True, 4.0, nan, "4", None, [4]], ids=repr)
def test_bad_min_tokens_is_refused_with_the_value_and_the_way_out(min_tokens):
    with pytest.raises(EncoderError) as refused:
        PruningPolicy((1,), 0.5, min_tokens)
    assert repr(min_tokens) in str(refused.value)
    assert "at least 2" in str(refused.value)


def test_a_list_of_layers_becomes_a_tuple_so_that_equal_policies_are_equal():
    assert PruningPolicy([1, 3], 0.5, 4) == PruningPolicy((1, 3), 0.5, 4)
    assert len({PruningPolicy([1, 3], 0.5, 4), PruningPolicy((1, 3), 0.5, 4)}) == 1


def test_a_quantile_of_numpy_is_a_number_too():
    assert PruningPolicy((1,), np.float64(0.29), 4) == PruningPolicy((1,), 0.29, 4)


@given(policies, lengths)
def test_without_cuts_keeps_everything_and_still_names_the_layers(policy, length):
    uncut = policy.without_cuts()
    assert uncut.tokens_kept(length) == length
    assert (uncut.layers, uncut.min_tokens) == (policy.layers, policy.min_tokens)
