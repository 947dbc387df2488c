import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from rasa_token_pruning import PrunedEncoder, PruningPolicy
from rasa_token_pruning.encoder.presets import preset
from rasa_token_pruning.encoder.publishing import publish
from rasa_token_pruning.training.pruned_module import PrunedModule

POLICY = PruningPolicy((1,), 0.5, 3)
TEXTS = ["hello", "i forgot my password and need a new one please", "a room for four", "", "book a room"]


@pytest.fixture
def module(tiny):
    return PrunedModule(str(tiny), [POLICY], first=1)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_its_embeddings_are_those_of_the_pruned_encoder(tiny, module):
    expected = PrunedEncoder(str(tiny), POLICY, "final", engine="torch").encode(TEXTS)
    found = SentenceTransformer(modules=[module]).encode(TEXTS)
    np.testing.assert_allclose(found, unit(expected), atol=1e-5)


def test_layers_from_the_first_on_change_and_nothing_below(module):
    module.train(True)
    before = {name: array.copy() for name, array in module.weights().arrays.items()}
    optimizer = torch.optim.SGD([weight for weight in module.parameters() if weight.requires_grad], lr=10.0)
    module(module.preprocess(TEXTS))["sentence_embedding"].sum().backward()
    optimizer.step()
    changed = {name for name, array in module.weights().arrays.items() if not np.array_equal(array, before[name])}
    assert changed and all(int(name.split(".")[1]) >= 1 for name in changed if name.startswith("layers."))
    assert all(name.startswith("layers.") for name in changed)


def test_a_checkpoint_brings_back_what_was_learnt(module, tmp_path):
    with torch.no_grad():
        module.transformer.layers[1].expand.bias += 1
    model = SentenceTransformer(modules=[module])
    model.save_pretrained(str(tmp_path / "checkpoint"))
    again = SentenceTransformer(str(tmp_path / "checkpoint"))
    assert again[0].policies == (POLICY,) and again[0].first == 1
    np.testing.assert_array_equal(again.encode(TEXTS), model.encode(TEXTS))


def test_published_it_is_a_model_that_gives_the_same(tiny, module, tmp_path):
    with torch.no_grad():
        module.transformer.layers[1].expand.weight.normal_(generator=torch.Generator().manual_seed(0))
    publish(tiny, module.weights(), tmp_path / "new")
    expected = SentenceTransformer(modules=[module]).encode(TEXTS)
    found = PrunedEncoder(str(tmp_path / "new"), POLICY, "final", engine="torch").encode(TEXTS)
    np.testing.assert_allclose(unit(found), expected, atol=1e-5)
    untouched = PrunedEncoder(str(tiny), POLICY, "final", engine="torch").encode(TEXTS)
    assert not np.allclose(found, untouched, atol=1e-3)


def test_in_training_each_pass_draws_one_of_the_policies_and_else_the_first_counts(tiny):
    uncut = POLICY.without_cuts()
    module = PrunedModule(str(tiny), [POLICY, uncut], first=0)
    alone = {policy: PrunedModule(str(tiny), [policy], first=0) for policy in module.policies}
    expected = {policy: one(one.preprocess(TEXTS))["sentence_embedding"].detach() for policy, one in alone.items()}
    found = module(module.preprocess(TEXTS))["sentence_embedding"]
    assert torch.equal(found, expected[POLICY])
    torch.manual_seed(0)
    module.train(True)
    passes = [module(module.preprocess(TEXTS))["sentence_embedding"] for _ in range(20)]
    drawn = [[torch.equal(one, expected[policy]) for policy in module.policies] for one in passes]
    assert all(sum(row) == 1 for row in drawn) and 3 < sum(row[0] for row in drawn) < 17


def test_with_all_layers_below_the_first_nothing_can_change(tiny):
    module = PrunedModule(str(tiny), [POLICY.without_cuts()], first=4)
    assert not any(weight.requires_grad for weight in module.parameters())
    expected = SentenceTransformer(str(tiny)).encode(TEXTS)
    found = module(module.preprocess(TEXTS))["sentence_embedding"]
    np.testing.assert_allclose(found, unit(expected), atol=1e-5)


def test_it_starts_from_an_adapter():
    module = PrunedModule("all-MiniLM-L6-v2", [preset("balanced", 6, "all-MiniLM-L6-v2", "auto")], 0, "auto")
    expected = PrunedEncoder("all-MiniLM-L6-v2", "balanced", adapter="auto", engine="torch").encode(TEXTS)
    found = module(module.preprocess(TEXTS))["sentence_embedding"]
    np.testing.assert_allclose(found.detach(), expected, atol=1e-5)
