"""Tests of encoder/calibration.py."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from rasa_token_pruning.encoder.calibration import activation_ranges
from rasa_token_pruning.encoder.calibration_texts import calibration_texts
from rasa_token_pruning.encoder.checkpoints import encoder_weights, read_arrays
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.transformer import Transformer

PARTS = ("query_key_value", "attention_output", "expand", "contract")


@pytest.fixture(scope="module")
def weights(architecture_folder):
    config = json.loads((architecture_folder / "config.json").read_text(encoding="utf-8"))
    return encoder_weights(config, read_arrays(architecture_folder / "model.safetensors"))


@pytest.fixture(scope="module")
def texts() -> list[np.ndarray]:
    chance = np.random.default_rng(0)
    return [chance.integers(4, 56, length) for length in (2, 7, 7, 64, 65, 200)]


def test_ranges_are_what_enters_the_layers_of_torch(weights, texts):
    transformer = Transformer.from_weights(weights)
    seen: dict[str, list[torch.Tensor]] = {}
    for name, module in transformer.named_modules():
        if name.rpartition(".")[2] in PARTS:
            module.register_forward_hook(
                lambda _, inputs, __, name=name: seen.setdefault(name, []).append(inputs[0].flatten(0, -2))
            )
    for ids in texts:
        ids = np.append(ids[:63], ids[-1]) if len(ids) > 64 else ids  # of long texts the beginning
        transformer.run(torch.from_numpy(ids)[None], PruningPolicy((), 0.0, 2))
    ranges = activation_ranges(weights, texts)
    assert ranges.keys() == seen.keys() == {f"layers.{layer}.{part}" for layer in range(4) for part in PARTS}
    for name, entered in seen.items():
        rows = torch.cat(entered).numpy()
        assert ranges[name].low.shape == ranges[name].high.shape == rows.shape[1:]
        np.testing.assert_allclose(ranges[name].low, rows.min(axis=0), atol=1e-4)
        np.testing.assert_allclose(ranges[name].high, rows.max(axis=0), atol=1e-4)


def test_more_texts_never_make_a_range_smaller(weights, texts):
    few, all_of_them = activation_ranges(weights, texts[:2]), activation_ranges(weights, texts)
    for name, found in few.items():
        assert (all_of_them[name].low <= found.low).all()
        assert (all_of_them[name].high >= found.high).all()


def test_the_texts_are_many_different_short_and_long_and_in_several_languages():
    texts = calibration_texts()
    assert len(set(texts)) == len(texts) >= 200
    assert all(text.strip() for text in texts)
    lengths = [len(text.split()) for text in texts]
    assert min(lengths) <= 2
    assert max(lengths) > 150
    assert sum(not text.isascii() for text in texts) > 20
