"""Tests of encoder/transformer.py on a small transformer with random weights."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rasa_token_pruning.encoder.checkpoints import encoder_weights, read_arrays
from rasa_token_pruning.encoder.policy import REDUCTIONS, PruningPolicy
from rasa_token_pruning.encoder.reduction import gather_tokens, merge_tokens
from rasa_token_pruning.encoder.scores import SCORES, Scorer
from rasa_token_pruning.encoder.transformer import Transformer, _Tokens, among
from rasa_token_pruning.encoder.weights import TransformerConfig

LAYERS, WIDTH, BATCH, LENGTH = 5, 16, 3, 24
UNCUT = PruningPolicy((), 0.0, 2)


@pytest.fixture(scope="module")
def transformer() -> Transformer:
    torch.manual_seed(0)
    config = TransformerConfig(
        vocabulary_size=100,
        max_positions=64,
        width=WIDTH,
        layers=LAYERS,
        heads=4,
        feed_forward_width=32,
        layer_norm_epsilon=1e-12,
    )
    return Transformer(config).eval()


@pytest.fixture(scope="module")
def ids() -> torch.Tensor:
    return torch.randint(0, 100, (BATCH, LENGTH), generator=torch.Generator().manual_seed(1))


def seen_by(module: torch.nn.Module, transformer: Transformer, ids: torch.Tensor, policy: PruningPolicy):
    """What goes into and comes out of a part of the transformer while it runs."""
    seen = []
    hook = module.register_forward_hook(lambda _, inputs, output: seen.append((inputs[0].clone(), output.clone())))
    try:
        run = transformer.run(ids, policy)
    finally:
        hook.remove()
    ((entered, left),) = seen
    return entered, left, run


def lengths_in_feed_forward(transformer: Transformer, ids: torch.Tensor, policy: PruningPolicy) -> list[int]:
    entered = [seen_by(layer.expand, transformer, ids, policy)[0] for layer in transformer.layers]
    assert all(hidden.shape[::2] == (len(ids), WIDTH) for hidden in entered)
    return [hidden.shape[1] for hidden in entered]


def lengths_by_policy(policy: PruningPolicy, length: int) -> list[int]:
    lengths = []
    for layer in range(LAYERS):
        length = policy.tokens_kept(length) if layer in policy.layers else length
        lengths.append(length)
    return lengths


@pytest.mark.parametrize("layers", [(0,), (2,), (4,), (1, 3), (0, 1, 2, 3, 4)], ids=repr)
@pytest.mark.parametrize("quantile", [0.3, 0.5, 0.95])
def test_feed_forward_really_runs_over_fewer_tokens(transformer, ids, layers, quantile):
    policy = PruningPolicy(layers, quantile, 4)
    lengths = lengths_in_feed_forward(transformer, ids, policy)
    assert lengths == lengths_by_policy(policy, LENGTH)
    assert lengths[-1] < LENGTH


def test_attention_after_a_cut_runs_over_fewer_tokens(transformer, ids):
    policy = PruningPolicy((1,), 0.5, 4)
    lengths = [seen_by(layer.query_key_value, transformer, ids, policy)[0].shape[1] for layer in transformer.layers]
    assert lengths == [LENGTH, LENGTH, *[policy.tokens_kept(LENGTH)] * 3]


@pytest.mark.parametrize("policy", [UNCUT, PruningPolicy((1, 3), 0.0, 4), PruningPolicy((1, 3), 0.9, LENGTH)], ids=repr)
def test_without_a_cut_every_layer_sees_every_token(transformer, ids, policy):
    assert lengths_in_feed_forward(transformer, ids, policy) == [LENGTH] * LAYERS
    run, uncut = transformer.run(ids, policy), transformer.run(ids, UNCUT)
    assert torch.equal(run.final, uncut.final)
    assert torch.equal(run.reached, run.final)
    assert torch.equal(run.kept, torch.arange(LENGTH).expand(BATCH, -1))


@pytest.mark.parametrize("layers", [(0,), (2,), (1, 3), (0, 1, 2, 3, 4)], ids=repr)
def test_kept_is_ascending_with_both_ends_and_as_long_as_the_policy_says(transformer, ids, layers):
    policy = PruningPolicy(layers, 0.4, 4)
    kept = transformer.run(ids, policy).kept
    assert kept.shape == (BATCH, lengths_by_policy(policy, LENGTH)[-1])
    assert (kept[:, 0] == 0).all()
    assert (kept[:, -1] == LENGTH - 1).all()
    assert (kept.diff(dim=1) > 0).all()


@pytest.mark.parametrize("score", SCORES)
def test_the_tokens_with_the_highest_scores_are_kept(transformer, ids, score):
    _, entering, run = seen_by(
        transformer.layers[1].output_norm, transformer, ids, PruningPolicy((2,), 0.5, 4, score=score)
    )
    with torch.inference_mode():
        _, scores = transformer.layers[2].attend_and_score(entering, None, SCORES[score])
    for row, kept in enumerate(run.kept.tolist()):
        dropped = [position for position in range(LENGTH) if position not in kept]
        assert scores[row][kept[1:-1]].min() >= scores[row][dropped].max()


@pytest.mark.parametrize("reduction", ["drop", "merge"])
def test_what_was_learnt_decides_which_are_kept(transformer, ids, reduction):
    scored = Transformer(transformer.config, scored=[2]).eval()
    scorer = Scorer(WIDTH).requires_grad_(False)
    scored.scorers["2"] = scorer
    scored.load_state_dict(transformer.state_dict(), strict=False)
    policy = PruningPolicy((2,), 0.5, 4, reduction, "learnt")
    _, attended, run = seen_by(scored.layers[2].attention_norm, scored, ids, policy)
    scores = scorer(attended)
    torch.testing.assert_close(run.cuts[0].importance, scores)
    for row, kept in enumerate(run.kept.tolist()):
        dropped = [position for position in range(LENGTH) if position not in kept]
        assert scores[row][kept[1:-1]].min() >= scores[row][dropped].max()


def test_reached_has_the_final_state_of_kept_tokens(transformer, ids):
    run = transformer.run(ids, PruningPolicy((1, 3), 0.4, 4))
    assert run.reached.shape == (BATCH, LENGTH, WIDTH)
    assert torch.equal(gather_tokens(run.reached, run.kept), run.final)


def test_reached_has_the_state_in_which_each_dropped_token_was_dropped(transformer, ids):
    twice, once = PruningPolicy((1, 3), 0.4, 4), PruningPolicy((1,), 0.4, 4)
    kept_by_first = transformer.run(ids, once).kept
    _, after_first, run = seen_by(transformer.layers[1].attention_norm, transformer, ids, twice)
    _, after_second, _ = seen_by(transformer.layers[3].attention_norm, transformer, ids, twice)
    for row in range(BATCH):
        survivors, kept = kept_by_first[row].tolist(), run.kept[row].tolist()
        assert set(kept) < set(survivors) < set(range(LENGTH))
        for position in set(range(LENGTH)) - set(survivors):
            assert torch.equal(run.reached[row, position], after_first[row, position])
        for place, position in enumerate(survivors):
            if position not in kept:
                assert torch.equal(run.reached[row, position], after_second[row, place])


@pytest.mark.parametrize("quantile", [0.0, 0.5])
def test_joined_is_the_mean_of_what_enters_the_layers_that_are_named(transformer, ids, quantile):
    policy = PruningPolicy((2, 3), quantile, 4)
    run = transformer.run(ids, policy, joined=(4, 2, 1))
    for mean, layer in zip(run.joined, (4, 2, 1), strict=True):
        _, left, _ = seen_by(transformer.layers[layer - 1].output_norm, transformer, ids, policy)
        assert torch.equal(mean, left.mean(dim=1))
    assert left.shape[1] == LENGTH


def test_joined_of_the_first_layer_is_the_embeddings(transformer, ids):
    (mean,) = transformer.run(ids, PruningPolicy((0,), 0.5, 4), joined=(0,)).joined
    assert torch.equal(mean, transformer.embeddings(ids).mean(dim=1))


def test_nothing_is_joined_if_no_layer_is_named(transformer, ids):
    assert transformer.run(ids, PruningPolicy((1,), 0.5, 4)).joined == ()


def test_attention_is_the_same_with_and_without_scores(transformer, ids):
    with torch.inference_mode():
        hidden = transformer.embeddings(ids)
        attended, scores = transformer.layers[0].attend_and_score(hidden, None, SCORES["mean_attention"])
        torch.testing.assert_close(attended, transformer.layers[0].attend(hidden))
    torch.testing.assert_close(scores.sum(dim=1), torch.ones(BATCH))


def test_each_text_of_a_batch_is_cut_on_its_own(transformer, ids):
    policy = PruningPolicy((1, 3), 0.4, 4)
    together = transformer.run(ids, policy)
    assert len({tuple(kept) for kept in together.kept.tolist()}) > 1
    for row in range(BATCH):
        alone = transformer.run(ids[row : row + 1], policy)
        assert torch.equal(alone.kept[0], together.kept[row])
        torch.testing.assert_close(alone.final[0], together.final[row])


def test_two_special_tokens_alone_survive_every_cut(transformer):
    run = transformer.run(torch.tensor([[7, 8]]), PruningPolicy((0, 1, 2, 3, 4), 0.99, 2))
    assert run.kept.tolist() == [[0, 1]]
    assert run.final.isfinite().all()


@pytest.mark.parametrize("layers", [(0,), (2,), (1, 3), (0, 1, 2, 3, 4)], ids=repr)
def test_sizes_of_merged_tokens_sum_to_the_number_of_tokens(transformer, ids, layers):
    run = transformer.run(ids, PruningPolicy(layers, 0.4, 4, "merge"))
    assert run.sizes.shape == run.kept.shape
    assert (run.sizes >= 1).all()
    assert (run.sizes.sum(dim=1) == LENGTH).all()
    assert transformer.run(ids, PruningPolicy(layers, 0.4, 4)).sizes is None


@pytest.mark.parametrize("quantile", [0.0, 0.9])
def test_merging_nothing_is_the_same_as_off(transformer, ids, quantile):
    run = transformer.run(ids, PruningPolicy((1, 3), quantile, LENGTH, "merge"))
    assert run.sizes is None
    assert torch.equal(run.final, transformer.run(ids, UNCUT).final)


def test_the_first_cut_keeps_the_same_tokens_whether_they_are_dropped_or_merged(transformer, ids):
    dropped, merged = (transformer.run(ids, PruningPolicy((2,), 0.5, 4, reduction)) for reduction in REDUCTIONS)
    assert torch.equal(dropped.kept, merged.kept)
    assert not torch.allclose(dropped.final, merged.final)


def test_what_merging_leaves_is_what_enters_the_feed_forward_half(transformer, ids):
    policy = PruningPolicy((2,), 0.5, 4, "merge")
    _, attended, run = seen_by(transformer.layers[2].attention_norm, transformer, ids, policy)
    entered, _, _ = seen_by(transformer.layers[2].expand, transformer, ids, policy)
    expected, sizes, _ = merge_tokens(attended, torch.ones(BATCH, LENGTH), run.kept)
    assert torch.equal(entered, expected)
    assert torch.equal(run.sizes, sizes)


def test_means_after_a_merge_count_each_token_by_its_size(transformer, ids):
    policy = PruningPolicy((1,), 0.5, 4, "merge")
    run = transformer.run(ids, policy, joined=(1, 3))
    _, before, _ = seen_by(transformer.layers[0].output_norm, transformer, ids, policy)
    _, after, _ = seen_by(transformer.layers[2].output_norm, transformer, ids, policy)
    assert torch.equal(run.joined[0], before.mean(dim=1))
    weights = run.sizes / LENGTH
    torch.testing.assert_close(run.joined[1], (after * weights[..., None]).sum(dim=1))


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("scored", [True, False])
@given(sizes=st.lists(st.integers(1, 4), min_size=1, max_size=6), seed=st.integers(0, 1000))
def test_a_token_that_stands_for_several_counts_as_often_in_attention(transformer, relative, scored, sizes, seed):
    """A token of size 2 is attended to, and is important, as two equal tokens are together."""
    layer, generator = transformer.layers[0], torch.Generator().manual_seed(seed)
    hidden = torch.randn(1, len(sizes), WIDTH, generator=generator)
    bias = torch.randn(1, 4, len(sizes), len(sizes), generator=generator) if relative else None
    places = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    tokens = _Tokens(hidden, bias)
    tokens.sizes = torch.tensor([sizes], dtype=torch.float32)
    repeated = hidden[:, places]
    repeated_bias = None if bias is None else bias[:, :, places][:, :, :, places]
    with torch.inference_mode():
        if scored:
            once, _ = layer.attend_and_score(hidden, tokens.attention_bias(), SCORES["mean_attention"])
            often, _ = layer.attend_and_score(repeated, repeated_bias, SCORES["mean_attention"])
        else:
            once, often = layer.attend(hidden, tokens.attention_bias()), layer.attend(repeated, repeated_bias)
    torch.testing.assert_close(once[:, places], often, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64], ids=str)
@pytest.mark.parametrize(("wanted", "found"), [((), [[False] * 3] * 2), ((7, 2, 99), [[True, False, True]] * 2)])
def test_among_says_of_every_token_whether_it_is_wanted(wanted, found, dtype):
    told = among(torch.tensor([[2, 5, 7], [7, 6, 2]], dtype=dtype), wanted)
    assert told.dtype == torch.bool and told.tolist() == found


def test_weights_are_shared_not_copied(tiny_folder):
    config = json.loads((tiny_folder / "config.json").read_text(encoding="utf-8"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        weights = encoder_weights(config, read_arrays(tiny_folder / "model.safetensors"))
        transformer = Transformer.from_weights(weights)
    parameters = dict(transformer.named_parameters())
    assert parameters.keys() == weights.arrays.keys()
    for name, array in weights.arrays.items():
        assert array.dtype == np.float32
        assert parameters[name].data_ptr() == array.ctypes.data
