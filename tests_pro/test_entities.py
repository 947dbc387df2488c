"""An assistant that learns entities with roles from annotated examples and a lookup table, packed and unpacked."""

import json

import pytest
from rasa.core.channels.channel import UserMessage
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.shared.core.domain import Domain
from rasa.shared.nlu.training_data.entities_parser import parse_training_example
from rasa.shared.nlu.training_data.training_data import TrainingData

from tests_pro.assistant import answers, unpack
from tests_pro.nodes import Predictor, graphs, train
from tests_pro.pipelines import LEARNING_ENTITIES

FROM, TO = (json.dumps({"entity": "city", "role": role}) for role in ("from", "to"))
EXAMPLES = {
    "book": [
        f"a train from [Oslo]{FROM} to [Lima]{TO}",
        f"i want to go to [New York]{TO} on [Monday](date)",
        f"on [Sunday](date) from [Los Angeles]{FROM} please",
        f"book a flight to [Cairo]{TO}",
        f"is there a bus from [Rome]{FROM} on [Friday](date)",
        f"from [Madrid]{FROM} to [New Delhi]{TO}",
    ],
    "greet": ["hello", "good morning", "hi there"],
}
TRIP = "a train from Rome to San Francisco on Tuesday"
TEXTS = (TRIP, "good morning", "", "😀", "/greet", "word " * 400)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return tmp_path_factory.mktemp("trips") / "models" / "trips.tar.gz"


@pytest.fixture(scope="module")
def trained(archive, tmp_path_factory):
    """The components of the assistant, which is in the archive too."""
    configuration = graphs(LEARNING_ENTITIES)
    storage = LocalModelStorage.create(tmp_path_factory.mktemp("storage"))
    examples = [parse_training_example(text, intent) for intent, texts in EXAMPLES.items() for text in texts]
    table = {"name": "city", "elements": ["Ulm", "Gera"]}
    data = TrainingData(examples, entity_synonyms={"Rome": "Roma"}, lookup_tables=[table])
    train(configuration.train_schema, storage, data)
    storage.create_model_package(archive, configuration, Domain.empty())
    return Predictor(configuration.predict_schema, storage)


def test_entities_are_found_with_their_roles_and_mapped_to_their_synonyms(trained):
    [message] = trained.process([UserMessage(TRIP)])
    found = message.as_dict(only_output_properties=True)["entities"]
    assert [(entity["entity"], entity["value"], entity.get("role")) for entity in found] == [
        ("city", "Roma", "from"), ("city", "San Francisco", "to"), ("date", "Tuesday", None)
    ]  # fmt: skip
    assert all(entity["extractor"] == "FewShotEntityExtractor" for entity in found)
    assert all(0 < entity["confidence_entity"] <= 1 for entity in found)
    assert message.get("intent")["name"] == "book"


def test_the_archive_finds_the_same_entities_to_the_bit(trained, archive):
    assert answers(unpack(archive), TEXTS) == answers(trained, TEXTS)


def test_messages_without_entities_have_none(trained):
    outputs = [answer["output"] for answer in answers(trained, TEXTS[1:5])]
    assert [output["entities"] for output in outputs] == [[]] * 4
