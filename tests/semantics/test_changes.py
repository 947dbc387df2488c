"""What is done to texts: each change does what it says, the same each time, and leaves the request there."""

import re
from random import Random

import pytest

from benchmarks.semantics.dialects import DIALECTS
from benchmarks.semantics.noise import NOISE
from benchmarks.semantics.people import NAMES, SCRIPTS, greeted, introduced
from benchmarks.semantics.substitutions import changed
from benchmarks.semantics.swaps import SWAPS, negated

TEXTS = [
    "can you please tell me how to cancel my order of 25 euros",
    "what is the weather in paris for john, i'm going to travel",
    "my card arrives but the app declined it",
    "i don't know why the card doesn't work, is there an atm?",
]
CHANGES = {**NOISE, **DIALECTS, **SWAPS}


def made(change, text, name="seed"):
    return change(Random(f"{name} {text}"), text)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_changes_something_and_does_the_same_again(name):
    numbers, found = changed(name, CHANGES[name], TEXTS)
    assert found and all(new != TEXTS[number] for number, new in zip(numbers, found, strict=True))
    assert changed(name, CHANGES[name], TEXTS) == (numbers, found)
    one_text = changed(name, CHANGES[name], TEXTS[numbers[0] : numbers[0] + 1])
    assert one_text == ([0], found[:1])  # whatever the other texts are


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("text", ["", " ", "?", "我", "a", "5"])
def test_a_change_bears_texts_with_nothing_to_change(name, text):
    assert isinstance(made(CHANGES[name], text), str)


@pytest.mark.parametrize(
    "name, text, expected",
    [
        ("no punctuation", "i don't get it, why?", "i dont get it why"),
        ("capital letters", "cancel it", "CANCEL IT"),
        ("abbreviations", "can you wait for your payment", "can u wait 4 ur pmt"),
        ("African American", "they are working and it isn't", "they working and it ain't"),
        ("Southern US", "are you going to pay", "are y'all fixin' to pay"),
        ("Indian", "please show me, i want it", "kindly show me, i am wanting it"),
        ("Scottish, Irish", "i don't know my little card", "i dinnae ken ma wee card"),
        ("learner: no articles", "the card is a card", "card is card"),
        ("learner: no endings", "my card arrives, it was declined", "my card arrive, it is decline"),
        ("learner: order of statements", "why is my card blocked", "why my card is blocked"),
        ("learner: order of statements", "how do i top up", "how i top up"),
    ],
)
def test_a_rule_makes_what_it_says(name, text, expected):
    assert made(CHANGES[name], text) == expected


def test_particles_stand_before_the_marks():
    assert re.fullmatch(r"i can pay by card or not (lah|ah|leh)\?", made(DIALECTS["Singapore"], "can i pay by card?"))
    assert made(DIALECTS["Singapore"], "hello") == "hello"


def test_one_typing_error_is_one():
    for seed in range(200):
        new = made(NOISE["one typing error"], "transfer", str(seed))
        assert abs(len(new) - 8) <= 1 and sorted(set(new) - set("transfer")) in ([], [*set(new) - set("transfer")])
    assert made(NOISE["one typing error"], "?!") == "?!"


@pytest.mark.parametrize("name", ["filler words", "politeness", "long preamble", "in a long message"])
def test_what_is_added_leaves_the_words_of_the_request_in_order(name):
    new = iter(re.findall(r"\w+", made(NOISE[name], TEXTS[0])))
    assert all(word in new for word in re.findall(r"\w+", TEXTS[0]))


def test_other_numbers_are_other_ones():
    assert {made(SWAPS["other numbers"], "7", str(seed)) for seed in range(200)} == set("12345689")


def test_other_numbers_have_as_many_digits():
    for seed in range(50):
        new = made(SWAPS["other numbers"], "pay 250 to the w2 of two", str(seed))
        number, word = re.fullmatch(r"pay (\d{3}) to the w2 of (\w+)", new).groups()
        assert number != "250" and word != "two"


def test_other_names_are_of_their_kind():
    new = made(SWAPS["other names"], "spanish for john in texas")
    assert not {"spanish", "john", "texas"} & set(new.split()) and " for " in new and " in " in new


@pytest.mark.parametrize(
    "text, expected",
    [
        ("i want to cancel my order", "i do not want to cancel my order"),
        ("please cancel it", "please do not cancel it"),
        ("can you and i talk", "can you not and i talk"),
        ("can you show me what i need", "can you show me what i do not need"),
        ("i don't want to", "i don't want to"),
        ("hello", "hello"),
    ],
)
def test_a_message_is_negated_once(text, expected):
    assert made(negated, text) == expected


@pytest.mark.parametrize("make, group", [(introduced, name) for name in NAMES] + [(greeted, name) for name in SCRIPTS])
def test_a_name_stands_before_the_request(make, group):
    said = {make(group, Random(seed), "cancel it") for seed in range(40)}
    assert len(said) >= 4 and all(text.endswith(" cancel it") for text in said)


@pytest.mark.parametrize("origin", NAMES)
def test_each_origin_has_eight_full_names(origin):
    names = NAMES[origin].split(", ")
    assert len(set(names)) == 8 and all(" " in name for name in names)
