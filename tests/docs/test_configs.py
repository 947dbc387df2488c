"""The YAML in the documents is what it looks like: configs, files of an assistant, endpoints."""

import uuid

import pytest
import yaml
from rasa.core.utils import AvailableEndpoints
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.validation import validate
from rasa.shared.core.domain import Domain
from rasa.shared.data import TrainingType
from rasa.shared.nlu.training_data.formats import RasaYAMLReader

from tests.docs.components import BY_NAME, use
from tests.docs.documents import blocks

# Rasa Pro's own, which cannot stand beside Rasa Open Source: its flows, its slots, and the components around ours.
PRO = "rasa-pro.md"
FILES = {"domain.yml": Domain.from_yaml, "data/nlu.yml": RasaYAMLReader().reads, "endpoints.yml": None}

YAML = [block for block in blocks("yaml") if block.document != "README.md"]  # that has tests of its own
CONFIGS = [block for block in YAML if "name:" in block.text and "rasa_token_pruning" in block.text]
PIPELINES = [block for block in CONFIGS if "pipeline:" in block.text and block.document != PRO]


def names(found):
    return [f"{block.document}-{number}" for number, block in enumerate(found)]


def pipeline(block):
    content = yaml.safe_load(block.text)
    return content["pipeline"] if isinstance(content, dict) else content


@pytest.mark.parametrize("block", CONFIGS, ids=names(CONFIGS))
def test_the_options_of_a_config_are_taken_by_our_components(block, model):
    ours = [item for item in pipeline(block) if item["name"].startswith("rasa_token_pruning.")]
    assert ours
    for item in ours:
        use(BY_NAME[item["name"].split(".")[1]], {key: item[key] for key in item if key != "name"}, model)


@pytest.mark.parametrize("block", PIPELINES, ids=names(PIPELINES))
def test_a_config_is_one_that_rasa_takes(block):
    config = {"recipe": "default.v1", "assistant_id": uuid.uuid4().hex, "language": "en", **yaml.safe_load(block.text)}
    validate(DefaultV1Recipe().graph_config_for_recipe(config, {}, TrainingType.NLU, is_finetuning=False))


def test_endpoints_are_those_that_rasa_reads(tmp_path):
    found = [block for block in YAML if block.title == "endpoints.yml"]
    assert found
    for block in found:
        file = tmp_path / "endpoints.yml"
        file.write_text(block.text)
        endpoints = AvailableEndpoints.read_endpoints(str(file))
        assert all(getattr(endpoints, kind) is not None for kind in yaml.safe_load(block.text))


def test_no_yaml_is_left_unread():
    """What stands in other blocks is used by the tests of its page, or is Rasa Pro's or an old config's."""
    read = {*CONFIGS, *(block for block in YAML if block.title or block.document == PRO)}
    left = [block for block in YAML if block not in read]
    assert [block.document for block in left] == ["migration.md"] and "DIETClassifier" in left[0].text
    assert all(yaml.safe_load(block.text) for block in YAML)
