"""rasa train once more: from nothing, with nothing changed, and with each thing changed alone."""

import random
import re
import shutil
import tarfile

import pytest
import yaml
from rasa.shared.exceptions import InvalidConfigException

from tests.ways_in.processes import rasa
from tests.ways_in.trainings import bank_with, members, train

OURS = {"TokenPruningFeaturizer", "FewShotIntentClassifier", "FewShotEntityExtractor", "FewShotResponseSelector"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An assistant with all components of ours, and the cache of its training."""
    return bank_with(tmp_path_factory.mktemp("again") / "bank", "whole")


@pytest.fixture(scope="module")
def first(folder):
    return train(folder, folder / "cache", force_training=True)


@pytest.fixture
def again(first, folder, tmp_path):
    """A copy of it, right after the training."""
    return shutil.copytree(folder, tmp_path / "bank")


def ours(archive):
    """The files of our components in an archive."""
    return {name: content for name, content in members(archive).items() if "rasa_token_pruning" in name}


def change(file, old, new):
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def test_another_process_elsewhere_writes_the_same_bytes_from_nothing(first, tmp_path):
    elsewhere = bank_with(tmp_path / "elsewhere", "whole")
    rasa(elsewhere, "train", "--force", "--fixed-model-name", "assistant", env={"PYTHONHASHSEED": "1"})
    one, other = members(first.archive), members(elsewhere / "models" / "assistant.tar.gz")
    assert set(one) == set(other)
    # In the last one Rasa writes a set of Python's as a list.
    rasas = {"metadata.json", "components/train_RulePolicy1/rule_policy.json"}
    assert {name for name in one if one[name] != other[name]} <= rasas
    assert {re.search(r"\.(\w+?)\d/", name)[1] for name in ours(first.archive)} == OURS


def test_the_order_of_the_examples_changes_no_byte_of_ours(first, tmp_path):
    shuffled = bank_with(tmp_path / "shuffled", "whole")
    nlu = shuffled / "data" / "nlu.yml"
    data = yaml.safe_load(nlu.read_text())
    shuffle = random.Random(1).shuffle
    shuffle(data["nlu"])
    for entry in data["nlu"]:
        examples = entry["examples"].splitlines(keepends=True)
        shuffle(examples)
        entry["examples"] = "".join(examples)
    nlu.write_text(yaml.safe_dump(data, sort_keys=False))
    training = train(shuffled, tmp_path / "cache", force_training=True)
    assert ours(training.archive) == ours(first.archive)


def test_the_archive_holds_files_and_folders_and_no_links(first):
    with tarfile.open(first.archive) as files:
        assert all(file.isfile() or file.isdir() for file in files.getmembers())


def test_unchanged_nothing_is_trained_no_encoder_is_started_and_the_archive_is_the_same(first, again):
    training = train(again, again / "cache")
    assert training.trained == set() and training.restored >= OURS
    assert (training.work.encoders, training.work.engines, training.work.texts) == (0, 0, [])
    before, after = members(first.archive), members(training.archive)
    assert {name for name in before if before[name] != after.get(name)} == {"metadata.json"}


def test_an_example_that_moves_to_another_intent_trains_the_classifier_and_starts_no_encoder(first, again):
    nlu = again / "data" / "nlu.yml"
    change(nlu, "      - have a nice day\n", "")
    change(nlu, "      - greetings\n", "      - greetings\n      - have a nice day\n")
    training = train(again, again / "cache")
    assert training.trained >= OURS
    assert (training.work.encoders, training.work.engines, training.work.texts) == (0, 0, [])
    before, after = ours(first.archive), ours(training.archive)
    changed = {re.search(r"\.(\w+?)\d/", name)[1] for name in before if before[name] != after[name]}
    assert changed == {"FewShotIntentClassifier"}


def test_of_a_new_example_only_its_own_text_is_encoded(again):
    change(again / "data" / "nlu.yml", "      - greetings\n", "      - greetings\n      - good day everybody\n")
    training = train(again, again / "cache")
    assert training.trained >= OURS
    assert training.work.texts == ["good day everybody"]
    assert training.work.engines == 1


def test_another_answer_to_a_question_is_the_only_text_that_is_encoded(first, again):
    change(again / "domain.yml", "An account costs nothing.", "An account costs five a month.")
    training = train(again, again / "cache")
    assert training.work.texts == ["An account costs five a month."]
    before, after = ours(first.archive), ours(training.archive)
    [changed] = [name for name in before if before[name] != after[name]]
    assert changed.endswith("FewShotResponseSelector5/answers.json")
    assert b"five a month" in after[changed]


def test_another_encoder_under_the_same_path_trains_everything_again(tmp_path):
    from tests.encoder.conftest import write_tiny_model  # here, because it imports torch and transformers

    bank = bank_with(tmp_path / "bank", "whole")
    model = write_tiny_model(tmp_path / "model")
    change(bank / "config.yml", "TokenPruningFeaturizer\n", f"TokenPruningFeaturizer\n    model: {model}\n")
    before, unchanged = train(bank, tmp_path / "cache", "before"), train(bank, tmp_path / "cache")
    shutil.rmtree(model)
    write_tiny_model(model, seed=1)
    after = train(bank, tmp_path / "cache", "after")
    assert before.trained >= OURS and not unchanged.trained and after.trained >= OURS
    assert after.work.texts == before.work.texts != []
    one, other = ours(before.archive), ours(after.archive)
    learnt = {name for name in one if name.endswith((".onnx", ".safetensors"))}
    assert len(learnt) == 5 and not [name for name in learnt if one[name] == other[name]]


def test_a_misspelt_option_ends_the_training_with_advice_and_no_archive(tmp_path):
    bank = bank_with(tmp_path / "bank", "whole")
    change(bank / "config.yml", "TokenPruningFeaturizer\n", "TokenPruningFeaturizer\n    prunning: gentle\n")
    with pytest.raises(InvalidConfigException, match="pruning"):  # of which Rasa's command prints the text alone
        train(bank, tmp_path / "cache")
    assert not list(bank.glob("models/*"))
