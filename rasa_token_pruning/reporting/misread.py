"""Examples that are understood as another intent, and the pairs of intents that this happens to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rasa_token_pruning.evaluation.labelled import Labelled
from rasa_token_pruning.fewshot.review import Confusion, mixes, suspects
from rasa_token_pruning.reporting.judging import Judged


@dataclass(frozen=True, order=True)
class Pair:
    """Two intents of which examples of the one are understood as the other.

    :param first: The one that comes first in the alphabet.
    :param second: The other.
    :param share: The shares of their examples that this happens to, added up, in ``(0, 2]``.
    :param mixing: Whether that is too much for chance meetings, see ``fewshot.review``.
    :param examples: Those examples, the least like their own intent first.
    """

    first: str
    second: str
    share: float
    mixing: bool
    examples: tuple[Confusion, ...]


def misread(data: Labelled, judged: Judged) -> list[Confusion]:
    """The examples that are understood as another intent."""
    known = data.known
    rows = np.arange(len(judged.numbers))
    own, other = judged.probabilities[rows, judged.given], judged.probabilities[rows, judged.answers.topics]
    usual = [_mean(own[judged.given == number]) for number in range(len(known))]
    return [
        Confusion(
            own=float(own[row]),
            text=data.texts[judged.numbers[row]],
            given=known[judged.given[row]],
            looks_like=known[judged.answers.topics[row]],
            other=float(other[row]),
            usual=usual[judged.answers.topics[row]],
        )
        for row in np.flatnonzero(~judged.right)
    ]


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("inf")


def pairs_of(confusions: Sequence[Confusion], sizes: Mapping[str, int]) -> list[Pair]:
    """The pairs of intents, those that are taken for each other most first.

    :param sizes: How many examples each intent has.
    """
    found: dict[tuple[str, ...], list[Confusion]] = defaultdict(list)
    for one in sorted(confusions):
        found[tuple(sorted((one.given, one.looks_like)))].append(one)
    counted = Counter(sizes)
    pairs = [
        Pair(first, second, sum(1 / sizes[one.given] for one in examples), bool(mixes(examples, counted)), (*examples,))
        for (first, second), examples in found.items()
    ]
    return sorted(pairs, key=lambda pair: (-pair.share, pair.first, pair.second))


def looks_misplaced(example: Confusion) -> bool:
    """Whether an example looks as if it stood under the wrong intent, see ``fewshot.review``."""
    return bool(suspects([example]))
