"""What a report finds where it is told to look."""

from pathlib import Path

import pytest

from rasa_token_pruning.evaluation.labelled import LabelledError
from rasa_token_pruning.reporting.errors import ReportError
from rasa_token_pruning.reporting.source import read_source
from tests.reporting.conftest import write_bot

SMALL = {"greet": ["hello", "hi [Martina](name)"], "bye": ["bye", "see you"]}


@pytest.fixture
def desk(tmp_path):
    return write_bot(tmp_path / "desk", SMALL)


@pytest.mark.parametrize("place", ["", "data", "data/nlu.yml"])
def test_a_bot_is_found_by_its_folder_its_data_and_its_file(desk, place):
    source = read_source(desk / place)
    assert source.name == "desk" and source.config == desk / "config.yml"
    assert source.messages.texts == ("hello", "hi Martina", "bye", "see you")


def test_of_a_bot_only_its_data_is_read(desk):
    (desk / "old.yml").write_text("nlu:\n- intent: greet\n  examples: |\n    - good day\n")
    assert "good day" not in read_source(desk).messages.texts


def test_a_bot_without_a_data_folder_is_read_whole(desk):
    (desk / "data" / "nlu.yml").rename(desk / "nlu.yml")
    (desk / "data").rmdir()
    source = read_source(desk)
    assert len(source.messages) == 4 and source.config == desk / "config.yml"


def test_data_deeper_in_the_data_folder_have_the_bots_config(desk):
    (desk / "data" / "more").mkdir()
    (desk / "data" / "nlu.yml").rename(desk / "data" / "more" / "nlu.yml")
    assert read_source(desk / "data" / "more").config == desk / "config.yml"


def test_a_csv_file_needs_no_config(tmp_path):
    (tmp_path / "calls.csv").write_text("text,intent\nhello,greet\nhi,greet\nbye,bye\n")
    source = read_source(tmp_path / "calls.csv")
    assert source.name == "calls" and source.config is None and len(source.messages) == 3


def test_a_config_that_is_named_wins(desk, tmp_path):
    other = tmp_path / "other.yml"
    other.write_text("pipeline: []\n")
    assert read_source(desk, other).config == other


def test_the_folder_where_one_stands_has_a_name(desk, monkeypatch):
    monkeypatch.chdir(desk)
    assert read_source(Path()).name == "desk"


@pytest.mark.parametrize("place", ["nowhere", "nowhere.yml"])
def test_what_is_not_there_is_refused_with_what_can_be_given(tmp_path, place):
    with pytest.raises(ReportError, match=r"not there.*folder of a bot.*CSV"):
        read_source(tmp_path / place)


def test_a_config_that_is_not_there_is_refused(desk):
    with pytest.raises(ReportError, match=r"nothing\.yml is not there"):
        read_source(desk, desk / "nothing.yml")


@pytest.mark.parametrize("examples", [{"greet": ["hello", "hi"]}, {"greet": ["hello"], "bye": ["bye"]}])
def test_too_little_to_learn_and_to_judge_is_refused(tmp_path, examples):
    with pytest.raises(ReportError, match="several messages of two intents or more"):
        read_source(write_bot(tmp_path / "bot", examples))


def test_a_folder_without_messages_is_refused(tmp_path):
    with pytest.raises(LabelledError, match="no labelled messages"):
        read_source(tmp_path)
