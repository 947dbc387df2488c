"""An encoder with its pruning policy as one onnx graph: the cuts, and how many tokens they leave, are inside.

Written operator by operator rather than traced, so that onnxruntime's fused kernels can be named.
"""

from __future__ import annotations

import numpy as np

from rasa_token_pruning.encoder.engine import EncoderSpec
from rasa_token_pruning.encoder.onnx_cut import Cutter
from rasa_token_pruning.encoder.onnx_graph import Graph
from rasa_token_pruning.encoder.onnx_precision import Float32, Precision
from rasa_token_pruning.encoder.policy import LEARNT
from rasa_token_pruning.encoder.readout import JOINED_WEIGHT, ModelHead
from rasa_token_pruning.encoder.weights import EncoderWeights, scorer_shapes


def export(weights: EncoderWeights, spec: EncoderSpec, precision: Precision) -> bytes:
    """The graph file of an encoder.

    Its input is ``ids``, ``(batch, length)``, int64; another, which need not be given, is ``onnx_cut.TOKENS_KEPT``. Its
    outputs are ``embedding``, ``(batch, dimension)``; ``final``, the states that stayed, ``(batch, kept, width)``; and
    for each cut, with the number of its layer, ``before_2``, the states of all tokens that reached it,
    ``(batch, length, width)``; ``importance_2``, theirs, ``(batch, length)``; ``positions_2``, which of them stayed,
    ``(batch, kept)``: the special tokens first, the others by falling importance; and if the others are merged,
    ``targets_2``, for each token the place in ``positions_2`` of what it is part of from then on, ``(batch, length)``.

    :param weights: The encoder.
    :param spec: The policy and the read-out.
    :param precision: How linear layers are computed.
    """
    return _Exporter(weights, precision).export(spec)


def export_probes(weights: EncoderWeights, spec: EncoderSpec, precision: Float32) -> bytes:
    """The same graph, whose outputs are what enters each linear layer, under the layer's name."""
    exporter = _Exporter(weights, precision)
    exporter.export(spec)
    return exporter.graph.serialize(precision.entering)


def _shape_of(output: str) -> tuple[str, ...]:
    """The names of an output's sizes."""
    kind, _, cut = output.partition("_")
    shapes = {
        "embedding": ("batch", "dimension"),
        "final": ("batch", "kept", "width"),
        "before": ("batch", f"length_{cut}", "width"),
        "importance": ("batch", f"length_{cut}"),
        "positions": ("batch", f"kept_{cut}"),
        "targets": ("batch", f"length_{cut}"),
    }
    return shapes[kind]


class _Exporter:
    """Follows ``transformer.Transformer`` step by step."""

    def __init__(self, weights: EncoderWeights, precision: Precision) -> None:
        self.graph = Graph()
        self._config = weights.config
        self._arrays = weights.arrays
        self._precision = precision

    def export(self, spec: EncoderSpec) -> bytes:
        graph, config = self.graph, self._config
        hidden = self._embeddings()
        bias = self._arrays.get("relative_bias.weight")
        cutter = Cutter(graph, spec.policy, config, bias, spec.protected)
        outputs: dict[str, str] = {}
        joined: dict[int, str] = {}
        for number in range(config.layers):
            if number in spec.joined:
                joined[number] = self._unit(cutter.mean(hidden))
            cuts = number in spec.policy.layers and spec.policy.quantile > 0
            learnt = cuts and spec.policy.score == LEARNT
            hidden, importance = self._attend(hidden, number, cutter, scored=cuts and not learnt)
            if learnt:
                scorer = [self._arrays[name] for name in scorer_shapes([number], config.width)]
                importance = cutter.learnt_importance(hidden, scorer)
            if cuts:
                cut = cutter.cut(hidden, importance)
                found = {"before": hidden, "importance": importance, "positions": cut.positions, "targets": cut.targets}
                outputs |= {f"{kind}_{number}": name for kind, name in found.items() if name}
                hidden = cut.states
            hidden = self._feed_forward(hidden, number)
        parts = [self._model_embedding(cutter, hidden, spec.head)]
        weight = graph.number(JOINED_WEIGHT)
        parts += [graph.add("Mul", joined[number], weight) for number in spec.joined]
        embedding = parts[0] if len(parts) == 1 else graph.add("Concat", *parts, axis=-1)
        outputs |= {"embedding": embedding, "final": hidden}
        return graph.serialize(outputs, {name: _shape_of(name) for name in outputs})

    def _embeddings(self) -> str:
        """Words plus positions, normalised, ``(batch, length, width)``."""
        graph, arrays = self.graph, self._arrays
        words = self._precision.words(graph, arrays["embeddings.words.weight"])
        length = graph.add("Shape", "ids", start=1, end=2)
        table = graph.constant(arrays["embeddings.positions.weight"])
        positions = graph.add("Slice", table, graph.integers(0), length, graph.integers(0))
        return self._normalized(words, positions, "embeddings.norm")

    def _attend(self, hidden: str, number: int, cutter: Cutter, scored: bool) -> tuple[str, str]:
        """The attention half of a layer, and, if wanted, the importance of each token in it."""
        name = f"layers.{number}.query_key_value"
        weight, bias = self._arrays[f"{name}.weight"], self._arrays[f"{name}.bias"]
        importance = ""
        if scored:
            joined = self._precision.linear(self.graph, hidden, name, weight, bias)
            context, importance = self._scored_attention(joined, cutter)
        else:
            heads, added = self._config.heads, cutter.attention_bias()
            context = self._precision.attention(self.graph, hidden, name, weight, bias, heads, added)
        changed = self._linear(context, f"layers.{number}.attention_output")
        name = f"layers.{number}.attention_norm"
        return self._normalized(changed, hidden, name, f"layers.{number}.attention_output.bias"), importance

    def _scored_attention(self, joined: str, cutter: Cutter) -> tuple[str, str]:
        """Attention in single steps, for what the fused kernels do not give: the probabilities."""
        graph, heads, width = self.graph, self._config.heads, self._config.width
        split = graph.add("Reshape", joined, graph.integers(0, 0, 3, heads, width // heads))
        parts = graph.add_many("Split", 3, graph.add("Transpose", split, perm=[2, 0, 3, 1, 4]), axis=0)
        query, key, value = (graph.add("Squeeze", part, graph.integers(0)) for part in parts)
        scale = graph.number((width // heads) ** -0.5)
        scores = graph.add("MatMul", graph.add("Mul", query, scale), graph.add("Transpose", key, perm=[0, 1, 3, 2]))
        added = cutter.attention_bias()
        probabilities = graph.add("Softmax", graph.add("Add", scores, added) if added else scores, axis=-1)
        merged = graph.add("Transpose", graph.add("MatMul", probabilities, value), perm=[0, 2, 1, 3])
        context = graph.add("Reshape", merged, graph.integers(0, 0, width))
        return context, cutter.importance(probabilities, value)

    def _feed_forward(self, hidden: str, number: int) -> str:
        """The feed-forward half of a layer."""
        graph, layer = self.graph, f"layers.{number}"
        bias = graph.constant(self._arrays[f"{layer}.expand.bias"])
        expanded = graph.contrib(self._precision.activation, self._linear(hidden, f"{layer}.expand"), bias)
        contracted = self._linear(expanded, f"{layer}.contract")
        return self._normalized(contracted, hidden, f"{layer}.output_norm", f"{layer}.contract.bias")

    def _linear(self, hidden: str, name: str) -> str:
        """A linear layer without its bias, which the operator that follows adds."""
        return self._precision.linear(self.graph, hidden, name, self._arrays[f"{name}.weight"], None)

    def _normalized(self, changed: str, residual: str, norm: str, bias: str | None = None) -> str:
        """Sum, bias and layer normalisation in one operator."""
        graph = self.graph
        inputs = [graph.constant(self._arrays[f"{norm}.{kind}"]) for kind in ("weight", "bias")]
        inputs += [] if bias is None else [graph.constant(self._arrays[bias])]
        epsilon = self._config.layer_norm_epsilon
        return graph.contrib("SkipLayerNormalization", changed, residual, *inputs, epsilon=epsilon)

    def _model_embedding(self, cutter: Cutter, hidden: str, head: ModelHead) -> str:
        """Pooling and what follows, see ``pooling.read_out``."""
        graph = self.graph
        if head.pooling == "mean":
            pooled = cutter.mean(hidden)
        elif head.pooling == "max":
            pooled = graph.add("ReduceMax", hidden, axes=[1], keepdims=0)
        else:
            pooled = graph.add("Gather", hidden, graph.constant(np.array(0)), axis=1)
        for dense in head.dense:
            product = graph.add("MatMul", pooled, graph.constant(dense.weight.T))
            pooled = graph.add("Add", product, graph.constant(dense.bias))
            pooled = graph.add("Tanh", pooled) if dense.tanh else pooled
        return self._unit(pooled) if head.normalize else pooled

    def _unit(self, vectors: str) -> str:
        return self.graph.add("LpNormalization", vectors, axis=-1)
