"""Levels, times, and what is struck through."""

import numpy as np
import pytest

from rasa_token_pruning.encoder.presets import NAMES, preset
from rasa_token_pruning.evaluation.assistant import FEATURIZER_DEFAULTS
from rasa_token_pruning.reporting.page_pruning import struck
from rasa_token_pruning.reporting.pruning import OFF, YOURS, Change, encoders_of, spans
from tests.encoder.conftest import write_tiny_model


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return {**FEATURIZER_DEFAULTS, "model": str(write_tiny_model(tmp_path_factory.mktemp("levels") / "model"))}


@pytest.mark.parametrize("pruning", [*NAMES, False, True])
def test_a_preset_is_one_of_four_levels(tiny, pruning):
    encoders, used = encoders_of({**tiny, "pruning": pruning})
    assert tuple(encoders) == NAMES and used == {False: OFF, True: "balanced"}.get(pruning, pruning)
    for name, encoder in encoders.items():
        assert encoder.policy == preset(name, encoder.layers, tiny["model"])


def test_a_policy_of_ones_own_is_a_fifth_level(tiny):
    encoders, used = encoders_of({**tiny, "layers": [0, 1], "quantile": 0.25, "min_tokens": 4})
    assert used == YOURS and tuple(encoders) == (*NAMES, YOURS)
    assert (encoders[YOURS].policy.layers, encoders[YOURS].policy.quantile) == ((0, 1), 0.25)


@pytest.mark.parametrize("more", [{}, {"min_tokens": 7}, {"score": "max_attention"}])
def test_a_policy_that_cuts_nothing_is_off(tiny, more):
    encoders, used = encoders_of({**tiny, "quantile": 0, **more})
    assert used == OFF and tuple(encoders) == NAMES


def test_options_of_the_encoder_are_those_of_the_config(tiny):
    encoders, _ = encoders_of({**tiny, "readout": "final", "precision": "fp32", "prompt": "query: "})
    for encoder in encoders.values():
        assert (encoder.options.readout, encoder.precision, encoder.options.prompt) == ("final", "fp32", "query: ")


TEXT = "do not reset my password"
PIECES = [(0, 0), (0, 2), (3, 6), (7, 12), (13, 15), (16, 20), (20, 24), (0, 0)]


@pytest.mark.parametrize(
    "dropped, found",
    [((), ()), ((1,), ((0, 2),)), ((1, 2), ((0, 6),)), ((1, 3), ((0, 2), (7, 12))), ((5, 6), ((16, 24),)),
     ((6,), ((20, 24),)), ((0, 7), ()), ((4, 5, 6), ((13, 24),))],
)  # fmt: skip
def test_neighbours_that_are_dropped_are_one_part(dropped, found):
    kept = np.array([place not in dropped for place in range(len(PIECES))])
    assert spans(TEXT, np.array(PIECES), kept) == found


def test_what_is_dropped_is_struck_through_and_said():
    shown = struck(Change("balanced", "a <b> & c", ((2, 5), (8, 9)), "x", "y", "z"))
    assert "a <del>&lt;b&gt;</del> &amp; <del>c</del>" in shown
    assert "(dropped: &lt;b&gt;, c)" in shown
    assert "nothing dropped" in struck(Change("balanced", "a", (), "x", "y", "z"))
