"""A small bot with known faults, its report, a made-up report on hundreds of intents, and a browser."""

import shutil
from importlib.util import find_spec

import numpy as np
import pytest
import yaml

from rasa_token_pruning.evaluation.labelled import Labelled
from rasa_token_pruning.evaluation.machine import machine
from rasa_token_pruning.reporting.answers import Answers
from rasa_token_pruning.reporting.facts import FROM_FILE, About, Facts, Outside
from rasa_token_pruning.reporting.fallback import Crowd
from rasa_token_pruning.reporting.gathering import gather
from rasa_token_pruning.reporting.judging import Judged
from rasa_token_pruning.reporting.misread import misread, pairs_of
from rasa_token_pruning.reporting.page import page_of, write_page
from rasa_token_pruning.reporting.pruning import Change, Level
from rasa_token_pruning.reporting.settings import read_settings
from rasa_token_pruning.reporting.source import read_source
from rasa_token_pruning.reporting.study import Study
from rasa_token_pruning.reporting.todo import tasks_of
from tests.evaluation.conftest import EXAMPLES

SCRIPT = "<script>alert(1)</script> please"
LONG = "hi, since the update this morning my laptop does not find the printer on the second floor any more, thanks"
# Two intents that nobody can tell apart, an example that stands in the wrong intent, one in two, and one alone.
FAULTS = {
    "weather": ["will it rain today", "how warm is it outside", "is it sunny tomorrow", "do i need an umbrella", LONG],
    "forecast": [
        "will it rain tomorrow",
        "how warm will it be",
        "is it sunny today",
        "do i need a coat",
        "any snow in [Oslo](city)",
    ],
    "goodbye": ["bye", "see you later", "good night", "where can i leave my car", "until tomorrow then", "hello"],
    "lonely": [SCRIPT],
}
PIPELINE = [
    {"name": "WhitespaceTokenizer"},
    {"name": "rasa_token_pruning.TokenPruningFeaturizer", "num_threads": 1},
    {"name": "rasa_token_pruning.FewShotIntentClassifier"},
    {"name": "FallbackClassifier", "threshold": 0.35, "ambiguity_threshold": 0.05},
]


def labelled(examples):
    pairs = [(text, intent) for intent, texts in examples.items() for text in texts]
    return Labelled(*map(tuple, zip(*pairs, strict=True)))


def write_bot(folder, examples, pipeline=PIPELINE):
    """A bot's folder as Rasa has it by default."""
    (folder / "data").mkdir(parents=True)
    nlu = [{"intent": name, "examples": "".join(f"- {text}\n" for text in texts)} for name, texts in examples.items()]
    (folder / "data" / "nlu.yml").write_text(yaml.safe_dump({"version": "3.1", "nlu": nlu}))
    (folder / "config.yml").write_text(yaml.safe_dump({"recipe": "default.v1", "pipeline": pipeline}))
    return folder


@pytest.fixture(scope="session")
def bot(tmp_path_factory):
    return write_bot(tmp_path_factory.mktemp("reported") / "desk", {**EXAMPLES, **FAULTS})


@pytest.fixture(scope="session")
def facts(bot):
    return gather(read_source(bot), None, 0, lambda what: None)


@pytest.fixture(scope="session")
def page_file(facts, tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "report.html"
    write_page(page_of(facts), file)
    return file


@pytest.fixture(scope="session")
def settings():
    """Those without a config."""
    return read_settings(None)


def made_up(intents=500, each=10):
    """A report on many intents: each example is understood as its own, the next, or any intent."""
    chance = np.random.default_rng(0)
    names = [f"{'faq/' if number % 7 == 0 else ''}intent_number_{number:03}" for number in range(intents)]
    data = labelled({name: [f"message {number} about {name}, please" for number in range(each)] for name in names})
    known, given = data.known, np.array([data.known.index(name) for name in data.intents])
    kind = chance.random(len(data))
    other = np.where(kind < 0.1, (given + 1) % intents, chance.integers(0, intents, len(data)))
    topics = np.where(kind < 0.15, other, given)
    own = chance.beta(8, 2, len(data))
    probabilities = np.full((len(data), intents), 1e-4)
    probabilities[np.arange(len(data)), given] = np.where(topics == given, own, 0.02)
    probabilities[np.arange(len(data)), topics] = own
    answers = Answers(topics, own, np.maximum(0, own - chance.random(len(data)) / 4))
    judged = Judged(np.arange(len(data)), given, probabilities, answers, 5)
    study = Study(data, read_settings(None), frozenset(), 0)
    confusions = misread(data, judged)
    changes = [
        Change("balanced", data.texts[place], ((0, 7),), data.intents[place], data.intents[place], known[0])
        for place in range(0, len(data), 25)
    ]
    about = {"date": "2026-11-23", "version": "0", "machine": machine()}
    return Facts(
        about=About("many", "many.csv", None, len(data), intents, 5, 0, "all-MiniLM-L6-v2", "int8", (), about),
        level="balanced",
        threshold=0.3,
        ambiguity=0.1,
        inside=study.crowd(judged, study.inside(judged)),
        outside=Outside(FROM_FILE, ("others.txt",), Crowd((), tuple(np.linspace(0, 0.9, 700).tolist()), (0.1,) * 300)),
        bins=study.bins(judged),
        tasks=tuple(tasks_of(data, confusions, study.unsure(judged), study.scope)),
        intents=tuple(study.rows(judged)),
        pairs=tuple(pairs_of(confusions, dict.fromkeys(known, each))),
        levels=tuple(
            Level(name, 0.85 - place / 200, 0.005, -place / 200, 0.003, 30 * place, place / 10, 1.2 - place / 50, 0.98)
            for place, name in enumerate(("off", "gentle", "balanced", "aggressive"))
        ),
        changes=tuple(changes),
    )


@pytest.fixture(scope="session")
def many():
    return made_up()


@pytest.fixture(scope="module")  # no longer: as long as it runs, so does an event loop in this thread
def chromium():
    """A headless browser, if this machine has one."""
    if find_spec("playwright") is None:
        pytest.skip("playwright is not installed")
    executable = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if executable is None:
        pytest.skip("there is no Chromium on the PATH")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()
