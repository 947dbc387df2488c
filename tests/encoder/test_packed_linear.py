"""Tests of encoder/packed_linear.py."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rasa_token_pruning.encoder.packed_linear import PackedLinear, pack


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("inputs", "outputs"), [(384, 1152), (1536, 384), (32, 1), (7, 33)])
@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (1, 50), (5, 17), (2, 256)], ids=repr)
def test_it_computes_what_a_linear_layer_computes(inputs, outputs, bias, shape):
    torch.manual_seed(0)
    linear = nn.Linear(inputs, outputs, bias=bias)
    rows = torch.randn(*shape, inputs)
    with torch.inference_mode():
        found, expected = PackedLinear(linear)(rows), linear(rows)
    assert found.shape == (*shape, outputs)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_rows_that_are_a_view_are_read_in_their_order():
    linear = nn.Linear(16, 8)
    rows = torch.randn(16, 4, 3).permute(2, 1, 0)
    with torch.inference_mode():
        torch.testing.assert_close(PackedLinear(linear)(rows), linear(rows), atol=1e-5, rtol=1e-5)


def test_all_linear_layers_of_a_module_are_packed_and_nothing_else():
    module = nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8), nn.ModuleDict({"inner": nn.Linear(8, 2)}))
    pack(module)
    kinds = [type(part) for part in module.modules() if not list(part.children())]
    assert kinds == [PackedLinear, nn.LayerNorm, PackedLinear]


def test_without_the_library_layers_stay_as_they_are(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    module = nn.Sequential(nn.Linear(8, 8))
    pack(module)
    assert type(module[0]) is nn.Linear
