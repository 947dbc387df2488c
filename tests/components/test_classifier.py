import json
import logging
import warnings

import numpy as np
import pytest
from rasa.engine.storage.resource import Resource
from rasa.nlu.classifiers.fallback_classifier import FallbackClassifier
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.shared.constants import DIAGNOSTIC_DATA
from rasa.shared.core.events import UserUttered
from rasa.shared.core.trackers import DialogueStateTracker, EventVerbosity
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, INTENT, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from rasa_token_pruning import FewShotIntentClassifier, TokenPruningFeaturizer
from rasa_token_pruning.fewshot.classifier import FewShotClassifier
from rasa_token_pruning.fewshot.head import LinearHead
from rasa_token_pruning.fewshot.memory import Memory
from rasa_token_pruning.fewshot.mixture import Mixture
from rasa_token_pruning.fewshot.neighbours import Neighbours
from rasa_token_pruning.fewshot.scope import Scope
from tests.components.conftest import EXAMPLES, training_data
from tests.fewshot.test_review import CLEAN

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


@pytest.mark.parametrize(("explain", "names"), [(False, ("classifier",)), (True, ("classifier", "examples"))])
def test_the_archive_holds_safetensors_and_json_only(bench, explain, names):
    bench.trained(explain=explain)
    assert sorted(bench.files()) == [f"{name}.{kind}" for name in names for kind in ("json", "safetensors")]


def test_the_order_of_the_examples_does_not_matter_to_the_bit(bench):
    data = bench.featurized({**EXAMPLES, "out_of_scope": ["what is love", "sing a song"]})
    bench.create(FewShotIntentClassifier, resource="one").train(data)
    backwards = TrainingData(data.training_examples[::-1])
    bench.create(FewShotIntentClassifier, resource="other").train(backwards)
    assert bench.files("one") == bench.files("other")


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


def test_featurizers_that_are_not_there_are_refused_with_those_that_are(bench):
    with pytest.raises(InvalidConfigException, match=r"featurizers is \['dens'\], but none .* Name some of 'dense'"):
        bench.create(FewShotIntentClassifier, {"featurizers": ["dens"]}).train(bench.featurized(alias="dense"))
    bench.trained(bench.featurized(alias="dense"), featurizers=["dense", "sparse"])


def test_a_message_without_features_is_told_of_once(bench, caplog):
    classifier = bench.trained()
    for message in (Message({}), Message({TEXT: "hello"}), Message({TEXT: "good morning"})):
        assert parsed(classifier, message) == (UNKNOWN, [])
    assert [record.message[:26] for record in caplog.records if "no features" in record.message] == [
        "A message has no features,"
    ]


def test_a_message_without_usable_features_gets_no_intent(bench, caplog):
    classifier = bench.trained()
    broken = Message({TEXT: "x"})
    broken.add_features(Features(np.full((1, 384), np.nan, np.float32), FEATURE_TYPE_SENTENCE, TEXT, "f"))
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


@pytest.mark.parametrize("extra", [np.ones((1, 5), np.float32), np.full((1, 384), np.nan, np.float32)])
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


# Four examples of each intent, so that the levels of familiarity go down to a few hundredths.
TOPICS = {intent: [*texts, f"{texts[0]} please", f"so, {texts[1]}"] for intent, texts in MANY.items()}
NONSENSE = ["what is love", "sing a song for me", "who won the world cup", "is there life on mars"]
STRANGE = "the quick brown fox jumps over the lazy dog"


def confidence_of(ranking, intent):
    return next(entry["confidence"] for entry in ranking if entry["name"] == intent)


@pytest.mark.parametrize(("intent", "config"), [("out_of_scope", {}), ("chat", {"out_of_scope_intent": "chat"})])
def test_an_unfamiliar_message_moves_to_the_out_of_scope_intent(bench, intent, config):
    data = bench.featurized({**TOPICS, intent: NONSENSE})
    doubting, trusting = (
        bench.trained(data, ranking_length=0, doubt_unfamiliar=doubt, **config) for doubt in (True, False)
    )
    for text in (STRANGE, "tell me about 3"):
        rankings = [parsed(classifier, bench.message(text))[1] for classifier in (doubting, trusting)]
        for ranking in rankings:
            assert sum(entry["confidence"] for entry in ranking) == pytest.approx(1)
            assert all(0 <= entry["confidence"] <= 1 for entry in ranking)
            assert len(ranking) == len(TOPICS) + 1
        assert confidence_of(rankings[0], intent) >= confidence_of(rankings[1], intent)
    found, ranking = parsed(doubting, bench.message(STRANGE))
    assert found["name"] == intent
    assert found["confidence"] > 0.5
    assert parsed(doubting, bench.message("tell me about 3"))[0]["name"] == "topic_3"


def test_its_examples_do_not_make_a_message_familiar(bench):
    data = bench.featurized({**TOPICS, "out_of_scope": NONSENSE})
    found = []
    for config in ({}, {"out_of_scope_intent": "topic_1"}):
        message = bench.message("who won the football world cup")
        explaining(bench, data, **config).process([message])
        found.append(message.get(DIAGNOSTIC_DATA)["run_classifier"]["familiarity"])
    assert found[0] < 0.06 < found[1]


@pytest.mark.parametrize(
    "examples", [EXAMPLES, {"faq/out_of_scope": ["a", "b"], "greet": ["hello"]}], ids=["", "topic"]
)
def test_an_out_of_scope_intent_without_examples_is_refused_with_advice(bench, examples):
    classifier = bench.create(FewShotIntentClassifier, {"out_of_scope_intent": "out_of_scope"})
    with pytest.raises(InvalidConfigException, match="no examples of the out-of-scope intent 'out_of_scope': add some"):
        classifier.train(bench.featurized(examples))


@pytest.mark.parametrize("intent", ["greet", "reset_password"])  # before and after out_of_scope in the alphabet
def test_one_intent_beside_out_of_scope_is_enough(bench, intent):
    classifier = bench.trained(bench.featurized({intent: EXAMPLES[intent], "out_of_scope": NONSENSE}))
    assert parsed(classifier, bench.message(EXAMPLES[intent][0]))[0]["name"] == intent
    ranking = parsed(classifier, bench.message("what is the meaning of life"))[1]
    assert ranking[0]["name"] == "out_of_scope"
    assert sum(entry["confidence"] for entry in ranking) == pytest.approx(1)


def test_topics_of_a_retrieval_intent_beside_out_of_scope(bench):
    topics = {
        "faq/opening_hours": ["when are you open", "are you there on sunday"],
        "faq/parking": ["where can i park"],
    }
    classifier = bench.trained(bench.featurized({**topics, "out_of_scope": NONSENSE}), coverage=0.5)
    message = bench.message("are you open on sunday")
    assert parsed(classifier, message)[0]["name"] == "faq"
    assert {entry["name"] for entry in message.get("intent_ranking")} == {"faq", "out_of_scope"}
    assert sum(entry["confidence"] for entry in message.get("intent_ranking")) == pytest.approx(1)


def test_a_topic_of_a_retrieval_intent_may_be_out_of_scope(bench):
    data = bench.featurized(
        {**TOPICS, "faq/parking": ["where can i park", "is there a car park"], "faq/else": NONSENSE}
    )
    found, ranking = parsed(
        bench.trained(data, out_of_scope_intent="faq/else", ranking_length=0), bench.message(STRANGE)
    )
    assert found["name"] == "faq"
    assert sum(entry["confidence"] for entry in ranking) == pytest.approx(1)


@pytest.mark.parametrize("named", [None, "out_of_scope"])
def test_all_topics_of_a_retrieval_intent_may_be_out_of_scope(bench, named):
    topics = {
        "out_of_scope/chat": ["how is the weather", "do you like music", "tell me a joke"],
        "out_of_scope/shop": ["i want to buy shoes", "how much is this shirt", "do you sell socks"],
    }
    classifier = bench.trained(bench.featurized({**EXAMPLES, **topics}), out_of_scope_intent=named)
    assert classifier._classifier.out_of_scope == "out_of_scope"
    intent, ranking = parsed(classifier, bench.message("the cat sat on the mat and looked at the moon"))
    assert intent["name"] == "out_of_scope"
    assert sum(entry["confidence"] for entry in ranking) == pytest.approx(1)
    assert parsed(classifier, bench.message("i forgot my password"))[0]["name"] == "reset_password"


def test_candidates_are_in_the_output_if_coverage_is_set(bench):
    data = bench.featurized(MANY)
    message = bench.message("tell me about 3")
    intent, ranking = parsed(bench.trained(data, coverage=0.9), message)
    output = message.as_dict(only_output_properties=True)
    assert set(output) == {"text", "intent", "intent_ranking", "intent_candidates"}
    assert json.loads(json.dumps(output)) == output
    candidates = output["intent_candidates"]
    assert candidates[0] == intent == ranking[0]
    assert not any(one is other for one in [*candidates, intent] for other in ranking)


@pytest.mark.parametrize("length", [1, 3, 0])
def test_candidates_are_neither_cut_nor_renormalised_with_the_ranking(bench, length):
    # So few examples cannot promise so much: every intent is a candidate.
    classifier = bench.trained(
        bench.featurized(MANY), coverage=0.99, ranking_length=length, renormalize_confidences=True
    )
    message = bench.message("something about 3 and 4")
    _, ranking = parsed(classifier, message)
    candidates = message.get("intent_candidates")
    assert len(ranking) == (length or len(MANY))
    assert sorted(entry["name"] for entry in candidates) == sorted(MANY)
    assert [entry["name"] for entry in candidates][: len(ranking)] == [entry["name"] for entry in ranking]
    confidences = [entry["confidence"] for entry in candidates]
    assert confidences == sorted(confidences, reverse=True)


def test_fewer_candidates_promise_less(bench):
    data = bench.featurized({intent: texts * 3 for intent, texts in MANY.items()})
    found = []
    for coverage in (0.3, 0.9, 0.999):
        message = bench.message("something about 3 and 4")
        bench.trained(data, coverage=coverage).process([message])
        found.append({entry["name"] for entry in message.get("intent_candidates")})
    assert found[0] <= found[1] <= found[2] == set(MANY)
    assert len(found[0]) < len(MANY)


def test_candidates_are_intents_of_rasa_and_the_intent_is_one_of_them(bench):
    # No topic is likelier than greet, but their sum is.
    topics = {f"faq/topic_{number}": texts for number, texts in enumerate(MANY.values())}
    data = bench.featurized({**topics, "greet": EXAMPLES["greet"]})
    for coverage in (0.01, 0.5, 0.999):
        classifier = bench.trained(data, coverage=coverage)
        for text in ("hello please", "tell me about", STRANGE):
            message = bench.message(text)
            intent, _ = parsed(classifier, message)
            candidates = message.get("intent_candidates")
            assert candidates[0] == intent
            assert {entry["name"] for entry in candidates} <= {"faq", "greet"}
            assert len(candidates) == len({entry["name"] for entry in candidates})
            if coverage == 0.999:
                assert len(candidates) == 2


@pytest.mark.parametrize(
    ("labels", "probabilities", "out_of_scope", "best"),
    [(("faq/a", "faq/b", "greet"), (0.3, 0.3, 0.4), None, "faq"), (("greet", "no"), (0.8, 0.2), "no", "no")],
)
def test_the_intent_is_a_candidate_although_its_label_is_less_probable(
    bench, labels, probabilities, out_of_scope, best
):
    weights = np.log(np.array(probabilities, dtype=np.float32))[:, None]
    level, scope = np.array([0.35], dtype=np.float32), Scope(np.ones((2, 2), np.float32), np.full(99, 9, np.float32))
    head = Mixture(LinearHead(weights, np.zeros(len(labels), np.float32)), Memory.empty(len(labels), 1))
    learnt = FewShotClassifier(labels, out_of_scope, head, weights, 1.0, scope, level)
    with bench.storage.write_to(Resource("component")) as folder:
        learnt.save(folder)
    message = Message({TEXT: "hello"}, features=[Features(np.ones((1, 1)), FEATURE_TYPE_SENTENCE, TEXT, "f")])
    assert parsed(bench.load(FewShotIntentClassifier, {"coverage": 0.5}), message)[0]["name"] == best
    assert [entry["name"] for entry in message.get("intent_candidates")] == [best, "greet"]


def test_a_message_that_moves_out_of_scope_has_that_intent_among_its_candidates(bench):
    classifier = bench.trained(bench.featurized({**TOPICS, "out_of_scope": NONSENSE}), coverage=0.3)
    message = bench.message(STRANGE)
    assert parsed(classifier, message)[0]["name"] == "out_of_scope"
    assert message.get("intent_candidates")[0] == message.get("intent")


def test_a_custom_action_sees_the_candidates(bench):
    message = bench.message("i need a new password")
    bench.trained(coverage=0.9).process([message])
    parse_data = {"entities": [], **message.as_dict(only_output_properties=True)}
    tracker = DialogueStateTracker.from_events("user", [])
    tracker.update(UserUttered(parse_data["text"], parse_data["intent"], parse_data["entities"], parse_data))
    # What Rasa sends to the action server, and what it makes of a conversation that it reads from its store.
    sent = json.loads(json.dumps(tracker.current_state(EventVerbosity.ALL)))
    stored = DialogueStateTracker.from_dict(
        "user", json.loads(json.dumps(tracker.current_state(EventVerbosity.ALL)))["events"]
    )
    for seen in (tracker.latest_message.parse_data, sent["latest_message"], stored.latest_message.parse_data):
        assert seen["intent_candidates"] == message.get("intent_candidates")
        assert seen["intent_candidates"][0]["name"] == "reset_password"


def explaining(bench, data=None, node="run_classifier", **config):
    """A classifier that was trained, stored and loaded where diagnostic data is asked for."""
    bench.trained(data, **config)
    return bench.load(FewShotIntentClassifier, config, node=node, should_add_diagnostic_data=True)


def test_diagnostic_data_says_how_sure_it_is_and_why(bench):
    message = bench.message("book a room for four people at noon")
    explaining(bench).process([message])
    assert set(message.as_dict(only_output_properties=True)) == {"text", "intent", "intent_ranking"}
    found = message.get(DIAGNOSTIC_DATA)
    assert json.loads(json.dumps(found)) == found
    diagnosis = found["run_classifier"]
    assert set(diagnosis) == {"familiarity", "margin", "nearest_examples"}
    assert type(diagnosis["familiarity"]) is type(diagnosis["margin"]) is float
    first, *others = diagnosis["nearest_examples"]
    assert first == {
        "text": "book a room for four people at noon", "intent": "book_room", "similarity": pytest.approx(1, abs=1e-3)
    }  # fmt: skip
    assert [-1 <= other["similarity"] < first["similarity"] for other in others] == [True, True]


@pytest.mark.parametrize(
    "config", [{}, {"doubt_unfamiliar": False}, {"explain": False}, {"ranking_length": 1}], ids=str
)
def test_diagnostic_data_is_in_range_and_does_not_depend_on_what_is_shown(bench, config):
    data, texts = (
        bench.featurized({**TOPICS, "out_of_scope": NONSENSE}),
        ("tell me about 3", STRANGE, "?", "😀", "3 or 4"),
    )
    expected, found = ([bench.message(text) for text in texts] for _ in range(2))
    explaining(bench, data).process(expected)
    explaining(bench, data, **config).process(found)
    for message, one in zip(found, expected, strict=True):
        diagnosis, plain = (each.get(DIAGNOSTIC_DATA)["run_classifier"] for each in (message, one))
        assert 0 < diagnosis["familiarity"] <= 1
        assert 0 <= diagnosis["margin"] <= 1
        assert (diagnosis["familiarity"], diagnosis["margin"]) == (plain["familiarity"], plain["margin"])
        assert ("nearest_examples" in diagnosis) == config.get("explain", True)


def test_the_margin_is_that_of_the_probabilities(bench):
    data, message = bench.featurized({**TOPICS, "out_of_scope": NONSENSE}), bench.message(STRANGE)
    first, second = parsed(bench.trained(data, doubt_unfamiliar=False), message)[1][:2]
    explaining(bench, data).process([message])
    margin = message.get(DIAGNOSTIC_DATA)["run_classifier"]["margin"]
    assert margin == first["confidence"] - second["confidence"]


def test_diagnostic_data_is_there_only_if_it_is_asked_for(bench):
    message = bench.message("hello")
    bench.trained().process([message])
    assert message.get(DIAGNOSTIC_DATA) is None


def test_components_of_distinct_names_explain_themselves_without_a_warning(bench):
    featurizer = bench.create(TokenPruningFeaturizer, node="run_featurizer", should_add_diagnostic_data=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        messages = featurizer.process(bench.tokenize([Message({TEXT: "hello"})]))
        for node in ("run_classifier0", "run_classifier1"):
            explaining(bench, node=node).process(messages)
    assert set(messages[0].get(DIAGNOSTIC_DATA)) == {"run_featurizer", "run_classifier0", "run_classifier1"}


def test_a_message_without_usable_features_has_no_diagnostic_data_and_an_empty_list_of_candidates(bench):
    message = Message({TEXT: "hello"})
    explaining(bench, coverage=0.9).process([message])
    assert (message.get(DIAGNOSTIC_DATA), message.get("intent_candidates")) == (None, [])


@pytest.mark.parametrize("explain", [True, False])
def test_examples_are_in_the_archive_only_if_it_is_to_explain(bench, explain):
    data = {"greet": ["hello there", "welcome aboard"], "bye": ["farewell", "see you later"]}
    bench.trained(bench.featurized(data), explain=explain)
    content = b"".join(bench.files().values())
    words = ("hello", "there", "welcome", "aboard", "farewell", "later")
    assert [word.encode() in content for word in words] == [explain] * len(words)


def test_trained_again_it_forgets_the_examples_if_it_is_not_to_explain_any_more(bench):
    data = bench.featurized()
    bench.trained(data)
    bench.trained(data, explain=False)
    assert sorted(bench.files()) == ["classifier.json", "classifier.safetensors"]


@pytest.mark.parametrize("text", ["two\nlines", "😀", "a\x00", '"quoted" \\ {}', "word " * 400], ids=repr)
def test_any_text_can_be_an_example_and_the_nearest_one(bench, text, caplog):
    data = bench.featurized({**EXAMPLES, "odd": [text, "", "\x00", " ", "."]})
    classifier = explaining(bench, data, coverage=0.9)
    (message,) = [example for example in data.training_examples if example.get(TEXT) == text]
    asked = Message({TEXT: text}, features=message.features)
    assert parsed(classifier, asked)[0]["name"] in {*EXAMPLES, "odd"}
    nearest = asked.get(DIAGNOSTIC_DATA)["run_classifier"]["nearest_examples"]
    assert any(example["text"] == text and example["similarity"] > 0.999 for example in nearest)
    assert all(record.getMessage().encode("utf-8") for record in caplog.records)


def findings(caplog):
    return [record.getMessage() for record in caplog.records if record.name.endswith(".learning")]


WRONG = "is there a storm coming tomorrow"


def test_a_mislabelled_example_is_named_once_in_the_log(bench, caplog):
    data = bench.featurized({**CLEAN, "play_music": [*CLEAN["play_music"], WRONG]})
    bench.trained(data)
    (finding,) = findings(caplog)
    assert finding.startswith(f"Training data: The example '{WRONG}' of 'play_music' looks like 'weather' ")


def test_the_log_is_silent_if_it_is_not_to_review(bench, caplog):
    data = bench.featurized({**CLEAN, "play_music": [*CLEAN["play_music"], WRONG]})
    bench.trained(data, review_data=False)
    assert findings(caplog) == []


@pytest.mark.parametrize("use_intent_names", [True, False])
@pytest.mark.parametrize("examples", [CLEAN, EXAMPLES], ids=["clean", "few"])
def test_clean_data_gives_no_finding(bench, caplog, examples, use_intent_names):
    bench.trained(bench.featurized(examples), use_intent_names=use_intent_names)
    assert findings(caplog) == []


def test_the_review_changes_nothing_that_is_learnt(bench):
    data = bench.featurized({**CLEAN, "play_music": [*CLEAN["play_music"], WRONG]})
    for review in (True, False):
        bench.create(FewShotIntentClassifier, {"review_data": review}, str(review)).train(data)
    assert bench.files("True") == bench.files("False")


def test_finetuning_learns_the_new_examples(bench):
    bench.trained()
    more = {**EXAMPLES, "greet": [*EXAMPLES["greet"], "ahoy sailor", "ahoy", "ahoy there"]}
    finetuned = bench.load(FewShotIntentClassifier, is_finetuning=True)
    before = parsed(finetuned, bench.message("ahoy"))[1]
    finetuned.train(bench.featurized(more))
    after = parsed(bench.load(FewShotIntentClassifier), bench.message("ahoy"))[1]
    greeting = [next(e["confidence"] for e in ranking if e["name"] == "greet") for ranking in (before, after)]
    assert greeting[1] > greeting[0]


@pytest.mark.parametrize("config", [{}, {"coverage": 0.9}], ids=str)
def test_the_fallback_classifier_reads_our_result(bench, config):
    fallback = bench.create(FallbackClassifier, {"threshold": 0.99999})
    message = bench.message("do you sell bananas")
    fallback.process(explaining(bench, **config).process([message]))
    assert message.get(INTENT)["name"] == "nlu_fallback"
    assert message.get("intent_ranking")[1]["name"] in EXAMPLES
    assert {entry["name"] for entry in message.get("intent_candidates", [])} <= set(EXAMPLES)


@pytest.mark.parametrize("name", ["classifier.json", "classifier.safetensors", "examples.json", "examples.safetensors"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"not what it was"], ids=repr)
def test_a_damaged_archive_is_refused_with_advice(bench, name, content):
    bench.trained()
    file = bench.folder / "component" / name
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(InvalidConfigException, match=r"FewShotIntentClassifier: .*train again"):
        bench.load(FewShotIntentClassifier)


def test_examples_of_another_width_than_the_classifier_are_refused(bench):
    bench.trained()
    Neighbours.of(np.eye(5), list("abcde"), list("aabbc")).save(bench.folder / "component")
    with pytest.raises(InvalidConfigException, match=r"width 5 instead of 384.*train again"):
        bench.load(FewShotIntentClassifier)


@pytest.mark.parametrize(
    ("config", "advice"),
    [
        ({"ranking_lenght": 3}, "Did you mean 'ranking_length'"),
        ({5: 3}, "no option '5'"),
        ({None: 3}, "no option 'None'"),
        ({"ranking_length": -1}, "0 for all"),
        ({"ranking_length": "ten"}, "whole number"),
        ({"renormalize_confidences": "yes"}, "true or false"),
        ({"use_intent_names": 1}, "true or false"),
        ({"C": 0}, "from 1e-6"),
        ({"C": 10**400}, "from 1e-6"),
        ({"C": float("nan")}, "from 1e-6"),
        ({"C": "20"}, "from 1e-6"),
        ({"C": True}, "from 1e-6"),
        ({"featurizers": "dense"}, "list of aliases"),
        ({"coverage": 0}, "between 0 and 1"),
        ({"coverage": 1}, "between 0 and 1"),
        ({"coverage": 90}, "between 0 and 1"),
        ({"coverage": float("nan")}, "between 0 and 1"),
        ({"coverage": "0.9"}, "between 0 and 1"),
        ({"coverage": True}, "between 0 and 1"),
        ({"out_of_scope_intent": 5}, "intent's name"),
        ({"out_of_scope_intent": ["chitchat"]}, "intent's name"),
        ({"doubt_unfamiliar": None}, "true or false"),
        ({"review_data": "no"}, "true or false"),
        ({"explain": 0}, "true or false"),
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


def test_a_text_of_which_the_encoder_reads_nothing_is_no_greeting(bench):
    [answer] = bench.trained().process([bench.message("\x00 \x01")])
    assert answer.get(INTENT) == {"name": None, "confidence": 0.0}
    assert answer.get("intent_ranking") == []
