"""All that a report says, as plain numbers and texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rasa_token_pruning.reporting.fallback import Crowd
from rasa_token_pruning.reporting.misread import Pair
from rasa_token_pruning.reporting.pruning import Change, Level
from rasa_token_pruning.reporting.reliability import Bin
from rasa_token_pruning.reporting.todo import Task

# Where messages out of scope are from.
FROM_FILE, FROM_INTENT, FROM_HELD_OUT = "file", "intent", "held_out"


@dataclass(frozen=True)
class About:
    """What was judged, and how.

    :param name: What the assistant, or its data, is called.
    :param data: Where the messages are from.
    :param config: Where the options are from; nothing if there is no config.
    :param messages: How many labelled messages there are.
    :param intents: How many intents they have; sub-intents count.
    :param folds: In how many parts they were held out in turn.
    :param seed: What drew the parts.
    :param model: The encoder.
    :param precision: Its precision.
    :param notes: What of the config was not judged.
    :param made: When, with which version, on which machine.
    """

    name: str
    data: str
    config: str | None
    messages: int
    intents: int
    folds: int
    seed: int
    model: str
    precision: str
    notes: tuple[str, ...]
    made: dict[str, Any]


@dataclass(frozen=True)
class IntentRow:
    """What becomes of the examples of one intent at the threshold of the config.

    :param name: The intent, of a retrieval intent with its sub-intent.
    :param examples: How many it has.
    :param right: How many are answered rightly.
    :param wrong: How many are answered wrongly.
    :param again: How many are not answered; the rest could not be judged.
    :param taken_for: The intent that they are most often understood as instead, if there is one.
    """

    name: str
    examples: int
    right: int
    wrong: int
    again: int
    taken_for: str | None


@dataclass(frozen=True)
class Outside:
    """Messages that belong to no intent.

    :param source: Where they are from: ``file``, ``intent`` or ``held_out``.
    :param names: The file, or the intents; none if intents were held out.
    :param crowd: Their confidences; an answer to them is always wrong.
    """

    source: str
    names: tuple[str, ...]
    crowd: Crowd


@dataclass(frozen=True)
class Facts:
    """All that a report says.

    :param level: The pruning level that the config chooses: all but ``levels`` and ``changes`` is about it.
    :param threshold: The confidence below which Rasa asks again.
    :param ambiguity: The lead of the first over the second intent below which it does.
    :param inside: The confidences of the examples, but for those of ``outside``.
    :param outside: Messages that belong to no intent; nothing if there are none and no intents to hold out.
    :param bins: Whether confidences mean what they say.
    :param tasks: What to do, what gains most first.
    :param intents: In alphabetical order.
    :param pairs: Intents that are taken for each other, those first that are most often.
    """

    about: About
    level: str
    threshold: float
    ambiguity: float
    inside: Crowd
    outside: Outside | None
    bins: tuple[Bin, ...]
    tasks: tuple[Task, ...]
    intents: tuple[IntentRow, ...]
    pairs: tuple[Pair, ...]
    levels: tuple[Level, ...]
    changes: tuple[Change, ...]
