import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.location import DEFAULT_MODEL
from rasa_token_pruning.encoder.policy import REDUCTIONS, SCORES, PruningPolicy
from rasa_token_pruning.encoder.presets import LEVELS, preset
from rasa_token_pruning.tuning.space import Space, default_layers, default_score


def test_every_combination_once():
    space = Space(((2,), (1, 3), (2,)), (0.3, 0.5, 0.3), (6, 10), REDUCTIONS, SCORES)
    policies = space.policies()
    assert len(policies) == len(set(policies)) == 2 * 2 * 2 * len(REDUCTIONS) * len(SCORES)
    assert policies[0] == PruningPolicy((2,), 0.3, 6, REDUCTIONS[0], SCORES[0])
    assert policies[-1] == PruningPolicy((1, 3), 0.5, 10, REDUCTIONS[-1], SCORES[-1])


def test_the_default_space_has_the_presets_in_it():
    policies = Space(default_layers(6, range(6)), scores=[default_score(default_layers(6), range(6))]).policies()
    assert len(policies) == 4 * 3 * 3
    assert {preset(level, 6, DEFAULT_MODEL, "auto") for level in LEVELS} <= set(policies)


def test_scores_are_learnt_where_every_layer_that_may_cut_knows_them():
    assert default_layers(12, (2, 6)) == ((2,), (6,), (2, 6))
    assert default_score(default_layers(12, (2, 6)), (2, 6)) == "learnt"
    for scored in ((), (5,)):
        assert default_layers(12, scored) == default_layers(12)
        assert default_score(default_layers(12), scored) == "mean_attention"
    assert default_score(((2,), (1, 3)), (1, 2)) == "mean_attention"


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"quantiles": (0.5, 1.0)}, "quantile is 1.0"),
        ({"quantiles": (-0.1,)}, "quantile is -0.1"),
        ({"quantiles": (float("nan"),)}, "quantile is nan"),
        ({"quantiles": (0.5, 0.0)}, "quantile is 0: give numbers greater than 0"),
        ({"floors": (1,)}, "min_tokens is 1"),
        ({"layers": ((1, 1),)}, "layers is"),
        ({"layers": ((-1,),)}, "layers is"),
        ({"reductions": ("cut",)}, "reduction is 'cut'"),
        ({"scores": ("length",)}, "score is 'length'"),
    ],
)
def test_values_outside_their_range(changes, said):
    with pytest.raises(EncoderError, match=said):
        Space(**{"layers": ((1,),), **changes}).policies()


@pytest.mark.parametrize(
    "layers, expected",
    [
        (1, ((0,),)),
        (2, ((0,), (1,), (0, 1))),
        (3, ((0,), (1,), (0, 1))),
        (4, ((0,), (1,), (2,), (0, 2))),
        (6, ((1,), (2,), (3,), (1, 3))),
        (12, ((2,), (4,), (6,), (2, 6))),
    ],
)
def test_default_layers(layers, expected):
    assert default_layers(layers) == expected


@given(st.integers(1, 100))
def test_default_layers_exist_and_can_be_cut(layers):
    found = default_layers(layers)
    assert len(set(found)) == len(found)
    assert all(PruningPolicy(choice, 0.5, 6).layers[-1] < layers for choice in found)
