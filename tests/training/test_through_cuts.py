"""Learning from pairs while tokens are cut."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from sentence_transformers import SentenceTransformer

from rasa_token_pruning import PruningPolicy
from rasa_token_pruning.encoder.adapter_files import adapter_where_cut
from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.location import DEFAULT_MODEL
from rasa_token_pruning.encoder.presets import preset
from rasa_token_pruning.training.kinds import policies_named
from rasa_token_pruning.training.material import Pairs
from rasa_token_pruning.training.pruned_module import PrunedModule
from rasa_token_pruning.training.through_cuts import RankedAndKept, lesson_through_cuts

POLICY = PruningPolicy((1,), 0.5, 3)
PAIRS = Pairs(
    ("reset my password", "where is my order", "book a room", "hello"),
    ("i forgot it again", "track it", "a room for four", "good morning"),
    ("password", "order", "room", "greet"),
)


@pytest.fixture
def model(tiny):
    return SentenceTransformer(modules=[PrunedModule(str(tiny), [POLICY], first=0)])


@pytest.fixture
def before(tiny):
    return PrunedModule(str(tiny), [POLICY.without_cuts()], first=4)


def lesson(model, before, stories, seed=0):
    return lesson_through_cuts(
        model, before, {"desk": PAIRS, "pairs": Pairs(PAIRS.anchors, PAIRS.positives)}, stories, 5.0, seed
    )


def features(model, *texts):
    return [model[0].preprocess(list(column)) for column in texts]


def test_a_share_of_the_messages_stands_in_a_story_and_all_are_there_bare(model, before):
    examples = lesson(model, before, 0.5).examples
    for name in ("desk", "pairs"):
        assert tuple(examples[name]["bare"]) == PAIRS.anchors and tuple(examples[name]["positive"]) == PAIRS.positives
        pairs = list(zip(examples[name]["anchor"], examples[name]["bare"], strict=True))
        assert all(bare in told for told, bare in pairs) and 0 < sum(told != bare for told, bare in pairs) < 4
        assert examples[name].column_names[:3] == ["anchor", "positive", "bare"]
    assert len(examples["desk"]["label"]) == 4 and "label" not in examples["pairs"].column_names
    assert lesson(model, before, 0.0).examples["desk"]["anchor"] == list(PAIRS.anchors)


def test_the_loss_is_what_it_says(model, before):
    columns = (PAIRS.anchors, PAIRS.positives, PAIRS.anchors)
    given = [model(one)["sentence_embedding"].detach().numpy() for one in features(model, *columns[:2])]
    kept = [before(one)["sentence_embedding"].numpy() for one in features(model, *columns[:2])]
    logits = 20 * given[0] @ given[1].T
    ranked = -np.mean([log_softmax(table, axis=1).diagonal() for table in (logits, logits.T)])
    turned = sum((1 - (one * other).sum(axis=1)).mean() for one, other in zip(given, kept, strict=True))
    for keep in (0.0, 5.0):
        found = RankedAndKept(model, before, keep)(features(model, *columns))
        assert found.item() == pytest.approx(ranked + keep * turned, abs=1e-4)


def test_only_the_model_that_is_trained_gets_gradients(model, before):
    loss = RankedAndKept(model, before, 5.0)
    loss(features(model, PAIRS.anchors, PAIRS.positives, PAIRS.anchors)).backward()
    assert all(weight.grad is not None for weight in model[0].transformer.layers.parameters())
    assert all(weight.grad is None for weight in before.parameters())


def test_what_is_learnt_is_told_apart_with_cuts_and_stays_near_to_what_it_was(model, before):
    loss = RankedAndKept(model, before, 1.0)
    columns = features(model, PAIRS.anchors, PAIRS.positives, PAIRS.anchors)
    start = loss(columns).item()
    optimizer = torch.optim.Adam(model[0].transformer.layers.parameters(), lr=1e-3)
    for _ in range(30):
        optimizer.zero_grad()
        loss(columns).backward()
        optimizer.step()
    assert loss(columns).item() < start - 0.5


def test_presets_are_by_learnt_scores_where_the_adapter_knows_them_whatever_its_file():
    plain = shared_model(DEFAULT_MODEL).weights
    scored = shared_model(DEFAULT_MODEL, adapter_where_cut(DEFAULT_MODEL, "auto")).weights
    names = ("gentle", "aggressive", "off")
    for weights, adapter, score in ((plain, "none", "mean_attention"), (scored, "auto", "learnt")):
        policies = policies_named(DEFAULT_MODEL, names, weights)
        assert policies == [preset(name, 6, DEFAULT_MODEL, adapter) for name in names]
        assert policies[0].score == score and policies[2].quantile == 0
