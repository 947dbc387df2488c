"""What Rasa makes of migrated configs."""

import asyncio
import json
import tarfile

import pytest
import rasa.engine.recipes.default_recipe as recipe
import rasa.shared.utils.io
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from rasa.core.agent import Agent
from rasa.engine.validation import validate
from rasa.model_training import train_nlu
from rasa.shared.data import TrainingType

from rasa_token_pruning.migration.classifiers import ENTITIES, Wish
from rasa_token_pruning.migration.migrating import RASA_DEFAULT, migrate
from tests.conftest import ROOT
from tests.migration.conftest import config

NLU = """\
version: "3.1"
nlu:
- intent: greet
  examples: |
    - hello
    - good morning
    - hi there
- intent: book
  examples: |
    - a room in [Paris](city)
    - book me something in [Rome](city)
    - i need a bed in [London](city) please
- lookup: city
  examples: |
    - Paris
    - Madrid
"""
FEATURIZERS = (
    "RegexFeaturizer",
    "LexicalSyntacticFeaturizer",
    "CountVectorsFeaturizer",
    {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
)
CLASSIFIERS = ("KeywordIntentClassifier", "LogisticRegressionClassifier")
EXTRACTORS = ("CRFEntityExtractor", "RegexEntityExtractor", "EntitySynonymMapper")
LAST = ("ResponseSelector", {"name": "ResponseSelector", "retrieval_intent": "faq"}, "FallbackClassifier")


def assert_accepted(text):
    """Rasa's own check of the graph, which it makes before it trains."""
    validate(recipe.DefaultV1Recipe().graph_config_for_recipe(yaml.safe_load(text), {}, TrainingType.NLU, False))


@st.composite
def realistic(draw):
    """A config that Rasa accepts."""
    diet = {"name": "DIETClassifier", "epochs": 2, "entity_recognition": draw(st.booleans())}
    featurizers = draw(st.lists(st.sampled_from(FEATURIZERS), min_size=1, max_size=4))
    middle = draw(st.lists(st.sampled_from([*CLASSIFIERS, *EXTRACTORS]), max_size=3, unique=True))
    middle.insert(draw(st.integers(0, len(middle))), diet)
    return config("WhitespaceTokenizer", *featurizers, *middle, *draw(st.lists(st.sampled_from(LAST), max_size=3)))


@settings(max_examples=30)
@given(realistic(), st.sampled_from(ENTITIES), st.booleans())
def test_rasa_accepts_the_migrated_configs_of_those_that_it_accepts(text, entities, keep_selector):
    assert_accepted(text)
    assert_accepted(migrate(text, "config.yml", Wish(entities, True, keep_selector)).text)


@pytest.mark.parametrize("entities", ENTITIES)
def test_rasa_accepts_the_example_bot_s_migrated_config(entities):
    text = (ROOT / "example_bot" / "config-diet.yml").read_text(encoding="utf-8")
    assert_accepted(migrate(text, "config-diet.yml", Wish(entities)).text)


def test_the_default_pipeline_is_rasa_s(tmp_path):
    (tmp_path / "config.yml").write_text("language: en\n")
    meant, _, _ = recipe.DefaultV1Recipe.auto_configure(str(tmp_path / "config.yml"), {"language": "en"})
    assert yaml.safe_load(RASA_DEFAULT) == meant["pipeline"]


@pytest.mark.parametrize(
    "text",
    [
        "recipe: default.v1\nlanguage: en\npipeline:   # Rasa's\npolicies:\n- name: RulePolicy\n",
        "pipeline:\n- name: WhitespaceTokenizer\n- name: CountVectorsFeaturizer\n- name: DIETClassifier\n  on: yes\n",
    ],
)
def test_rasa_reads_the_new_config_as_we_do(text):
    new = migrate(text, "config.yml", Wish("none")).text
    pipeline = rasa.shared.utils.io.read_yaml(new)["pipeline"]
    assert pipeline[1]["name"] == "rasa_token_pruning.TokenPruningFeaturizer"
    assert pipeline == yaml.safe_load(new)["pipeline"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A bot with entities, trained with Rasa's default pipeline as migrated; the archive."""
    folder = tmp_path_factory.mktemp("bot")
    (folder / "nlu.yml").write_text(NLU)
    old = f"recipe: default.v1\nassistant_id: desk\nlanguage: en\npipeline:{RASA_DEFAULT}"
    (folder / "config.yml").write_text(migrate(old, "config.yml", Wish("crf")).text)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # where Rasa puts its cache
        return train_nlu(str(folder / "config.yml"), str(folder / "nlu.yml"), str(folder / "models"))


def test_crf_learns_patterns_and_stores_no_dense_rows(trained):
    with tarfile.open(trained) as archive:
        [member] = [member for member in archive.getmembers() if member.name.endswith("crf_dataset.json")]
        tokens = [token for example in json.load(archive.extractfile(member)) for token in example]
    assert len({token["text"] for token in tokens}) > 10
    assert all(token["dense_features"] == [] for token in tokens)
    assert {token["text"] for token in tokens if token["pattern"]["city"]} == {"Paris"}


def test_the_migrated_bot_answers(trained):
    parsed = asyncio.run(Agent.load(trained).parse_message("please book a bed in Madrid"))
    assert parsed["intent"]["name"] == "book"
    assert [(entity["entity"], entity["value"]) for entity in parsed["entities"]] == [("city", "Madrid")]
