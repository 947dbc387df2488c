"""Tests of encoder/onnx_cut.py: the operators of one cut beside torch's."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch

from rasa_token_pruning.encoder.onnx_cut import Cutter, bias_by_distance
from rasa_token_pruning.encoder.onnx_graph import Graph
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.reduction import gather_tokens, merge_tokens, most_important
from rasa_token_pruning.encoder.relative_positions import distance_buckets
from rasa_token_pruning.encoder.scores import SCORES, Scorer
from rasa_token_pruning.encoder.weights import TransformerConfig

BATCH, LENGTH, WIDTH, HEADS = 3, 20, 8, 4
CONFIG = TransformerConfig(100, 64, WIDTH, 3, HEADS, 16, 1e-12)
IDS = np.zeros((BATCH, LENGTH), np.int64)


def run(graph: Graph, outputs: dict[str, str], ids: np.ndarray = IDS) -> list[torch.Tensor]:
    session = onnxruntime.InferenceSession(graph.serialize(outputs), providers=["CPUExecutionProvider"])
    return [torch.from_numpy(array) for array in session.run(list(outputs), {"ids": ids})]


@pytest.fixture
def hidden() -> torch.Tensor:
    return torch.randn(BATCH, LENGTH, WIDTH, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def scores() -> torch.Tensor:
    return torch.rand(BATCH, LENGTH, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("score", SCORES)
def test_importance_is_the_score_of_torch(score):
    probabilities = torch.randn(BATCH, HEADS, LENGTH, LENGTH).softmax(dim=-1)
    values = torch.randn(BATCH, HEADS, LENGTH, 2)
    graph = Graph()
    cutter = Cutter(graph, PruningPolicy((0,), 0.5, 4, score=score), CONFIG, None)
    name = cutter.importance(graph.constant(probabilities.numpy()), graph.constant(values.numpy()))
    torch.testing.assert_close(run(graph, {"scores": name})[0], SCORES[score](probabilities, values))


def test_learnt_importance_is_that_of_torch(hidden):
    scorer = Scorer(WIDTH).requires_grad_(False)
    graph = Graph()
    cutter = Cutter(graph, PruningPolicy((0,), 0.5, 4, score="learnt"), CONFIG, None)
    name = cutter.learnt_importance(graph.constant(hidden.numpy()), [array.numpy() for array in scorer.parameters()])
    torch.testing.assert_close(run(graph, {"scores": name})[0], scorer(hidden))


@pytest.mark.parametrize("reduction", ["drop", "merge"])
def test_two_cuts_are_those_of_torch(hidden, scores, reduction):
    policy = PruningPolicy((0, 1), 0.5, 4, reduction)
    counts = [policy.tokens_kept(LENGTH), policy.tokens_kept(policy.tokens_kept(LENGTH))]
    graph = Graph()
    cutter = Cutter(graph, policy, CONFIG, None)
    first, states, targets = cutter.cut(graph.constant(hidden.numpy()), graph.constant(scores.numpy()))
    # The second cut finds other scores; both sides take them by the position of the token.
    other = graph.add("GatherElements", graph.constant(scores.flip(1).numpy()), first, axis=1)
    second, rest, later = cutter.cut(states, other)
    outputs = {"positions": first, "states": states, "positions_later": second, "rest": rest}
    outputs |= {"mean": cutter.mean(rest)}
    if reduction == "merge":
        outputs |= {"bias": cutter.attention_bias(), "targets": targets, "targets_later": later}
    found = dict(zip(outputs, run(graph, outputs), strict=True))
    assert cutter.cuts == 2

    expected, sizes, kept = hidden, torch.ones(BATCH, LENGTH), torch.arange(LENGTH).expand(BATCH, -1)
    left = torch.arange(LENGTH).expand(BATCH, -1)  # as the graph orders them
    for count, importance, name, chosen, become in (
        (counts[0], scores, "states", found["positions"], found.get("targets")),
        (
            *(counts[1], scores.flip(1), "rest"),
            *(found["positions"].gather(1, found["positions_later"]), found.get("targets_later")),
        ),
    ):
        positions = most_important(importance.gather(1, kept), count)
        kept = kept.gather(1, positions)
        if reduction == "merge":
            expected, sizes, into = merge_tokens(expected, sizes, positions)
            here = chosen.gather(1, become).gather(1, left.argsort(dim=1))
            assert torch.equal(here, kept.gather(1, into))
        else:
            expected = gather_tokens(expected, positions)
        order = chosen.argsort(dim=1)
        assert torch.equal(chosen.gather(1, order), kept)
        assert set(map(tuple, chosen[:, :2].sort(dim=1).values.tolist())) == {(0, LENGTH - 1)}
        torch.testing.assert_close(gather_tokens(found[name], order), expected)
        left = chosen
    weights = sizes if reduction == "merge" else torch.ones(BATCH, counts[1])
    torch.testing.assert_close(found["mean"], (expected * weights[..., None]).sum(dim=1) / weights.sum(dim=1)[:, None])
    if reduction == "merge":
        assert (sizes.sum(dim=1) == LENGTH).all()
        assert found["bias"].shape == (BATCH, HEADS, counts[1], counts[1])
        for row in found["bias"].flatten(1, 2).unbind(1):
            torch.testing.assert_close(row.gather(1, order), sizes.log())


def test_after_the_special_tokens_the_others_come_by_falling_importance(hidden, scores):
    graph = Graph()
    cutter = Cutter(graph, PruningPolicy((0,), 0.5, 4), CONFIG, None)
    name, *_ = cutter.cut(graph.constant(hidden.numpy()), graph.constant(scores.numpy()))
    positions = run(graph, {"positions": name})[0]
    assert (positions[:, :2] == torch.tensor([0, LENGTH - 1])).all()
    assert (scores.gather(1, positions)[:, 2:].diff(dim=1) <= 0).all()


def test_of_equal_scores_the_earlier_token_wins(hidden):
    graph = Graph()
    cutter = Cutter(graph, PruningPolicy((0,), 0.5, 4), CONFIG, None)
    name, *_ = cutter.cut(graph.constant(hidden.numpy()), graph.constant(np.full((BATCH, LENGTH), 0.25, np.float32)))
    count = PruningPolicy((0,), 0.5, 4).tokens_kept(LENGTH)
    assert run(graph, {"positions": name})[0].sort(dim=1).values.tolist() == [[*range(count - 1), LENGTH - 1]] * BATCH


@pytest.mark.parametrize("length", [2, 3, 4])
def test_nothing_is_cut_from_texts_up_to_the_floor(length):
    graph = Graph()
    cutter = Cutter(graph, PruningPolicy((0,), 0.9, 4, "merge"), CONFIG, None)
    hidden = np.random.default_rng(0).normal(size=(1, length, WIDTH)).astype(np.float32)
    scores = graph.constant(np.ones((1, length), np.float32))
    positions, states, _ = cutter.cut(graph.constant(hidden), scores)
    found = run(graph, {"positions": positions, "states": states}, np.zeros((1, length), np.int64))
    order = found[0].argsort(dim=1)
    assert found[0].gather(1, order).tolist() == [list(range(length))]
    torch.testing.assert_close(gather_tokens(found[1], order), torch.from_numpy(hidden))


def test_states_of_zeros_can_be_merged():
    graph = Graph()
    cutter = Cutter(graph, PruningPolicy((0,), 0.5, 4, "merge"), CONFIG, None)
    zeros = graph.constant(np.zeros((BATCH, LENGTH, WIDTH), np.float32))
    _, states, _ = cutter.cut(zeros, graph.constant(np.ones((BATCH, LENGTH), np.float32)))
    assert (run(graph, {"states": states})[0] == 0).all()


@pytest.mark.parametrize("positions", [2, 5, 130, 600])
def test_bias_by_distance_is_the_bias_of_the_buckets(positions):
    table = np.random.default_rng(0).normal(size=(32, HEADS)).astype(np.float32)
    by_distance = bias_by_distance(table, positions)
    assert by_distance.shape == (HEADS, 2 * positions - 1)
    distances = np.arange(positions)[None, :] - np.arange(positions)[:, None]
    expected = table[distance_buckets(positions, 32)]
    assert np.array_equal(by_distance[:, distances + positions - 1].transpose(1, 2, 0), expected)
