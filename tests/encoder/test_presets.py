"""Tests of encoder/presets.py."""

from __future__ import annotations

import pytest

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.presets import NAMES, preset


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("layers", [1, 2, 3, 6, 12, 24])
def test_every_preset_names_layers_that_the_encoder_has(name, layers):
    policy = preset(name, layers)
    assert policy.layers
    assert all(0 <= layer < layers for layer in policy.layers)


def test_off_is_balanced_without_the_cut():
    assert preset("off", 6) == preset("balanced", 6).without_cuts()
    assert preset("off", 6).tokens_kept(100) == 100
    assert preset("balanced", 6).tokens_kept(100) < 100


@pytest.mark.parametrize("name", ["", "Balanced", "on", None, True, False, 0.5, ["off"]], ids=repr)
def test_unknown_preset_is_refused_with_the_value_and_the_names(name):
    with pytest.raises(EncoderError) as refused:
        preset(name, 6)
    assert repr(name) in str(refused.value)
    assert all(known in str(refused.value) for known in NAMES)
