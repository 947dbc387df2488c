"""A scorer fitted to what tokens are worth."""

import pytest
import torch

from rasa_token_pruning.training.scorer_fit import fitted

WIDTH = 6


@pytest.fixture(scope="module")
def tokens():
    """States far from zero and of different spread, and a worth that is no direction of them."""
    torch.manual_seed(0)
    plain = torch.randn(20_000, WIDTH)
    return plain * torch.tensor([0.1, 10, 1, 1, 1, 1]) + 5, plain[:, 0] + plain[:, 1].abs() - 0.8


def test_it_predicts_what_is_no_direction_on_states_that_it_has_not_seen(tokens):
    states, worth = tokens
    scorer = fitted(states[:16_000], worth[:16_000])
    found = scorer.worth(states[16_000:])
    assert torch.corrcoef(torch.stack([found, worth[16_000:]]))[0, 1] > 0.97
    assert torch.allclose(found.mean(), worth[16_000:].mean(), atol=0.1)
    assert not any(parameter.requires_grad for parameter in scorer.parameters())


def test_it_follows_the_random_numbers(tokens):
    states, worth = (part[:2_000] for part in tokens)
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(fitted(states, worth).worth(states[:50]))
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])


def test_a_unit_that_never_changes_does_no_harm():
    states = torch.ones(40, WIDTH)
    assert fitted(states, torch.zeros(40)).worth(states).isfinite().all()
