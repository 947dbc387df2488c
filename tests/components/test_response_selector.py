import asyncio
import json
import logging
import warnings

import numpy as np
import pytest
import yaml
from rasa.core.actions.action import ActionRetrieveResponse
from rasa.core.agent import Agent
from rasa.core.channels.channel import CollectingOutputChannel
from rasa.core.nlg.response import TemplatedNaturalLanguageGenerator
from rasa.engine.storage.resource import Resource
from rasa.model_training import train_nlu
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.nlu.selectors.response_selector import ResponseSelector
from rasa.nlu.test import run_evaluation
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from rasa_token_pruning import FewShotResponseSelector, TokenPruningFeaturizer
from rasa_token_pruning.components.refining import HELD_OUT
from tests.components.conftest import Workbench

EXAMPLES = {
    "faq/opening_hours": ["when are you open", "are you there on sunday", "until when can i call you"],
    "faq/parking": ["where can i park my car", "is there a garage"],
    "faq/guest_wifi": ["how does a visitor get online", "wifi for guests", "wireless code for a customer"],
    "chitchat/name": ["who are you", "what is your name"],
    "chitchat/weather": ["nice weather today", "will it rain"],
    "greet": ["hello", "good morning", "hi there"],
}
RESPONSES = {
    "utter_faq/opening_hours": [{"text": "We are there from Monday to Friday, 8 to 18."}],
    "utter_faq/parking": [{"text": "Behind the building.", "image": "map.png"}, {"text": "In the yard."}],
    "utter_faq/guest_wifi": [
        {"text": "Ask the reception for a voucher.", "buttons": [{"title": "ok", "payload": "/ok"}]}
    ],
    "utter_chitchat/name": [{"text": "I am a bot."}],
    "utter_chitchat/weather": [{"text": "I never go out."}],
    "utter_greet": [{"text": "Hello!"}],
}
NOTHING = {
    "response": {"responses": None, "confidence": 0.0, "intent_response_key": None, "utter_action": "utter_None"},
    "ranking": [],
}
FAQ = {"retrieval_intent": "faq"}
# Rasa's own, on our features: a few epochs suffice for so few questions.
STOCK = {
    **FAQ,
    "epochs": 100,
    "random_seed": 1,
    "constrain_similarities": True,
    "hidden_layers_sizes": {"text": [], "label": []},
}
STRANGE = "the quick brown fox jumps over the lazy dog"


def unread(examples=EXAMPLES, responses=RESPONSES):
    """Training data as Rasa reads it."""
    return TrainingData(
        [Message.build(text, intent) for intent, texts in examples.items() for text in texts], responses=responses
    )


def questions(bench, examples=EXAMPLES, responses=RESPONSES, **config):
    """Training data, tokenised and featurized."""
    data = bench.tokenize(unread(examples, responses))
    return bench.create(TokenPruningFeaturizer, config).process_training_data(data)


def trained(bench, data=None, resource="component", **config):
    """A selector that was trained, stored and loaded again."""
    bench.create(FewShotResponseSelector, config, resource).train(data or questions(bench))
    return bench.load(FewShotResponseSelector, config, resource)


def selected(selector, message, intent="faq"):
    """What a selector says about a message: the best answer, and the ranking."""
    found = selector.process([message])[0].get("response_selector")[intent]
    return found["response"], found["ranking"]


def keys(ranking):
    return [entry["intent_response_key"] for entry in ranking]


def test_requires_a_dense_featurizer():
    assert FewShotResponseSelector.required_components() == [DenseFeaturizer]


def test_a_paraphrase_of_a_question_gets_its_answer(bench):
    message = bench.message("is it possible to leave the car somewhere")
    response, ranking = selected(trained(bench, **FAQ), message)
    assert set(message.get("response_selector")) == {"all_retrieval_intents", "faq"}
    assert message.get("response_selector")["all_retrieval_intents"] == ["chitchat", "faq"]
    assert response == {
        "responses": RESPONSES["utter_faq/parking"],
        "confidence": ranking[0]["confidence"],
        "intent_response_key": "faq/parking",
        "utter_action": "utter_faq/parking",
    }
    assert sorted(keys(ranking)) == ["faq/guest_wifi", "faq/opening_hours", "faq/parking"]
    confidences = [entry["confidence"] for entry in ranking]
    assert confidences == sorted(confidences, reverse=True)
    assert sum(confidences) == pytest.approx(1)
    assert all(type(confidence) is float for confidence in confidences)


def test_without_a_retrieval_intent_all_are_learnt_and_the_rest_is_not(bench):
    selector = trained(bench, ranking_length=0)
    assert (
        selected(selector, bench.message("tell me your name"), "default")[0]["intent_response_key"] == "chitchat/name"
    )
    response, ranking = selected(selector, bench.message("can visitors use the wifi"), "default")
    assert response["intent_response_key"] == "faq/guest_wifi"
    assert sorted(keys(ranking)) == [key for key in sorted(EXAMPLES) if key != "greet"]


def test_the_result_is_json_and_part_of_the_output(bench):
    message = bench.message("where can i park")
    trained(bench, **FAQ).process([message])
    output = message.as_dict(only_output_properties=True)
    assert set(output) == {"text", "response_selector"}
    assert json.loads(json.dumps(output)) == output


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """Rasa's own selector, trained on our features."""
    bench = Workbench(tmp_path_factory.mktemp("stock"))
    bench.create(ResponseSelector, STOCK).train(questions(bench))
    return bench.load(ResponseSelector, STOCK)


def test_rasas_own_selector_learns_from_our_features(bench, stock):
    for text, key in (("may i park here", "faq/parking"), ("is there wifi for my guest", "faq/guest_wifi")):
        assert selected(stock, bench.message(text))[0]["intent_response_key"] == key


def shape(value):
    """The keys and types of something nested."""
    if isinstance(value, dict):
        return {key: shape(part) for key, part in value.items()}
    return [shape(part) for part in value] if isinstance(value, list) else type(value)


@pytest.mark.parametrize("featurized", [True, False])
def test_the_output_has_the_shape_of_that_of_rasas_own(bench, stock, featurized):
    texts = "where can i park my car"
    ours, theirs = (bench.message(texts) if featurized else Message({TEXT: texts}) for _ in range(2))
    trained(bench, **FAQ).process([ours])
    stock.process([theirs])
    found, expected = (message.get("response_selector") for message in (ours, theirs))
    expected["all_retrieval_intents"].sort()
    assert shape(found) == shape(expected)
    assert found["all_retrieval_intents"] == expected["all_retrieval_intents"]
    if featurized:
        assert found["faq"]["response"]["responses"] == expected["faq"]["response"]["responses"]
        assert sorted(keys(found["faq"]["ranking"])) == sorted(keys(expected["faq"]["ranking"]))
    else:
        assert found["faq"] == expected["faq"] == NOTHING


@pytest.mark.parametrize("stock_first", [True, False])
def test_several_selectors_add_to_one_result(bench, stock, stock_first):
    ours = trained(bench, retrieval_intent="chitchat")
    message = bench.message("when are you open")
    for selector in (stock, ours) if stock_first else (ours, stock):
        selector.process([message])
    found = message.get("response_selector")
    assert sorted(found.pop("all_retrieval_intents")) == ["chitchat", "faq"]
    assert {intent: said["response"]["intent_response_key"].split("/")[0] for intent, said in found.items()} == {
        "faq": "faq", "chitchat": "chitchat"
    }  # fmt: skip


def test_an_untrained_selector_leaves_what_others_said(bench):
    message = bench.message("when are you open")
    trained(bench, **FAQ).process([message])
    before = json.loads(json.dumps(message.get("response_selector")))
    bench.create(FewShotResponseSelector, {"retrieval_intent": "jokes"}).process([message])
    assert message.get("response_selector") == {**before, "jokes": NOTHING}


@pytest.mark.parametrize(("length", "count"), [(0, 14), (3, 3), (10, 10), (100, 14)])
@pytest.mark.parametrize("renormalize", [False, True])
def test_ranking_length_cuts_and_renormalize_scales(bench, length, count, renormalize):
    data = questions(bench, {f"faq/{n}": [f"tell me about {n}", f"{n} please"] for n in range(14)}, {})
    selector = trained(bench, data, ranking_length=length, renormalize_confidences=renormalize)
    with pytest.warns(UserWarning, match="no responses"):
        response, ranking = selected(selector, bench.message("tell me about 3"), "default")
    assert len(ranking) == count
    assert (response["intent_response_key"], response["confidence"]) == ("faq/3", ranking[0]["confidence"])
    total = sum(entry["confidence"] for entry in ranking)
    assert total == pytest.approx(1) if renormalize or count == 14 else total < 1


def test_messages_do_not_share_results(bench):
    selector = trained(bench, **FAQ)
    first, second = bench.message("where can i park"), bench.message("where can i park")
    selector.process([first, second])
    untouched = json.dumps(second.get("response_selector"))
    found = first.get("response_selector")
    found["all_retrieval_intents"].append("x")
    found["faq"]["response"]["responses"][0]["text"] = "x"
    found["faq"]["response"]["confidence"] = found["faq"]["ranking"][1]["confidence"] = 2
    assert found["faq"]["ranking"][0]["confidence"] < 2
    assert json.dumps(second.get("response_selector")) == untouched
    third = bench.message("where can i park")
    selector.process([third])
    assert json.dumps(third.get("response_selector")) == untouched


def test_stored_and_loaded_selects_the_same_to_the_bit(bench):
    selector = bench.create(FewShotResponseSelector)
    selector.train(questions(bench))
    loaded = bench.load(FewShotResponseSelector)
    for text in ("where do i park", "who is there", "", STRANGE):
        one, other = bench.message(text), bench.message(text)
        selector.process([one])
        loaded.process([other])
        assert one.fingerprint() == other.fingerprint()


def test_the_archive_holds_safetensors_and_json_only(bench):
    trained(bench)
    assert sorted(bench.files()) == ["answers.json", "classifier.json", "classifier.safetensors"]


def test_the_order_of_the_examples_does_not_matter_to_the_bit(bench):
    for use_text in (False, True):
        data = questions(bench)
        bench.create(FewShotResponseSelector, {"use_text_as_label": use_text}, "one").train(data)
        backwards = TrainingData(data.training_examples[::-1], responses=data.responses)
        bench.create(FewShotResponseSelector, {"use_text_as_label": use_text}, "other").train(backwards)
        assert bench.files("one") == bench.files("other")


def test_training_leaves_the_messages_as_they_are(bench):
    data = questions(bench)
    before = data.fingerprint()
    bench.create(FewShotResponseSelector, {"use_text_as_label": True, **FAQ}).train(data)
    assert data.fingerprint() == before


@pytest.mark.parametrize("use_text", [False, True])
def test_the_log_says_how_well_it_does_on_questions_that_were_held_out(bench, caplog, use_text):
    with caplog.at_level(logging.INFO):
        trained(bench, use_text_as_label=use_text, **FAQ)
    assert "Learnt 3 answers from 8 questions." in caplog.text
    assert "of 8 questions got their answer while they were held out." in caplog.text


@pytest.mark.parametrize("refined", [False, True])
def test_a_single_answer_is_given(bench, refined):
    data = questions(bench, {key: EXAMPLES[key] for key in ("faq/parking", "greet")})
    if refined:
        say(data, lambda intent, known: intent)
    response, ranking = selected(trained(bench, data, **FAQ), bench.message("is there a place for my car"))
    assert ranking == [{"confidence": 1.0, "intent_response_key": "faq/parking"}]
    assert (response["responses"], response["confidence"]) == (RESPONSES["utter_faq/parking"], 1.0)


@pytest.mark.parametrize("use_intent_names", [True, False])
def test_one_question_for_each_of_two_answers_is_enough(bench, use_intent_names):
    data = questions(bench, {"faq/parking": ["where can i park my car"], "faq/opening_hours": ["when are you open"]})
    selector = trained(bench, data, use_intent_names=use_intent_names, **FAQ)
    for text, key in (("is there a place for my car", "faq/parking"), ("are you open at night", "faq/opening_hours")):
        response, ranking = selected(selector, bench.message(text))
        assert response["intent_response_key"] == key
        assert 0.5 < response["confidence"] < 1
        assert len(ranking) == 2


@pytest.mark.parametrize("responses", [{}, {"utter_faq/parking": []}])
def test_an_answer_without_responses_is_its_key_with_a_warning(bench, responses):
    selector = trained(bench, questions(bench, responses=responses), **FAQ)
    with pytest.warns(UserWarning, match="Add 'utter_faq/parking' to the responses of the domain and train again"):
        response, _ = selected(selector, bench.message("where can i park my car"))
    assert response["responses"] == [{"text": "faq/parking"}]
    assert response["utter_action"] == "utter_faq/parking"


@pytest.mark.parametrize("text", ["two\nlines", "😀", "\x00", "\ud800", '"quoted" \\ {}'], ids=ascii)
def test_any_response_survives_the_archive(bench, text):
    responses = {**RESPONSES, "utter_faq/parking": [{"text": "x", "custom": {"deep": [1, 2.5, None, True, text]}}]}
    response, _ = selected(trained(bench, questions(bench, responses=responses), **FAQ), bench.message("where to park"))
    assert response["responses"] == responses["utter_faq/parking"]


def lead(bench, text, key, data, **config):
    """How far a key is ahead of the best other one."""
    [classifier] = [trained(bench, data, **config)._answers.classifier]
    logits = dict(
        zip(classifier.intents, classifier.head.logits(bench.message(text).features[1].features)[0], strict=True)
    )
    return logits.pop(key) - max(logits.values())


def test_the_text_of_a_response_counts_as_an_example_if_it_is_to(bench):
    data = questions(bench)
    text = "is there a voucher at the reception"
    leads = [lead(bench, text, "faq/guest_wifi", data, use_text_as_label=use, **FAQ) for use in (False, True)]
    assert leads[1] > leads[0] + 0.5


def test_where_there_is_no_response_its_text_is_missed_by_nobody(bench):
    data = questions(bench, responses={key: said for key, said in RESPONSES.items() if key != "utter_faq/parking"})
    response, ranking = selected(
        trained(bench, data, use_text_as_label=True), bench.message("wifi for guests"), "default"
    )
    assert response["intent_response_key"] == "faq/guest_wifi"
    assert len(ranking) == 5


def test_beside_a_featurizer_that_reads_no_responses_they_are_no_examples(bench):
    data, message = questions(bench), bench.message("where can i park my car")
    for one in (*data.training_examples, message):
        one.add_features(Features(np.ones((1, 5), np.float32), FEATURE_TYPE_SENTENCE, TEXT, "other"))
    response, _ = selected(trained(bench, data, use_text_as_label=True, **FAQ), message)
    assert response["intent_response_key"] == "faq/parking"


def test_intent_names_count_as_examples_unless_turned_off(bench):
    examples = {"faq/travel_expenses": ["i paid the taxi myself"], "faq/holiday": ["i want to be off in june"]}
    data = questions(bench, examples, {})
    names, none = (
        lead(bench, "travel expenses", "faq/travel_expenses", data, use_intent_names=use) for use in (True, False)
    )
    assert names > none


def test_only_the_featurizers_that_are_named_are_read(bench):
    data = questions(bench, alias="dense")
    for number, message in enumerate(data.training_examples):
        message.add_features(Features(np.full((1, 5), number, np.float32), FEATURE_TYPE_SENTENCE, TEXT, "other"))
    message = bench.message("where can i park my car", alias="dense")
    assert selected(trained(bench, data, featurizers=["dense"], **FAQ), message)[0]["confidence"] > 0.5
    assert selected(trained(bench, data, **FAQ), message) == (NOTHING["response"], [])


def test_a_message_without_usable_features_gets_no_answer(bench):
    selector = trained(bench, **FAQ)
    broken = Message({TEXT: "x"})
    broken.add_features(Features(np.full((1, 384), np.nan, np.float32), FEATURE_TYPE_SENTENCE, TEXT, "f"))
    for message in (Message({TEXT: "hello"}), Message({}), broken):
        selector.process([message])
        assert message.get("response_selector") == {"all_retrieval_intents": ["chitchat", "faq"], "faq": NOTHING}


def test_untrained_and_loaded_from_nothing_it_gives_no_answer(bench, caplog):
    with caplog.at_level(logging.DEBUG):
        selector = bench.load(FewShotResponseSelector, FAQ, resource="missing")
    assert "resource 'missing' doesn't exist" in caplog.text
    message = bench.message("where can i park")
    selector.process([message])
    assert message.get("response_selector") == {"all_retrieval_intents": [], "faq": NOTHING}


@pytest.mark.parametrize(("intent", "kind"), [("jokes", "a typo"), ("greet", "no retrieval intent")])
def test_a_retrieval_intent_without_examples_is_reported_and_trains_nothing(bench, caplog, intent, kind):
    resource = bench.create(FewShotResponseSelector, {"retrieval_intent": intent}).train(questions(bench))
    [record] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert f"retrieval intent '{intent}' has no examples" in record.getMessage()
    assert "in the training data: chitchat, faq." in record.getMessage()
    with pytest.raises(ValueError, match="does not exist"), bench.storage.read_from(resource):
        pass


def test_no_retrieval_intents_at_all_train_nothing_and_are_no_reason_to_warn(bench, caplog):
    with caplog.at_level(logging.DEBUG, "rasa_token_pruning"):
        resource = bench.create(FewShotResponseSelector).train(questions(bench, {"greet": EXAMPLES["greet"]}))
    assert [record.levelno for record in caplog.records if "No data was provided" in record.message] == [logging.DEBUG]
    assert not [record for record in caplog.records if record.levelno > logging.INFO]
    with pytest.raises(ValueError, match="does not exist"), bench.storage.read_from(resource):
        pass


def test_questions_without_features_are_left_out_of_training(bench):
    late = unread({"faq/late": ["this one was never featurized"]})
    selector = trained(bench, questions(bench).merge(late), **FAQ)
    assert "faq/late" not in keys(selected(selector, bench.message("where can i park"))[1])


def test_features_of_two_widths_are_refused(bench):
    data = questions(bench)
    data.training_examples[0].add_features(Features(np.ones((1, 5), np.float32), FEATURE_TYPE_SENTENCE, TEXT, "other"))
    with pytest.raises(InvalidConfigException, match="FewShotResponseSelector: Embeddings must be rows of one width"):
        bench.create(FewShotResponseSelector).train(data)


def test_a_message_that_is_no_question_is_doubted_unless_turned_off(bench):
    topics = {f"faq/{n}": [f"tell me about {n}", f"{n} please", f"so, {n}", f"what is {n}"] for n in range(14)}
    data = questions(bench, topics, {f"utter_{key}": [{"text": key}] for key in topics})
    sums = []
    for doubt in (True, False):
        selector = trained(bench, data, doubt_unfamiliar=doubt, ranking_length=0)
        rankings = [selected(selector, bench.message(text), "default")[1] for text in (STRANGE, "tell me about 3")]
        sums.append([sum(entry["confidence"] for entry in ranking) for ranking in rankings])
    assert sums[0][0] < 0.5
    assert sums[0][1] > 0.99
    assert sums[1] == pytest.approx([1, 1])


def test_finetuning_learns_the_new_questions(bench):
    trained(bench, **FAQ)
    with bench.storage.write_to(Resource("component")) as folder:
        (folder / "of another version").write_text("")
    finetuned = bench.load(FewShotResponseSelector, FAQ, is_finetuning=True)
    text = "ahoy sailor, where to drop anchor"
    before = selected(finetuned, bench.message(text))[1]
    more = {**EXAMPLES, "faq/parking": [*EXAMPLES["faq/parking"], "where to drop anchor", "anchor, ahoy", "ahoy"]}
    finetuned.train(questions(bench, more))
    after = selected(bench.load(FewShotResponseSelector, FAQ), bench.message(text))[1]
    parking = [next(e["confidence"] for e in r if e["intent_response_key"] == "faq/parking") for r in (before, after)]
    assert parking[1] > parking[0] + 0.2
    assert sorted(bench.files()) == ["answers.json", "classifier.json", "classifier.safetensors"]


def say(data, answer):
    """Attach to the examples what a refined featurizer says: what they look like to an encoder that has not seen them.

    :param answer: From an example's intent, and all intents, to the one that it looks like.
    """
    known = sorted({message.get_full_intent() for message in data.intent_examples})
    for message in data.intent_examples:
        row = [5.0 * (intent == answer(message.get_full_intent(), known)) for intent in known]
        message.add_features(Features(np.array([row * 2], np.float32), FEATURE_TYPE_SENTENCE, HELD_OUT, "f"))


def test_a_refined_encoder_s_confidences_are_those_of_questions_that_it_had_not_seen(bench):
    confidences = []
    for answer in (lambda intent, known: intent, lambda intent, known: known[known.index(intent) - 1]):
        data = questions(bench)
        say(data, answer)
        response, _ = selected(trained(bench, data, **FAQ), bench.message("where can i park my car"))
        assert response["intent_response_key"] == "faq/parking"
        confidences.append(response["confidence"])
    assert confidences[0] > 0.7
    assert confidences[1] < 0.5


@pytest.mark.parametrize("name", ["answers.json", "classifier.json", "classifier.safetensors"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"[]", b"not what it was", b"[" * 100_000], ids=range(6))
def test_a_damaged_archive_is_refused_with_advice(bench, name, content):
    trained(bench)
    file = bench.folder / "component" / name
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(InvalidConfigException, match=r"FewShotResponseSelector: .*train again"):
        bench.load(FewShotResponseSelector)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"retrieval_intents": [1]},
        {"retrieval_intents": None},
        {"retrieval_intents": "faq"},
        {"responses": {}},
        {"responses": []},
        {"responses": {key: ["no object"] for key in EXAMPLES if key != "greet"}},
        {"responses": {key: None for key in EXAMPLES if key != "greet"}},
    ],
    ids=str,
)
def test_stored_answers_that_do_not_fit_are_refused_with_advice(bench, change):
    trained(bench)
    file = bench.folder / "component" / "answers.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(InvalidConfigException, match=r"stored answers cannot be read .*train again"):
        bench.load(FewShotResponseSelector)


@pytest.mark.parametrize(
    ("config", "advice"),
    [
        ({"retreival_intent": "faq"}, "Did you mean 'retrieval_intent'"),
        ({"retrieval_intent": ["faq"]}, "retrieval intent's name, or leave it out"),
        ({"retrieval_intent": ""}, "retrieval intent's name, or leave it out"),
        ({"use_text_as_label": "yes"}, "true or false"),
        ({"use_intent_names": 1}, "true or false"),
        ({"renormalize_confidences": None}, "true or false"),
        ({"doubt_unfamiliar": "no"}, "true or false"),
        ({"ranking_length": -1}, "0 for all"),
        ({"ranking_length": True}, "whole number"),
        ({"ranking_length": "ten"}, "whole number"),
        ({"featurizers": "dense"}, "list of aliases"),
    ],
)
def test_bad_options_are_refused_with_advice(bench, config, advice):
    with pytest.raises(InvalidConfigException, match=advice):
        bench.create(FewShotResponseSelector, config)


def test_all_options_of_rasas_own_are_taken_with_one_warning(bench):
    with pytest.warns(UserWarning, match=r"ignores .*epochs.*: options of Rasa's own") as warned:
        bench.create(FewShotResponseSelector, ResponseSelector.get_default_config())
    assert len(warned) == 1


def test_its_own_options_and_what_rasa_adds_are_taken_without_a_warning(bench):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bench.create(FewShotResponseSelector, {"name": "x", "finetuning_epoch_fraction": 1.0, **FAQ})


def test_fingerprinting_takes_the_options_that_rasa_makes_up_for_cached_nodes():
    made_up = FewShotResponseSelector.fingerprint_addon({"output": "from the cache"})
    assert made_up == FewShotResponseSelector.fingerprint_addon({})


def test_500_answers_are_learnt_and_told_apart(bench):
    chance = np.random.default_rng(0)
    examples = []
    for number in range(500):
        centre = chance.normal(size=384)
        for example in range(1 + number % 5):
            message = Message.build(f"{number} {example}", f"faq/{number:03}")
            row = (centre + chance.normal(size=384))[None].astype(np.float32)
            message.add_features(Features(row, FEATURE_TYPE_SENTENCE, TEXT, "f"))
            examples.append(message)
    selector = trained(bench, TrainingData(examples, responses={"utter_faq/007": [{"text": "Bond"}]}))
    asked = Message({TEXT: "x"}, features=examples[-1].features)
    with pytest.warns(UserWarning, match="faq/499"):
        response, ranking = selected(selector, asked, "default")
    assert response["intent_response_key"] == "faq/499"
    assert len(ranking) == 10


# The names of both: Rasa finds a selector's answer by its retrieval intent, or under "default".
@pytest.fixture(scope="module", params=[FAQ, {}], ids=["faq", "default"])
def assistant(request, tmp_path_factory):
    """An assistant that Rasa trained, loaded; the files of its domain and of other questions."""
    folder = tmp_path_factory.mktemp("assistant")

    def write(name, **content):
        (folder / name).write_text(yaml.safe_dump({"version": "3.1", **content}))
        return str(folder / name)

    pipeline = [
        {"name": "WhitespaceTokenizer"},
        *({"name": f"rasa_token_pruning.{name}"} for name in ("TokenPruningFeaturizer", "FewShotIntentClassifier")),
        {"name": "rasa_token_pruning.FewShotResponseSelector", **request.param},
    ]
    config = write("config.yml", recipe="default.v1", language="en", assistant_id="faq", pipeline=pipeline)
    domain = write("domain.yml", intents=["faq", "chitchat", "greet"], responses=RESPONSES)
    listed = [{"intent": key, "examples": "".join(f"- {text}\n" for text in texts)} for key, texts in EXAMPLES.items()]
    asked = [
        ("faq/parking", "may i park my car here"),
        ("faq/opening_hours", "are you open on sundays"),
        ("greet", "hello you"),
    ]
    judged = write("test.yml", nlu=[{"intent": key, "examples": f"- {text}\n"} for key, text in asked])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RASA_CACHE_DIRECTORY", str(folder / "cache"))
        archive = train_nlu(config, write("nlu.yml", nlu=listed), str(folder), domain=domain)
    return Agent.load(archive), domain, judged


def test_rasa_names_the_topic_and_says_its_response(assistant):
    agent, domain, _ = assistant
    domain = Domain.load(domain)
    parsed = asyncio.run(agent.parse_message("where may i park my car"))
    assert parsed["intent"]["name"] == "faq"
    if "faq" in parsed["response_selector"]:
        assert parsed["intent"]["full_retrieval_intent_name"] == "faq/parking"
    tracker = DialogueStateTracker.from_events("user", [])
    tracker.update(UserUttered(parsed["text"], parsed["intent"], parsed["entities"], parsed))
    action, generator = ActionRetrieveResponse("utter_faq"), TemplatedNaturalLanguageGenerator(domain.responses)
    assert action.get_full_retrieval_name(tracker) == "utter_faq/parking"
    [event] = asyncio.run(action.run(CollectingOutputChannel(), generator, tracker, domain))
    assert event.text in [said["text"] for said in RESPONSES["utter_faq/parking"]]


def test_rasa_test_evaluates_its_selections(assistant, tmp_path):
    agent, domain, judged = assistant
    options = {"output_directory": str(tmp_path), "disable_plotting": True, "domain_path": domain}
    result = asyncio.run(run_evaluation(judged, agent.processor, **options))
    evaluation = result["response_selection_evaluation"]
    assert evaluation["accuracy"] == 1
    assert [found["intent_response_key_prediction"] for found in evaluation["predictions"]] == [
        "faq/parking", "faq/opening_hours"
    ]  # fmt: skip
    assert all(0 < found["confidence"] <= 1 for found in evaluation["predictions"])
