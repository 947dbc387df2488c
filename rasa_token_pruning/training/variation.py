"""More and more varied text from messages: what people add to them, leave out of them and mistype."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

_OPENERS = (
    "hi", "hello there", "good morning", "hey", "sorry to bother you but", "ok so", "excuse me", "thanks for helping,",
    "i have a question,", "listen", "well", "could you please help me with this:", "not sure if i am right here,",
)  # fmt: skip
_CLOSERS = (
    "please", "thanks", "thank you so much", "asap", "if that is possible", "can you help?", "i would be grateful",
    "that is all", "right now", "what should i do?", "have a nice day", "i have been waiting for days",
)  # fmt: skip


def varied(texts: Sequence[str], count: int, seed: int) -> list[str]:
    """New messages made of others, each in one of several ways.

    Two joined; chit-chat before or behind; two letters exchanged or one left out; all small, all capital letters, or
    without punctuation.

    :param texts: At least one.
    :param count: How many are wanted.
    :param seed: Another one gives others.
    """
    chance = random.Random(seed)
    ways: tuple[Callable[[random.Random, Sequence[str]], str], ...] = (_joined, _opened, _closed, _mistyped, _recased)
    return [chance.choice(ways)(chance, texts) for _ in range(count)]


def _joined(chance: random.Random, texts: Sequence[str]) -> str:
    return f"{chance.choice(texts)} {chance.choice(texts)}"


def _opened(chance: random.Random, texts: Sequence[str]) -> str:
    return f"{chance.choice(_OPENERS)} {chance.choice(texts)}"


def _closed(chance: random.Random, texts: Sequence[str]) -> str:
    return f"{chance.choice(texts)} {chance.choice(_CLOSERS)}"


def _mistyped(chance: random.Random, texts: Sequence[str]) -> str:
    text = chance.choice(texts)
    place = chance.randrange(max(1, len(text) - 1))
    pair = text[place : place + 2]
    return text[:place] + (pair[::-1] if chance.random() < 0.5 else pair[1:]) + text[place + 2 :] or text


def _recased(chance: random.Random, texts: Sequence[str]) -> str:
    text = chance.choice(texts)
    return chance.choice([text.lower(), text.upper(), "".join(c for c in text if c.isalnum() or c.isspace())]) or text
