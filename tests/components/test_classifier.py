import json
import logging

import numpy as np
import pytest
from rasa.nlu.classifiers.fallback_classifier import FallbackClassifier
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, INTENT, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message

from rasa_token_pruning import FewShotIntentClassifier, TokenPruningFeaturizer
from tests.components.conftest import EXAMPLES, training_data

UNKNOWN = {"name": None, "confidence": 0.0}
MANY = {f"topic_{number}": [f"tell me about {number}", f"{number} please"] for number in range(14)}


def parsed(classifier, message):
    classifier.process([message])
    return message.get("intent"), message.get("intent_ranking")


def test_requires_a_dense_featurizer():
    assert FewShotIntentClassifier.required_components() == [DenseFeaturizer]


def test_a_paraphrase_gets_its_intent_and_a_full_ranking(bench):
    intent, ranking = parsed(bench.trained(), bench.message("could you set a new password for me"))
    assert intent["name"] == "reset_password"
    assert {entry["name"] for entry in ranking} == set(EXAMPLES)
    assert intent == ranking[0] and intent is not ranking[0]
    confidences = [entry["confidence"] for entry in ranking]
    assert confidences == sorted(confidences, reverse=True)
    assert sum(confidences) == pytest.approx(1.0)
    assert all(type(confidence) is float for confidence in confidences)


def test_the_result_is_json_and_part_of_the_output(bench):
    message = bench.message("hello")
    bench.trained().process([message])
    output = message.as_dict(only_output_properties=True)
    assert json.loads(json.dumps(output)) == output
    assert set(output) == {"text", "intent", "intent_ranking"}


@pytest.mark.parametrize(("length", "shown"), [(0, 14), (3, 3), (10, 10), (100, 14)])
@pytest.mark.parametrize("renormalize", [False, True])
def test_ranking_length_cuts_and_renormalize_scales(bench, length, shown, renormalize):
    data = bench.featurized(MANY)
    classifier = bench.trained(data, ranking_length=length, renormalize_confidences=renormalize)
    intent, ranking = parsed(classifier, bench.message("tell me about 3"))
    assert len(ranking) == shown and intent == ranking[0]
    total = sum(entry["confidence"] for entry in ranking)
    assert total == pytest.approx(1.0) if renormalize or shown == 14 else total < 1.0


def test_entities_are_left_alone(bench):
    message = bench.message("hello")
    message.set("entities", [{"entity": "device", "value": "laptop"}])
    bench.trained().process([message])
    assert message.get("entities") == [{"entity": "device", "value": "laptop"}]


def test_messages_do_not_share_results(bench):
    classifier = bench.trained()
    first, second = bench.message("hello"), bench.message("hello")
    classifier.process([first, second])
    first.get("intent_ranking").insert(0, {"name": "nlu_fallback", "confidence": 0.7})
    first.get("intent")["full_retrieval_intent_name"] = "x"
    assert len(second.get("intent_ranking")) == len(EXAMPLES)
    assert "full_retrieval_intent_name" not in second.get("intent")
    assert "full_retrieval_intent_name" not in first.get("intent_ranking")[1]


def test_stored_and_loaded_predicts_the_same_to_the_bit(bench):
    trained = bench.create(FewShotIntentClassifier)
    trained.train(bench.featurized())
    loaded = bench.load(FewShotIntentClassifier)
    for text in ("hello", "new password", "room for six", "", "completely different"):
        one, other = bench.message(text), bench.message(text)
        trained.process([one])
        loaded.process([other])
        assert one.fingerprint() == other.fingerprint()


def test_the_archive_holds_safetensors_and_json_only(bench):
    classifier = bench.create(FewShotIntentClassifier)
    resource = classifier.train(bench.featurized())
    with bench.storage.read_from(resource) as folder:
        assert sorted(file.name for file in folder.iterdir()) == ["classifier.json", "classifier.safetensors"]


def test_order_of_examples_does_not_matter(bench):
    backwards = {intent: texts[::-1] for intent, texts in reversed(EXAMPLES.items())}
    one, other = bench.message("a room please"), bench.message("a room please")
    for message, data in ((one, bench.featurized(EXAMPLES)), (other, bench.featurized(backwards))):
        bench.trained(data).process([message])
    for mine, theirs in zip(one.get("intent_ranking"), other.get("intent_ranking"), strict=True):
        assert mine["name"] == theirs["name"]
        assert mine["confidence"] == pytest.approx(theirs["confidence"], abs=1e-5)


def test_training_leaves_the_messages_as_they_are(bench):
    data = bench.featurized()
    before = data.fingerprint()
    bench.create(FewShotIntentClassifier).train(data)
    assert data.fingerprint() == before


def test_intent_names_count_as_examples_unless_turned_off(bench):
    examples = {"travel_expenses": ["i paid the taxi myself"], "holiday_request": ["i want to be off in june"]}
    _, features = bench.message("travel expenses").get_dense_features(TEXT)
    margins = []
    for use in (True, False):
        classifier = bench.trained(bench.featurized(examples), use_intent_names=use)._classifier
        holiday, travel = classifier.head.logits(features.features)[0]
        margins.append(travel - holiday)
    assert margins[0] > margins[1]


def test_a_retrieval_intent_is_the_sum_of_its_topics(bench):
    topics = {"opening_hours": ["when are you open", "are you there on sunday"], "parking": ["where can i park my car"]}
    data = training_data({"greet": EXAMPLES["greet"]}).merge(training_data({f"faq/{k}": v for k, v in topics.items()}))
    data = bench.create(TokenPruningFeaturizer).process_training_data(bench.tokenize(data))
    classifier = bench.trained(data)
    for text in ("is it open on monday", "is there a car park"):
        intent, ranking = parsed(classifier, bench.message(text))
        assert intent["name"] == "faq"
        assert {entry["name"] for entry in ranking} == {"faq", "greet"}
        assert sum(entry["confidence"] for entry in ranking) == pytest.approx(1.0)


def test_only_the_featurizers_that_are_named_are_read(bench):
    data = bench.featurized(alias="dense")
    for number, message in enumerate(data.training_examples):
        message.add_features(Features(np.full((1, 5), number, np.float32), FEATURE_TYPE_SENTENCE, TEXT, "other"))
    classifier = bench.trained(data, featurizers=["dense"])
    assert parsed(classifier, bench.message("reset my password", alias="dense"))[0]["name"] == "reset_password"
    everything = bench.trained(data)
    assert parsed(everything, bench.message("reset my password", alias="dense"))[0] == UNKNOWN


def test_a_message_without_usable_features_gets_no_intent(bench, caplog):
    classifier = bench.trained()
    broken = Message({TEXT: "x"})
    broken.add_features(Features(np.full((1, 768), np.nan, np.float32), FEATURE_TYPE_SENTENCE, TEXT, "f"))
    for message in (Message({TEXT: "hello"}), Message({}), broken):
        assert parsed(classifier, message) == (UNKNOWN, [])
    assert sum("get no intent" in record.message for record in caplog.records) == 1


def test_untrained_and_loaded_from_nothing_answers_no_intent(bench, caplog):
    with caplog.at_level(logging.DEBUG):
        classifier = bench.load(FewShotIntentClassifier, resource="missing")
    assert "resource 'missing' doesn't exist" in caplog.text
    assert parsed(classifier, bench.message("hello")) == (UNKNOWN, [])


def test_no_data_trains_nothing(bench, caplog):
    with caplog.at_level(logging.DEBUG):
        resource = bench.create(FewShotIntentClassifier).train(bench.featurized({}))
    assert "No data was provided" in caplog.text
    with pytest.raises(ValueError, match="does not exist"), bench.storage.read_from(resource):
        pass


def test_one_intent_is_reported_and_trains_nothing(bench, caplog):
    bench.create(FewShotIntentClassifier).train(bench.featurized({"greet": ["hello", "hi"]}))
    assert "Need at least 2 different intent classes" in caplog.text
    assert parsed(bench.load(FewShotIntentClassifier), bench.message("hello")) == (UNKNOWN, [])


def test_messages_without_features_or_intent_are_left_out_of_training(bench):
    data = bench.featurized()
    late = training_data({"late": ["this one was never featurized"]})
    classifier = bench.trained(data.merge(late))
    assert {entry["name"] for entry in parsed(classifier, bench.message("hello"))[1]} == set(EXAMPLES)


@pytest.mark.parametrize("extra", [np.ones((1, 5), np.float32), np.full((1, 768), np.nan, np.float32)])
def test_examples_with_unusable_features_are_refused_with_advice(bench, extra):
    data = bench.featurized()
    data.training_examples[0].features = [Features(extra, FEATURE_TYPE_SENTENCE, TEXT, "broken")]
    with pytest.raises(InvalidConfigException, match="FewShotIntentClassifier: Embeddings must be"):
        bench.create(FewShotIntentClassifier).train(data)


def test_an_unfamiliar_message_is_doubted_unless_turned_off(bench):
    data = bench.featurized(
        {intent: [*texts, f"{texts[0]} please", f"so, {texts[1]}"] for intent, texts in MANY.items()}
    )
    doubting, trusting = (bench.trained(data, doubt_unfamiliar=doubt, ranking_length=0) for doubt in (True, False))
    strange = "the quick brown fox jumps over the lazy dog"
    doubted, trusted = (parsed(classifier, bench.message(strange))[1] for classifier in (doubting, trusting))
    assert [entry["name"] for entry in doubted] == [entry["name"] for entry in trusted]
    assert sum(entry["confidence"] for entry in doubted) < 0.5 < sum(entry["confidence"] for entry in trusted)
    assert sum(entry["confidence"] for entry in parsed(doubting, bench.message("tell me about 3"))[1]) > 0.99


def test_finetuning_learns_the_new_examples(bench):
    bench.trained()
    more = {**EXAMPLES, "greet": [*EXAMPLES["greet"], "ahoy sailor", "ahoy", "ahoy there"]}
    finetuned = bench.load(FewShotIntentClassifier, is_finetuning=True)
    before = parsed(finetuned, bench.message("ahoy"))[1]
    finetuned.train(bench.featurized(more))
    after = parsed(bench.load(FewShotIntentClassifier), bench.message("ahoy"))[1]
    greeting = [next(e["confidence"] for e in ranking if e["name"] == "greet") for ranking in (before, after)]
    assert greeting[1] > greeting[0]


def test_the_fallback_classifier_reads_our_result(bench):
    fallback = bench.create(FallbackClassifier, {"threshold": 0.99999})
    message = bench.message("do you sell bananas")
    fallback.process(bench.trained().process([message]))
    assert message.get(INTENT)["name"] == "nlu_fallback"
    assert message.get("intent_ranking")[1]["name"] in EXAMPLES


def test_a_damaged_archive_is_refused_with_advice(bench):
    resource = bench.create(FewShotIntentClassifier).train(bench.featurized())
    with bench.storage.write_to(resource) as folder:
        (folder / "classifier.safetensors").write_bytes(b"not safetensors")
    with pytest.raises(InvalidConfigException, match="train again"):
        bench.load(FewShotIntentClassifier)


@pytest.mark.parametrize(
    ("config", "advice"),
    [
        ({"ranking_lenght": 3}, "Did you mean 'ranking_length'"),
        ({"ranking_length": -1}, "0 for all"),
        ({"ranking_length": "ten"}, "whole number"),
        ({"renormalize_confidences": "yes"}, "true or false"),
        ({"use_intent_names": 1}, "true or false"),
        ({"C": 0}, "greater than 0"),
        ({"C": float("nan")}, "greater than 0"),
        ({"featurizers": "dense"}, "list of aliases"),
    ],
)
def test_bad_options_are_refused_with_advice(bench, config, advice):
    with pytest.raises(InvalidConfigException, match=advice):
        bench.create(FewShotIntentClassifier, config)


def test_a_pasted_diet_block_is_one_warning(bench):
    block = {"epochs": 100, "constrain_similarities": True, "random_seed": 42, "ranking_length": 5}
    with pytest.warns(UserWarning, match="ignores constrain_similarities, epochs, random_seed") as warnings:
        bench.create(FewShotIntentClassifier, block)
    assert len(warnings) == 1


def test_fingerprinting_takes_the_options_that_rasa_makes_up_for_cached_nodes():
    assert FewShotIntentClassifier.fingerprint_addon(
        {"output": "from the cache"}
    ) == FewShotIntentClassifier.fingerprint_addon({})
