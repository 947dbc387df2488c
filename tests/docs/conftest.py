"""The site as it is built, and a model that is made in no time."""

import os
import subprocess
import sys

import pytest

from fuzz.tiny import write_model
from tests.docs.documents import ROOT


def build(project, site):
    """Build the documents of a project as ``make docs`` does, without a network."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=project, env=env, capture_output=True, text=True)


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    built = build(ROOT, folder)
    assert built.returncode == 0, built.stderr
    return folder


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A model of 3 layers with random weights."""
    return str(write_model(tmp_path_factory.mktemp("tiny") / "model", real_words=True))
