"""The tokens of a batch inside a graph: which are left, what each stands for, and how they are cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from rasa_token_pruning.encoder.onnx_graph import FLOAT, Graph
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.relative_positions import distance_buckets
from rasa_token_pruning.encoder.weights import TransformerConfig

# The input of a graph that says how many tokens stay, for each number of tokens from 0 on. It need not be given.
TOKENS_KEPT = "tokens_kept"


class CutNames(NamedTuple):
    """The names of what a cut gives.

    :param positions: The positions that stay, ``(batch, kept)``.
    :param states: The states that stay, ``(batch, kept, width)``.
    :param targets: For each token the place in ``positions`` of what it is part of from then on, ``(batch, length)``;
        empty if what goes is dropped.
    """

    positions: str
    states: str
    targets: str


class Cutter:
    """Follows ``reduction``, ``scores`` and ``relative_positions`` in onnx operators.

    After a cut the special tokens stand first and the others in the order of their importance: nothing that follows
    depends on the order, and putting them back would take time.

    :param graph: Where the operators go.
    :param policy: How many tokens stay, and what becomes of the others.
    :param config: The shape of the encoder.
    :param relative_bias: What the distance of tokens adds to the attention scores, ``(buckets, heads)``, or nothing.
    :param protected: The ids of the tokens that stay as long as as many do.
    """

    def __init__(
        self,
        graph: Graph,
        policy: PruningPolicy,
        config: TransformerConfig,
        relative_bias: np.ndarray | None,
        protected: Sequence[int] = (),
    ) -> None:
        self.cuts = 0
        self._graph = graph
        self._policy = policy
        self._heads = config.heads
        self._sizes = ""
        self._kept = ""
        self._relative = ""
        self._protected = ""
        if policy.quantile > 0:
            kept = [policy.tokens_kept(length) for length in range(config.max_positions + 1)]
            graph.changeable(TOKENS_KEPT, *kept)
            if protected:
                table = np.zeros(config.vocabulary_size, np.uint8)
                table[list(protected)] = 1
                self._protected = graph.add("Cast", graph.add("Gather", graph.constant(table), "ids"), to=FLOAT)
        if relative_bias is not None:
            self._max_positions = config.max_positions
            self._by_distance = graph.constant(bias_by_distance(relative_bias, config.max_positions))
            length = graph.add("Squeeze", graph.add("Shape", "ids", start=1, end=2))
            zero, one = graph.constant(np.array(0)), graph.constant(np.array(1))
            positions = graph.add("Range", zero, length, one)
            self._kept = graph.add("Expand", positions, graph.add("Shape", "ids"))
            self._relative = self._bias_between_kept()

    def attention_bias(self) -> str:
        """What is added to the attention scores, ``(batch, heads, length, length)``; an empty name is nothing."""
        if not self._sizes:
            return self._relative
        graph = self._graph
        of_size = graph.add("Unsqueeze", graph.add("Log", self._sizes), graph.integers(1, 2))
        if self._relative:
            return graph.add("Add", self._relative, of_size)
        # In full shape: onnxruntime 1.17 refuses one that is the same for all heads, and 1.20 computes with it wrongly.
        rows = graph.add("Unsqueeze", graph.add("Mul", self._sizes, graph.number(0)), graph.integers(1, 3))
        zeros = graph.constant(np.zeros((1, self._heads, 1, 1), np.float32))
        return graph.add("Add", graph.add("Add", rows, zeros), of_size)

    def mean(self, hidden: str) -> str:
        """The mean over tokens, each counted by its size, ``(batch, width)``."""
        graph = self._graph
        if not self._sizes:
            # A product: onnxruntime reduces a batch of one in another order than a larger one, and the last bit tells.
            length = graph.add("Shape", hidden, start=1, end=2)
            sums = graph.add("MatMul", graph.ones(length), hidden)
            return graph.add("Div", sums, graph.add("Cast", length, to=FLOAT))
        sums = graph.add("MatMul", graph.add("Unsqueeze", self._sizes, graph.integers(1)), hidden)
        total = graph.add("ReduceSum", self._sizes, graph.integers(1), keepdims=1)
        return graph.add("Div", graph.add("Squeeze", sums, graph.integers(1)), total)

    def importance(self, probabilities: str, values: str) -> str:
        """The score of each token from attention, ``(batch, length)``, see ``scores``."""
        graph = self._graph
        # Two steps: onnxruntime takes six times as long to average over two axes at once.
        by_head = graph.add("ReduceMean", probabilities, axes=[2], keepdims=0)
        if self._policy.score == "max_attention":
            return graph.add("ReduceMax", by_head, axes=[1], keepdims=0)
        if self._policy.score == "attention_value":
            by_head = graph.add("Mul", by_head, graph.add("ReduceL1", values, axes=[3], keepdims=0))
        return graph.add("MatMul", graph.constant(np.full(self._heads, 1 / self._heads, np.float32)), by_head)

    def learnt_importance(self, states: str, arrays: Iterable[np.ndarray]) -> str:
        """See ``scores.Scorer``; of the states that leave the attention, ``(batch, length, width)``.

        :param arrays: The scorer's, in the order of ``weights.scorer_shapes``.
        """
        graph = self._graph
        into, bias, out = arrays
        hidden = graph.add("MatMul", states, graph.constant(np.ascontiguousarray(into.T)))
        hidden = graph.add("Relu", graph.add("Add", hidden, graph.constant(bias)))
        worth = graph.add("MatMul", hidden, graph.constant(np.ascontiguousarray(out.T)))
        return graph.add("Softmax", graph.add("Squeeze", worth, graph.integers(2)), axis=-1)

    def cut(self, hidden: str, importance: str) -> CutNames:
        """Drop or merge the least important tokens."""
        positions, targets = self._most_important(hidden, importance), ""
        where = self._graph.add("Unsqueeze", positions, self._graph.integers(-1))
        if self._policy.reduction == "merge":
            hidden, targets = self._merge(hidden, positions, where)
        else:
            hidden = self._graph.add("GatherND", hidden, where, batch_dims=1)
        if self._relative:
            self._kept = self._graph.add("GatherElements", self._kept, positions, axis=1)
            self._relative = self._bias_between_kept()
        if self._protected:
            self._protected = self._graph.add("GatherElements", self._protected, positions, axis=1)
        self.cuts += 1
        return CutNames(positions, hidden, targets)

    def _most_important(self, hidden: str, importance: str) -> str:
        """The special tokens, at both ends of the text and in front after the first cut, then those that are protected,
        then the highest scores.
        """
        graph = self._graph
        if self._protected:
            highest = graph.add("ReduceMax", importance, axes=[1], keepdims=1)
            importance = graph.add("Add", importance, graph.add("Mul", self._protected, highest))
        front, end = (1, 1) if self.cuts == 0 else (2, 0)
        slice_to = graph.integers(-end or np.iinfo(np.int64).max)
        inner = graph.add("Slice", importance, graph.integers(front), slice_to, graph.integers(1))
        protected = graph.add("Pad", inner, graph.integers(0, front, 0, end), graph.number(float("inf")))
        count = graph.add("Gather", TOKENS_KEPT, graph.add("Shape", hidden, start=1, end=2))
        return graph.add_many("TopK", 2, protected, count, axis=1)[1]

    def _merge(self, hidden: str, positions: str, where: str) -> tuple[str, str]:
        """See ``reduction.merge_tokens``."""
        graph = self._graph
        directions = graph.add("LpNormalization", hidden, axis=-1)
        of_kept = graph.add("Transpose", graph.add("GatherND", directions, where, batch_dims=1), perm=[0, 2, 1])
        nearest = graph.add("ArgMax", graph.add("MatMul", directions, of_kept), axis=-1, keepdims=0)
        count = graph.add("Squeeze", graph.add("Shape", positions, start=1, end=2))
        numbers = graph.add("Range", graph.constant(np.array(0)), count, graph.constant(np.array(1)))
        own = graph.add("Expand", numbers, graph.add("Shape", positions))
        targets = graph.add("ScatterElements", nearest, positions, own, axis=1)
        of_each = graph.add("Unsqueeze", targets, graph.integers(1))
        groups = graph.add("Equal", of_each, graph.add("Unsqueeze", numbers, graph.integers(1)))
        weights = graph.add("Cast", groups, to=FLOAT)
        if self._sizes:
            weights = graph.add("Mul", weights, graph.add("Unsqueeze", self._sizes, graph.integers(1)))
        self._sizes = graph.add("ReduceSum", weights, graph.integers(2), keepdims=0)
        sums = graph.add("MatMul", weights, hidden)
        return graph.add("Div", sums, graph.add("Unsqueeze", self._sizes, graph.integers(2))), targets

    def _bias_between_kept(self) -> str:
        """The relative bias between the tokens that are left, ``(batch, heads, length, length)``."""
        graph = self._graph
        keys = graph.add("Unsqueeze", self._kept, graph.integers(1))
        queries = graph.add("Unsqueeze", self._kept, graph.integers(2))
        shift = graph.constant(np.array(self._max_positions - 1))
        distances = graph.add("Add", graph.add("Sub", keys, queries), shift)
        return graph.add("Transpose", graph.add("Gather", self._by_distance, distances, axis=1), perm=[1, 0, 2, 3])


def bias_by_distance(relative_bias: np.ndarray, max_positions: int) -> np.ndarray:
    """The relative bias of every distance that can occur.

    :param relative_bias: ``(buckets, heads)``.
    :param max_positions: The number of positions.
    :return: ``(heads, 2 * max_positions - 1)``; the index is the distance from query to key plus ``max_positions - 1``.
    """
    buckets = distance_buckets(max_positions, len(relative_bias))
    by_distance: np.ndarray = relative_bias[np.concatenate([buckets[:0:-1, 0], buckets[0]])].T
    return by_distance
