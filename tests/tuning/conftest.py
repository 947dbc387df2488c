"""Two small tasks, and a tiny encoder with random weights."""

import pytest

from rasa_token_pruning.evaluation.labelled import Labelled
from rasa_token_pruning.evaluation.tasks import Task
from rasa_token_pruning.tuning.trial import Setting
from tests.encoder.conftest import one_thread as one_thread
from tests.encoder.conftest import write_tiny_model
from tests.evaluation.conftest import EXAMPLES


def labelled(*intents):
    pairs = [(text, intent) for intent in intents for text in EXAMPLES[intent]]
    return Labelled(*map(tuple, zip(*pairs, strict=True)))


@pytest.fixture(scope="session")
def desk():
    return Task("desk", labelled("reset_password", "book_room", "greet"))


@pytest.fixture(scope="session")
def visitors():
    return Task("visitors", labelled("faq/opening_hours", "faq/parking", "greet"))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    return str(write_tiny_model(tmp_path_factory.mktemp("tuned") / "model", max_length=60))


@pytest.fixture(scope="session")
def setting(tiny):
    return Setting(tiny, "fp32", shots=(1, 3), seeds=2, held_out=6, long=4)
