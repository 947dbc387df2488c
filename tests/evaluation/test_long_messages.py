"""What is put around a message."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.evaluation.labelled import Labelled, read_labelled
from rasa_token_pruning.evaluation.long_messages import GREETINGS, STORIES, THANKS, lengthened, longest
from tests.conftest import ROOT

TEXTS = ("where can i park", "Reset it, please!", "größe 😀", "", "3.5?")
# A change of the recipe makes results incomparable with those that were written before.
PARKING = (
    "Hello there, My neighbour had the same thing last month and it was sorted out quickly. where can i park. I am "
    "writing this on the train, so please forgive my typing. I asked my brother first, but he did not know either. "
    "Many thanks for your help and your patience."
)
PROGRAM = """
import json, sys
from rasa_token_pruning.evaluation.labelled import Labelled
from rasa_token_pruning.evaluation.long_messages import lengthened
texts = tuple(json.loads(sys.argv[1]))
print(json.dumps(lengthened(Labelled(texts, texts)).texts))
"""


@pytest.fixture(scope="module")
def example_bot():
    return read_labelled(ROOT / "example_bot" / "data")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_the_request_is_in_it_and_the_intent_stays(texts):
    messages = Labelled(tuple(texts), tuple(f"intent{number}" for number in range(len(texts))))
    found = lengthened(messages)
    assert found.intents == messages.intents and len(found.texts) == len(texts)
    for text, message in zip(texts, found.texts, strict=True):
        assert f" {text}" in message
        assert message.startswith(GREETINGS) and message.endswith(THANKS)


def test_the_parts_by_the_recipe(example_bot):
    befores, afters = set(), set()
    for text, message in zip(example_bot.texts, lengthened(example_bot).texts, strict=True):
        request = text if text.endswith((".", "?", "!")) else f"{text}."
        before, after = message.split(f" {request} ", 1)
        greeting = next(greeting for greeting in GREETINGS if before.startswith(greeting))
        thanks = next(thanks for thanks in THANKS if after.endswith(thanks))
        stories = [[story for story in STORIES if story in part] for part in (before, after)]
        assert sorted(before) == sorted(" ".join([greeting, *stories[0]]))
        assert sorted(after) == sorted(" ".join([*stories[1], thanks]))
        assert not set(stories[0]) & set(stories[1])
        befores.add(len(stories[0]))
        afters.add(len(stories[1]))
    assert (befores, afters) == ({1, 2, 3}, {0, 1, 2})


def test_what_surrounds_a_message_depends_on_it_alone(example_bot):
    alone = [lengthened(example_bot.chosen([number])).texts[0] for number in range(20)]
    assert alone == list(lengthened(example_bot).texts[:20])
    other = Labelled(example_bot.texts[:20][::-1], ("x",) * 20)
    assert alone == list(lengthened(other).texts)[::-1]
    assert len({message.replace(text, "") for text, message in zip(example_bot.texts, alone, strict=False)}) == 20


def test_it_is_the_same_in_every_process():
    expected = list(lengthened(Labelled(TEXTS, TEXTS)).texts)
    for seed in ("0", "12345"):
        command = [sys.executable, "-c", PROGRAM, json.dumps(TEXTS)]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment)
        assert json.loads(done.stdout) == expected
    assert expected[0] == PARKING


def test_how_long_they_are(example_bot):
    tokenizer = shared_model("all-MiniLM-L6-v2").tokenizer(None)

    def lengths(texts):
        return np.array([len(pieces.ids) for pieces in tokenizer.tokenize(list(texts), report=False)])

    usual = example_bot.chosen(np.flatnonzero(lengths(example_bot.texts) <= 20).tolist())
    assert len(usual) > 200
    found = lengths(lengthened(usual).texts)
    assert found.min() >= 28 and found.max() <= 120
    assert ((found >= 30) & (found <= 100)).mean() > 0.9 and 60 <= np.median(found) <= 80


def test_the_longest_of_those_that_are_free():
    messages = Labelled(("bb", "a", "dddd", "cc", "ccc"), ("x", "x", "y", "x", "y"))
    learnt = messages.chosen([2])
    assert longest(messages, 2, without=learnt) == Labelled(("ccc", "bb"), ("y", "x"))
    assert longest(messages, 9, without=learnt).texts == ("ccc", "bb", "cc", "a")
    assert longest(messages.chosen([3, 1, 0, 2, 4]), 3, without=learnt) == longest(messages, 3, without=learnt)
    assert len(longest(messages, 0, without=learnt)) == 0
