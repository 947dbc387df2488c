"""A bank's assistant, small enough to be trained in a second, trained once by Rasa's own command."""

import asyncio
import shutil
from pathlib import Path

import pytest
import yaml

from tests.ways_in.processes import rasa

# Unlike everything that the assistant has learnt: it asks to say that again.
CODE_WORD = "the eagle has landed"


@pytest.fixture(scope="session")
def bank(tmp_path_factory):
    """The assistant's folder, with a trained archive and the cache of the training."""
    folder = tmp_path_factory.mktemp("ways_in") / "bank"
    shutil.copytree(Path(__file__).parent / "bank", folder)
    folder.joinpath("train.log").write_text(rasa(folder, "train", "--fixed-model-name", "bank"))
    return folder


@pytest.fixture(scope="session")
def archive(bank):
    return bank / "models" / "bank.tar.gz"


def write_example(file, intent, text):
    """Make a file of training data with one example."""
    file.write_text(yaml.safe_dump({"version": "3.1", "nlu": [{"intent": intent, "examples": f"- {text}\n"}]}))
    return file


@pytest.fixture(scope="session")
def finetuned(bank, archive, tmp_path_factory):
    """The archive that goes on from the first with one more example: the code word means that a card is lost."""
    more = write_example(tmp_path_factory.mktemp("more") / "more.yml", "card_lost", CODE_WORD)
    options = ("--finetune", archive, "--data", "data", more, "--fixed-model-name", "finetuned")
    bank.joinpath("finetune.log").write_text(rasa(bank, "train", *options))
    return bank / "models" / "finetuned.tar.gz"


def understood(archive, *texts):
    """The intents that an archive gives to messages, in this process."""
    from rasa.core.agent import Agent  # here, because it takes seconds

    agent = Agent.load(str(archive))
    return [asyncio.run(agent.parse_message(text))["intent"]["name"] for text in texts]
