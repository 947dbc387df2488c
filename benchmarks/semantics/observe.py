"""Every set of texts through every system, for one task."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.semantics import negation
from benchmarks.semantics.classes import IntentWords
from benchmarks.semantics.counterfactual import at_random, most_frequent, without
from benchmarks.semantics.cut import encoded, tallies
from benchmarks.semantics.dialects import DIALECTS
from benchmarks.semantics.noise import NOISE
from benchmarks.semantics.observed import CLEAN, FREQUENT, OUTSIDE, PRUNED, RANDOM, Observed
from benchmarks.semantics.people import NAMES, SCRIPTS, greeted, introduced
from benchmarks.semantics.substitutions import Change, changed
from benchmarks.semantics.swaps import SWAPS, negated
from benchmarks.semantics.systems import LEVELS, OFF, Subject, System
from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.tokenization import WordPieces
from rasa_token_pruning.evaluation.few_shot import draw
from rasa_token_pruning.evaluation.labelled import Labelled, read_labelled
from rasa_token_pruning.evaluation.text_techniques import document_frequencies

SHOTS = 10
FURTHER_DRAWS = (1, 2)  # seeds
NEGATED = "negated"
OWN_TASK = "negation"
RANDOM_SEEDS = (0, 1, 2)

# Families of sets, each by name what it does to a text.
FAMILIES: dict[str, dict[str, Change]] = {
    "noise": dict(NOISE),
    "dialect": dict(DIALECTS),
    "name": {f"name: {origin}": partial(introduced, origin) for origin in NAMES},
    "script": {f"script: {script}": partial(greeted, script) for script in SCRIPTS},
    "swap": {**SWAPS, NEGATED: negated},
}

Texts = tuple[list[int], list[str]]  # of which message each text is made, and the texts


def observe(subject: Subject, folder: Path, most: int, changed_texts: int) -> Observed:
    """One task of a folder with ``train.csv``, ``train_10.csv``, ``test.csv`` and perhaps ``oos_test.csv``.

    :param most: How many messages of the test split at most; they are drawn at random.
    :param changed_texts: How many of these at most are changed, each in every way.
    :raises LabelledError: If a file is missing or damaged.
    """
    train, test = read_labelled(folder / "train.csv"), read_labelled(folder / "test.csv")
    draws = [read_labelled(folder / f"train_{SHOTS}.csv"), *(draw(train, SHOTS, 1, seed)[0] for seed in FURTHER_DRAWS)]
    messages = test.chosen(_drawn(len(test), most))
    sets = {CLEAN: (list(range(len(messages))), list(messages.texts))}
    numbers = _drawn(len(messages), changed_texts)
    for name, change in (one for family in FAMILIES.values() for one in family.items()):
        places, texts = changed(name, change, [messages.texts[number] for number in numbers])
        sets[name] = ([numbers[place] for place in places], texts)
    outside = folder / "oos_test.csv"
    if outside.is_file():
        texts = list(read_labelled(outside).texts)
        sets[OUTSIDE] = ([-1] * len(texts), texts)
    return _observed(subject, folder.name, draws, messages, sets, train)


def observe_pairs(subject: Subject) -> Observed:
    """The assistant in which negations decide, see ``negation``."""
    messages, taught = negation.judged().messages, negation.taught()
    sets = {CLEAN: (list(range(len(messages))), list(messages.texts))}
    return _observed(subject, OWN_TASK, [taught], messages, sets, taught)


def _drawn(count: int, most: int) -> list[int]:
    """Some of so many numbers, ascending."""
    return sorted(np.random.default_rng(0).permutation(count)[:most].tolist())


def _observed(
    subject: Subject, task: str, draws: list[Labelled], messages: Labelled, sets: dict[str, Texts], train: Labelled
) -> Observed:
    tokenizer = shared_model(subject.model).tokenizer(None)
    frequencies = document_frequencies(tokenizer.tokenize(train.texts), tokenizer.vocabulary_size)
    intent_words = IntentWords.of(train.texts, train.intents)
    arrays: dict[str, np.ndarray] = {}
    systems = {}
    for level in LEVELS:
        systems[level] = System.learn(subject.encoder(level), draws, subject.readout)
        arrays[f"tally/{level}"] = tallies(systems[level].encoder, messages, intent_words)
        for name, (_, texts) in sets.items():
            arrays |= {f"{name}/{level}/{what}": found for what, found in systems[level].outcomes(texts)}
        if level != OFF:
            for picked, texts in _taken_out(systems[level], messages.texts, frequencies):
                arrays |= {f"{picked} {level}/{what}": found for what, found in systems[OFF].outcomes(texts)}
    for name, (numbers, texts) in sets.items():
        arrays[f"{name}/numbers"] = np.array(numbers, dtype=np.int64)
        arrays[f"{name}/pieces"] = np.array([len(pieces.ids) for pieces in tokenizer.tokenize(texts)], dtype=np.int64)
    known = systems[OFF].classifiers
    intents = next(iter(known.values()))[0].intents
    return Observed(task, intents, np.searchsorted(intents, messages.intents), arrays)


def _taken_out(system: System, texts: tuple[str, ...], frequencies: np.ndarray) -> Iterator[tuple[str, list[str]]]:
    """Texts without what the system cuts, and without as many other pieces."""
    found = [(text, run.pieces, run.kept) for text, run in zip(texts, encoded(system.encoder, texts), strict=True)]
    yield PRUNED, [_without(text, pieces, kept) for text, pieces, kept in found]
    yield FREQUENT, [_without(text, pieces, most_frequent(pieces, kept, frequencies)) for text, pieces, kept in found]
    for seed in RANDOM_SEEDS:
        yield f"{RANDOM} {seed}", [_without(text, pieces, at_random(text, kept, seed)) for text, pieces, kept in found]


def _without(text: str, pieces: WordPieces, kept: np.ndarray) -> str:
    return without(text, pieces.offsets, kept)
