"""Tests of encoder/onnx_export.py: the graphs compute what torch computes, for every architecture and every policy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from rasa_token_pruning.encoder import transformer
from rasa_token_pruning.encoder.calibration import activation_ranges
from rasa_token_pruning.encoder.checkpoints import encoder_weights, read_arrays
from rasa_token_pruning.encoder.cuts import Cut
from rasa_token_pruning.encoder.engine import EncoderSpec, TokenStates
from rasa_token_pruning.encoder.onnx_cut import TOKENS_KEPT
from rasa_token_pruning.encoder.onnx_engine import OnnxEngine, open_session
from rasa_token_pruning.encoder.onnx_export import export, export_probes
from rasa_token_pruning.encoder.onnx_precision import Float32, Int8
from rasa_token_pruning.encoder.policy import REDUCTIONS, SCORES, PruningPolicy
from rasa_token_pruning.encoder.readout import POOLINGS, ModelHead, joined_layers
from rasa_token_pruning.encoder.reduction import gather_tokens, merge_tokens
from rasa_token_pruning.encoder.torch_engine import TorchEngine
from rasa_token_pruning.encoder.transformer import Transformer
from rasa_token_pruning.encoder.weights import Dense, EncoderWeights, TransformerConfig, scorer_shapes
from tests.encoder.conftest import operators

CUTS = [((2,), 0.5, 6), ((1, 3), 0.4, 4), ((0, 1, 2), 0.6, 2)]
READOUTS = ["final", "final+cut", "final+0+3"]
HEAD = ModelHead("mean", (), normalize=True)
UNCUT = PruningPolicy((), 0.0, 2)


def weights_of(folder: Path) -> EncoderWeights:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return encoder_weights(config, read_arrays(folder / "model.safetensors"))


@pytest.fixture(scope="module")
def weights(architecture_folder) -> EncoderWeights:
    """An encoder of each architecture, with scores in all layers as if they had been learnt."""
    plain = weights_of(architecture_folder)
    chance = np.random.default_rng(1)
    shapes = scorer_shapes(range(plain.config.layers), plain.config.width)
    scorers = {name: chance.normal(size=shape) for name, shape in shapes.items()}
    return EncoderWeights(plain.config, {**plain.arrays, **{name: x.astype(np.float32) for name, x in scorers.items()}})


@pytest.fixture(scope="module")
def tiny(tiny_folder) -> EncoderWeights:
    return weights_of(tiny_folder)


@pytest.fixture(scope="module")
def batches() -> list[np.ndarray]:
    """Ids of texts of several lengths, one or three at a time."""
    chance = np.random.default_rng(0)
    return [chance.integers(4, 56, (batch, length)) for length in (2, 3, 15, 60) for batch in (1, 3)]


def both(weights: EncoderWeights, spec: EncoderSpec) -> tuple[TorchEngine, OnnxEngine]:
    return TorchEngine(weights, spec, "cpu"), OnnxEngine(export(weights, spec, Float32()), num_threads=1)


@pytest.fixture
def margins(monkeypatch) -> list[np.ndarray]:
    """For each merging by torch from now on, by how much each text's most undecided token preferred its target.

    Where that is nothing, rounding decides, and on another processor or in another engine decides otherwise.
    """
    found: list[np.ndarray] = []

    def merge(hidden, sizes, positions):
        directions = torch.nn.functional.normalize(hidden, dim=-1)
        best = (directions @ gather_tokens(directions, positions).transpose(1, 2)).topk(2).values
        undecided = (best[..., 0] - best[..., 1]).scatter(1, positions, np.inf)
        found.append(undecided.amin(dim=1).numpy())
        return merge_tokens(hidden, sizes, positions)

    monkeypatch.setattr(transformer, "merge_tokens", merge)
    return found


def decided(margins: list[np.ndarray], texts: int) -> np.ndarray:
    """Which of the texts of the last run rounding has decided nothing of, ``(texts,)``; most of them."""
    clear = np.min([np.full(texts, np.inf), *margins], axis=0) > 1e-6
    margins.clear()
    return clear


def check_equal(ours: TokenStates, theirs: TokenStates) -> None:
    assert ours.embeddings.dtype == ours.reached.dtype == np.float32
    assert ours.kept.dtype == bool
    assert np.array_equal(ours.kept, theirs.kept)
    np.testing.assert_allclose(ours.embeddings, theirs.embeddings, atol=1e-5, rtol=0)
    np.testing.assert_allclose(ours.reached, theirs.reached, atol=1e-4, rtol=0)


def check_equal_cuts(ours: tuple[Cut, ...], theirs: tuple[Cut, ...]) -> None:
    assert [cut.layer for cut in ours] == [cut.layer for cut in theirs]
    for cut, expected in zip(ours, theirs, strict=True):
        assert (cut.importance.dtype, cut.part_of.dtype) == (np.float32, np.int64)
        # Some processors take what is smaller than any normal number for 0.
        np.testing.assert_allclose(cut.importance, expected.importance, rtol=1e-3, atol=np.finfo(np.float32).tiny)
        assert np.array_equal(cut.part_of, expected.part_of)


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("cut", CUTS, ids=repr)
def test_a_graph_computes_what_torch_computes(weights, batches, cut, reduction, score, readout, margins):
    policy = PruningPolicy(*cut, reduction, score)
    spec = EncoderSpec(policy, joined_layers(readout, policy, weights.config.layers), HEAD)
    reference, onnx = both(weights, spec)
    undecided = 0
    for ids in batches:
        found, expected = onnx.run(ids), reference.run(ids)
        clear = decided(margins, len(ids))
        undecided += int((~clear).sum())
        both_clear = [
            TokenStates(one.embeddings[clear], one.reached[clear], one.kept[clear]) for one in (found, expected)
        ]
        check_equal(*both_clear)
        assert np.array_equal(onnx.embed(ids), found.embeddings)
        if clear[0]:
            check_equal_cuts(onnx.trace(ids[0]), reference.trace(ids[0]))
            margins.clear()
        staying = ids.shape[1]
        for _ in policy.layers:
            staying = policy.tokens_kept(staying)
        assert (found.kept.sum(axis=1) == staying).all()
        assert found.kept[:, 0].all()
        assert found.kept[:, -1].all()
    assert undecided <= 2  # of 16 texts


@pytest.mark.parametrize("policy", [UNCUT, PruningPolicy((1, 2), 0.0, 2), PruningPolicy((1, 2), 0.9, 200, "merge")])
def test_a_graph_that_cuts_nothing_computes_what_torch_computes(weights, batches, policy):
    torch, onnx = both(weights, EncoderSpec(policy, (0, 2), HEAD))
    uncut = TorchEngine(weights, EncoderSpec(UNCUT, (0, 2), HEAD), "cpu")
    for ids in batches:
        check_equal(onnx.run(ids), torch.run(ids))
        check_equal(onnx.run(ids), uncut.run(ids))
        assert onnx.run(ids).kept.all()
        assert onnx.trace(ids[0]) == torch.trace(ids[0]) == ()


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_another_table_of_how_many_tokens_stay_makes_another_policy_of_a_graph(weights, batches, reduction):
    policy, other = PruningPolicy((1, 3), 0.4, 4, reduction), PruningPolicy((1, 3), 0.7, 3, reduction)
    graphs = (export(weights, EncoderSpec(one, (0,), HEAD), Float32()) for one in (policy, other))
    changed, expected = (open_session(graph, 1) for graph in graphs)
    (table,) = changed.get_overridable_initializers()
    assert table.name == TOKENS_KEPT
    kept = np.array([other.tokens_kept(length) for length in range(61)])
    names = [output.name for output in expected.get_outputs()]
    for ids in batches:
        found = changed.run(names, {"ids": ids, TOKENS_KEPT: kept})
        for one, right in zip(found, expected.run(names, {"ids": ids}), strict=True):
            assert np.array_equal(one, right)


@pytest.mark.parametrize("length", [199, 200])
def test_every_position_can_be_used(weights, length):
    torch, onnx = both(weights, EncoderSpec(PruningPolicy((1,), 0.5, 4, "merge"), (), HEAD))
    ids = np.random.default_rng(1).integers(4, 56, (2, length))
    check_equal(onnx.run(ids), torch.run(ids))


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("dense", [0, 1, 2])
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_every_head_is_that_of_torch(tiny, batches, reduction, pooling, dense, normalize):
    chance = np.random.default_rng(0)
    layers = tuple(
        Dense(chance.normal(0, 0.1, (out, into)).astype(np.float32), chance.normal(size=out).astype(np.float32), tanh)
        for out, into, tanh in ((16, 32, True), (40, 16, False))[:dense]
    )
    policy = PruningPolicy((1,), 0.5, 4, reduction)
    torch, onnx = both(tiny, EncoderSpec(policy, (1,), ModelHead(pooling, layers, normalize)))
    for ids in batches:
        check_equal(onnx.run(ids), torch.run(ids))


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_in_8_bits_every_architecture_runs_and_is_near(weights, batches, reduction):
    policy = PruningPolicy((1, 3), 0.4, 4, reduction)
    ranges = activation_ranges(weights, [ids[0] for ids in batches])
    exact = OnnxEngine(export(weights, EncoderSpec(UNCUT, (0,), HEAD), Float32()), num_threads=1)
    near = OnnxEngine(export(weights, EncoderSpec(UNCUT, (0,), HEAD), Int8(ranges)), num_threads=1)
    cut = OnnxEngine(export(weights, EncoderSpec(policy, (0,), HEAD), Int8(ranges)), num_threads=1)
    for ids in batches:
        one, other = near.embed(ids), exact.embed(ids)
        cosine = (one * other).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
        assert cosine.min() > 0.97
        found = cut.run(ids)
        assert np.isfinite(found.embeddings).all()
        assert (found.kept.sum(axis=1) == policy.tokens_kept(policy.tokens_kept(ids.shape[1]))).all()


@pytest.fixture(params=[(16, 2, 24), (24, 1, 32), (48, 2, 64), (60, 3, 50)], ids=repr)
def odd(request) -> EncoderWeights:
    """An encoder with numbers of outputs that onnxruntime gets wrong in 8 bits on a processor with AMX."""
    width, heads, feed_forward = request.param
    config = TransformerConfig(60, 64, width, 3, heads, feed_forward, 1e-12)
    chance = np.random.default_rng(0)
    arrays = {
        name: (chance.normal(0, 0.3, value.shape) + name.endswith("norm.weight")).astype(np.float32)
        for name, value in Transformer(config).state_dict().items()
    }
    return EncoderWeights(config, arrays)


@pytest.mark.parametrize("policy", [UNCUT, PruningPolicy((1,), 0.1, 4)], ids=["uncut", "cut"])
def test_in_8_bits_any_width_is_near_and_alike_at_each_call(odd, batches, policy):
    ranges = activation_ranges(odd, [text for ids in batches for text in ids])
    spec = EncoderSpec(policy, (), HEAD)
    exact, near = (OnnxEngine(export(odd, spec, kind), num_threads=1) for kind in (Float32(), Int8(ranges)))
    for ids in batches:
        found, expected = near.embed(ids), exact.embed(ids)
        assert (found * expected).sum(axis=1).min() > 0.97
        assert all(np.array_equal(near.embed(ids), found) for _ in range(20))


@pytest.mark.parametrize("policy", [UNCUT, PruningPolicy((1,), 0.1, 4)], ids=["uncut", "cut"])
def test_in_8_bits_no_product_has_17_to_31_outputs_after_its_last_whole_32(odd, batches, policy):
    content = export(odd, EncoderSpec(policy, (), HEAD), Int8(activation_ranges(odd, [batches[0][0]])))
    graph = onnx.load_from_string(content).graph
    outputs = {constant.name: constant.dims[-1] for constant in graph.initializer if constant.dims}
    for node in graph.node:
        if node.op_type == "MatMulIntegerToFloat":
            assert outputs[node.input[1]] % 32 <= 16
        if node.op_type == "QAttention":
            assert odd.config.width // odd.config.heads % 32 <= 16


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_writing_twice_gives_the_same_bytes(tiny, batches, reduction):
    spec = EncoderSpec(PruningPolicy((1, 3), 0.4, 4, reduction), (0,), HEAD)
    assert export(tiny, spec, Float32()) == export(tiny, spec, Float32())
    first, second = (activation_ranges(tiny, [batches[-1][0]]) for _ in range(2))
    assert export(tiny, spec, Int8(first)) == export(tiny, spec, Int8(second))


def test_only_what_cuts_pays_for_scores(tiny):
    """Fused attention elsewhere: the probabilities are computed in single steps only where they are needed."""
    uncut = export(tiny, EncoderSpec(UNCUT, (), HEAD), Float32())
    cut = export(tiny, EncoderSpec(PruningPolicy((1,), 0.5, 4), (), HEAD), Float32())
    assert {"Softmax", "TopK"}.isdisjoint(operators(uncut))
    assert {"Softmax", "TopK", "Attention"} <= set(operators(cut))


def test_the_layers_after_a_cut_really_run_over_fewer_tokens(tiny, batches):
    import onnxruntime

    policy, precision = PruningPolicy((1, 3), 0.4, 4), Float32()
    content = export_probes(tiny, EncoderSpec(policy, (), HEAD), precision)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = list(precision.entering)
    found = dict(zip(names, session.run(names, {"ids": batches[-1]}), strict=True))
    length = batches[-1].shape[1]
    lengths = [length, policy.tokens_kept(length), policy.tokens_kept(policy.tokens_kept(length))]
    expected = {"query_key_value": [0, 0, 1, 1], "attention_output": [0, 0, 1, 1], "expand": [0, 1, 1, 2]}
    for part, cuts in expected.items():
        for layer, cut in enumerate(cuts):
            assert found[f"layers.{layer}.{part}"].shape[1] == lengths[cut]


def test_probes_have_every_linear_layer(tiny):
    precision = Float32()
    export_probes(tiny, EncoderSpec(UNCUT, (), HEAD), precision)
    parts = ("query_key_value", "attention_output", "expand", "contract")
    assert set(precision.entering) == {f"layers.{layer}.{part}" for layer in range(4) for part in parts}


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_onnx_itself_finds_nothing_wrong_with_a_graph(tiny, reduction):
    policy = PruningPolicy((1, 3), 0.4, 4, reduction)
    model = onnx.load_from_string(export(tiny, EncoderSpec(policy, (0,), HEAD), Float32()))
    onnx.checker.check_model(model)
    assert [output.name for output in model.graph.output][-2:] == ["embedding", "final"]
