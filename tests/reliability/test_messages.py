"""Whatever a stranger types, up to a megabyte: a whole assistant answers, soon, with numbers that mean something."""

import asyncio
import json
import logging
import math
import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rasa_token_pruning import (
    FewShotEntityExtractor,
    FewShotIntentClassifier,
    FewShotResponseSelector,
    TokenPruningFeaturizer,
)

MEGABYTE = 1_000_000
MOST_SECONDS = 10  # of the processor, for a message, Rasa's share included: other processes do not count
MOST_OF_OURS = 5

HUGE = {
    "spaces": " " * MEGABYTE,
    "spaces and a letter": " " * MEGABYTE + "a",
    "one word": "x" * MEGABYTE,
    "words of a letter": "a " * (MEGABYTE // 2),
    "sentences": "show me the balance of my savings account. " * (MEGABYTE // 43),
    "lines": "\n" * MEGABYTE,
    "chinese": "重" * MEGABYTE,
    "emoji": "😀" * MEGABYTE,
    "emoji and spaces": "😀 " * (MEGABYTE // 2),
    "combining": "e\u0301" * (MEGABYTE // 2),
    "combining alone": "\u0301" * MEGABYTE,
    "zeros": "\x00" * MEGABYTE,
    "lone surrogates": "\ud800" * MEGABYTE,
    "right to left": "\u0627" * MEGABYTE,
    "marks of direction": "\u202e\u202d" * (MEGABYTE // 2),
    "punctuation": "?!" * (MEGABYTE // 2),
    "commas": "savings," * (MEGABYTE // 8),
    "slashes": "/" * MEGABYTE,
    "an intent in Rasa's own notation": "/greet{" + "[" * MEGABYTE,
    "digits": "1" * MEGABYTE,
    "addresses": "http://a." * (MEGABYTE // 9),
}

# All planes, lone surrogates, what is not assigned; and words that the assistant knows, so that it finds entities.
CHARACTERS = st.text(st.characters(exclude_categories=()), max_size=80)
KNOWN = st.sampled_from(["show me the balance of my", "savings", "account", "current", ",", "hello", "/", "{", '"'])
MESSAGES = CHARACTERS | st.lists(KNOWN | CHARACTERS, max_size=12).map(" ".join)


@pytest.fixture(scope="module")
def seconds():
    """How long each component of ours has worked, by the name of its class; around the real ones."""
    spent = Counter()
    with pytest.MonkeyPatch.context() as patch:
        for component in (
            *(TokenPruningFeaturizer, FewShotIntentClassifier),
            *(FewShotEntityExtractor, FewShotResponseSelector),
        ):
            patch.setattr(component, "process", timed(component, spent))
        yield spent


def timed(component, spent):
    process = component.process

    def timing(self, messages):
        start = time.process_time()
        try:
            return process(self, messages)
        finally:
            spent[component.__name__] += time.process_time() - start

    return timing


@pytest.fixture(scope="module")
def agent(archive, seconds):
    from rasa.core.agent import Agent  # here, because it takes seconds
    from rasa.utils.log_utils import configure_structlog

    configure_structlog(logging.WARNING)  # as `rasa run` does: unless told so, it prints messages of megabytes
    return Agent.load(str(archive))


def check(text, parsed):
    """Whether an answer is one, with numbers in their ranges and entities in the text."""
    text = text.strip()  # as Rasa does
    assert parsed["text"] == text
    ranking = parsed.get("intent_ranking", [])
    answers = [parsed["intent"], *ranking, *parsed.get("response_selector", {}).get("faq", {}).get("ranking", [])]
    for answer in answers:
        assert math.isfinite(answer["confidence"]) and 0 <= answer["confidence"] <= 1
    assert parsed["intent"]["name"] is None or isinstance(parsed["intent"]["name"], str)
    # FallbackClassifier puts itself first, with its threshold for a confidence.
    confidences = [answer["confidence"] for answer in ranking if answer["name"] != "nlu_fallback"]
    assert confidences == sorted(confidences, reverse=True)
    for entity in parsed["entities"]:
        assert 0 <= entity["start"] < entity["end"] <= len(text)
        if entity.get("extractor") == "FewShotEntityExtractor":
            assert entity["value"] == text[entity["start"] : entity["end"]]
            assert math.isfinite(entity["confidence_entity"]) and 0 <= entity["confidence_entity"] <= 1
    json.dumps(parsed, allow_nan=False)


@settings(max_examples=250)
@given(MESSAGES)
def test_any_text_gets_an_answer(agent, text):
    check(text, asyncio.run(agent.parse_message(text)))


def test_the_assistant_that_is_asked_understands(agent):
    parsed = asyncio.run(agent.parse_message("show me the balance of my savings account"))
    assert parsed["intent"]["name"] == "check_balance"
    assert [entity["value"] for entity in parsed["entities"]] == ["savings"]


@pytest.mark.parametrize("kind", HUGE)
def test_a_megabyte_gets_an_answer_in_seconds(agent, seconds, kind, record_property):
    seconds.clear()
    start = time.process_time()
    parsed = asyncio.run(agent.parse_message(HUGE[kind]))
    whole = time.process_time() - start
    check(HUGE[kind], parsed)
    record_property("seconds", {"whole": whole, **seconds})
    assert whole < MOST_SECONDS and seconds.total() < MOST_OF_OURS, (whole, seconds)
