"""From an assistant's messages to all that a report says about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np

from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.encoder.readout import FINAL_AND_CUT
from rasa_token_pruning.evaluation.machine import machine
from rasa_token_pruning.evaluation.remembered import Remembered
from rasa_token_pruning.reporting.errors import ReportError
from rasa_token_pruning.reporting.facts import FROM_FILE, FROM_HELD_OUT, FROM_INTENT, About, Facts, Outside
from rasa_token_pruning.reporting.fallback import Crowd
from rasa_token_pruning.reporting.judging import Judged
from rasa_token_pruning.reporting.misread import misread, pairs_of
from rasa_token_pruning.reporting.outsiders import Outsiders, can_hold_out, held_out_in_turn, read_lines, scope_intents
from rasa_token_pruning.reporting.pruning import changes_of, encoders_of, levels_of
from rasa_token_pruning.reporting.settings import read_settings
from rasa_token_pruning.reporting.source import Source
from rasa_token_pruning.reporting.study import Study
from rasa_token_pruning.reporting.todo import tasks_of
from rasa_token_pruning.version import __version__


def gather(source: Source, outside: Path | None, seed: int, progress: Callable[[str], None]) -> Facts:
    """Judge an assistant. The same input gives the same facts but for times.

    :param outside: A file of messages that belong to no intent, one a line, if there is one.
    :param seed: What draws the parts that are held out.
    :param progress: Is told what is being done.
    :raises ReportError: If something cannot be read, or there is too little to judge by.
    :raises EncoderError: If an option is wrong, or the model is missing, damaged or not supported.
    """
    data, settings = source.messages, read_settings(source.config)
    study = Study(data, settings, scope_intents(data, settings), seed)
    lines = read_lines(outside, data) if outside else []
    encoders, used = encoders_of(settings.featurizer)
    judged = {}
    for name, encoder in encoders.items():
        progress(f"understanding the messages with pruning {name}")
        judged[name] = study.judge(encoder)
    mine = judged[used]
    inside = study.inside(mine)
    if not inside.any():
        raise ReportError(f"{source.data} has no example that can be judged: give each intent several.")
    confusions = [one for one in misread(data, mine) if one.given not in study.scope]
    others = _outside(study, encoders[used], mine, lines, str(outside), progress)
    progress("measuring times")
    return Facts(
        about=_about(source, study, encoders[used], mine),
        level=used,
        threshold=settings.threshold,
        ambiguity=settings.ambiguity,
        inside=study.crowd(mine, inside),
        outside=others,
        bins=study.bins(mine),
        tasks=tuple(tasks_of(data, confusions, study.unsure(mine), study.scope)),
        intents=tuple(study.rows(mine)),
        pairs=tuple(pairs_of(confusions, Counter(data.intents))),
        levels=levels_of(str(settings.featurizer["model"]), encoders, judged, data),
        changes=tuple(one for name, encoder in encoders.items() for one in changes_of(name, encoder, judged, data)),
    )


def _outside(
    study: Study,
    encoder: PrunedEncoder,
    judged: Judged,
    lines: list[str],
    file: str,
    progress: Callable[[str], None],
) -> Outside | None:
    """Messages that belong to no intent: the user's file, else the user's intent, else those of intents held out."""
    outsiders = ~study.inside(judged)
    if lines:
        progress("understanding the messages out of scope")
        return Outside(FROM_FILE, (file,), _crowd(study, study.understood(encoder, lines)))
    if outsiders.any():
        return Outside(FROM_INTENT, tuple(sorted(study.scope)), study.crowd(judged, outsiders))
    if not can_hold_out(study.data):
        return None
    encode = Remembered(encoder).with_readout(FINAL_AND_CUT)  # which is all that there is, whatever the read-out
    found = held_out_in_turn(study.data, encode, study.settings, study.seed, progress)
    return Outside(FROM_HELD_OUT, (), _crowd(study, found))


def _crowd(study: Study, found: Outsiders) -> Crowd:
    """The confidences of messages to which no answer is right."""
    topics = zip(found.answers.topics, found.topics, strict=True)
    declined = np.array([known[topic] in study.scope for topic, known in topics], dtype=bool)
    return Crowd.of(found.answers, np.zeros(len(declined), dtype=bool), declined, study.settings)


def _about(source: Source, study: Study, encoder: PrunedEncoder, judged: Judged) -> About:
    return About(
        name=source.name,
        data=str(source.data),
        config=str(source.config) if source.config else None,
        messages=len(source.messages),
        intents=len(source.messages.known),
        folds=judged.folds,
        seed=study.seed,
        model=str(study.settings.featurizer["model"]),
        precision=encoder.precision,
        notes=study.settings.notes,
        made={"date": date.today().isoformat(), "version": __version__, "machine": machine()},
    )
