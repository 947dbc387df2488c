import csv
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OFFLINE = ROOT / "tests" / "offline"

# Rasa Pro and litellm read these at import; processes that the tests start inherit them.
os.environ.update(
    RASA_TELEMETRY_ENABLED="false",
    LITELLM_LOCAL_MODEL_COST_MAP="True",
    HF_HUB_OFFLINE="1",
    PYTHONPATH=str(OFFLINE),
)

spec = importlib.util.spec_from_file_location("refuse_network", OFFLINE / "sitecustomize.py")
spec.loader.exec_module(importlib.util.module_from_spec(spec))


@pytest.fixture(scope="session", autouse=True)
def no_cache(tmp_path_factory):
    """Rasa's cache folder does not exist: every training is one from nothing."""
    os.environ["RASA_CACHE_DIRECTORY"] = str(tmp_path_factory.mktemp("cache") / "missing")
    os.environ.pop("RASA_MAX_CACHE_SIZE", None)


@pytest.fixture(scope="session")
def root():
    return ROOT


TRAIN = """
import json, sys
from tests_pro.assistant import loaded, train_and_pack
before = loaded()
print(json.dumps({"before": before, "answers": train_and_pack(sys.argv[1]), "loaded": loaded()}))
"""


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    return tmp_path_factory.mktemp("bot") / "models" / "desk.tar.gz"


@pytest.fixture(scope="session")
def training(archive):
    """What a process that trained and packed the example bot has to say."""
    return in_a_fresh_process(TRAIN, archive)


@pytest.fixture(scope="session")
def held_out():
    """Messages to the example bot that nobody trained on, each with its intent."""
    with (ROOT / "example_bot" / "held_out.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def in_a_fresh_process(program, *arguments):
    """What a program printed last, as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True, timeout=500, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])
