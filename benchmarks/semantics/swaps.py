"""Another number, another name, or a negation in the same message."""

from __future__ import annotations

import re
from random import Random
from types import MappingProxyType

from benchmarks.semantics.people import COMMON_NAMES
from benchmarks.semantics.substitutions import Change, rules
from benchmarks.semantics.words import CITIES, COUNTRIES, NATIONALITIES, STATES

_DIGITS = re.compile(r"(?<![\w.])\d+(?!\w)")
_WORD = re.compile(r"\w+")
_NUMBER_WORDS = (
    tuple("two three four five six seven eight nine".split()),
    tuple("eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()),
    tuple("twenty thirty forty fifty sixty seventy eighty ninety".split()),
)
_KINDS = tuple(tuple(sorted(kind)) for kind in (COMMON_NAMES, COUNTRIES, NATIONALITIES, STATES, CITIES))

# The first that fits is applied once: the request becomes its opposite, or asks about the opposite.
_NEGATED = rules(
    {
        "i (would like|want|need|wish|plan|intend) to": r"i do not \1 to", "i(?:'d| would) like": "i would not like",
        "i (want|need|have|see|know)": r"i do not \1", "i'm": "i'm not", "i am": "i am not", "i can": "i can not",
        "can (i|you|we)": r"can \1 not", "could (i|you|we)": r"could \1 not", "please": "please do not",
        "do (i|you|we|they)": r"do \1 not", r"does (my|the|it) (\w+)": r"does \1 \2 not", "let's": "let's not",
        "(my|the|it) (is|was|has|can|will)": r"\1 \2 not", "(is|are|was) (my|the|there)": r"\1 \2 not",
    }
)  # fmt: skip


def other_numbers(chance: Random, text: str) -> str:
    """Each number that stands alone exchanged for another of as many digits, each number word for one of its kind."""
    text = _DIGITS.sub(lambda old: _digits(chance, old[0]), text)
    return _WORD.sub(lambda old: _of_its_kind(chance, old[0], _NUMBER_WORDS), text)


def other_names(chance: Random, text: str) -> str:
    """Each name of a person, country, nationality, state or city exchanged for another of its kind."""
    return _WORD.sub(lambda old: _of_its_kind(chance, old[0], _KINDS), text)


def negated(chance: Random, text: str) -> str:
    """A message with a "not" in it; one that is negated, or that no rule fits, stays."""
    if re.search(r"\bnot?\b|n't|\bnever\b|\bwithout\b", text):
        return text
    for old, new in _NEGATED:
        found, count = old.subn(new, text, count=1)
        if count:
            return found
    return text


def _digits(chance: Random, old: str) -> str:
    while True:
        new = chance.choice("123456789") + "".join(chance.choice("0123456789") for _ in old[1:])
        if new != old:
            return new


def _of_its_kind(chance: Random, word: str, kinds: tuple[tuple[str, ...], ...]) -> str:
    for kind in kinds:
        if word.lower() in kind:
            return chance.choice([other for other in kind if other != word.lower()])
    return word


SWAPS: MappingProxyType[str, Change] = MappingProxyType({"other numbers": other_numbers, "other names": other_names})
