"""What Rasa's engine demands of a component beside its results: section A of docs/diet-parity.md."""

import json

import pytest
from rasa.engine.recipes.default_components import DEFAULT_COMPONENTS
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.validation import validate
from rasa.shared.data import TrainingType
from rasa.shared.exceptions import InvalidConfigException

from rasa_token_pruning import (
    FewShotEntityExtractor,
    FewShotIntentClassifier,
    FewShotResponseSelector,
    TokenPruningFeaturizer,
)
from rasa_token_pruning.version import __version__

OURS = [TokenPruningFeaturizer, FewShotIntentClassifier, FewShotEntityExtractor, FewShotResponseSelector]
NAMES = [f"rasa_token_pruning.{component.__name__}" for component in OURS]

each_component = pytest.mark.parametrize("component", OURS)


def graph(kind, is_finetuning=False):
    """What Rasa makes of an assistant with all our components, before it trains it."""
    config = {
        "recipe": "default.v1",
        "language": "en",
        "pipeline": [{"name": name} for name in ("WhitespaceTokenizer", *NAMES)],
        "policies": [{"name": name} for name in ("RulePolicy", "TEDPolicy")],
    }
    return DefaultV1Recipe().graph_config_for_recipe(config, {}, kind, is_finetuning)


@each_component
def test_no_component_of_rasa_has_the_same_name(component):
    assert component.__name__ not in {theirs.__name__ for theirs in DEFAULT_COMPONENTS}
    assert DefaultV1Recipe._from_registry(component.__name__).clazz is component


@pytest.mark.parametrize("is_finetuning", [False, True])
@pytest.mark.parametrize("kind", [TrainingType.NLU, TrainingType.BOTH, TrainingType.END_TO_END])
def test_rasa_accepts_the_graph_of_each_kind_of_training(kind, is_finetuning):
    made = graph(kind, is_finetuning)
    validate(made)
    trained = {name: node for name, node in made.train_schema.nodes.items() if name.startswith("train_rasa_token")}
    assert {node.uses for node in trained.values()} == set(OURS)
    # A further parameter of train would be a further need.
    assert all(set(node.needs) == {"training_data"} for node in trained.values())


@pytest.mark.parametrize("kind", [TrainingType.BOTH, TrainingType.END_TO_END])
def test_stories_in_words_are_featurized_by_a_second_node_that_loads_what_the_first_loads(kind):
    made = graph(kind)
    name = f"{NAMES[0]}1"
    for schema in (made.train_schema, made.predict_schema):
        nodes = {node: schema.nodes[node] for node in schema.nodes if node.endswith(f"run_{name}")}
        assert set(nodes) == {f"run_{name}", *([f"e2e_run_{name}"] if kind == TrainingType.END_TO_END else [])}
        assert {node.constructor_name for node in nodes.values()} == {"load"}
        read = {node.needs.get("resource", node.resource and node.resource.name) for node in nodes.values()}
        assert read == {f"train_{name}"}


@each_component
def test_options_are_flat(component):
    # Rasa merges nested ones in two ways, and what differs is never found in its cache.
    assert not [name for name, value in component.get_default_config().items() if isinstance(value, dict)]


@each_component
def test_nothing_is_imported_for_a_check_and_every_language_is_welcome(component):
    assert component.required_packages() == []
    assert component.supported_languages() is None and component.not_supported_languages() is None


@each_component
def test_a_fingerprint_names_the_version_of_the_package(component):
    assert json.loads(component.fingerprint_addon({}))["package"] == __version__


@each_component
def test_options_are_checked_when_the_component_is_made_since_rasa_does_not(bench, component):
    with pytest.raises(InvalidConfigException, match="nonsense"):
        bench.create(component, {"nonsense": 1})
