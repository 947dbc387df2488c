"""Stories in words: Rasa puts a second featurizer beside the first, and asks it for each action of the assistant."""

import asyncio

import pytest
import yaml

from tests.ways_in.trainings import bank_with, counted, train

ANSWERS = {
    "we will have our wedding in may": "Congratulations! Shall we open an account for both of you?",
    "my wife has died": "My condolences. A colleague will call you today.",
    "hello there": "Welcome to the bank.",
    "someone stole my card": "Your card is blocked.",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("in_words")


@pytest.fixture(scope="module")
def stories(folder):
    """What is said in the stories, by the user and the bot."""
    told = yaml.safe_load((bank_with(folder / "with", "in_words") / "data" / "stories.yml").read_text())["stories"]
    return {step.get("user") or step.get("bot") for story in told for step in story["steps"]} - {None}


@pytest.fixture(scope="module")
def trainings(folder, stories):
    """One with the stories and one without them, both from nothing."""
    without = bank_with(folder / "without", "in_words")
    (without / "data" / "stories.yml").unlink()
    options = {"core_additional_arguments": {"augmentation_factor": 0}}
    return [train(folder / name, folder / f"cache_{name}", **options) for name in ("with", "without")]


@pytest.fixture(scope="module")
def loaded(trainings):
    """The assistant as it answers, and what encoders did while it was loaded."""
    from rasa.core.agent import Agent  # here, because it takes seconds

    with counted() as work:
        return Agent.load(str(trainings[0].archive)), work


def say(agent, sender, text):
    """What the bot answers, and the texts that were encoded for that."""
    with counted() as work:
        answers = asyncio.run(agent.handle_text(text, sender_id=sender))
    return [answer["text"] for answer in answers], work.texts


def test_training_with_stories_in_words_encodes_their_words_and_costs_no_second_encoder(trainings, stories):
    in_words, without = trainings
    assert in_words.trained == {
        *("TokenPruningFeaturizer", "FewShotIntentClassifier", "FewShotResponseSelector", "RulePolicy", "TEDPolicy"),
        "MemoizationPolicy",
    }
    # One is written into the archive, and one is read from there.
    assert in_words.work.engines == without.work.engines == 2
    assert in_words.work.encoders == without.work.encoders == 2
    assert sorted(in_words.work.texts) == sorted({*without.work.texts, *stories})
    assert len(stories - set(without.work.texts)) == 8


def test_both_featurizers_of_a_loaded_assistant_share_one_encoder(loaded):
    _, work = loaded
    assert (work.encoders, work.engines, work.texts) == (2, 1, [])


def test_words_and_intents_are_answered(loaded):
    agent, _ = loaded
    assert {text: say(agent, text, text)[0] for text in ANSWERS} == {text: [said] for text, said in ANSWERS.items()}


def test_turn_30_of_a_conversation_encodes_its_own_words_only(loaded, stories):
    agent, _ = loaded
    turns = [f"{text}, to say it for the {number}th time" for number, text in enumerate([*ANSWERS] * 8, 1)]
    encoded = [say(agent, "long", text)[1] for text in turns]
    # Once, for the intent; the policies are given the whole conversation each time.
    assert [[text for text in texts if text not in stories] for texts in encoded] == [[text] for text in turns]
    said_by_the_bot = [text for texts in encoded for text in texts if text in stories]
    assert len(turns) >= 30 and len(said_by_the_bot) == len(set(said_by_the_bot))
