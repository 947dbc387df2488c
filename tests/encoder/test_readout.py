"""Tests of encoder/readout.py."""

from __future__ import annotations

import pytest

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.readout import joined_layers

POLICY = PruningPolicy((2, 4), 0.5, 6)


@pytest.mark.parametrize(
    ("readout", "layers"),
    [
        ("final", ()),
        ("final+cut", (2,)),
        ("final+0", (0,)),
        ("final+0+3", (0, 3)),
        ("final+3+0", (3, 0)),
        ("final+5+cut", (5, 2)),
        ("final+11", (11,)),
        ("final+04", (4,)),
    ],
)
def test_layers_are_read_in_their_order(readout, layers):
    assert joined_layers(readout, POLICY, 12) == layers


def test_cut_is_the_first_layer_that_the_policy_names_even_if_it_cuts_nothing():
    assert joined_layers("final+cut", POLICY.without_cuts(), 6) == (2,)


@pytest.mark.parametrize(
    "readout",
    [
        *(None, True, 3, ["final"], b"final"),
        *("", "+", "cut", "mean", "FINAL", " final", "final ", "0+final", "cut+final", "finalcut"),
        *("final+", "final++0", "final+0+", "final+ 0", "final+-1", "final+1.0", "final+1e0", "final+0x1"),
        *("final+9", "final+6", "final+1+1", "final+2+cut", "final+1+01", "final+cut+cut", "final+final"),
        *("final+٣", "final+²", "final+①"),
    ],
    ids=ascii,
)
def test_anything_else_is_refused_with_the_value_and_the_choices(readout):
    with pytest.raises(EncoderError) as refused:
        joined_layers(readout, POLICY, 6)
    message = str(refused.value)
    assert repr(readout) in message
    assert all(choice in message for choice in ("final+cut", "from 0 to 5", "final+0+5"))


def test_cut_without_a_layer_is_refused_with_the_way_out():
    with pytest.raises(EncoderError, match="name one in layers"):
        joined_layers("final+cut", PruningPolicy((), 0.5, 6), 6)
