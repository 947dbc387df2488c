"""What pruning costs, saves and changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median

import numpy as np

from rasa_token_pruning.encoder.from_options import encoder_from_options
from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.presets import NAMES, policy_from_options, preset
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.evaluation.labelled import Labelled
from rasa_token_pruning.evaluation.paired_time import PairedTime, paired_time
from rasa_token_pruning.evaluation.work import piece_counts
from rasa_token_pruning.reporting.judging import Judged

OFF, YOURS = NAMES[0], "yours"

_TIMED = 100  # messages
_MOST_CHANGES = 200  # that are kept for each level


@dataclass(frozen=True)
class Level:
    """Pruning at one level, judged by cross-validation.

    :param name: ``off``, ``gentle``, ``balanced``, ``aggressive``, or ``yours`` for a policy of the config's own.
    :param accuracy: The share of examples that get their intent, in ``[0, 1]``.
    :param error: The standard error of that.
    :param change: The accuracy less that without pruning.
    :param change_error: The standard error of that, over the same examples.
    :param changed: How many examples are understood as another intent than without pruning.
    :param dropped: The share of word pieces that is dropped on the way, in ``[0, 1)``.
    :param ms: The time that the encoder takes for one message, in milliseconds: ``time`` of what it takes without
        pruning, so that levels can be compared although they were measured one after the other.
    :param time: The share of the time without pruning, median over messages, measured in turns.
    """

    name: str
    accuracy: float
    error: float
    change: float
    change_error: float
    changed: int
    dropped: float
    ms: float
    time: float


@dataclass(frozen=True)
class Change:
    """An example that is understood as another intent when it is pruned.

    :param level: At which level.
    :param text: The example.
    :param dropped: First character, and the one after the last, of each part that is dropped, ascending.
    :param given: Its intent.
    :param before: What it is understood as without pruning.
    :param after: What it is understood as with it.
    """

    level: str
    text: str
    dropped: tuple[tuple[int, int], ...]
    given: str
    before: str
    after: str


def encoders_of(options: Mapping[str, object]) -> tuple[dict[str, PrunedEncoder], str]:
    """An encoder for each level, and the name of the level that the options choose.

    :param options: Of TokenPruningFeaturizer, complete as far as they matter.
    :raises EncoderError: If a value is wrong, or the model is missing, damaged or not supported.
    """
    name = str(options["model"])
    model = shared_model(name)  # held until the encoders have it, so that it is read once
    layers = model.weights.config.layers
    policies = {level: preset(level, layers, name, str(options["adapter"])) for level in NAMES}
    own = policy_from_options(options, layers)
    used = _same(own, policies) or YOURS
    policies.setdefault(used, own)
    same = {**options, "model": name, "readout": str(options["readout"])}
    return {level: encoder_from_options({**same, **asdict(policy)}) for level, policy in policies.items()}, used


def _same(own: PruningPolicy, policies: Mapping[str, PruningPolicy]) -> str | None:
    """The level that does what a policy does."""
    if own.quantile == 0 and own.layers == policies[OFF].layers:  # which still say where the read-out is taken
        return OFF
    return next((level for level, policy in policies.items() if policy == own), None)


def levels_of(
    model: str, encoders: Mapping[str, PrunedEncoder], judged: Mapping[str, Judged], data: Labelled
) -> tuple[Level, ...]:
    """What each level comes to.

    :param model: The encoder's name or folder.
    :param encoders: By level.
    :param judged: The examples as they are understood, by level.
    """
    without = judged[OFF].right.astype(float)
    root = np.sqrt(len(without))
    times = _times(encoders, data.texts)
    unpruned_ms = median(time.reference_ms for time in times.values())
    counts = piece_counts(model, data.texts)
    levels = []
    for name, encoder in encoders.items():
        right = judged[name].right.astype(float)
        gained = right - without
        share = times[name].share if name in times else 1.0
        levels.append(
            Level(
                name,
                accuracy=float(right.mean()),
                error=float(right.std() / root),
                change=float(gained.mean()),
                change_error=float(gained.std() / root),
                changed=int((judged[name].answers.topics != judged[OFF].answers.topics).sum()),
                dropped=_dropped(encoder.policy, counts),
                ms=unpruned_ms * share,
                time=share,
            )
        )
    return tuple(levels)


def _times(encoders: Mapping[str, PrunedEncoder], texts: Sequence[str]) -> dict[str, PairedTime]:
    """The times of all levels but the first, each in turns with that without pruning."""
    step = max(1, len(texts) // _TIMED)
    timed = texts[::step][:_TIMED]
    unpruned = encoders[OFF].encode
    return {name: paired_time(encoder.encode, unpruned, timed) for name, encoder in encoders.items() if name != OFF}


def _dropped(policy: PruningPolicy, lengths: Sequence[int]) -> float:
    kept = 0
    for length in lengths:
        for _ in policy.layers:
            length = policy.tokens_kept(length)
        kept += length
    return 1 - kept / sum(lengths)


def changes_of(name: str, encoder: PrunedEncoder, judged: Mapping[str, Judged], data: Labelled) -> list[Change]:
    """The examples whose answer a level changes, at most 200, with what it drops of them."""
    now, before = judged[name], judged[OFF]
    rows = np.flatnonzero(now.answers.topics != before.answers.topics)[:_MOST_CHANGES]
    texts = [data.texts[number] for number in now.numbers[rows]]
    known = data.known
    return [
        Change(
            name,
            text,
            spans(text, encoded.offsets, encoded.kept),
            known[now.given[row]],
            known[before.answers.topics[row]],
            known[now.answers.topics[row]],
        )
        for row, text, encoded in zip(rows, texts, encoder.encode_tokens(texts), strict=True)
    ]


def spans(text: str, offsets: np.ndarray, kept: np.ndarray) -> tuple[tuple[int, int], ...]:
    """The parts of a text that are dropped; parts with nothing but white space between them are one.

    :param offsets: Start and end of each word piece, ``(pieces, 2)``; an end of 0 for what is not of the text.
    :param kept: Whether each piece stays, ``(pieces,)``, bool.
    """
    found: list[tuple[int, int]] = []
    for start, end in offsets[~kept].tolist():
        if not end:
            continue
        if found and not text[found[-1][1] : start].strip():
            start = found.pop()[0]
        found.append((start, end))
    return tuple(found)
