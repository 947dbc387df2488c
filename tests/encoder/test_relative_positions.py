"""Tests of encoder/relative_positions.py."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers.models.mpnet.modeling_mpnet import MPNetEncoder

from rasa_token_pruning.encoder.relative_positions import distance_buckets, gather_bias


def test_buckets_are_those_of_transformers_for_every_distance():
    length, buckets = 601, 32
    positions = torch.arange(length)
    distances = positions[None, :] - positions[:, None]
    theirs = MPNetEncoder.relative_position_bucket(distances, num_buckets=buckets).numpy()
    ours = distance_buckets(length, buckets)
    assert ours.dtype == np.int64
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("length", [1, 2, 17])
def test_buckets_of_a_short_text_are_those_of_a_long_one(length):
    assert np.array_equal(distance_buckets(length, 32), distance_buckets(600, 32)[:length, :length])


@pytest.mark.parametrize("batch", [1, 3])
def test_gather_bias_takes_rows_and_columns(batch):
    bias = torch.rand(batch, 2, 9, 9)
    positions = torch.tensor([[0, 3, 8], [0, 5, 8], [0, 1, 8]])
    gathered = gather_bias(bias, positions)
    assert gathered.shape == (3, 2, 3, 3)
    for row, chosen in enumerate(positions.tolist()):
        assert torch.equal(gathered[row], bias[row % batch][:, chosen][:, :, chosen])
