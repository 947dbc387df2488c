"""rasa data validate, data split, train nlu, and test nlu in each of its modes."""

import json

import pytest
import yaml

from tests.ways_in.conftest import understood
from tests.ways_in.processes import rasa


def result(folder, name):
    return json.loads((folder / f"{name}.json").read_text())


def test_data_validate_finds_nothing_that_is_wrong(bank):
    assert "No story structure conflicts found" in rasa(bank, "data", "validate")


@pytest.fixture(scope="module")
def split(bank, tmp_path_factory):
    """The folder of ``rasa data split nlu``: two thirds to train on and the rest to test with."""
    folder = tmp_path_factory.mktemp("split")
    rasa(bank, "data", "split", "nlu", "--training-fraction", "0.67", "--random-seed", "1", "--out", folder)
    return folder


def test_data_split_keeps_each_intent_in_both_parts(split):
    examples = {}
    for part in ("training", "test"):
        entries = yaml.safe_load((split / f"{part}_data.yml").read_text())["nlu"]
        examples[part] = {entry["intent"]: entry["examples"].splitlines() for entry in entries if "intent" in entry}
    assert len(examples["training"]) == 8 and set(examples["training"]) == set(examples["test"])
    assert sum(map(len, examples["training"].values())) > sum(map(len, examples["test"].values()))


@pytest.fixture(scope="module")
def nlu_archive(bank, split):
    """What ``rasa train nlu`` makes of the larger part."""
    options = ("--nlu", split / "training_data.yml", "--fixed-model-name", "nlu-bank", "--out", split)
    assert "FewShotIntentClassifier" in rasa(bank, "train", "nlu", *options)
    return split / "nlu-bank.tar.gz"


def test_train_nlu_trains_an_archive_that_answers(nlu_archive):
    assert understood(nlu_archive, "someone stole my card", "when do you close today") == ["card_lost", "faq"]


def test_test_nlu_measures_an_archive(bank, split, nlu_archive, tmp_path):
    rasa(bank, "test", "nlu", "--model", nlu_archive, "--nlu", split / "test_data.yml", "--out", tmp_path, "--no-plot")
    report = result(tmp_path, "intent_report")
    assert report["accuracy"] > 0.6
    assert report["weighted avg"]["support"] == 16 and report["faq"]["support"] == 6


def test_test_nlu_cross_validates(bank, tmp_path):
    rasa(bank, "test", "nlu", "--cross-validation", "--folds", "2", "--out", tmp_path, "--no-plot")
    report = result(tmp_path, "intent_report")
    assert report["weighted avg"]["support"] == 48
    assert report["accuracy"] > 0.6


def test_test_nlu_compares_configurations(bank, tmp_path):
    pruned = yaml.safe_load((bank / "config.yml").read_text())
    unpruned = yaml.safe_load((bank / "config.yml").read_text())
    unpruned["pipeline"][1]["pruning"] = "off"
    for name, config in (("pruned", pruned), ("unpruned", unpruned)):
        (tmp_path / f"{name}.yml").write_text(yaml.safe_dump(config))
    configs = (tmp_path / "pruned.yml", tmp_path / "unpruned.yml")
    rasa(bank, "test", "nlu", "--config", *configs, "--runs", "1", "--percentages", "0", "--out", tmp_path, "--no-plot")
    scores = result(tmp_path, "results")
    assert set(scores) == {"pruned", "unpruned"}
    # Rasa draws the messages to test with at random, and gives 0 where a training fails.
    assert all(score > 0.4 for (runs,) in scores.values() for score in runs), scores
