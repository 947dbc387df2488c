"""A small task through the default encoder, from its files to the tables."""

import csv

import numpy as np
import pytest

from benchmarks.semantics import negation
from benchmarks.semantics.classes import EXCLUSIVE
from benchmarks.semantics.cut import COUNTS
from benchmarks.semantics.figures import figures
from benchmarks.semantics.observe import FAMILIES, RANDOM_SEEDS, observe
from benchmarks.semantics.observed import CLEAN, FREQUENT, OUTSIDE, PRUNED, RANDOM, Observed
from benchmarks.semantics.systems import LEVELS, OFF, READOUTS, Subject, read_out
from benchmarks.semantics.tables import TABLES, tables
from rasa_token_pruning import PrunedEncoder
from rasa_token_pruning.encoder.readout import FINAL, FINAL_AND_CUT

MODEL = "all-MiniLM-L6-v2"
TRAIN = {
    "order_card": [
        "please send me a new card",
        "i want to order a card",
        "how do i get one more card",
        "a new card please",
    ],
    "exchange": ["what is the rate for 5 euros", "exchange my dollars", "how much are 20 pounds", "euros to dollars"],
    "lost_card": ["i lost my card", "my card was stolen", "somebody has my card", "where is my card, it is gone"],
}
TEST = {
    "order_card": [
        "can i have another card",
        "i do not have a card yet and so i would like to order one for my wife in paris",
    ],
    "exchange": [
        "what are 100 euros in dollars",
        "please tell me how many euros i would get if i gave you 30 pounds today",
    ],
    "lost_card": ["card lost", "i can't find my card anywhere in the house, please help me because i am very worried"],
}


@pytest.fixture(scope="module")
def observed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "bank"
    folder.mkdir()
    files = {"train": TRAIN, "train_10": TRAIN, "test": TEST, "oos_test": {"oos": ["sing a song", "is it raining"]}}
    for name, intents in files.items():
        with (folder / f"{name}.csv").open("w", newline="") as stream:
            rows = [(text, intent) for intent, texts in intents.items() for text in texts]
            csv.writer(stream).writerows([("text", "intent"), *rows])
    return observe(Subject(MODEL), folder, most=6, changed_texts=4)


@pytest.fixture(scope="module")
def record(observed):
    pairs = {name: array for name, array in observed.arrays.items() if name.startswith((CLEAN, "tally"))}
    return {
        "setting": {"readout": FINAL},
        "tasks": {"bank": {}},
        "levels": figures(Subject(MODEL), [observed], own_of(pairs, observed), TEST["order_card"]),
    }


def own_of(arrays, observed):
    """The task of our own sentences, as if each of its messages had been the second one here, which has a negation."""
    count = len(negation.judged().kinds)
    second = {
        name: np.repeat(array[1:2], count, axis=0) if array.ndim != 2 else np.repeat(array[:, 1:2], count, axis=1)
        for name, array in arrays.items()
    }
    return Observed("negation", observed.intents, np.repeat(observed.truth[1:2], count), second)


def test_every_set_goes_through_every_system(observed):
    sets = [CLEAN, OUTSIDE, *(name for family in FAMILIES.values() for name in family)]
    for name in sets:
        texts = len(observed.numbers(name))
        assert len(observed.arrays[f"{name}/pieces"]) == texts <= 6
        for level in LEVELS:
            assert observed.said(name, level, FINAL).shape == (3, texts)
            assert observed.said(name, level, FINAL_AND_CUT).shape == (1, texts)
            assert all(observed.confidence(name, level, readout).shape == (texts,) for readout in READOUTS)
    assert len(set(observed.numbers("politeness"))) == 4
    assert observed.right(CLEAN, OFF, FINAL).mean() > 0.6


def test_a_preset_cuts_as_many_pieces_as_its_policy_says_and_its_texts_lose_as_many(observed):
    for level in LEVELS:
        exclusive = observed.arrays[f"tally/{level}"][:, : len(EXCLUSIVE)].sum(axis=1)
        pieces, cut = exclusive[:, COUNTS.index("pieces")], exclusive[:, COUNTS.index("cut")]
        kept = [Subject(MODEL).policy(level).tokens_kept(length) for length in pieces + 2]
        assert (cut == pieces + 2 - kept).all()
        assert (cut.any()) == (level != OFF)
        for picked in (PRUNED, FREQUENT, *(f"{RANDOM} {seed}" for seed in RANDOM_SEEDS)):
            assert (f"{picked} {level}/{FINAL}" in observed.arrays) == (level != OFF)


def test_the_first_half_of_the_joined_embedding_is_the_models_own():
    texts = [text for found in TEST.values() for text in found]
    own = PrunedEncoder(MODEL, Subject(MODEL).policy("balanced"), FINAL, precision="auto").encode(texts)
    assert np.array_equal(read_out(Subject(MODEL).encoder("balanced").encode(texts), FINAL), own)


def test_all_tables_are_made_of_what_was_observed(record):
    made = tables(record)
    assert all(f"{title}:" in made for title in TABLES)
    assert "| balanced | 50% |" in made  # of the messages three are long enough
    assert "| capital letters | 4 |" in made
    assert "| balanced | not | 1 |" in made
    assert "nan" not in made
