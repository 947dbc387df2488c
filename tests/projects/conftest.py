"""Two projects with DIET, migrated, checked, trained and tested by the commands that their owners would type."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from rasa.cli.scaffold import create_initial_project
from rasa.core.agent import Agent


@dataclass(frozen=True)
class Project:
    """A project after its migration.

    ``printed`` holds what each command printed.
    """

    folder: Path
    config: Path
    printed: dict[str, str]

    @property
    def archive(self):
        return self.folder / "models" / "migrated.tar.gz"


@pytest.fixture(scope="session")
def projects(root, tmp_path_factory):
    """Both at once: most of the time a command uses one core."""
    folder = tmp_path_factory.mktemp("projects")
    with ThreadPoolExecutor() as pool:
        made = {
            "starter": pool.submit(starter_project, folder / "starter"),
            "travel": pool.submit(travel_project, root / "tests" / "projects" / "travel", folder / "travel"),
        }
    return {name: project.result() for name, project in made.items()}


@pytest.fixture(scope="session")
def starter(projects):
    return projects["starter"]


@pytest.fixture(scope="session")
def travel(projects):
    return projects["travel"]


@pytest.fixture(scope="session")
def starter_agent(starter):
    return Agent.load(str(starter.archive))


@pytest.fixture(scope="session")
def travel_agent(travel):
    return Agent.load(str(travel.archive))


# Rasa would choose these and two that learn by TensorFlow, of which travel has one.
POLICIES = """
policies:
- name: MemoizationPolicy
- name: RulePolicy
"""


def starter_project(folder):
    """What ``rasa init`` makes before it trains, but for its policies; the config changed where it is."""
    create_initial_project(str(folder))
    config = folder / "config.yml"
    before, policies, _ = config.read_text(encoding="utf-8").partition("\npolicies:")
    assert policies
    config.write_text(before + POLICIES, encoding="utf-8")
    printed = {"migrate": run(folder, "rasa_token_pruning.cli", "migrate", "config.yml", "--in-place")}
    return worked_with(Project(folder, folder / "config.yml", printed))


def travel_project(source, folder):
    """The travel agency's, with a second config beside the old one."""
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("models", ".rasa", "results"))
    migrated = ("migrate", "config.yml", "--output", "migrated.yml")
    printed = {"migrate": run(folder, "rasa_token_pruning.cli", *migrated)}
    return worked_with(Project(folder, folder / "migrated.yml", printed), "--augmentation", "0")


def worked_with(project, *training_options):
    """The project, validated, trained and tested."""
    config = ("--config", str(project.config))
    training = ("train", *config, "--fixed-model-name", "migrated", *training_options)
    tests = ("test", "core", "--model", str(project.archive), "--stories", "tests", "--e2e", "--no-plot")
    project.printed["validate"] = run(project.folder, "rasa", "data", "validate", *config)
    project.printed["train"] = run(project.folder, "rasa", *training)
    project.printed["test"] = run(project.folder, "rasa", *tests)
    return project


def run(folder, module, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1200,
        env={**os.environ, "PYTHONHASHSEED": "0"},  # TEDPolicy's random_seed alone does not make it repeatable
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout
