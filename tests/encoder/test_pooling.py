"""Tests of encoder/pooling.py."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from rasa_token_pruning.encoder.pooling import read_out
from rasa_token_pruning.encoder.readout import JOINED_WEIGHT, POOLINGS, ModelHead
from rasa_token_pruning.encoder.transformer import Run
from rasa_token_pruning.encoder.weights import Dense

BATCH, LENGTH, KEPT, WIDTH = 3, 9, 4, 8
RAW, NORMALIZED = ModelHead("mean", (), normalize=False), ModelHead("mean", (), normalize=True)


@pytest.fixture
def run() -> Run:
    generator = torch.Generator().manual_seed(0)
    return Run(final=1 + 5 * torch.randn(BATCH, KEPT, WIDTH, generator=generator), sizes=None, joined=())


@pytest.fixture
def dense() -> tuple[Dense, ...]:
    """Two layers, 8 to 5 with tanh and 5 to 6 without."""
    random = np.random.default_rng(0)
    shapes = ((5, WIDTH, True), (6, 5, False))
    return tuple(
        Dense(random.normal(size=(out, into)).astype(np.float32), random.normal(size=out).astype(np.float32), tanh)
        for out, into, tanh in shapes
    )


def test_mean_is_that_of_the_tokens_that_stayed(run):
    pooled = read_out(run, RAW)
    assert pooled.shape == (BATCH, WIDTH)
    torch.testing.assert_close(pooled, torch.stack([text.sum(dim=0) / KEPT for text in run.final]))


def test_cls_is_the_first_token(run):
    assert torch.equal(read_out(run, replace(RAW, pooling="cls")), run.final[:, 0])


def test_max_is_the_largest_of_each_component(run):
    pooled = read_out(run, replace(RAW, pooling="max"))
    for text, states in zip(pooled.tolist(), run.final.tolist(), strict=True):
        assert text == [max(column) for column in zip(*states, strict=True)]


def test_mean_counts_each_token_by_what_it_stands_for(run):
    sizes = torch.tensor([[1.0, 3, 1, 4]] * BATCH)
    pooled = read_out(replace(run, sizes=sizes), RAW)
    for text, states in zip(pooled, run.final, strict=True):
        repeated = torch.cat([state.expand(int(size), -1) for state, size in zip(states, sizes[0], strict=True)])
        assert len(repeated) == LENGTH
        torch.testing.assert_close(text, repeated.mean(dim=0))


@pytest.mark.parametrize("pooling", ["cls", "max"])
def test_sizes_matter_to_no_other_pooling(run, pooling):
    head = replace(RAW, pooling=pooling)
    sized = replace(run, sizes=torch.tensor([[1.0, 3, 1, 4]] * BATCH))
    assert torch.equal(read_out(sized, head), read_out(run, head))


@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_models_own_embedding_is_normalized_when_asked(run, pooling):
    raw, normalized = (read_out(run, ModelHead(pooling, (), normalize)) for normalize in (False, True))
    torch.testing.assert_close(normalized.norm(dim=1), torch.ones(BATCH))
    torch.testing.assert_close(normalized * raw.norm(dim=1, keepdim=True), raw)


def test_dense_layers_follow_pooling_and_precede_normalization(run, dense):
    first, second = dense
    pooled = run.final.numpy().mean(axis=1)
    expected = np.tanh(pooled @ first.weight.T + first.bias) @ second.weight.T + second.bias
    np.testing.assert_allclose(read_out(run, ModelHead("mean", dense, normalize=False)), expected, atol=1e-5)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(read_out(run, ModelHead("mean", dense, normalize=True)), expected, atol=1e-5)


@pytest.mark.parametrize("normalize", [True, False])
def test_joined_means_follow_the_models_own_embedding_weighted_and_normalized(run, dense, normalize):
    means = tuple(torch.randn(BATCH, WIDTH, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))
    head = ModelHead("mean", dense, normalize)
    pooled = read_out(replace(run, joined=means), head)
    assert pooled.shape == (BATCH, 6 + 2 * WIDTH)
    assert torch.equal(pooled[:, :6], read_out(run, head))
    for part, mean in zip(pooled[:, 6:].split(WIDTH, dim=1), means, strict=True):
        torch.testing.assert_close(part, JOINED_WEIGHT * mean / mean.square().sum(dim=1, keepdim=True).sqrt())


def test_states_of_zeros_stay_finite(run):
    nothing = replace(run, final=0 * run.final, joined=(0 * run.final[:, 0],))
    assert all(read_out(nothing, ModelHead(pooling, (), True)).isfinite().all() for pooling in POOLINGS)
