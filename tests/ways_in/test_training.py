"""rasa train, train --dry-run, train --finetune, train nlu."""

import pytest

from tests.ways_in.conftest import CODE_WORD, understood, write_example
from tests.ways_in.processes import rasa

OURS = ("TokenPruningFeaturizer", "FewShotIntentClassifier")


def test_train_trains_an_archive_that_answers(bank, archive):
    log = (bank / "train.log").read_text()
    assert all(f"Finished training component '{component}'" in log for component in OURS)
    assert understood(archive, "someone stole my card", "when do you close today", CODE_WORD) == [
        "card_lost",
        "faq",
        "nlu_fallback",
    ]


@pytest.mark.usefixtures("archive")
def test_after_a_training_there_is_nothing_to_train(bank):
    assert "No training of components required" in rasa(bank, "train", "--dry-run")


@pytest.mark.usefixtures("archive")
def test_one_more_example_is_something_to_train(bank, tmp_path):
    more = write_example(tmp_path / "more.yml", "greet", "good day everybody")
    assert "needs to be retrained" in rasa(bank, "train", "--dry-run", "--data", "data", more, code=1)


def test_finetuning_learns_one_more_example_and_forgets_none(bank, finetuned):
    log = (bank / "finetune.log").read_text()
    assert all(f"Finished training component '{component}'" in log for component in OURS)
    assert understood(finetuned, CODE_WORD, "someone stole my card", "when do you close today") == [
        "card_lost",
        "card_lost",
        "faq",
    ]
