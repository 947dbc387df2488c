"""Tests of encoder/onnx_precision.py: the arithmetic, and a whole encoder in 8 bits beside the one in fp32."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from rasa_token_pruning.encoder.onnx_engine import open_session
from rasa_token_pruning.encoder.onnx_graph import Graph
from rasa_token_pruning.encoder.onnx_precision import (
    Float32,
    Int8,
    Range,
    outputs_to_add,
    quantization,
    quantize_rows,
    smoothing,
)
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.pruned import PrunedEncoder

floats = st.floats(-(2.0**100), 2.0**100, width=32)
matrices = arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=floats)


@given(matrices)
def test_rows_are_off_by_at_most_half_a_step(weight):
    rows, scales = quantize_rows(weight)
    assert (rows.dtype, scales.dtype) == (np.int8, np.float32)
    assert rows.shape == weight.shape
    assert scales.shape == weight.shape[:1]
    assert rows.min() >= -127
    assert (scales > 0).all()
    assert np.isfinite(scales).all()
    error = np.abs(rows * scales[:, None].astype(np.float64) - weight)
    assert (error <= 0.5 * scales[:, None] * (1 + 1e-4)).all()


@given(matrices)
def test_the_largest_of_a_row_uses_the_whole_range_and_zero_stays_zero(weight):
    rows, _ = quantize_rows(weight)
    assert (rows[weight == 0] == 0).all()
    for found, row in zip(rows, weight, strict=True):
        if np.abs(row).max() > 1e-30:
            assert np.abs(found.astype(int)).max() == 127


def test_rows_of_zeros_and_of_next_to_nothing_stay_finite():
    weight = np.array([[0, 0], [1e-45, 0], [1e-40, -1e-40], [-3, 1.5]], np.float32)
    rows, scales = quantize_rows(weight)
    assert rows.tolist()[0] == [0, 0]
    assert rows.tolist()[3] == [-127, 64]
    assert np.isfinite(scales).all()
    assert (scales > 0).all()


def test_each_row_has_a_scale_of_its_own():
    row = np.linspace(-1, 1, 9, dtype=np.float32)
    rows, scales = quantize_rows(np.stack([row, 1000 * row, 0.001 * row]))
    assert np.array_equal(rows[0], rows[1])
    assert np.array_equal(rows[0], rows[2])
    np.testing.assert_allclose(scales / scales[0], [1, 1000, 0.001], rtol=1e-6)


@given(floats, floats, st.lists(st.floats(0, 1), max_size=20))
def test_a_range_in_8_bits_is_off_by_at_most_half_a_step(one, other, shares):
    low, high = min(one, other), max(one, other)
    scale, zero = quantization(low, high)
    assert (scale.dtype, zero.dtype, scale.shape, zero.shape) == (np.float32, np.uint8, (), ())
    assert scale > 0
    step, low, high = float(scale), min(low, 0.0), max(high, 0.0)
    for share in (0.0, 1.0, *shares):
        value = low + share * (high - low)
        quantized = np.clip(np.rint(value / step) + int(zero), 0, 255)
        assert abs((quantized - int(zero)) * step - value) <= 0.5 * step * (1 + 1e-4)


@given(floats, floats)
def test_zero_is_exactly_a_step_of_the_range(one, other):
    scale, zero = quantization(min(one, other), max(one, other))
    assert 0 <= int(zero) <= 255
    assert np.clip(np.rint(0 / scale) + int(zero), 0, 255) == zero


@pytest.mark.parametrize(
    ("low", "high", "scale", "zero"),
    [
        (0.0, 255.0, 1.0, 0),
        (-255.0, 0.0, 1.0, 255),
        (-2.55, 0.0, 0.01, 255),
        (-128.0, 127.0, 1.0, 128),
        (3, 51, 0.2, 0),
    ],
)
def test_ranges_by_hand(low, high, scale, zero):
    found = quantization(low, high)
    assert found[0] == pytest.approx(scale)
    assert found[1] == zero


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.0), (0.0, 1e-44), (-1e-45, 0.0), (0.0, 1e-320)])
def test_a_range_of_nothing_has_a_scale(low, high):
    scale, zero = quantization(low, high)
    assert 0 < scale < 10
    assert zero in range(256)


@pytest.mark.parametrize("value", [5.0, -5.0])
def test_a_constant_is_kept(value):
    scale, zero = quantization(value, value)
    quantized = np.clip(np.rint(value / scale) + int(zero), 0, 255)
    assert (quantized - int(zero)) * scale == pytest.approx(value)


positive = st.floats(0, 1e4, width=32)


@given(st.data(), st.integers(1, 12), st.floats(0, 1))
def test_smoothing_divides_by_positive_numbers_of_geometric_mean_one(data, width, strength):
    largest = data.draw(arrays(np.float32, width, elements=positive))
    weight = data.draw(arrays(np.float32, (3, width), elements=st.floats(-1e4, 1e4, width=32)))
    divisor = smoothing(largest, weight, strength)
    assert divisor.dtype == np.float32
    assert divisor.shape == (width,)
    assert (divisor > 0).all()
    assert np.log(divisor.astype(np.float64)).mean() == pytest.approx(0, abs=1e-3)


@given(st.data(), st.integers(1, 12))
def test_smoothing_does_not_change_what_a_layer_computes(data, width):
    hidden = data.draw(arrays(np.float32, (4, width), elements=st.floats(-100, 100, width=32)))
    weight = data.draw(arrays(np.float32, (3, width), elements=st.floats(-100, 100, width=32)))
    divisor = smoothing(np.abs(hidden).max(axis=0), weight).astype(np.float64)
    np.testing.assert_allclose(
        (hidden / divisor) @ (weight * divisor).T, hidden @ weight.T.astype(np.float64), rtol=1e-6, atol=1e-6
    )


def test_the_strength_says_who_carries_the_burden():
    largest, weight = np.array([100.0, 1.0, 1.0]), np.ones((2, 3))
    assert smoothing(largest, weight, 0.0) == pytest.approx(np.ones(3))
    all_of_it = largest / smoothing(largest, weight, 1.0)
    assert all_of_it == pytest.approx(np.full(3, all_of_it[0]))


def run(hidden: np.ndarray, weight: np.ndarray, precision, name: str, bias: np.ndarray | None = None) -> np.ndarray:
    """One linear layer as a graph, whose words are rows of ``hidden``."""
    graph = Graph()
    entering = graph.add("Gather", graph.constant(hidden), "ids", axis=0)
    content = graph.serialize({"out": precision.linear(graph, entering, name, weight, bias)})
    return open_session(content).run(["out"], {"ids": np.arange(len(hidden))[None]})[0][0]


def relative_error(found: np.ndarray, exact: np.ndarray) -> float:
    return float(np.linalg.norm(found - exact) / np.linalg.norm(exact))


@pytest.fixture(scope="module")
def layer() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What enters a linear layer, its weight and its bias."""
    chance = np.random.default_rng(0)
    return tuple(chance.normal(size=size).astype(np.float32) for size in ((50, 64), (32, 64), (32,)))


@pytest.mark.parametrize("name", ["layers.0.attention_output", "layers.0.expand"])
@pytest.mark.parametrize("biased", [True, False])
def test_a_layer_is_nearly_the_exact_one(layer, name, biased):
    hidden, weight, bias = layer
    ranges = {name: Range(hidden.min(axis=0), hidden.max(axis=0))}
    exact = run(hidden, weight, Float32(), name, bias if biased else None)
    np.testing.assert_allclose(exact, hidden @ weight.T + biased * bias, atol=1e-4)
    assert relative_error(run(hidden, weight, Int8(ranges), name, bias if biased else None), exact) < 0.02


@pytest.mark.parametrize("outputs", [16, 17, 24, 31, 32, 33, 48, 49, 63])
@pytest.mark.parametrize("biased", [True, False])
def test_a_layer_of_any_number_of_outputs_is_nearly_the_exact_one(layer, outputs, biased):
    hidden, _, _ = layer
    chance = np.random.default_rng(1)
    weight, bias = chance.normal(size=(outputs, 64)), chance.normal(size=outputs) if biased else None
    weight, bias = weight.astype(np.float32), None if bias is None else bias.astype(np.float32)
    ranges = {"layers.0.expand": Range(hidden.min(axis=0), hidden.max(axis=0))}
    exact = run(hidden, weight, Float32(), "layers.0.expand", bias)
    found = run(hidden, weight, Int8(ranges), "layers.0.expand", bias)
    assert found.shape == exact.shape
    assert relative_error(found, exact) < 0.02


@pytest.mark.parametrize(
    ("outputs", "more"), [(1, 0), (16, 0), (17, 15), (31, 1), (32, 0), (48, 0), (49, 15), (312, 8), (384, 0)]
)
def test_outputs_are_added_up_to_whole_32_where_more_than_half_of_32_is_there(outputs, more):
    assert outputs_to_add(outputs) == more


def test_one_huge_component_ruins_a_layer_unless_it_is_smoothed(layer):
    hidden, weight, _ = layer
    hidden, weight = hidden.copy(), weight.copy()
    hidden[:, 7] *= 1000
    weight[:, 7] /= 1000
    ranges = {"expand": Range(hidden.min(axis=0), hidden.max(axis=0))}
    exact = run(hidden, weight, Float32(), "expand")
    assert relative_error(run(hidden, weight, Int8(ranges, smoothed=()), "expand"), exact) > 0.5
    assert relative_error(run(hidden, weight, Int8(ranges), "expand"), exact) < 0.03


def test_words_in_8_bits_are_off_by_at_most_half_a_step(layer):
    table, _, _ = layer
    graph = Graph()
    content = graph.serialize({"out": Int8({}).words(graph, table)})
    (found,) = open_session(content).run(["out"], {"ids": np.array([[3, 0, 49]])})
    step = np.abs(table[[3, 0, 49]]).max(axis=1, keepdims=True) / 127
    assert (np.abs(found[0] - table[[3, 0, 49]]) <= 0.5 * step * (1 + 1e-4)).all()


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return (one * other).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)


POLICIES = {
    "off": "off",
    "balanced": "balanced",
    "merge": PruningPolicy((1, 3), 0.5, 4, "merge", "attention_value"),
}


@pytest.fixture(scope="module")
def exact(messages):
    """Embeddings of the torch engine by policy."""
    found = {}

    def embed(policy: str) -> np.ndarray:
        if policy not in found:
            found[policy] = PrunedEncoder(pruning=POLICIES[policy], engine="torch", num_threads=1).encode(messages)
        return found[policy]

    return embed


@pytest.fixture(scope="module")
def int8():
    """Encoders of 8 bits by policy."""
    return {
        name: PrunedEncoder(pruning=policy, engine="onnx", precision="int8", num_threads=1)
        for name, policy in POLICIES.items()
    }


@pytest.mark.parametrize("policy", ["off", "balanced"])
def test_fp32_embeddings_are_those_of_torch(messages, exact, policy):
    ours = PrunedEncoder(pruning=POLICIES[policy], engine="onnx", num_threads=1).encode(messages)
    assert cosines(ours, exact(policy)).min() >= 0.99999


@pytest.mark.parametrize(
    ("policy", "mean", "lowest"), [("off", 0.99, 0.95), ("balanced", 0.98, 0.5), ("merge", 0.95, 0.5)]
)
def test_int8_embeddings_are_close_to_those_of_torch(messages, exact, int8, policy, mean, lowest):
    found = cosines(int8[policy].encode(messages), exact(policy))
    assert found.mean() >= mean
    assert found.min() >= lowest


@pytest.mark.parametrize("policy", POLICIES)
def test_int8_gives_numbers_for_whatever_users_send(nasty_texts, int8, policy):
    for text in int8[policy].encode_tokens(nasty_texts):
        assert np.isfinite(text.embedding).all()
        assert np.isfinite(text.states).all()
        assert np.linalg.norm(text.embedding) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("policy", POLICIES)
def test_int8_encodes_a_text_alike_alone_and_in_any_batch_to_the_bit(messages, nasty_texts, int8, policy):
    """The scales are fixed, so that no other text of a batch has an influence."""
    texts = [*nasty_texts, *messages[::4]]
    together = int8[policy].encode_tokens(texts)
    order = random.Random(2).sample(range(len(texts)), len(texts))
    shuffled = int8[policy].encode_tokens([texts[number] for number in order])
    others = [(number, text) for number, text in zip(order, shuffled, strict=True)]
    others += [(number, int8[policy].encode_tokens([text])[0]) for number, text in enumerate(texts)]
    for number, text in others:
        assert np.array_equal(text.kept, together[number].kept)
        assert np.array_equal(text.embedding, together[number].embedding)
        assert np.array_equal(text.states, together[number].states)


def test_int8_cuts_as_much_as_the_policy_says(messages, int8):
    for name, encoder in int8.items():
        for text in encoder.encode_tokens(messages[::8]):
            expected = len(text.kept)
            for _ in encoder.policy.layers:
                expected = encoder.policy.tokens_kept(expected)
            assert text.kept.sum() == expected, name
            assert text.kept[0]
            assert text.kept[-1]


@given(st.text(st.characters(exclude_categories=()), max_size=80))
def test_int8_gives_numbers_for_any_text(int8, text):
    assume(text)
    assert np.isfinite(int8["balanced"].encode(text)).all()
