"""What Rasa makes of migrated configs."""

import asyncio
import json
import re
import tarfile
import warnings

import pytest
import rasa.engine.recipes.default_recipe as recipe
import rasa.shared.utils.io
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from rasa.core.agent import Agent
from rasa.engine.graph import ExecutionContext
from rasa.engine.validation import validate
from rasa.graph_components.validators.default_recipe_validator import DefaultV1RecipeValidator
from rasa.model_training import train_nlu
from rasa.shared.data import TrainingType
from rasa.shared.importers.importer import TrainingDataImporter

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


WRONG = {
    "does not include a response selector component",
    "does not include an entity extractor trained on your training data",
    "does not include a 'DIETClassifier' or a 'CRFEntityExtractor'",
    "does not include any components that uses the features created from the lookup table",
}


@pytest.mark.parametrize(
    ("entities", "warned"),
    [
        ("fewshot", WRONG),
        ("crf", {"does not include a response selector component", "does not include the 'pattern' feature"}),
    ],
)
def test_what_rasa_wrongly_warns_of_is_in_the_guide(root, entities, warned):
    travel = root / "tests" / "projects" / "travel"
    text = migrate((travel / "config.yml").read_text(encoding="utf-8"), "config.yml", Wish(entities)).text
    said = [str(one.message) for one in warnings_of_rasa(text, travel)]
    assert {phrase for phrase in warned if any(phrase in one for one in said)} == warned
    assert len([one for one in said if "NLU configuration" in one]) == len(warned)
    guide = (root / "docs" / "migration.md").read_text(encoding="utf-8")
    assert warned <= set(re.findall(r'^- \*"(.*?)"\*', guide, re.M))


def warnings_of_rasa(text, project):
    """What Rasa says of a config and a project's data before it trains."""
    schema = recipe.DefaultV1Recipe().graph_config_for_recipe(yaml.safe_load(text), {}, TrainingType.BOTH, False)
    validator = DefaultV1RecipeValidator.create({}, None, None, ExecutionContext(schema.train_schema))
    importer = TrainingDataImporter.load_from_config(
        str(project / "config.yml"), str(project / "domain.yml"), [str(project / "data")]
    )
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        validator.validate(importer)
    return said


@pytest.fixture(scope="module")
def bot(tmp_path_factory):
    """A folder with a bot with entities, and Rasa's cache beside it."""
    folder = tmp_path_factory.mktemp("bot")
    (folder / "nlu.yml").write_text(NLU)
    return folder


@pytest.fixture(scope="module", params=["fewshot", "crf"])
def trained(request, bot):
    """The bot, trained with Rasa's default pipeline as migrated; who extracts entities, and the archive."""
    config_file = bot / f"{request.param}.yml"
    old = f"recipe: default.v1\nassistant_id: desk\nlanguage: en\npipeline:{RASA_DEFAULT}"
    config_file.write_text(migrate(old, "config.yml", Wish(request.param)).text)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(bot)  # where Rasa puts its cache
        return request.param, train_nlu(str(config_file), str(bot / "nlu.yml"), str(bot / "models"))


@pytest.mark.parametrize("trained", ["crf"], indirect=True)
def test_crf_learns_patterns_and_stores_no_dense_rows(trained):
    with tarfile.open(trained[1]) as archive:
        [member] = [member for member in archive.getmembers() if member.name.endswith("crf_dataset.json")]
        tokens = [token for example in json.load(archive.extractfile(member)) for token in example]
    assert len({token["text"] for token in tokens}) > 10
    assert all(token["dense_features"] == [] for token in tokens)
    assert {token["text"] for token in tokens if token["pattern"]["city"]} == {"Paris"}


def test_the_migrated_bot_answers(trained):
    entities, archive = trained
    parsed = asyncio.run(Agent.load(archive).parse_message("please book a bed in Madrid"))
    assert parsed["intent"]["name"] == "book"
    [entity] = parsed["entities"]
    assert (entity["entity"], entity["value"]) == ("city", "Madrid")
    assert entity["extractor"] == {"fewshot": "FewShotEntityExtractor", "crf": "CRFEntityExtractor"}[entities]
