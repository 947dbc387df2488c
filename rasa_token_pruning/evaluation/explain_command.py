"""``rasa-token-pruning explain``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.from_options import encoder_from_options
from rasa_token_pruning.encoder.policy import PROTECTED, REDUCTIONS, SCORES, PruningPolicy
from rasa_token_pruning.encoder.presets import NAMES
from rasa_token_pruning.encoder.readout import FINAL
from rasa_token_pruning.evaluation.archive import ArchiveError, find
from rasa_token_pruning.evaluation.arguments import layer_numbers
from rasa_token_pruning.evaluation.assistant import FEATURIZER_DEFAULTS, load
from rasa_token_pruning.evaluation.explanation import explain
from rasa_token_pruning.evaluation.explanation_view import described, report
from rasa_token_pruning.evaluation.reading import Reading, read
from rasa_token_pruning.evaluation.reading_view import printable, row
from rasa_token_pruning.evaluation.texts import TextsError

__all__ = ["ArchiveError", "TextsError", "add"]

_POLICY = ("pruning", "layers", "quantile", "min_tokens", "reduction", "score", "protect")


def add(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "explain",
        help="why a trained assistant understands a message as it does",
        description="Shows which word pieces of a message were dropped, where and by what importance, which intents it "
        "may have with and without pruning, how familiar it is, and which training examples it is most like. Needs "
        "neither Rasa nor torch.",
    )
    parser.add_argument("texts", nargs="+", metavar="TEXT", help="messages; - reads one from each line of the input")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--model",
        type=Path,
        default=Path(),
        help="an archive (.tar.gz), or a bot or a folder of models: the newest of them (default: this folder)",
    )
    what.add_argument("--encoder", help="no assistant, but an encoder alone: its name or folder")
    parser.add_argument("--json", action="store_true", help="print one JSON object, see docs/explain.md for its keys")
    policy = parser.add_argument_group("pruning of --encoder, as the options of TokenPruningFeaturizer")
    policy.add_argument("--pruning", choices=NAMES, help=f"(default: {FEATURIZER_DEFAULTS['pruning']})")
    policy.add_argument(
        "--layers", type=layer_numbers, metavar="LAYERS", help="the layers that cut, from 0 on, as in 1,3"
    )
    policy.add_argument("--quantile", type=float, help="the share of the removable pieces that goes at each")
    policy.add_argument("--min-tokens", type=int, help="the number of pieces up to which nothing is cut")
    policy.add_argument("--reduction", choices=REDUCTIONS)
    policy.add_argument("--score", choices=SCORES)
    policy.add_argument("--protect", choices=PROTECTED)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Explain, print."""
    if not all(text.strip() for text in arguments.texts):
        raise TextsError("An empty message says nothing: give one with words.")
    given = {key: value for key in _POLICY if (value := getattr(arguments, key)) is not None}
    if arguments.encoder is not None:
        encoder = encoder_from_options({**FEATURIZER_DEFAULTS, "model": arguments.encoder, "readout": FINAL, **given})
        readings = (read(text, encoder) for text in _texts(arguments.texts))
        _print({"encoder": arguments.encoder}, encoder.policy, {"readings": readings}, arguments.json)
        return
    if given:
        option = f"--{next(iter(given)).replace('_', '-')}"
        raise EncoderError(
            f"{option} is about an encoder alone: name one with --encoder. An archive has its own policy."
        )
    archive = find(arguments.model)
    assistant = load(archive)
    explanations = (explain(text, assistant) for text in _texts(arguments.texts))
    _print({"model": str(archive)}, assistant.encoder.policy, {"explanations": explanations}, arguments.json)


def _print(what: dict[str, str], policy: PruningPolicy, found: dict[str, Iterator[Reading]], as_json: bool) -> None:
    """What is the same for all messages, then each of them as soon as it is known.

    :param what: By its kind, what read them.
    :param found: By their kind, what is known about them.
    """
    if as_json:
        messages = {kind: [asdict(one) for one in every] for kind, every in found.items()}
        _say(json.dumps({**what, "pruning": asdict(policy), **messages}, indent=1))
        return
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    shown = {**{kind.title(): printable(name) for kind, name in what.items()}, "Pruning": described(policy)}
    head = "".join(row(label, [value], coloured) + "\n" for label, value in shown.items())
    for one in chain.from_iterable(found.values()):
        _say(f"{head}\n{report(one, coloured)}")
        head = ""


def _texts(arguments: Sequence[str]) -> Iterator[str]:
    for argument in arguments:
        yield from _input() if argument == "-" else [argument]


def _input() -> Iterator[str]:
    found = False
    try:
        for line in sys.stdin or ():
            if text := line.strip():
                found = True
                yield text
    except UnicodeDecodeError as error:
        raise TextsError(f"The input is no {error.encoding} text ({error.reason}): convert it.") from error
    if not found:
        raise TextsError("The input has no message: give one on each line.")


def _say(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    try:
        print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)
    except BrokenPipeError:  # the reader has enough, as head has after ten lines
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python still flushes at its end
        sys.exit(0)
