"""Small assistants: sparse features beside ours, nothing to learn, and what training keeps for the next."""

import pytest
from rasa.core.channels.channel import UserMessage
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.shared.engine.caching import get_local_cache_location
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from tests_pro.nodes import Predictor, graphs, train
from tests_pro.pipelines import BESIDE_SPARSE, CLASSIFIER, FALLBACK, FEATURIZER, TOKENIZER

EXAMPLES = {
    "reset_password": ["i forgot my password", "please reset my password", "my password expired, what now"],
    "book_room": ["i need a meeting room", "book a room for four people at noon", "is there a free room tomorrow"],
    "greet": ["hello", "good morning", "hi there"],
}
TEXTS = ("could you set a new password for me", "is a room free at noon", "good morning to you")


def trained(pipeline, folder, examples=EXAMPLES):
    """The components of an assistant that was trained on a few examples."""
    configuration, storage = graphs(pipeline), LocalModelStorage.create(folder)
    messages = [Message.build(text, intent) for intent, texts in examples.items() for text in texts]
    train(configuration.train_schema, storage, TrainingData(messages))
    return Predictor(configuration.predict_schema, storage)


def intents(predictor):
    return [message.get("intent") for message in predictor.process([UserMessage(text) for text in TEXTS])]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "storage").mkdir()
    return tmp_path / "storage"


def test_sparse_features_beside_ours_change_nothing(folder, tmp_path):
    beside = intents(trained(BESIDE_SPARSE, folder))
    (tmp_path / "alone").mkdir()
    alone = intents(trained([TOKENIZER, FEATURIZER, CLASSIFIER, FALLBACK], tmp_path / "alone"))
    assert [intent["name"] for intent in beside] == list(EXAMPLES)
    assert beside == alone


def test_with_nothing_to_learn_every_message_falls_back(folder):
    untrained = trained([TOKENIZER, FEATURIZER, CLASSIFIER, FALLBACK], folder, {})
    assert intents(untrained) == [{"name": "nlu_fallback", "confidence": 0.3}] * len(TEXTS)


@pytest.mark.parametrize("named", [True, False], ids=["named by the environment", "the default one"])
def test_what_training_encoded_is_kept_in_rasa_pros_cache_folder(named, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if named:
        monkeypatch.setenv("RASA_CACHE_DIRECTORY", "kept")
    else:
        monkeypatch.delenv("RASA_CACHE_DIRECTORY")
    get_local_cache_location().mkdir(parents=True)
    trained([TOKENIZER, FEATURIZER, CLASSIFIER], folder)
    assert [file.name for file in get_local_cache_location().iterdir()] == ["rasa_token_pruning.db"]
