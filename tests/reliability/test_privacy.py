"""What users and trainers wrote is in no log of ours from INFO on, and in no cache on disk."""

import asyncio
import logging
import re
import tempfile

import pytest

from tests.alone import alone
from tests.reliability.conftest import change
from tests.ways_in.trainings import bank_with, train

# Words that stand nowhere else: one in each example, one in each message.
EXAMPLE, MESSAGE = "zyxwexample", "zyxwmessage"
MARKED = re.compile("zyxw(example|message)", re.I)

MESSAGES = [
    f"show me the balance of my {MESSAGE} account",
    f"{MESSAGE} " * 600,  # longer than the encoder reads, which is worth a warning
    f"\ud800{MESSAGE}\x00",
    MESSAGE * 100_000,
    f"/{MESSAGE}",
    "",
]


class Records(logging.Handler):
    """What loggers of ours were given."""

    def __init__(self):
        super().__init__(logging.INFO)
        self.texts = []

    def emit(self, record):
        self.texts.append(logging.Formatter("%(name)s %(levelname)s %(message)s").format(record))


@pytest.fixture
def records():
    logger, handler = logging.getLogger("rasa_token_pruning"), Records()
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    yield handler.texts
    logger.removeHandler(handler)
    logger.setLevel(level)


def marked_bank(folder, **options):
    """The assistant with a marker in each example, some of which are under a wrong intent."""
    bank_with(folder, "whole")
    nlu = folder / "data" / "nlu.yml"
    text = re.sub(r"^(      - .*\w)$", rf"\1 {EXAMPLE}", nlu.read_text(), flags=re.M)
    nlu.write_text(text.replace(f"\\b(savings|current)\\b {EXAMPLE}", r"\b(savings|current)\b"))
    change(nlu, f"      - greetings {EXAMPLE}\n", f"      - greetings {EXAMPLE}\n      - i lost my card {EXAMPLE}\n")
    for component, lines in options.items():
        change(folder / "config.yml", f"{component}\n", f"{component}\n{lines}")
    return folder


def parse_all(archive):
    from rasa.core.agent import Agent  # here, because it takes seconds

    with alone():
        agent = Agent.load(str(archive))
    return [asyncio.run(agent.parse_message(text)) for text in MESSAGES]


def test_no_log_of_ours_has_a_text_if_training_does_not_review_them(records, tmp_path):
    folder = marked_bank(tmp_path / "bank", FewShotIntentClassifier="    review_data: false\n")
    parse_all(train(folder, tmp_path / "cache").archive)
    assert any("Learnt" in text for text in records) and any("word pieces" in text for text in records)
    assert not [text for text in records if MARKED.search(text)]


def test_a_review_of_the_training_data_is_the_only_log_of_ours_with_texts(records, tmp_path):
    parse_all(train(marked_bank(tmp_path / "bank"), tmp_path / "cache").archive)
    found = [text for text in records if MARKED.search(text)]
    assert found and all("Training data: " in text and MESSAGE not in text for text in found)


def files_with_texts(folder):
    """The files in which a marker can be read."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.name for file in files if MARKED.search(file.read_bytes().decode("latin-1"))}


def test_in_the_cache_folder_only_copies_of_what_the_archive_holds_have_texts(tmp_path):
    cache = tmp_path / "cache"
    train(marked_bank(tmp_path / "bank"), cache)
    assert (cache / "rasa_token_pruning.db").stat().st_size > 2**20
    assert files_with_texts(cache) == {"examples.json", "tagger.json"}


def test_without_examples_and_entities_no_file_in_the_cache_folder_has_texts(tmp_path):
    folder, cache = marked_bank(tmp_path / "bank", FewShotIntentClassifier="    explain: false\n"), tmp_path / "cache"
    change(folder / "config.yml", "  - name: rasa_token_pruning.FewShotEntityExtractor\n", "")
    train(folder, cache)
    assert files_with_texts(cache) == set()


def test_serving_writes_no_file(archive, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    parse_all(archive)
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]
