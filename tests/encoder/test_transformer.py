"""Tests of encoder/transformer.py on a small transformer with random weights."""

from __future__ import annotations

import pytest
import torch

from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.reduction import gather_tokens
from rasa_token_pruning.encoder.transformer import Transformer, TransformerConfig

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


def test_the_tokens_with_the_most_attention_are_kept(transformer, ids):
    run = transformer.run(ids, PruningPolicy((2,), 0.5, 4))
    with torch.inference_mode():
        _, scores = transformer.layers[2].attend_and_score(run.at_cut)
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
def test_at_cut_is_what_enters_the_first_cut_layer(transformer, ids, quantile):
    _, left, run = seen_by(transformer.layers[1].output_norm, transformer, ids, PruningPolicy((2, 3), quantile, 4))
    assert torch.equal(run.at_cut, left)


def test_at_cut_of_the_first_layer_is_the_embeddings(transformer, ids):
    run = transformer.run(ids, PruningPolicy((0,), 0.5, 4))
    assert torch.equal(run.at_cut, transformer.embeddings(ids))


def test_at_cut_is_the_final_state_if_no_layer_is_named(transformer, ids):
    run = transformer.run(ids, PruningPolicy((), 0.5, 4))
    assert torch.equal(run.at_cut, run.final)


def test_attention_is_the_same_with_and_without_scores(transformer, ids):
    with torch.inference_mode():
        hidden = transformer.embeddings(ids)
        attended, scores = transformer.layers[0].attend_and_score(hidden)
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
