"""What Rasa's engine does to a component, in a few lines: create, train, load, process."""

import shutil
import subprocess
import sys
import uuid

import pytest
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.nlu.tokenizers.whitespace_tokenizer import WhitespaceTokenizer
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from rasa_token_pruning import FewShotIntentClassifier, TokenPruningFeaturizer
from rasa_token_pruning.components.encoders import encoder_from_config
from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.location import DEFAULT_MODEL
from tests.conftest import ROOT

EXAMPLES = {
    "reset_password": ["i forgot my password", "please reset my password", "my password expired, what now"],
    "book_room": ["i need a meeting room", "book a room for four people at noon", "is there a free room tomorrow"],
    "greet": ["hello", "good morning", "hi there"],
}


class Workbench:
    """One model storage, and components made in it as Rasa's graph makes them."""

    def __init__(self, folder):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.storage = LocalModelStorage.create(folder)

    def context(self, node="run_component", **kwargs):
        return ExecutionContext(GraphSchema({}), uuid.uuid4().hex, node_name=node, **kwargs)

    def create(self, component, config=None, resource="component", **kwargs):
        config = {**component.get_default_config(), **(config or {})}
        return component.create(config, self.storage, Resource(resource), self.context(**kwargs))

    def load(self, component, config=None, resource="component", **kwargs):
        config = {**component.get_default_config(), **(config or {})}
        return component.load(config, self.storage, Resource(resource), self.context(**kwargs))

    def tokenize(self, data):
        tokenizer = WhitespaceTokenizer(WhitespaceTokenizer.get_default_config())
        if isinstance(data, TrainingData):
            return tokenizer.process_training_data(data)
        return tokenizer.process(data)

    def message(self, text, **config):
        """A message of a user, tokenised and featurized."""
        return self.create(TokenPruningFeaturizer, config).process(self.tokenize([Message({TEXT: text})]))[0]

    def process(self, featurizer, *texts):
        """What a featurizer adds to messages: for each its sequence and its sentence features."""
        messages = featurizer.process(self.tokenize([Message({TEXT: text}) for text in texts]))
        return [tuple(part.features for part in message.get_dense_features(TEXT)) for message in messages]

    def files(self, resource="component"):
        """The content of each file of a resource."""
        with self.storage.read_from(Resource(resource)) as folder:
            files = [file for file in folder.rglob("*") if file.is_file()]
            return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}

    def featurized(self, examples=EXAMPLES, **config):
        """Training data, tokenised and featurized."""
        data = training_data(examples)
        return self.create(TokenPruningFeaturizer, config).process_training_data(self.tokenize(data))

    def trained(self, data=None, **config):
        """A classifier that was trained, stored and loaded again."""
        self.create(FewShotIntentClassifier, config).train(data or self.featurized())
        return self.load(FewShotIntentClassifier, config)


def training_data(examples):
    """Messages as Rasa reads them; ``faq/parking`` is an example of the retrieval intent ``faq``."""
    return TrainingData([Message.build(text, intent) for intent, texts in examples.items() for text in texts])


def run(program, *arguments):
    """Run a program in a fresh interpreter; what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True, timeout=300, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="session", autouse=True)
def keep_the_encoder_loaded():
    # Without a memory of texts, which those that tests make would share.
    config = {**TokenPruningFeaturizer.get_default_config(), "cache_mib": 0}
    kept = shared_model(DEFAULT_MODEL), encoder_from_config(config)
    yield
    del kept


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    """Rasa's cache folder, which does not exist."""
    monkeypatch.setenv("RASA_CACHE_DIRECTORY", str(tmp_path / "cache"))
    monkeypatch.delenv("RASA_MAX_CACHE_SIZE", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def bench(tmp_path):
    return Workbench(tmp_path / "storage")


@pytest.fixture(scope="session")
def untouched_tiny_model(tmp_path_factory):
    from tests.encoder.conftest import write_tiny_model  # here, because it imports torch and transformers

    return write_tiny_model(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture
def tiny_model(untouched_tiny_model, tmp_path):
    """The folder of a model with random weights, which the test may change."""
    return shutil.copytree(untouched_tiny_model, tmp_path / "tiny")


@pytest.fixture
def quick(monkeypatch):
    """Refining takes one turn instead of five."""
    monkeypatch.setattr("rasa_token_pruning.adaptation.refinement.EPOCHS", 1)


@pytest.fixture
def quicker(quick, monkeypatch):
    """One part is held out instead of each in turn."""
    monkeypatch.setattr("rasa_token_pruning.adaptation.assistant.ENOUGH_HELD_OUT", 1)
