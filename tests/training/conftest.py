"""Tasks on disk, and a tiny encoder with random weights."""

import csv
import shutil
from pathlib import Path

import pytest

from tests.encoder.conftest import write_tiny_model

TASKS = {
    "desk": {
        "reset_password": ["reset my password", "i forgot my password", "new password please", "the password is wrong"],
        "book_room": ["book a room", "i need a meeting room", "a room for four please", "is a room free"],
        "greet": ["hello", "good morning", "hi there", "hey"],
    },
    "shop": {
        "order_status": ["where is my order", "has my order been sent", "track my order", "order status please"],
        "refund": ["i want my money back", "refund please", "return my money", "money back for my order"],
    },
}


def write_task(file, intents):
    with file.open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["text", "intent"])
        rows.writerows((text, intent) for intent, texts in intents.items() for text in texts)
    return file


@pytest.fixture(scope="session")
def tasks(tmp_path_factory):
    """The files of both tasks."""
    folder = tmp_path_factory.mktemp("tasks")
    return {name: write_task(folder / f"{name}.csv", intents) for name, intents in TASKS.items()}


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("trained") / "model", max_length=60)


@pytest.fixture
def tiny_copy(tiny, tmp_path):
    """A folder that the test may change."""
    return Path(shutil.copytree(tiny, tmp_path / "model"))
