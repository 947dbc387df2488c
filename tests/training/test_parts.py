import numpy as np
import torch

from rasa_token_pruning.training.opening import opened
from rasa_token_pruning.training.parts import run_in_parts

TEXTS = [
    "hello",
    "i forgot my password and need a new one please",
    "a room for four",
    "",
    "book a room",
    "hey there you",
]


def embedded(model, texts):
    features = {key: value for key, value in model.preprocess(texts).items() if isinstance(value, torch.Tensor)}
    return model(features)["sentence_embedding"]


def without_dropout(model):
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model.train()


def learnt(model, texts):
    model.zero_grad()
    embedded(model, texts).square()[:, :3].sum().backward()
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


def test_embeddings_and_gradients_are_those_of_the_whole_batch(tiny):
    whole, parts = without_dropout(opened(str(tiny))), run_in_parts(without_dropout(opened(str(tiny))))
    for texts in (TEXTS, TEXTS[:2], TEXTS[:1]):
        torch.testing.assert_close(embedded(parts, texts), embedded(whole, texts), atol=1e-6, rtol=0)
    expected, found = learnt(whole, TEXTS), learnt(parts, TEXTS)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-5, rtol=1e-4)


def test_no_part_is_wider_than_its_longest_text(tiny):
    model = without_dropout(opened(str(tiny)))
    seen = []
    model[0].register_forward_pre_hook(lambda _, given: seen.append(tuple(given[0]["input_ids"].shape)))
    embedded(run_in_parts(model), TEXTS)
    assert sum(rows for rows, _ in seen) == len(TEXTS)
    assert sum(rows * width for rows, width in seen) < len(TEXTS) * max(width for _, width in seen)
    np.testing.assert_array_equal([rows for rows, _ in seen], [1] * len(TEXTS))


def test_outside_of_training_nothing_changes(tiny):
    expected = opened(str(tiny)).encode(TEXTS)
    np.testing.assert_array_equal(run_in_parts(opened(str(tiny))).encode(TEXTS), expected)
