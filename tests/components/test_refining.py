import logging

import numpy as np
import pytest
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from rasa_token_pruning import FewShotIntentClassifier, TokenPruningFeaturizer
from rasa_token_pruning.components.refining import HELD_OUT
from tests.components.conftest import EXAMPLES, run, training_data

REFINE = {"refine": True}


def refined(bench, examples=EXAMPLES, **kwargs):
    """The training data as a refined featurizer leaves it, and that featurizer, loaded."""
    data = bench.tokenize(training_data(examples))
    bench.create(TokenPruningFeaturizer, REFINE, "featurizer", **kwargs).train(data)
    featurizer = bench.load(TokenPruningFeaturizer, REFINE, "featurizer", **kwargs)
    return featurizer.process_training_data(data), featurizer


def test_the_archive_answers_with_the_refined_encoder(bench, quicker):
    _, featurizer = refined(bench)
    plain = bench.create(TokenPruningFeaturizer)
    (_, ours), (_, theirs) = (bench.process(one, "my password is gone")[0] for one in (featurizer, plain))
    assert ours.shape == theirs.shape
    assert not (abs(ours - theirs) < 1e-3).all()


def test_examples_that_were_held_out_say_so_and_calibrate_the_classifier(bench, quick):
    data, featurizer = refined(bench)
    said = [message.get_dense_features(HELD_OUT)[1] for message in data.intent_examples]
    assert all(features.features.shape == (1, 2 * len(EXAMPLES)) for features in said)
    bench.create(FewShotIntentClassifier, resource="classifier").train(data)
    classifier = bench.load(FewShotIntentClassifier, resource="classifier")
    [message] = bench.tokenize([Message({TEXT: "please reset my password"})])
    classifier.process(featurizer.process([message]))
    assert message.get("intent")["name"] == "reset_password"


def test_another_c_is_refused(bench, quicker):
    data, _ = refined(bench)
    with pytest.raises(InvalidConfigException, match="leave out C"):
        bench.create(FewShotIntentClassifier, {"C": 5}, "classifier").train(data)


def test_without_names_is_refused(bench, quicker):
    data, _ = refined(bench)
    with pytest.raises(InvalidConfigException, match="leave out use_intent_names or refine"):
        bench.create(FewShotIntentClassifier, {"use_intent_names": False}, "classifier").train(data)


def also_read(bench, data, alias):
    """The same messages, read by another featurizer too, which is not refined."""
    return bench.create(TokenPruningFeaturizer, {"alias": alias}, alias, node=alias).process_training_data(data)


def test_a_classifier_that_reads_another_featurizer_is_calibrated_by_that_one(bench, quicker):
    data, _ = refined(bench, node="refined")
    also_read(bench, data, "plain")
    alone = bench.featurized(alias="plain")
    ours, theirs = (bench.trained(one, featurizers=["plain"], C=5.0)._classifier for one in (data, alone))
    assert ours.temperature == theirs.temperature and np.array_equal(ours.scope.levels, theirs.scope.levels)


def test_a_refined_featurizer_is_read_alone_or_not_at_all(bench, quicker):
    data, _ = refined(bench, node="refined")
    also_read(bench, data, "plain")
    with pytest.raises(InvalidConfigException, match=r"the features of 'plain', 'refined' are. Name it alone"):
        bench.create(FewShotIntentClassifier, resource="classifier").train(data)
    bench.trained(data, featurizers=["refined"])


def test_stories_in_words_are_no_examples_and_no_reason_to_warn(bench, quicker, caplog):
    _, featurizer = refined(bench)
    featurizer.process_training_data(bench.tokenize(TrainingData([Message({TEXT: "please reset my password"})])))
    assert "not calibrated" not in caplog.text


def test_what_was_said_about_other_intents_is_no_calibration_and_warned_of(bench, quick, caplog):
    data, _ = refined(bench)
    fewer = TrainingData([one for one in data.training_examples if one.get("intent") != "greet"])
    bench.create(FewShotIntentClassifier, resource="classifier").train(fewer)
    assert "refined for other intents than these" in caplog.text


def test_on_other_examples_it_warns(bench, quicker, caplog):
    _, featurizer = refined(bench)
    other = bench.tokenize(training_data({**EXAMPLES, "bye": ["goodbye", "see you"]}))
    featurizer.process_training_data(other)
    assert "not calibrated" in caplog.text
    assert all(message.get_dense_features(HELD_OUT)[1] is None for message in other.intent_examples)


def test_finetuning_refines_anew(bench, quicker):
    refined(bench)
    data, featurizer = refined(bench, {**EXAMPLES, "bye": ["goodbye", "see you"]}, is_finetuning=True)
    said = [message.get_dense_features(HELD_OUT)[1] for message in data.intent_examples]
    assert {features.features.shape for features in said if features is not None} == {(1, 8)}
    assert featurizer._encoder.identity != bench.create(TokenPruningFeaturizer)._encoder.identity


@pytest.mark.parametrize("examples", [{}, {"greet": ["hello", "hi"]}])
def test_without_two_intents_the_encoder_stays(bench, caplog, examples):
    with caplog.at_level(logging.WARNING):
        _, featurizer = refined(bench, examples)
    assert "no two intents" in caplog.text
    assert featurizer._encoder.identity == bench.create(TokenPruningFeaturizer)._encoder.identity


@pytest.mark.parametrize("config", [{"bundle_encoder": False}, {"engine": "torch"}, {"device": "cuda"}])
def test_options_without_an_archive_that_holds_the_encoder_are_refused(config):
    with pytest.raises(InvalidConfigException, match="set refine to false"):
        TokenPruningFeaturizer.validate_config({**REFINE, **config})


def test_refine_must_be_true_or_false():
    with pytest.raises(InvalidConfigException, match="true or false"):
        TokenPruningFeaturizer.validate_config({"refine": "yes"})


def test_without_refine_torch_is_not_loaded():
    assert "torch" not in run(
        "import sys\n"
        "from rasa_token_pruning import TokenPruningFeaturizer, FewShotIntentClassifier\n"
        "print(*(name for name in sys.modules if name == 'torch'))"
    )
