"""What a team should know about its training data: each finding names its examples and the way out.

Seeks what a person would change, and is silent on clean data. Thresholds without a source were chosen by planting
wrong labels in the 10-shot splits of banking77, clinc150 and hwu64, and by reading what else is found there.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

# How many findings of each kind are told, how many examples or intents each names, how long a text may be.
MOST_FINDINGS, MOST_NAMED, MOST_CHARACTERS = 5, 3, 60

# An intent with fewer different examples is told to be so, and they are not judged: the classifier that had not seen
# one of them had seen at most one other.
ENOUGH_EXAMPLES = 3

# An example looks mislabelled if its own intent gets at most the first probability and another at least the second.
_OWN, _OTHER = 0.03, 0.5

# Two intents mix if so many examples, and more than this share of each added up, look like the other intent: of 10
# examples each 3, of 5 each 2. With less, every third pair is but a chance meeting of odd examples.
_CONFUSED, _SHARE = 2, 0.25

# A confusion counts towards a pair if its two intents get so much of the probability; else it was a guess.
_BETWEEN_THEM = 0.5


@dataclass(frozen=True, order=True)
class Confusion:
    """An example that looks like another intent to a classifier that had not seen it.

    :param own: The probability of the intent that it is given under.
    :param other: The probability of the intent that it looks like, the highest of all.
    :param usual: The mean probability of that intent for its own examples.
    """

    own: float
    text: str
    given: str
    looks_like: str
    other: float
    usual: float


def review(texts: Sequence[str], intents: Sequence[str], known: Sequence[str], probabilities: np.ndarray) -> list[str]:
    """Findings about training data, the gravest first. The order of the examples does not matter.

    :param texts: Any texts.
    :param intents: The intent of each text.
    :param known: All intents, at least one, in the order of the columns of ``probabilities``.
    :param probabilities: Of each text from a classifier that had not seen it, ``(texts, intents)``, each in
        ``[0, 1]``; a row of NaN where there is no such prediction.
    :return: Lines for a log, at most ``MOST_FINDINGS`` of each kind and one that counts the rest; none if all is well.
    """
    homes = homes_of(texts, intents)
    different = Counter(intent for home in homes.values() for intent in home)
    confusions = [
        found
        for found in _confusions(texts, intents, known, probabilities)
        if different[found.given] >= ENOUGH_EXAMPLES and len(homes[_essence(found.text)]) == 1
    ]
    judged = Counter(np.asarray(intents)[~np.isnan(probabilities[:, 0])].tolist())
    return [
        *_first(contradictions(homes), "texts that are examples of several intents"),
        *_first(suspects(confusions), "examples that look like another intent"),
        *_first(mixes(confusions, judged), "pairs of intents that mix"),
        *_first(scarcities(homes), "intents with too few examples"),
    ]


def contradictions(homes: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Texts under several intents, those under most first; ``homes`` as in ``homes_of``."""
    found = sorted((-len(home), min(home.values()), sorted(home)) for home in homes.values() if len(home) > 1)
    return [
        f"The text {_quoted(text)} is an example of {_listed(map(_quoted, intents))}: keep it in one intent."
        for _, text, intents in found
    ]


def suspects(confusions: Iterable[Confusion]) -> list[str]:
    """Examples that look mislabelled, the surest first (confident learning, Northcutt et al. 2021, arXiv 1911.00068).

    Another intent is at least as probable as it usually is for its own examples. Beyond the paper, the example's own
    intent must be next to impossible: hard examples are no errors.
    """
    found = sorted(example for example in confusions if example.own <= _OWN)
    return [
        f"The example {_quoted(example.text)} of {_quoted(example.given)} looks like {_quoted(example.looks_like)} "
        f"(probability {example.other:.2f} against {example.own:.2f}): move it, or add examples like it to its intent."
        for example in found
        if example.other >= max(_OTHER, example.usual)
    ]


def mixes(confusions: Iterable[Confusion], sizes: Counter[str]) -> list[str]:
    """Pairs of intents that mix, those that mix most first.

    :param sizes: How many examples of each intent were judged.
    """
    pairs: dict[tuple[str, ...], list[Confusion]] = defaultdict(list)
    for example in sorted(confusions):
        if example.own + example.other >= _BETWEEN_THEM:
            pairs[tuple(sorted((example.given, example.looks_like)))].append(example)
    found = []
    for pair, examples in pairs.items():
        given = sorted(Counter(example.given for example in examples).items())
        share = sum(count / sizes[intent] for intent, count in given)
        if len(examples) >= _CONFUSED and share > _SHARE:
            found.append((-share, examples, pair))
    return [
        f"The intents {' and '.join(map(_quoted, pair))} mix: {len(examples)} of their "
        f"{sum(sizes[intent] for intent in pair)} held-out examples look like the other, "
        f"{_listed(f'{_quoted(example.text)} of {_quoted(example.given)}' for example in examples)}: "
        "merge them, or add examples to both that show the difference."
        for _, examples, pair in sorted(found)
    ]


def scarcities(homes: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Intents with too few different examples, those with fewest first; ``homes`` as in ``homes_of``."""
    texts: dict[str, list[str]] = defaultdict(list)
    for home in homes.values():
        for intent, text in home.items():
            texts[intent].append(text)
    found = sorted((len(own), intent, sorted(own)) for intent, own in texts.items() if len(own) < ENOUGH_EXAMPLES)
    return [
        f"The intent {_quoted(intent)} has no other examples than {_listed(map(_quoted, own))}: "
        f"give it at least {ENOUGH_EXAMPLES}."
        for _, intent, own in found
    ]


def homes_of(texts: Sequence[str], intents: Sequence[str]) -> dict[str, dict[str, str]]:
    """Which intents each text is an example of, however it is written.

    :return: For each text without case, the width of its white space and the stops at its end, its intents, and how it
        is written there; of several ways the first in alphabetical order.
    """
    homes: dict[str, dict[str, str]] = defaultdict(dict)
    for text, intent in zip(texts, intents, strict=True):
        home = homes[_essence(text)]
        home[intent] = min(text, home.get(intent, text))
    return homes


def _essence(text: str) -> str:
    """A text without case, the width of its white space and the stops at its end, unless it is nothing but stops."""
    words = " ".join(text.casefold().split())
    return words.rstrip(" .!?") or words


def _confusions(
    texts: Sequence[str], intents: Sequence[str], known: Sequence[str], probabilities: np.ndarray
) -> list[Confusion]:
    """The examples for which another intent is more probable than their own."""
    column = {intent: number for number, intent in enumerate(known)}
    rows, labels = np.arange(len(texts)), np.array([column[intent] for intent in intents], dtype=np.int64)
    predicted = probabilities.argmax(axis=1)
    own, other = probabilities[rows, labels], probabilities[rows, predicted]
    usual = _usual(own, labels, len(known))[predicted]
    wrong = np.flatnonzero(other > own)  # which is false for NaN
    return [
        Confusion(own, texts[row], intents[row], known[predicted[row]], other, usual)
        for row, own, other, usual in zip(wrong, *(array[wrong].tolist() for array in (own, other, usual)), strict=True)
    ]


def _usual(own: np.ndarray, labels: np.ndarray, intents: int) -> np.ndarray:
    """The mean probability of each intent for its own examples, ``(intents,)``; infinite where there is none."""
    order = np.lexsort((own, labels))  # lest the last bits of a sum depend on the order of the examples
    order = order[~np.isnan(own[order])]
    sums, counts = np.bincount(labels[order], own[order], intents), np.bincount(labels[order], minlength=intents)
    return np.divide(sums, counts, out=np.full(intents, np.inf), where=counts > 0)


def _first(lines: Sequence[str], kind: str) -> list[str]:
    """The first lines, and one that counts the others."""
    more = len(lines) - MOST_FINDINGS
    return [*lines[:MOST_FINDINGS], *([f"And {more} more {kind}."] if more > 0 else [])]


def _listed(names: Iterable[str]) -> str:
    """The first names, and how many more there are."""
    every = list(names)
    more = len(every) - MOST_NAMED
    return ", ".join(every[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _quoted(text: str) -> str:
    """A text in quotes, on one line, shortened, with whatever does not print escaped."""
    words = " ".join(text.split())
    return repr(words if len(words) <= MOST_CHARACTERS else words[: MOST_CHARACTERS - 1] + "…")
