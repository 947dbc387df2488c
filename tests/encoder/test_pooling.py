"""Tests of encoder/pooling.py."""

from __future__ import annotations

import pytest
import torch

from rasa_token_pruning.encoder.pooling import CUT_WEIGHT, FINAL, FINAL_AND_CUT, READOUTS, read_out
from rasa_token_pruning.encoder.transformer import Run

BATCH, LENGTH, KEPT, WIDTH = 3, 9, 4, 8


@pytest.fixture
def run() -> Run:
    generator = torch.Generator().manual_seed(0)
    whole = 5 * torch.randn(BATCH, LENGTH, WIDTH, generator=generator)
    kept = torch.tensor([[0, 2, 5, 8]] * BATCH)
    return Run(final=whole[:, kept[0]] + 1, at_cut=whole, reached=whole, kept=kept)


def test_final_is_the_mean_over_the_tokens_that_stayed(run):
    pooled = read_out(run, FINAL, normalize=False)
    assert pooled.shape == (BATCH, WIDTH)
    torch.testing.assert_close(pooled, torch.stack([text.sum(dim=0) / KEPT for text in run.final]))


def test_final_is_normalized_when_asked(run):
    raw, normalized = read_out(run, FINAL, normalize=False), read_out(run, FINAL, normalize=True)
    torch.testing.assert_close(normalized.norm(dim=1), torch.ones(BATCH))
    torch.testing.assert_close(normalized * raw.norm(dim=1, keepdim=True), raw)


@pytest.mark.parametrize("normalize", [True, False])
def test_final_and_cut_is_final_joined_with_the_weighted_normalized_mean_before_the_cut(run, normalize):
    pooled = read_out(run, FINAL_AND_CUT, normalize)
    assert pooled.shape == (BATCH, 2 * WIDTH)
    assert torch.equal(pooled[:, :WIDTH], read_out(run, FINAL, normalize))
    for text, before in zip(pooled[:, WIDTH:], run.at_cut, strict=True):
        mean = before.sum(dim=0) / LENGTH
        torch.testing.assert_close(text, CUT_WEIGHT * mean / mean.square().sum().sqrt())


def test_states_of_zeros_stay_finite(run):
    nothing = Run(final=0 * run.final, at_cut=0 * run.at_cut, reached=run.reached, kept=run.kept)
    assert all(read_out(nothing, readout, normalize=True).isfinite().all() for readout in READOUTS)
