"""What people and their devices do to a message without changing what it asks for. Rules and lists are ours."""

from __future__ import annotations

import re
from random import Random
from types import MappingProxyType

from benchmarks.semantics.substitutions import Change, applied, rules
from rasa_token_pruning.evaluation.labelled import Labelled
from rasa_token_pruning.evaluation.long_messages import GREETINGS, STORIES, lengthened

_KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_PER_TYPO = 20  # characters, in a hasty message

_ABBREVIATIONS = rules(
    {
        "thank you": "ty", "right now": "rn", "i don't know": "idk", "as soon as possible": "asap", "don't": "dont",
        "you": "u", "are": "r", "your": "ur", "please": "pls", "thanks": "thx", "to": "2", "for": "4", "because": "bc",
        "tomorrow": "tmrw", "tonight": "2nite", "today": "2day", "account": "acct", "number": "no.", "message": "msg",
        "people": "ppl", "before": "b4", "great": "gr8", "later": "l8r", "with": "w/", "without": "w/o",
        "information": "info", "transaction": "txn", "transfer": "xfer", "payment": "pmt", "minutes": "mins",
        "appointment": "appt", "restaurant": "rest.", "week": "wk", "what": "wat", "about": "abt", "and": "&",
    }
)  # fmt: skip

# What a recogniser writes for the same sounds; it writes neither marks nor apostrophes, and numbers as words.
_HEARD = rules(
    {
        "to": "too", "for": "four", "your": "you're", "there": "their", "their": "there", "know": "no",
        "right": "write",
        "buy": "by", "by": "buy", "our": "are", "hour": "our", "week": "weak", "weather": "whether", "see": "sea",
        "where": "wear", "would": "wood", "new": "knew", "one": "won", "two": "to", "need": "knead", "mail": "male",
        "wait": "weight", "fee": "fi", "pin": "pen", "account": "a count", "transfer": "trans fur", "verify": "very fi",
        "alarm": "a lamb", "email": "e mail", "bank": "banc", "meeting": "meat ing", "flight": "fright", "does": "dose",
        "passcode": "pass code", "top up": "topp up", "receive": "re seve", "cash": "cache", "i'll": "aisle",
    }
)  # fmt: skip
_DIGITS = dict(zip("0123456789", "zero one two three four five six seven eight nine".split(), strict=True))

_FILLERS = ("um", "uh", "like", "you know", "well", "i mean", "hmm", "so", "sort of", "basically")
_POLITE = ("hello, could you please help me:", "excuse me, if it is not too much trouble,", "hi there, sorry,")
_GRATEFUL = ("please. thank you so much!", "thank you very much in advance.", "i would be very grateful. many thanks!")


def mistyped(chance: Random, text: str) -> str:
    """One error of typing: two letters exchanged, one left out, doubled, or the key beside it."""
    places = [number for number in range(len(text) - 1) if text[number].isalpha()]
    if not places:
        return text
    place = chance.choice(places)
    letter, after = text[place], text[place + 1]
    slip = chance.choice([after + letter, after, letter + letter + after, _beside(chance, letter) + after])
    return text[:place] + slip + text[place + 2 :]


def hastily_typed(chance: Random, text: str) -> str:
    """An error of typing for every 20 characters, at least two."""
    for _ in range(max(2, len(text) // _PER_TYPO)):
        text = mistyped(chance, text)
    return text


def without_marks(chance: Random, text: str) -> str:
    """No punctuation at all, apostrophes included."""
    return " ".join(re.sub(r"[^\w\s$€£%]", "", text).split())


def abbreviated(chance: Random, text: str) -> str:
    """As in a text message."""
    return applied(_ABBREVIATIONS, text)


def misheard(chance: Random, text: str) -> str:
    """As a speech recogniser writes it: no marks, digits as words, a third of the words that sound alike mistaken."""
    heard = re.sub(r"\d", lambda digit: f" {_DIGITS.get(digit[0], digit[0])} ", text)
    for old, new in _HEARD:
        if chance.random() < 1 / 3:
            heard = old.sub(new, heard)
    return " ".join(re.sub(r"[^\w\s]", "", heard).split())


def with_fillers(chance: Random, text: str) -> str:
    """Two to four filler words between the others."""
    words = text.split(" ")
    for _ in range(chance.randint(2, 4)):
        words.insert(chance.randint(0, len(words)), chance.choice(_FILLERS))
    return " ".join(words)


def politely(chance: Random, text: str) -> str:
    """A polite opening and thanks."""
    return f"{chance.choice(_POLITE)} {text.rstrip('.')} {chance.choice(_GRATEFUL)}"


def after_preamble(chance: Random, text: str) -> str:
    """Two to four sentences before the request, as in ``long_messages``, and nothing behind it."""
    return " ".join([chance.choice(GREETINGS), *chance.sample(STORIES, chance.randint(2, 4)), text])


def surrounded(chance: Random, text: str) -> str:
    """The request in the middle of a long message, see ``long_messages``."""
    return lengthened(Labelled((text,), ("",))).texts[0]


def _beside(chance: Random, letter: str) -> str:
    for row in _KEYBOARD:
        place = row.find(letter.lower())
        if place >= 0:
            return chance.choice(row[max(0, place - 1) : place] + row[place + 1 : place + 2])
    return letter


def _upper(chance: Random, text: str) -> str:
    return text.upper()


NOISE: MappingProxyType[str, Change] = MappingProxyType(
    {
        "one typing error": mistyped,
        "many typing errors": hastily_typed,
        "capital letters": _upper,
        "no punctuation": without_marks,
        "abbreviations": abbreviated,
        "speech recognition": misheard,
        "filler words": with_fillers,
        "politeness": politely,
        "long preamble": after_preamble,
        "in a long message": surrounded,
    }
)
