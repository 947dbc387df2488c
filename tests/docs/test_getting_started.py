"""The page for the first five minutes, done as it says."""

import re

import pytest

from rasa_token_pruning.cli import main
from tests.docs.documents import ROOT, blocks
from tests.ways_in.conftest import understood
from tests.ways_in.processes import rasa

PAGE = ROOT / "docs" / "getting-started.md"
BLOCKS = [block for block in blocks("yaml", "bash") if block.document == PAGE.name]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A new folder with the files that the page shows, and what its first command makes of them."""
    folder = tmp_path_factory.mktemp("shop")
    for block in BLOCKS:
        if block.title:
            (folder / block.title).parent.mkdir(exist_ok=True)
            (folder / block.title).write_text(block.text)
    assert commands()[0] == ["rasa", "train"]
    (folder / "train.log").write_text(rasa(folder, "train"))
    return folder


def commands():
    return [re.sub('"', "", line).split(" ", 2) for block in BLOCKS if block.language == "bash" and not block.not_run
            for line in block.lines]  # fmt: skip


def test_it_trains_and_the_log_says_what_the_page_says(folder):
    log = (folder / "train.log").read_text()
    assert "Learnt 3 intents from 15 examples." in log and "while they were held out" in log


def test_the_messages_of_the_page_get_its_intents(folder):
    shown = re.findall(r"^\| ([a-z ]+) \| `(\w+)` \|$", PAGE.read_text(), re.M)
    [archive] = (folder / "models").glob("*.tar.gz")
    assert len(shown) == 4
    assert understood(archive, *(message for message, _ in shown)) == [intent for _, intent in shown]


def test_none_of_these_messages_is_an_example(folder):
    examples = (folder / "data" / "nlu.yml").read_text()
    assert not [message for message, _ in re.findall(r"^\| ([a-z ]+) \| `(\w+)` \|$", PAGE.read_text(), re.M)
                if f"- {message}\n" in examples]  # fmt: skip


def test_its_last_command_explains_a_message(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    program, *arguments = commands()[1]
    assert program == "rasa-token-pruning" and main(arguments) == 0
    said = capsys.readouterr().out
    assert "order_status" in said and "my bicycle has not come yet" in said
