"""What the README says is true: its code runs, its YAML is valid, its commands exist, its tables were measured."""

import json
import re
import subprocess
import sys
import uuid
from importlib.metadata import metadata

import pytest
import yaml
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.validation import validate
from rasa.shared.data import TrainingType

from benchmarks.adapter import table as adapter_table
from benchmarks.cross_validation import table as cross_validation
from benchmarks.engines import table as engines
from benchmarks.entities import OTHERS, accuracy_table, cost_table
from benchmarks.example_bot import table as comparison
from benchmarks.intents_rasa import means
from benchmarks.intents_rasa import table as intents
from benchmarks.own_encoders import table as own_encoders_table
from benchmarks.responses import tables as responses
from benchmarks.scale import table as scale
from benchmarks.scope import sets_table
from benchmarks.scope import table as scope
from benchmarks.unseen import table as unseen_table
from rasa_token_pruning import (
    FewShotEntityExtractor,
    FewShotIntentClassifier,
    FewShotResponseSelector,
    TokenPruningFeaturizer,
)
from rasa_token_pruning.evaluation import accuracy_command, comparison_command, hardware_command
from rasa_token_pruning.evaluation.speed_tables import tables as speed
from rasa_token_pruning.tuning.result import LEVELS, SearchResult
from rasa_token_pruning.tuning.tune_command import report

COMPONENTS = (TokenPruningFeaturizer, FewShotIntentClassifier, FewShotResponseSelector, FewShotEntityExtractor)


MODELS = ("all-MiniLM-L6-v2", "all-mpnet-base-v2")


@pytest.fixture(scope="module")
def readme(root):
    return (root / "README.md").read_text(encoding="utf-8")


def blocks(readme, language):
    found = re.findall(rf"^```{language}\n(.*?)^```", readme, re.M | re.S)
    assert found
    return found


def test_its_python_runs(readme, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for block in blocks(readme, "python"):
        exec(compile(block, "README.md", "exec"), {})


def test_its_yaml_is_a_valid_config(readme):
    for block in blocks(readme, "yaml"):
        config = {"recipe": "default.v1", "assistant_id": uuid.uuid4().hex, "language": "en", **yaml.safe_load(block)}
        recipe = DefaultV1Recipe().graph_config_for_recipe(config, {}, TrainingType.NLU, is_finetuning=False)
        validate(recipe)
        for item in config["pipeline"]:
            for component in COMPONENTS:
                if item["name"].endswith(component.__name__):
                    component.validate_config({**component.get_default_config(), **item})


def test_its_first_pipeline_is_the_example_bots(root, readme):
    bot = yaml.safe_load((root / "example_bot" / "config.yml").read_text(encoding="utf-8"))
    assert yaml.safe_load(blocks(readme, "yaml")[0])["pipeline"] == bot["pipeline"]


def test_its_commands_exist(root, readme):
    extras = set(metadata("rasa-token-pruning").get_all("Provides-Extra"))
    for block in blocks(readme, "bash"):
        for line in block.splitlines():
            if line.startswith("make "):
                subprocess.run(["make", "--dry-run", *line.split()[1:]], cwd=root, check=True, capture_output=True)
            elif line.startswith("rasa-token-pruning "):
                known = subprocess.run(
                    [sys.executable, "-m", "rasa_token_pruning.cli", *line.split()[1:3], "--help"],
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout
                assert all(option in known for option in re.findall(r"--[a-z-]+", line))
            else:
                package, wanted = re.match(r'pip install "(.+)\[(.+)\]" *(?:#.*)?$', line).groups()
                assert package == "rasa-token-pruning" and set(wanted.split(",")) <= extras


@pytest.mark.parametrize("component", COMPONENTS)
def test_it_lists_every_option(readme, component):
    for option in component.get_default_config():
        assert f"`{option}`" in readme


def test_its_tables_are_the_measured_ones(root, readme):
    results = root / "benchmarks" / "results"
    measurements = (root / "docs" / "measurements.md").read_text(encoding="utf-8")
    compared = comparison(json.loads((results / "example_bot.json").read_text())["results"])
    assert compared in readme and compared in measurements
    classified = json.loads((results / "intents.json").read_text())["rows"]
    assert intents(classified) in measurements and means(classified) in readme
    assert cross_validation(json.loads((results / "cross_validation.json").read_text())["rows"]) in readme
    assert scale(json.loads((results / "scale.json").read_text())["rows"]) in measurements
    answered = json.loads((results / "responses.json").read_text())
    assert all(table in measurements for table in responses(answered))
    fallback = json.loads((results / "scope.json").read_text())
    assert scope(fallback["rows"]) in measurements and sets_table(fallback["sets"]) in measurements
    assert engines(json.loads((results / "engines.json").read_text())["rows"]) in measurements
    measured = speed(json.loads((results / "speed.json").read_text()))
    shown = re.findall(r"^\| (?:onnx|sentence-transformers|FastEmbed|model2vec).*", readme, re.M)
    assert measured in measurements
    for other in ("speed-epyc", "speed-slower-machine"):
        assert speed(json.loads((results / f"{other}.json").read_text())) in measurements
    assert len(shown) >= 10 and all(line in measured for line in shown)


@pytest.mark.parametrize("name", [f"{model}{how}" for model in MODELS for how in ("", "+adapter")])
def test_what_it_says_of_the_search_is_what_was_found(root, name):
    found = SearchResult.load(root / "benchmarks" / "results" / f"tune-{name}.json")
    readout = "final" if found.hard else "final+cut"
    assert report(found, readout, LEVELS) in (root / "docs" / "pruning.md").read_text(encoding="utf-8")


def test_what_it_says_of_single_policies_is_what_was_found(root):
    found = SearchResult.load(root / "benchmarks" / "results" / "tune-all-MiniLM-L6-v2+adapter-broad.json")
    scores = {}
    for score in found.scores("final+cut"):
        policy = score.policy
        cells = (f"{score.work:.2f}", score.mean, score.long, score.longest)
        scores[f"{list(policy.layers)}, {policy.quantile}, {policy.min_tokens}"] = " | ".join(map(str, cells))
    page = (root / "docs" / "pruning.md").read_text(encoding="utf-8")
    said = re.findall(r"^\| (\[[\d, ]+\], [\d.]+, \d+) \| [`a-z]* ?\| (\d.+) \|$", page, re.M)
    assert len(said) == 16
    for policy, cells in said:
        assert scores[policy] == cells


@pytest.mark.parametrize("name", ["adapter", "adapter-all-mpnet-base-v2"])
def test_what_the_page_about_training_says_of_the_adapters_is_the_measured(root, name):
    rows = json.loads((root / "benchmarks" / "results" / f"{name}.json").read_text())["rows"]
    assert adapter_table(rows) in (root / "docs" / "training.md").read_text(encoding="utf-8")


def test_what_it_says_of_the_adapter_is_the_mean_of_the_tasks(root, readme):
    rows = json.loads((root / "benchmarks" / "results" / "adapter.json").read_text())["rows"]
    line = r"^\| mean change \| (.+?), final \| (.+?) \| \| \| \|$"
    means = dict(re.findall(line, adapter_table(rows), re.M))
    said = re.findall(r"^\| `(gentle|balanced|aggressive)`(.*?) \| (.+?) \|$", readme, re.M)
    assert len(said) == 5
    for level, adapter, cells in said:
        start = "as published" if "`adapter: none`" in adapter else "adapter"
        assert means[f"{start}, {level}"] == cells


def test_so_is_what_it_says_of_the_student_of_three_layers(root):
    rows = json.loads((root / "benchmarks" / "results" / "own_encoders-distill.json").read_text())["rows"]
    assert own_encoders_table(rows) in (root / "docs" / "training.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("model", MODELS)
def test_what_it_says_of_pruning_is_the_measured(root, readme, model):
    results = root / "benchmarks" / "results"
    pruning = (root / "docs" / "pruning.md").read_text(encoding="utf-8")
    record = json.loads((results / f"accuracy-{model}.json").read_text())
    accuracy = accuracy_command.summary(record)
    assert accuracy in pruning and accuracy_command.tables(record) in pruning
    if model == "all-MiniLM-L6-v2":
        assert accuracy in readme
        compared = json.loads((results / f"pruning-{model}.json").read_text())
        assert comparison_command.tables(compared) in pruning
        assert comparison_command.length_table(compared) in pruning
        assert hardware_command.table(json.loads((results / "hardware.json").read_text())) in pruning


def test_so_is_what_it_costs_assistants_that_took_no_part(root):
    rows = json.loads((root / "benchmarks" / "results" / "unseen.json").read_text())["rows"]
    assert unseen_table(rows) in (root / "docs" / "pruning.md").read_text(encoding="utf-8")


def test_what_the_guide_to_migration_says_of_entities_is_the_measured(root):
    guide = (root / "docs" / "migration.md").read_text(encoding="utf-8")
    rows = json.loads((root / "benchmarks" / "results" / "entities.json").read_text())["rows"]
    assert accuracy_table(rows) in guide and accuracy_table(rows, OTHERS) in guide and cost_table(rows, 10) in guide


def test_its_links_lead_somewhere(root, readme):
    for target in re.findall(r"\]\(([^)#]+)\)", readme):
        assert target.startswith("https://") or (root / target).exists(), target
