"""The example bot under Rasa Pro: trained, packed, unpacked, asked. Its data comes in by Rasa Pro's own readers."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rasa.core.channels.channel import UserMessage
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.shared.importers.importer import TrainingDataImporter

from tests_pro.nodes import Predictor, graphs, train
from tests_pro.pipelines import ASSISTANT

BOT = Path(__file__).resolve().parent.parent / "example_bot"
TEXTS = (
    "could you set a new password for me",
    "what happened to my ticket INC0012345?",
    "when are you open?",
    "how do i bake a sourdough bread?",
    "",
    "😀",
    "/greet",
    "greet",
    "good morning, since the update yesterday my laptop does not find the printer on the second floor any more",
    "word " * 400,
)


def importer():
    """Rasa Pro's reader of a bot's domain and training data."""
    config = {"recipe": "default.v1", "language": "en", "pipeline": ASSISTANT}
    return TrainingDataImporter.load_from_dict(config, None, str(BOT / "domain.yml"), [str(BOT / "data")])


def train_and_pack(archive):
    """Train the example bot, as Rasa Pro would, into an archive.

    :return: What it answers before it is packed.
    """
    configuration, source = graphs(ASSISTANT), importer()
    with TemporaryDirectory() as folder:
        storage = LocalModelStorage.create(Path(folder))
        train(configuration.train_schema, storage, source.get_nlu_data())
        storage.create_model_package(archive, configuration, source.get_domain())
        return answers(Predictor(configuration.predict_schema, storage), TEXTS)


def unpack(archive, pipeline=None, **provided):
    """The components of an archive, loaded; as in Rasa Pro, what was unpacked is gone before the first message.

    :param pipeline: The archive's, or one that begins like it and has nothing more to learn.
    """
    with TemporaryDirectory() as folder:
        storage, metadata = LocalModelStorage.from_model_archive(Path(folder), archive)
        schema = graphs(pipeline).predict_schema if pipeline else metadata.predict_schema
        return Predictor(schema, storage, **provided)


def answers(predictor, texts):
    """What is said of each text, which comes alone, and the fingerprints of its features."""
    messages = [message for text in texts for message in predictor.process([UserMessage(text)])]
    return [
        {
            "output": message.as_dict(only_output_properties=True),
            "features": [features.fingerprint() for features in message.features],
        }
        for message in messages
    ]


def loaded():
    """The top-level packages that this process has imported."""
    return sorted({name.partition(".")[0] for name in sys.modules})
