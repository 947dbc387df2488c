"""Data sets with splits, as folders of CSV files."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from rasa_token_pruning.evaluation.data_sets import EXAMPLES, FULL, SHOTS, read_data_set
from rasa_token_pruning.evaluation.few_shot import draw
from rasa_token_pruning.evaluation.labelled import Labelled, LabelledError


def labelled(number, intents="xyz", start=0):
    pairs = [(f"{intent} {count}", intent) for intent in intents for count in range(start, start + number)]
    return Labelled(*map(tuple, zip(*pairs, strict=True)))


def write(file, messages):
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("text", "intent"), *zip(messages.texts, messages.intents, strict=True)])


@pytest.fixture
def folder(tmp_path):
    """Twelve examples of each of three intents to learn from, three to judge by."""
    folder = tmp_path / "small"
    write(folder / "train.csv", labelled(12))
    write(folder / "test.csv", labelled(3, start=100))
    return folder


def test_several_draws_where_none_are_fixed(folder):
    found = read_data_set(folder)
    assert found.name == "small" and found.judged == labelled(3, start=100)
    assert tuple(found.examples) == EXAMPLES == ("5", "10", FULL)
    assert found.examples[FULL] == (labelled(12),)
    for shots in SHOTS:
        draws = found.examples[str(shots)]
        assert draws == tuple(draw(labelled(12), shots, 1, seed)[0] for seed in range(3))
        assert all(Counter(one.intents) == dict.fromkeys("xyz", shots) for one in draws)
        assert len(set(draws)) == 3
    assert read_data_set(folder).examples == found.examples


@pytest.mark.parametrize("shots", SHOTS)
def test_a_published_split(folder, shots):
    write(folder / f"train_{shots}.csv", labelled(2))
    found = read_data_set(folder)
    assert found.examples[str(shots)] == (labelled(2),)
    assert {name: len(draws) for name, draws in found.examples.items()} == {"5": 3, "10": 3, FULL: 1, str(shots): 1}


def test_another_split(folder):
    write(folder / "valid.csv", labelled(4, start=50))
    assert read_data_set(folder, "valid").judged == labelled(4, start=50)
    assert len(read_data_set(folder, "train").judged) == 36


def test_intents_with_few_examples(folder):
    write(folder / "train.csv", Labelled(("a", "b", "c", "d"), ("x", "x", "x", "y")))
    for draws in read_data_set(folder).examples.values():
        assert all(one.known == ["x", "y"] and len(one) >= 3 for one in draws)


@pytest.mark.parametrize("place", [".", "../small", "./", "..", "sub/.."])
def test_the_name_is_the_folders(folder, monkeypatch, place):
    (folder / "sub").mkdir()
    monkeypatch.chdir(folder / "sub" if place == ".." else folder)
    assert read_data_set(Path(place)).name == "small"


def test_the_name_of_a_link_is_its_own(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    assert read_data_set(tmp_path / "link").name == "link"


def test_there_is_no_folder(folder):
    for place in (folder / "nowhere", folder / "train.csv"):
        with pytest.raises(LabelledError, match=r"is no folder: give the folder of a data set, with .* and valid\.csv"):
            read_data_set(place, "valid")


@pytest.mark.parametrize("missing", ["train.csv", "test.csv"])
def test_a_file_is_missing(folder, missing):
    (folder / missing).unlink()
    with pytest.raises(LabelledError, match=rf"small/{missing} cannot be read as labelled messages"):
        read_data_set(folder)


@pytest.mark.parametrize("damaged", ["train.csv", "test.csv", "train_5.csv", "train_10.csv"])
@pytest.mark.parametrize(
    "content, said", [(b"", "holds no labelled"), (b"text\na\n", "cannot be"), (b"\xff", "cannot")]
)
def test_a_file_is_damaged(folder, damaged, content, said):
    (folder / damaged).write_bytes(content)
    with pytest.raises(LabelledError, match=rf"{damaged} {said}"):
        read_data_set(folder)


def test_one_intent_alone(folder):
    write(folder / "train_10.csv", labelled(10, "x"))
    with pytest.raises(LabelledError, match=r"small has examples of one intent alone \(10\): give two intents or more"):
        read_data_set(folder)
    for file in ("train.csv", "train_5.csv"):
        write(folder / file, labelled(5, "x"))
    with pytest.raises(LabelledError, match=r"one intent alone \(5\)"):
        read_data_set(folder)
    (folder / "train_5.csv").unlink()
    with pytest.raises(LabelledError, match="Too few messages to learn"):
        read_data_set(folder)
