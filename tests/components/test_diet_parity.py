"""What a Rasa project expects of what takes DIET's place. The rows are those of docs/diet-parity.md."""

import json
import logging
import re

import pytest
from rasa.engine.exceptions import GraphSchemaValidationException
from rasa.engine.graph import GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.validation import validate
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.nlu.classifiers.diet_classifier import DIETClassifier
from rasa.nlu.classifiers.fallback_classifier import FallbackClassifier, undo_fallback_prediction
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.data import TrainingType
from rasa.shared.nlu.constants import ENTITIES, INTENT, INTENT_RANKING_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from rasa_token_pruning import FewShotIntentClassifier, TokenPruningFeaturizer
from tests.components.conftest import EXAMPLES, training_data

PAIR = ["rasa_token_pruning.TokenPruningFeaturizer", "rasa_token_pruning.FewShotIntentClassifier"]
EXTRACTOR = "rasa_token_pruning.FewShotEntityExtractor"
KINDS = DefaultV1Recipe.ComponentType


def train_graph(*pipeline):
    """The graph that Rasa trains for these components, validated."""
    config = {"recipe": "default.v1", "language": "en", "pipeline": [{"name": name} for name in pipeline]}
    graph = DefaultV1Recipe().graph_config_for_recipe(config, {}, TrainingType.NLU, is_finetuning=False)
    validate(graph)
    return graph


@pytest.fixture(scope="module")
def diet(tmp_path_factory):
    """DIET, trained a little on our features, and what it says about a message."""
    from tests.components.conftest import Workbench

    bench = Workbench(tmp_path_factory.mktemp("diet"))
    config = {"epochs": 2, "entity_recognition": False, "constrain_similarities": True}
    data = bench.featurized()
    bench.create(DIETClassifier, config).train(data)
    return bench.load(DIETClassifier, config).process([bench.message("my password is lost")])[0]


@pytest.mark.parametrize(
    ("name", "kind", "base"),
    [
        (PAIR[0], KINDS.MESSAGE_FEATURIZER, GraphComponent),
        (PAIR[1], KINDS.INTENT_CLASSIFIER, IntentClassifier),
        (EXTRACTOR, KINDS.ENTITY_EXTRACTOR, EntityExtractorMixin),
    ],
)
def test_row_1_rasa_finds_them_by_name_as_what_they_are(name, kind, base):
    registered = DefaultV1Recipe._from_registry(name)
    assert registered.types == {kind}
    assert registered.is_trainable
    assert issubclass(registered.clazz, base)


@pytest.mark.parametrize(
    "pipeline", [PAIR[::-1], ["WhitespaceTokenizer", PAIR[1]], [PAIR[0]], ["WhitespaceTokenizer", EXTRACTOR]]
)
def test_row_2_a_pipeline_without_what_they_need_is_refused_before_training(pipeline):
    with pytest.raises(GraphSchemaValidationException, match="require a"):
        train_graph(*pipeline)


@pytest.mark.parametrize(
    "more", [[], ["FallbackClassifier"], ["ResponseSelector"], ["CRFEntityExtractor"], [EXTRACTOR]]
)
def test_row_2_the_usual_pipelines_are_accepted(more):
    assert train_graph("WhitespaceTokenizer", *PAIR, *more)


def test_rows_6_and_7_the_output_has_the_keys_and_types_of_diets(bench, diet):
    ours = bench.trained().process([bench.message("my password is lost")])[0]
    for message in (ours, diet):
        assert message.get(INTENT) == message.get(INTENT_RANKING_KEY)[0]
        assert {INTENT, INTENT_RANKING_KEY} <= message.output_properties
    assert len(ours.get(INTENT_RANKING_KEY)) == len(diet.get(INTENT_RANKING_KEY)) == 3
    for one, other in zip(ours.get(INTENT_RANKING_KEY), diet.get(INTENT_RANKING_KEY), strict=True):
        assert {key: type(value) for key, value in one.items()} == {key: type(value) for key, value in other.items()}


def test_rows_18_and_21_training_says_how_it_does_on_what_it_had_not_seen(bench, caplog):
    with caplog.at_level(logging.INFO):
        bench.create(FewShotIntentClassifier).train(bench.featurized())
    (line,) = [record.getMessage() for record in caplog.records if "held out" in record.getMessage()]
    assert re.search(r"3 intents .* 9 examples", line)
    assert 0 <= int(re.search(r"(\d+)%", line)[1]) <= 100


def test_row_26_diet_may_stay_for_entities_alone(bench):
    text = "a ticket to Berlin"
    entity = {"start": 12, "end": 18, "value": "Berlin", "entity": "city"}
    examples = training_data(EXAMPLES).training_examples
    examples += [Message.build(text, "buy_ticket", entities=[entity]), Message.build("one ticket please", "buy_ticket")]
    config = {
        "intent_classification": False,
        "epochs": 40,
        "number_of_transformer_layers": 0,  # to compile them takes longer than all else
        "random_seed": 1,
        "constrain_similarities": True,
    }
    data = bench.create(TokenPruningFeaturizer).process_training_data(bench.tokenize(TrainingData(examples)))
    classifier = bench.trained(data)
    bench.create(DIETClassifier, config, resource="diet").train(data)
    message = bench.message(text)
    message.set(ENTITIES, [])
    (message,) = bench.load(DIETClassifier, config, resource="diet").process(classifier.process([message]))
    assert message.get(INTENT)["name"] == "buy_ticket"
    assert [(found["entity"], found["value"]) for found in message.get(ENTITIES)] == [("city", "Berlin")]


def test_row_29_two_intents_in_one_message_are_a_label_like_others(bench):
    examples = {
        **EXAMPLES,
        "greet+book_room": ["hello, i need a room", "hi, is a meeting room free", "good day, a room?"],
    }
    answered = bench.trained(bench.featurized(examples)).process([bench.message("hi, i need a room please")])
    assert answered[0].get(INTENT)["name"] == "greet+book_room"


def test_rows_35_and_42_the_fallback_can_be_put_in_and_taken_out_again(bench):
    said = [bench.message(text) for text in ("qwertz uiop", "my password is lost")]
    answered = bench.trained().process(said)
    before = [json.dumps(message.get(INTENT_RANKING_KEY)) for message in answered]
    fallback = FallbackClassifier({**FallbackClassifier.get_default_config(), "threshold": 1.0})
    for message, ranking in zip(fallback.process(answered), before, strict=True):
        assert message.get(INTENT)["name"] == "nlu_fallback"
        undone = undo_fallback_prediction({key: message.get(key) for key in (TEXT, INTENT, INTENT_RANKING_KEY)})
        assert undone[INTENT] == json.loads(ranking)[0]
        assert undone[INTENT_RANKING_KEY] == json.loads(ranking)


def test_row_36_a_batch_is_answered_as_its_messages_are(bench):
    classifier = bench.trained()
    texts = ["hello there", "a new password please", "", "is the big room free at noon?"]
    together = classifier.process([bench.message(text) for text in texts])
    for text, message in zip(texts, together, strict=True):
        alone = classifier.process([bench.message(text)])[0]
        assert alone.get(INTENT_RANKING_KEY) == message.get(INTENT_RANKING_KEY)


def test_row_40_with_120_intents_a_known_message_is_well_above_the_default_thresholds(bench):
    things = "password printer laptop monitor keyboard badge parking payslip contract holiday phone headset".split()
    verbs = "lost broken order return repair extend cancel replace borrow".split()
    examples = {
        f"{verb}_{thing}": [f"{verb} my {thing}", f"i want to {verb} the {thing}"] for thing in things for verb in verbs
    }
    examples |= {f"where_{thing}": [f"where is the {thing}", f"i cannot find the {thing}"] for thing in things}
    assert len(examples) == 120
    classifier = bench.trained(bench.featurized(examples))
    messages = [
        bench.message(f"please {verb} this {thing}") for verb, thing in (("order", "headset"), ("extend", "contract"))
    ]
    fallback = FallbackClassifier(FallbackClassifier.get_default_config())
    answered = fallback.process(classifier.process(messages))
    assert [message.get(INTENT)["name"] for message in answered] == ["order_headset", "extend_contract"]


def test_rows_39_and_33_the_resource_is_named_as_rasa_says(bench):
    assert bench.create(FewShotIntentClassifier, resource="train_x").train(bench.featurized()) == Resource("train_x")
