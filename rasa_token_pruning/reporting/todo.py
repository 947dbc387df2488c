"""What to do about the data, what gains most first."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rasa_token_pruning.evaluation.labelled import Labelled
from rasa_token_pruning.fewshot.review import ENOUGH_EXAMPLES, Confusion, homes_of
from rasa_token_pruning.reporting.misread import Pair, looks_misplaced, pairs_of

KEEP_ONE, SEPARATE, MOVE, ADD = KINDS = ("keep_one", "separate", "move", "add")

# An intent without another remedy needs examples if so many are missed, and this share of all: else it is chance.
_MISSED, _SHARE = 2, 0.3
_UNSURE = 0.5  # what an example counts that is understood, but not surely enough to be answered


@dataclass(frozen=True)
class Task:
    """Something to do.

    :param kind: ``keep_one``: a text stands under several intents. ``separate``: two intents are taken for each other.
        ``move``: an example looks as if it stood under the wrong intent. ``add``: an intent needs examples.
    :param intents: The intents that it is about; of ``move`` the one to move from, then the one to move to.
    :param texts: The examples responsible.
    :param given: The intent of each of these examples.
    :param read_as: What each of them is understood as; of ``keep_one`` the intent that it is given under.
    :param examples: How many different examples the intents have.
    :param gain: What it may bring: the shares of intents' examples that are at stake, added up, greater than 0.
    """

    kind: str
    intents: tuple[str, ...]
    texts: tuple[str, ...]
    given: tuple[str, ...]
    read_as: tuple[str, ...]
    examples: int
    gain: float


def tasks_of(
    data: Labelled, confusions: Sequence[Confusion], unsure: Sequence[int], outside: frozenset[str]
) -> list[Task]:
    """All there is to do, what gains most first. An example is reason for one task alone.

    :param confusions: The examples that are understood as another intent.
    :param unsure: The numbers of examples that are understood, but not surely enough to be answered.
    :param outside: Intents of messages that belong to no other, which have no topic of their own to be learnt.
    """
    homes = homes_of(data.texts, data.intents)
    sizes = Counter(intent for home in homes.values() for intent in home)
    doubled = {text for home in homes.values() if len(home) > 1 for text in home.values()}
    rest = [one for one in confusions if one.text not in doubled]
    mixing = [pair for pair in pairs_of(rest, sizes) if pair.mixing]
    told = {one for pair in mixing for one in pair.examples}
    moves = [one for one in rest if one not in told and sizes[one.given] >= ENOUGH_EXAMPLES and looks_misplaced(one)]
    told.update(moves)
    tasks = [
        *_keep_one(homes, sizes),
        *(_separate(pair, sizes) for pair in mixing),
        *(_move(one, sizes) for one in moves),
        *_add(data, [one for one in rest if one not in told], unsure, sizes, outside),
    ]
    return sorted(tasks, key=lambda task: (-task.gain, KINDS.index(task.kind), task.intents, task.texts))


def _keep_one(homes: Mapping[str, Mapping[str, str]], sizes: Mapping[str, int]) -> Iterator[Task]:
    for home in homes.values():
        if len(home) > 1:
            intents = tuple(sorted(home))
            texts = tuple(home[intent] for intent in intents)
            gain = sum(1 / sizes[intent] for intent in intents)
            yield Task(KEEP_ONE, intents, texts, intents, intents, _total(intents, sizes), gain)


def _separate(pair: Pair, sizes: Mapping[str, int]) -> Task:
    both = (pair.first, pair.second)
    return Task(SEPARATE, both, *_columns(pair.examples), _total(both, sizes), pair.share)


def _move(one: Confusion, sizes: Mapping[str, int]) -> Task:
    both = (one.given, one.looks_like)
    return Task(MOVE, both, *_columns([one]), _total(both, sizes), 1 / sizes[one.given])


def _add(
    data: Labelled,
    confusions: Sequence[Confusion],
    unsure: Sequence[int],
    sizes: Mapping[str, int],
    outside: frozenset[str],
) -> Iterator[Task]:
    missed: dict[str, list[Confusion]] = defaultdict(list)
    for one in sorted(confusions):
        missed[one.given].append(one)
    doubted: dict[str, list[str]] = defaultdict(list)
    for number in unsure:
        doubted[data.intents[number]].append(data.texts[number])
    for intent, size in sizes.items():
        wrong, weak = missed[intent], doubted[intent]
        few, share = max(0, ENOUGH_EXAMPLES - size), (len(wrong) + _UNSURE * len(weak)) / size
        enough_missed = len(wrong) + len(weak) >= _MISSED and share >= _SHARE
        if intent not in outside and (few or enough_missed):
            texts, given, read_as = _columns(wrong)
            own = (intent,) * len(weak)
            gain = share + few / ENOUGH_EXAMPLES
            yield Task(ADD, (intent,), (*texts, *weak), (*given, *own), (*read_as, *own), size, gain)


def _columns(examples: Iterable[Confusion]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The texts, their intents, and what they are understood as."""
    rows = list(examples)
    return (
        tuple(one.text for one in rows),
        tuple(one.given for one in rows),
        tuple(one.looks_like for one in rows),
    )


def _total(intents: Iterable[str], sizes: Mapping[str, int]) -> int:
    return sum(sizes[intent] for intent in intents)
