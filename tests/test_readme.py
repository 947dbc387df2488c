"""What the README says is true: its code runs, its YAML is valid, its commands exist."""

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

from rasa_token_pruning import (
    FewShotEntityExtractor,
    FewShotIntentClassifier,
    FewShotResponseSelector,
    TokenPruningFeaturizer,
)

COMPONENTS = (TokenPruningFeaturizer, FewShotIntentClassifier, FewShotResponseSelector, FewShotEntityExtractor)


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


def test_its_links_lead_somewhere(root, readme):
    for target in re.findall(r"\]\(([^)#]+)\)", readme):
        assert target.startswith("https://") or (root / target).exists(), target
