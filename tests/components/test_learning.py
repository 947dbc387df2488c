import json
import logging

import numpy as np
import pytest
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.training_data import TrainingData

from rasa_token_pruning import FewShotIntentClassifier, TokenPruningFeaturizer
from rasa_token_pruning.components.learning import LabelledMessages, learn
from rasa_token_pruning.fewshot.errors import ClassifierError
from tests.components.conftest import EXAMPLES, training_data
from tests.fewshot.conftest import DIMENSION, centres, scattered

DEFAULTS = FewShotIntentClassifier.get_default_config()


def labelled(count=8, outside=None, texts=None):
    """Examples without an encoder; one of the intents may be called out_of_scope."""
    rows, intents = scattered(count, noise=0.3)
    intents = ["out_of_scope" if intent == outside else intent for intent in intents]
    return LabelledMessages(texts or [f"text {n}" for n in range(len(rows))], intents, list(rows), {}, None)


def test_examples_have_texts_labels_rows_and_names(bench):
    found = LabelledMessages.of(bench.featurized({**EXAMPLES, "faq/parking": ["where can i park"]}), [])
    assert found.texts == [*(text for texts in EXAMPLES.values() for text in texts), "where can i park"]
    assert found.intents == [*(intent for intent, texts in EXAMPLES.items() for _ in texts), "faq/parking"]
    assert {row.shape for row in (*found.rows, *found.names.values())} == {(384,)}
    assert set(found.names) == {*EXAMPLES, "faq/parking"}
    assert found.base_intents == {*EXAMPLES, "faq"}
    assert found.held_out is None


def test_examples_without_features_or_intent_are_left_out(bench):
    data = bench.featurized().merge(training_data({"late": ["never featurized"]}))
    found = LabelledMessages.of(data, [])
    assert set(found.intents) == set(EXAMPLES)
    assert LabelledMessages.of(TrainingData(), []).rows == []


def test_only_the_featurizers_that_are_named_are_read_and_names_must_be_as_wide_as_the_examples(bench):
    data = bench.featurized(alias="dense")
    for message in data.training_examples:
        message.add_features(Features(np.ones((1, 5), np.float32), FEATURE_TYPE_SENTENCE, TEXT, "other"))
    every, named, other = (LabelledMessages.of(data, featurizers) for featurizers in ([], ["dense"], ["other"]))
    assert [len(found.rows[0]) for found in (every, named, other)] == [389, 384, 5]
    assert [set(found.names) for found in (every, named, other)] == [set(), set(EXAMPLES), set()]


def test_names_are_examples_unless_turned_off():
    messages = labelled(2)
    messages.names.update(centres())
    weights = [learn(messages, {**DEFAULTS, "use_intent_names": use})[0].head.linear.weights for use in (True, False)]
    assert not np.array_equal(*weights)


@pytest.mark.parametrize(
    ("outside", "named", "found"),
    [
        (None, None, None),
        ("greet", None, "out_of_scope"),
        ("greet", "out_of_scope", "out_of_scope"),
        ("greet", "余额", "余额"),
        (None, "greet", "greet"),
    ],
)
def test_the_out_of_scope_intent_is_the_one_that_is_named_or_has_that_name(outside, named, found):
    classifier, _ = learn(labelled(outside=outside), {**DEFAULTS, "out_of_scope_intent": named})
    assert classifier.out_of_scope == found


@pytest.mark.parametrize("named", ["out_of_scope", "", "faq"])
def test_a_named_out_of_scope_intent_must_have_examples(named):
    with pytest.raises(ClassifierError, match=f"no examples of the out-of-scope intent '{named}': add some"):
        learn(labelled(), {**DEFAULTS, "out_of_scope_intent": named})


def test_examples_are_remembered_unless_turned_off():
    messages = labelled()
    classifier, neighbours = learn(messages, DEFAULTS)
    assert sorted(neighbours.texts) == sorted(messages.texts)
    assert neighbours.nearest(messages.rows[3])[0].text == messages.texts[3]
    assert learn(messages, {**DEFAULTS, "explain": False})[1] is None
    assert classifier.dimension == DIMENSION


ODD_TEXTS = ["", " ", "\ud800 lone", "\udfff", "two\nlines", "{} %s", "\x00", "x" * 5000]


def test_any_text_can_be_learnt_from_remembered_stored_and_named_in_the_log(tmp_path, caplog):
    # Each text under two intents, so that the log speaks of all.
    messages = labelled(8, texts=[*ODD_TEXTS * 5])
    _, neighbours = learn(messages, DEFAULTS)
    neighbours.save(tmp_path)
    assert sorted(json.loads((tmp_path / "examples.json").read_bytes())["texts"]) == sorted(messages.texts)
    lines = [record.getMessage() for record in caplog.records]
    assert lines
    assert all(line.encode("utf-8") and line.isprintable() for line in lines)


def test_the_log_names_an_example_under_the_wrong_intent_once_and_says_nothing_if_it_is_not_to(caplog):
    messages = labelled()
    messages.intents[3] = "余额"
    learn(messages, {**DEFAULTS, "review_data": False})
    assert not caplog.records
    learn(messages, DEFAULTS)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("Training data: The example 'text 3' of '余额' looks like 'greet' ")
    caplog.clear()
    learn(labelled(), DEFAULTS)
    assert not caplog.records


def test_a_finding_is_about_the_text_and_not_about_its_place(caplog):
    # Whatever the order of the examples, numbers of held-out examples lead back to the right text.
    rows, intents = scattered(8, noise=0.3)
    intents[3] = "余额"
    order = np.random.default_rng(0).permutation(len(rows))
    texts = [f"text {n}" for n in order]
    learn(LabelledMessages(texts, [intents[n] for n in order], [rows[n] for n in order], {}, None), DEFAULTS)
    (record,) = caplog.records
    assert "The example 'text 3' of '余额' looks like 'greet' " in record.getMessage()


def test_an_intent_with_one_example_is_learnt_and_named(bench, caplog):
    data = training_data({**EXAMPLES, "bye": ["farewell"]})
    data = bench.create(TokenPruningFeaturizer).process_training_data(bench.tokenize(data))
    classifier, _ = learn(LabelledMessages.of(data, []), DEFAULTS)
    assert "bye" in classifier.intents
    (record,) = caplog.records
    assert "The intent 'bye' has no other examples than 'farewell'" in record.getMessage()
