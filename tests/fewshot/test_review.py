"""Tests of fewshot/review.py."""

from __future__ import annotations

import tracemalloc
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_token_pruning import PrunedEncoder
from rasa_token_pruning.fewshot.calibration import fit_temperature, probabilities
from rasa_token_pruning.fewshot.examples import Examples
from rasa_token_pruning.fewshot.held_out import cross_fit
from rasa_token_pruning.fewshot.mixture import fit_mixture
from rasa_token_pruning.fewshot.review import ENOUGH_EXAMPLES, MOST_CHARACTERS, MOST_FINDINGS, review

INTENTS = ("book_table", "cancel", "greet", "weather")
SIZE = 8

# A text, its intent, and the probabilities of some intents, the others sharing the rest; None for no prediction.
Example = tuple[str, str, dict[str, float] | None]


def clean(size: int = SIZE) -> list[Example]:
    return [(f"{intent} number {number}", intent, {intent: 0.9}) for intent in INTENTS for number in range(size)]


def told(examples: list[Example]) -> list[str]:
    known = sorted({intent for _, intent, _ in examples})
    rows = np.full((len(examples), len(known)), np.nan)
    for row, (_, _, given_to) in zip(rows, examples, strict=True):
        if given_to is not None:
            rest = (1 - sum(given_to.values())) / max(1, len(known) - len(given_to))
            row[:] = [given_to.get(intent, rest) for intent in known]
    return review([text for text, _, _ in examples], [intent for _, intent, _ in examples], known, rows)


def torn(number: int, intent: str, other: str) -> Example:
    return f"torn {number} of {intent}", intent, {intent: 0.3, other: 0.6}


def test_clean_data_gives_no_finding():
    assert told(clean()) == []


def test_no_examples_give_no_finding():
    assert review([], [], INTENTS, np.empty((0, len(INTENTS)))) == []


def test_one_intent_alone_gives_no_finding():
    assert told([(text, "greet", {"greet": 1.0}) for text in ("hello", "good morning", "hey there")]) == []


@pytest.mark.parametrize(
    "other", ["Never mind", "never mind", " never\n\tMIND ", "Never mind!", "never mind ...", "NEVER MIND ?!"]
)
def test_a_text_under_two_intents_is_a_contradiction_whatever_its_case_spaces_and_stops(other):
    contradicting = [("Never mind", "cancel", {"cancel": 0.9}), (other, "greet", {"greet": 0.9})]
    (line,) = told([*clean(), *contradicting])
    assert line.casefold().startswith("the text 'never mind")
    assert "is an example of 'cancel', 'greet': keep it in one intent." in line


def test_case_is_that_of_any_language():
    (line,) = told([*clean(), ("Groß", "cancel", {"cancel": 0.9}), ("GROSS", "greet", {"greet": 0.9})])
    assert line.startswith("The text 'GROSS' is an example of 'cancel', 'greet'")


@pytest.mark.parametrize(
    ("one", "other"), [("!", "?"), ("...", ""), ("fiancé", "fiance"), ("no, wait", "no wait"), ("¿no", "no")]
)
def test_texts_that_differ_in_more_are_no_contradiction(one, other):
    assert told([*clean(), (one, "cancel", {"cancel": 0.9}), (other, "greet", {"greet": 0.9})]) == []


def test_a_text_twice_under_one_intent_is_no_contradiction():
    assert told([*clean(), *clean()]) == []


def test_texts_under_most_intents_come_first_and_their_intents_are_counted():
    everywhere = [("ok", intent, {intent: 0.9}) for intent in INTENTS]
    twice = [("a", intent, {intent: 0.9}) for intent in INTENTS[:2]]
    first, second = told([*twice, *clean(), *everywhere])
    assert "'ok' is an example of 'book_table', 'cancel', 'greet' and 1 more:" in first
    assert "'a' is an example of 'book_table', 'cancel':" in second


def test_three_intents_are_named_without_a_count():
    (line,) = told([*clean(), *(("ok", intent, {intent: 0.9}) for intent in INTENTS[:3])])
    assert "an example of 'book_table', 'cancel', 'greet': keep" in line


def test_a_contradiction_is_not_told_again_as_mislabelled_or_as_a_mix():
    wrong = [(text, "greet", {"weather": 0.99}) for text in ("is it wet", "is it dry", "is it hot")]
    again = [(text, "weather", {"greet": 0.99}) for text, _, _ in wrong]
    lines = told([*clean(), *wrong, *again])
    assert len(lines) == 3
    assert all(line.startswith("The text 'is it ") for line in lines)


def test_a_mislabelled_example_is_named_with_both_intents_and_the_way_out():
    (line,) = told([*clean(), ("will it rain", "greet", {"greet": 0.004, "weather": 0.973})])
    assert line == (
        "The example 'will it rain' of 'greet' looks like 'weather' (probability 0.97 against 0.00): "
        "move it, or add examples like it to its intent."
    )


@pytest.mark.parametrize(
    ("chances", "why"),
    [
        ({"greet": 0.035, "weather": 0.95}, "its own intent is not out of the question"),
        ({"greet": 0.01, "weather": 0.85}, "weather is usually surer of its own: 0.9"),
        ({"greet": 0.01, "weather": 0.49, "cancel": 0.48}, "no intent is likely"),
        ({"greet": 0.5, "weather": 0.5}, "a draw"),
        (None, "nothing is known"),
    ],
)
def test_an_example_that_is_merely_hard_is_not_called_mislabelled(chances, why):
    assert told([*clean(), ("will it rain", "greet", chances)]) == [], why


def test_an_intent_that_is_never_sure_of_its_own_needs_half_the_probability_to_attract_others():
    vague = [(f"chat {number}", "chat", {"chat": 0.2, "greet": 0.1}) for number in range(SIZE)]
    near, far = (("will it rain", "greet", {"greet": 0.01, "chat": chance}) for chance in (0.6, 0.45))
    assert told([*clean(), *vague, far]) == []
    assert "'will it rain' of 'greet' looks like 'chat'" in told([*clean(), *vague, near])[0]


def test_an_intent_without_predictions_attracts_nothing():
    unknown = [(f"fax {number}", "fax", None) for number in range(SIZE)]
    assert told([*clean(), *unknown, ("fax it", "greet", {"greet": 0.0, "fax": 1.0})]) == []


def test_the_least_likely_label_comes_first():
    doubtful = [(f"rain {own}", "greet", {"greet": own, "weather": 0.95}) for own in (0.03, 0.001, 0.02)]
    named = [line.split("'")[1] for line in told([*clean(30), *doubtful])]
    assert named == ["rain 0.001", "rain 0.02", "rain 0.03"]


def test_a_pair_that_mixes_is_named_with_the_examples():
    mixed = [torn(number, *pair) for pair in (("greet", "cancel"), ("cancel", "greet")) for number in range(2)]
    not_held_out = [
        (f"more {number} of {intent}", intent, None) for intent in ("greet", "cancel") for number in range(30)
    ]
    assert told([*clean(), *mixed, *not_held_out]) == told([*clean(), *mixed])
    (line,) = told([*clean(), *mixed])
    assert line == (
        "The intents 'cancel' and 'greet' mix: 4 of their 20 held-out examples look like the other, 'torn 0 of cancel' "
        "of 'cancel', 'torn 0 of greet' of 'greet', 'torn 1 of cancel' of 'cancel' and 1 more: merge them, or add "
        "examples to both that show the difference."
    )


@pytest.mark.parametrize(
    ("size", "confused", "mixes"),
    [(2, 1, False), (0, 3, True), (5, 2, True), (10, 2, False), (7, 3, True), (9, 3, False)],
)
def test_two_examples_and_a_quarter_of_an_intent_make_a_mix(size, confused, mixes):
    examples = [example for example in clean(20) if example[1] != "greet"]
    examples += [(f"hello {number}", "greet", {"greet": 0.9}) for number in range(size)]
    examples += [torn(number, "greet", "weather") for number in range(confused)]
    assert len(told(examples)) == mixes


def test_a_few_examples_of_a_large_intent_do_not_mix_it_with_a_small_one():
    large = [(f"faq {number}", "faq", {"faq": 0.9}) for number in range(100)]
    assert told([*clean(4), *large, *(torn(number, "faq", "greet") for number in range(4))]) == []


def test_guesses_among_many_intents_are_no_mix():
    guesses = [(f"guess {number}", "greet", {"greet": 0.2, "weather": 0.27}) for number in range(SIZE)]
    assert told([*clean(), *guesses]) == []


def test_examples_between_two_intents_are_a_mix_although_none_is_likely_alone():
    between = [(f"between {number}", "greet", {"greet": 0.2, "weather": 0.35}) for number in range(SIZE)]
    (line,) = told([*clean(), *between])
    assert line.startswith("The intents 'greet' and 'weather' mix: 8 of their 24 ")


def test_the_pair_that_mixes_most_comes_first():
    some = [torn(number, "weather", "book_table") for number in range(4)]
    most = [torn(number, "greet", "cancel") for number in range(7)]
    first, second = told([*clean(), *some, *most])
    assert "'cancel' and 'greet'" in first
    assert "'book_table' and 'weather'" in second


def test_a_mislabelled_example_counts_for_a_mix_too():
    wrong = [(f"rain {number}", "greet", {"greet": 0.001, "weather": 0.99}) for number in range(4)]
    *suspected, mix = told([*clean(), *wrong])
    assert len(suspected) == 4
    assert "'greet' and 'weather' mix: 4 of their 20 held-out examples" in mix


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        (["fax it"], "'fax it'"),
        (["send", "fax it"], "'fax it', 'send'"),
        (["Fax it", "fax it!", "fax  it", "fax it"], "'Fax it'"),
    ],
)
@pytest.mark.parametrize("chances", [None, {"greet": 1.0}], ids=["no prediction", "wrong prediction"])
def test_an_intent_with_fewer_than_three_different_examples_is_named_and_not_judged(texts, shown, chances):
    assert told([*clean(), *((text, "fax", chances) for text in texts)]) == [
        f"The intent 'fax' has no other examples than {shown}: give it at least {ENOUGH_EXAMPLES}."
    ]


def test_the_intent_with_fewest_examples_comes_first():
    first, second = told([*clean(), ("fax it", "fax", None), ("send a fax", "fax", None), ("print it", "print", None)])
    assert "'print' has no other examples than 'print it':" in first
    assert "'fax' has no other examples than 'fax it', 'send a fax':" in second


def test_an_example_may_be_said_to_belong_to_an_intent_with_few_examples():
    few = [(text, "fax", {"fax": 0.7}) for text in ("fax it", "send a fax")]
    lines = told([*clean(), *few, ("can you fax this", "greet", {"greet": 0.01, "fax": 0.95})])
    assert "'can you fax this' of 'greet' looks like 'fax'" in lines[0]


def test_of_each_kind_five_are_told_and_the_others_counted():
    rare = [(f"only {number}", f"rare {number:02}", None) for number in range(12)]
    wrong = [(f"rain {number:02}", "greet", {"greet": 0.0, "weather": 1.0}) for number in range(7)]
    both = [(f"both {number}", intent, None) for number in range(6) for intent in INTENTS[:2]]
    lines = told([*clean(40), *rare, *wrong, *both])
    assert [line for line in lines if line.startswith("And ")] == [
        "And 1 more texts that are examples of several intents.",
        "And 2 more examples that look like another intent.",
        "And 7 more intents with too few examples.",
    ]
    assert len(lines) == 3 * (MOST_FINDINGS + 1)
    assert [line.split("'")[1] for line in lines[-6:-1]] == [f"rare {number:02}" for number in range(5)]


def test_five_are_told_without_a_count():
    rare = [(f"only {number}", f"rare {number}", None) for number in range(MOST_FINDINGS)]
    lines = told([*clean(), *rare])
    assert len(lines) == MOST_FINDINGS
    assert not any(line.startswith("And ") for line in lines)


def test_long_texts_are_shortened():
    long, fits = "a" * (MOST_CHARACTERS + 1), "b" * MOST_CHARACTERS
    (line,) = told([*clean(), (long, "fax", None), (fits, "fax", None)])
    assert f"'{'a' * (MOST_CHARACTERS - 1)}…', '{fits}'" in line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\nlines\r\n\u2028and\x85more", "'two lines and more'"),
        ("  ", "''"),
        ("where's my card", '"where\'s my card"'),
        ("hej 👋 då 余额", "'hej 👋 då 余额'"),
        ("\x1b[31mred\x00", "'\\x1b[31mred\\x00'"),
        ("\ud800", "'\\ud800'"),
        ("{text} %s", "'{text} %s'"),
    ],
)
def test_any_text_stays_on_its_line(text, shown):
    (line,) = told([*clean(), (text, "fax", None)])
    assert line.startswith(f"The intent 'fax' has no other examples than {shown}: ")


names = st.one_of(st.sampled_from(["a", "b", "c"]), st.text(st.characters(), max_size=80))
any_texts = st.one_of(st.sampled_from(["", "hi", "Hi!", "bye", "bye\n"]), st.text(st.characters(), max_size=80))
chances = st.sampled_from([0.0, 0.01, 0.1, 1 / 3, 0.5, 0.7, 0.95, 1.0])


@st.composite
def training_data(draw):
    known = sorted(draw(st.lists(names, min_size=1, max_size=8, unique=True)))
    examples = draw(st.lists(st.tuples(any_texts, st.sampled_from(known)), max_size=40))
    row = st.one_of(st.lists(chances, min_size=len(known), max_size=len(known)), st.just([np.nan] * len(known)))
    rows = draw(st.lists(row, min_size=len(examples), max_size=len(examples)))
    return [text for text, _ in examples], [intent for _, intent in examples], known, np.reshape(rows, (-1, len(known)))


@given(training_data())
def test_any_data_gives_few_short_lines_that_any_log_can_show(data):
    lines = review(*data)
    assert len(lines) <= 4 * (MOST_FINDINGS + 1)
    for line in lines:
        assert line.isprintable()
        assert line.encode("utf-8")
        # Eight names at most, each character of which may be escaped by ten.
        assert len(line) <= 300 + 8 * 10 * MOST_CHARACTERS


@given(training_data(), st.randoms(use_true_random=False))
def test_the_order_of_the_examples_does_not_matter(data, chance):
    texts, intents, known, rows = data
    order = chance.sample(range(len(texts)), len(texts))
    shuffled = review([texts[row] for row in order], [intents[row] for row in order], known, rows[order])
    assert shuffled == review(*data)


def test_a_probability_that_equals_the_usual_one_to_the_bit_is_judged_alike_in_any_order():
    # 0.9 on average, but the last bits of a sum depend on its order.
    own = [0.7 + 0.4 * number / 10 for number in range(11)]
    weather = [(f"wet {chance}", "weather", {"weather": chance}) for chance in own]
    wrong = ("will it rain", "greet", {"greet": 0.0, "weather": float(np.mean(own))})
    examples = [*(example for example in clean() if example[1] != "weather"), *weather, wrong]
    shuffle = np.random.default_rng(0).permutation
    assert len({tuple(told([examples[row] for row in shuffle(len(examples))])) for _ in range(50)}) == 1


def test_the_data_is_left_as_it_was():
    rows = np.random.default_rng(0).random((30, 3))
    before = rows.copy()
    review([f"text {row % 20}" for row in range(30)], [INTENTS[row % 3] for row in range(30)], INTENTS[:3], rows)
    assert np.array_equal(rows, before)


def test_memory_grows_with_the_examples_and_not_with_their_square():
    chance = np.random.default_rng(0)
    rows, intents = chance.dirichlet(np.ones(20), 20_000), [f"intent {row % 20:02}" for row in range(20_000)]
    texts = [f"text {row}" for row in range(20_000)]
    tracemalloc.start()
    review(texts, intents, sorted(set(intents)), rows)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1500 * len(texts)  # bytes; a square of bits would take 2500 for each


CLEAN = {
    "order_pizza": [
        "I'd like a large pizza with mushrooms",
        "can I order a margherita pizza",
        "two pepperoni pizzas please",
        "I want to order a pizza for tonight",
        "one vegetarian pizza to go",
        "get me a pizza with extra cheese",
        "order a small pizza hawaii",
        "please send a pizza to my house",
    ],
    "weather": [
        "will it rain tomorrow",
        "what's the weather like today",
        "is it going to be sunny this weekend",
        "how cold is it outside",
        "do I need an umbrella",
        "weather forecast for Berlin",
        "will it snow tonight",
        "what temperature will it be on Friday",
    ],
    "reset_password": [
        "I forgot my password",
        "how do I reset my password",
        "my password doesn't work anymore",
        "help me change my login password",
        "I need a new password for my account",
        "can't log in, wrong password",
        "send me a password reset link",
        "where can I change the password",
    ],
    "play_music": [
        "play some jazz",
        "put on my favourite song",
        "play the new album by Adele",
        "I want to listen to rock music",
        "start my party playlist",
        "play something relaxing by Mozart",
        "turn on some music please",
        "play that song again",
    ],
    "book_flight": [
        "book a flight to London",
        "I need a plane ticket to New York",
        "find me a cheap flight to Rome",
        "flights from Paris to Madrid on Monday",
        "reserve two seats on the next plane to Oslo",
        "I want to fly to Tokyo in May",
        "when does the next flight to Vienna leave",
        "get me a return flight to Lisbon",
    ],
}

# The same wish as order_pizza in the same words, but a team may think of it as another intent.
DELIVERY = [
    "I'd like to have a pizza delivered",
    "deliver a large pizza with mushrooms",
    "can you bring me a margherita pizza",
    "pizza delivery to my house please",
    "send me two pepperoni pizzas",
    "I want a pizza brought here tonight",
    "bring a small pizza hawaii to my house",
    "please deliver a pizza with extra cheese",
]


@pytest.fixture(scope="module")
def encoder():
    return PrunedEncoder()


def reviewed(encoder: PrunedEncoder, data: dict[str, list[str]]) -> list[str]:
    """The findings from predictions by heads that had not seen the examples."""
    texts, intents = zip(*((text, intent) for intent, own in data.items() for text in own), strict=True)
    examples = Examples.of(encoder.encode(texts), intents)
    held_out = cross_fit(examples, partial(fit_mixture, strength=20.0))
    rows = np.full((len(texts), len(examples.intents)), np.nan)
    temperature = fit_temperature(held_out.logits, held_out.labels)
    rows[held_out.numbers] = probabilities(held_out.logits, temperature)
    return review(texts, intents, examples.intents, rows)


def test_clean_real_data_gives_no_finding(encoder):
    assert reviewed(encoder, CLEAN) == []


@pytest.mark.parametrize("size", [3, 4, 6])
def test_few_clean_real_examples_give_no_finding(encoder, size):
    assert reviewed(encoder, {intent: texts[:size] for intent, texts in CLEAN.items()}) == []


@pytest.mark.parametrize(
    ("text", "given", "meant"),
    [
        ("is there a storm coming tomorrow", "play_music", "weather"),
        ("I cannot remember my password", "book_flight", "reset_password"),
        ("are there any flights to Dublin next week", "order_pizza", "book_flight"),
        ("play a song by the Beatles", "reset_password", "play_music"),
    ],
)
def test_a_real_example_under_the_wrong_intent_is_the_only_finding(encoder, text, given, meant):
    (line,) = reviewed(encoder, {**CLEAN, given: [*CLEAN[given], text]})
    assert line.startswith(f"The example '{text}' of '{given}' looks like '{meant}' (probability ")


def test_a_real_example_under_two_intents_is_the_only_finding(encoder):
    (line,) = reviewed(encoder, {**CLEAN, "play_music": [*CLEAN["play_music"], "Will it rain tomorrow?"]})
    assert line.startswith("The text 'Will it rain tomorrow?' is an example of 'play_music', 'weather': ")


def test_real_intents_that_mix_are_found(encoder):
    *_, line = reviewed(encoder, {**CLEAN, "deliver_pizza": DELIVERY})
    assert line.startswith("The intents 'deliver_pizza' and 'order_pizza' mix: ")


def test_a_real_intent_with_one_example_is_the_only_finding(encoder):
    (line,) = reviewed(encoder, {**CLEAN, "opening_hours": ["when do you open"]})
    assert line.startswith("The intent 'opening_hours' has no other examples than 'when do you open': ")


def test_all_that_is_wrong_with_real_data_is_found_in_one_review(encoder):
    wrong, both = "is there a storm coming tomorrow", "Play some jazz!"
    data = {**CLEAN, "deliver_pizza": DELIVERY, "opening_hours": ["when do you open"]}
    data = {**data, "reset_password": [*CLEAN["reset_password"], wrong], "book_flight": [*CLEAN["book_flight"], both]}
    duplicate, mislabelled, *pizzas, scarce = reviewed(encoder, data)
    assert duplicate.startswith(f"The text '{both}' is an example of 'book_flight', 'play_music': ")
    assert mislabelled.startswith(f"The example '{wrong}' of 'reset_password' looks like 'weather' ")
    assert all("'deliver_pizza'" in line and "'order_pizza'" in line for line in pizzas)
    assert pizzas[-1].startswith("The intents 'deliver_pizza' and 'order_pizza' mix: ")
    assert scarce.startswith("The intent 'opening_hours' has no other examples than 'when do you open': ")
