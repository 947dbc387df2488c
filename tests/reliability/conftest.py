"""A bank's assistant with all components of ours, trained once; it remembers no message."""

import re
import shutil
import tarfile

import pytest

from tests.ways_in.trainings import bank_with, members, train

OURS = ("TokenPruningFeaturizer", "FewShotIntentClassifier", "FewShotEntityExtractor", "FewShotResponseSelector")


@pytest.fixture(scope="session")
def bank(tmp_path_factory):
    """The assistant's folder, with the archive and the cache of its training."""
    folder = bank_with(tmp_path_factory.mktemp("reliability") / "bank", "whole")
    change(folder / "config.yml", "TokenPruningFeaturizer\n", "TokenPruningFeaturizer\n    cache_mib: 0\n")
    change(folder / "config.yml", "  - name: RegexFeaturizer\n", "")  # minutes for a megabyte of sentences
    train(folder, folder / ".rasa" / "cache", "bank")
    return folder


@pytest.fixture(scope="session")
def archive(bank):
    return bank / "models" / "bank.tar.gz"


@pytest.fixture
def copy(bank, tmp_path):
    """A copy of the folder, which the test may change."""
    return shutil.copytree(bank, tmp_path / "bank")


@pytest.fixture(scope="session")
def more(bank, tmp_path_factory):
    """The same assistant with one more example: the code word means that a card is lost."""
    folder = shutil.copytree(bank, tmp_path_factory.mktemp("more") / "bank")
    add_example(folder)
    return train(folder, folder / ".rasa" / "cache", "more").archive


CODE_WORD = "the eagle has landed"


def add_example(folder):
    change(folder / "data" / "nlu.yml", "      - i lost my card\n", f"      - i lost my card\n      - {CODE_WORD}\n")


def change(file, old, new):
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def ours(archive):
    """The files of our components in an archive, by their class and name."""
    found = {}
    for name, content in members(archive).items():
        if matched := re.search(r"rasa_token_pruning\.(\w+?)\d+/(.+)$", name):
            found["/".join(matched.groups())] = content
    assert found
    return found


def unpacked(archive, folder):
    """The folders of components in an archive, by the names of their classes."""
    with tarfile.open(archive) as files:
        files.extractall(folder)
    return {name: next(folder.glob(f"components/*{name}*")) for name in OURS}
