"""How much faster one encoder is than another: message by message, in turns, so that a busy machine slows both."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

ROUNDS = 3

Encode = Callable[[Sequence[str]], Any]


@dataclass(frozen=True)
class PairedTime:
    """The time of one message at a time.

    :param ms: Of the one encoder, the median over messages, in milliseconds.
    :param reference_ms: Of the other.
    :param share: The median over messages of one by the other; below 1 the first is faster.
    """

    ms: float
    reference_ms: float
    share: float


def paired_time(encode: Encode, reference: Encode, texts: Sequence[str], rounds: int = ROUNDS) -> PairedTime:
    """Encode each text alone with both, several times in turns; the shortest turn counts.

    :param texts: At least one.
    :param rounds: At least 1.
    """
    for text in texts[:5]:  # warm-up
        encode([text])
        reference([text])
    pairs = []
    for text in texts:
        turns = [(_seconds(encode, text), _seconds(reference, text)) for _ in range(rounds)]
        pairs.append(tuple(1000 * min(times) for times in zip(*turns, strict=True)))
    ones, others = zip(*pairs, strict=True)
    return PairedTime(median(ones), median(others), median(one / other for one, other in pairs))


def _seconds(encode: Encode, text: str) -> float:
    started = time.perf_counter()
    encode([text])
    return time.perf_counter() - started
