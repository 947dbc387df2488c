"""``rasa-token-pruning explain``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rasa_token_pruning.evaluation.archive import ArchiveError, find
from rasa_token_pruning.evaluation.assistant import load
from rasa_token_pruning.evaluation.explanation import Explanation, Piece, explain
from rasa_token_pruning.evaluation.texts import TextsError

__all__ = ["ArchiveError", "TextsError", "add"]

_LABELS, _WIDTH = 13, 100  # columns of the labels, and of all
_CANDIDATES = 8
_BOLD, _DROPPED, _PLAIN = "\x1b[1m", "\x1b[2;9m", "\x1b[0m"


def add(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "explain",
        help="why a trained assistant understands a message as it does",
        description="Shows which word pieces of a message were kept, which intents it may have and how sure that is, "
        "how familiar it is, and which training examples it is most like. Needs neither Rasa nor torch.",
    )
    parser.add_argument("texts", nargs="+", metavar="TEXT", help="messages; - reads one from each line of the input")
    parser.add_argument(
        "--model",
        type=Path,
        default=Path(),
        help="an archive (.tar.gz), or a bot or a folder of models: the newest of them (default: this folder)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object, see the README for its keys")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Explain, print."""
    if not all(text.strip() for text in arguments.texts):
        raise TextsError("An empty message says nothing: give one with words.")
    archive = find(arguments.model)
    assistant = load(archive)
    explanations = (explain(text, assistant) for text in _texts(arguments.texts))
    if arguments.json:
        record = {"model": str(archive), "explanations": [asdict(explanation) for explanation in explanations]}
        _say(json.dumps(record, indent=1))
        return
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    head = _row("Model", [printable(str(archive))], coloured) + "\n"
    for explanation in explanations:
        _say(f"{head}\n{report(explanation, coloured)}")
        head = ""


def report(explanation: Explanation, coloured: bool = False) -> str:
    """What a person reads.

    :param coloured: Whether escape sequences strike through what was dropped; else it stands in brackets.
    """
    rows = {
        "Message": [printable(explanation.text)],
        "Word pieces": _pieces(explanation, coloured),
        "Intent": [f"{printable(explanation.intent)}, confidence {explanation.confidence:.2f}"],
        "Ranking": _ranking(explanation),
        "Margin": [f"{explanation.margin:.2f} between the probabilities of the first two intents"],
        "Familiarity": [_familiarity(explanation)],
        "Candidates": [_candidates(explanation)],
        "Nearest": _nearest(explanation),
    }
    return "\n".join(_row(label, lines, coloured) for label, lines in rows.items())


def printable(text: str) -> str:
    """A text on one line, with what would move or recolour a terminal written as escapes."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


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


def _pieces(explanation: Explanation, coloured: bool) -> list[str]:
    pieces = explanation.pieces
    lines, length = [""], 0
    for piece in pieces:
        word = _word(piece, explanation.text)
        marked = word if piece.kept else f"[{word}]"
        if length and _LABELS + length + len(marked) > _WIDTH:
            lines, length = [*lines, ""], 0
        lines[-1] += f"{_DROPPED}{word}{_PLAIN} " if coloured and not piece.kept else f"{marked} "
        length += len(marked) + 1
    kept = sum(piece.kept for piece in pieces)
    marks = "those struck through" if coloured else "those in [brackets]"
    rest = "" if kept == len(pieces) else f"; {marks} did not"
    beyond = f"; {explanation.truncated} more are beyond the encoder's limit" if explanation.truncated else ""
    return [*(line.rstrip() for line in lines), f"{kept} of {len(pieces)} stayed to the end{rest}{beyond}"]


def _word(piece: Piece, text: str) -> str:
    """A piece; what the vocabulary writes in brackets itself, as ``[UNK]``, by its characters."""
    return printable(text[piece.start : piece.end] if piece.piece[:1] + piece.piece[-1:] == "[]" else piece.piece)


def _ranking(explanation: Explanation) -> list[str]:
    lines = []
    for ranked in explanation.ranking:
        line, probability = f"{ranked.confidence:.2f}  {printable(ranked.intent)}", f"{ranked.probability:.2f}"
        changed = probability != f"{ranked.confidence:.2f}"
        lines.append(f"{line} (probability {probability})" if changed else line)
    return lines


def _familiarity(explanation: Explanation) -> str:
    share = f"{explanation.familiarity:.0%}" if explanation.familiarity >= 0.01 else "less than 1%"
    value = f"{explanation.familiarity:.2f}"
    if explanation.familiar:
        return f"{value}: like the training examples, of which {share} look no more familiar"
    so = "so confidences are lowered" if explanation.lowered else "but doubt_unfamiliar is off"
    return f"{value}: unlike the training examples, of which {share} look no more familiar, {so}"


def _candidates(explanation: Explanation) -> str:
    names = [printable(name) for name in explanation.candidates]
    more = f" and {len(names) - _CANDIDATES} more" if len(names) > _CANDIDATES else ""
    return f"{', '.join(names[:_CANDIDATES])}{more} (with {explanation.coverage:.0%} coverage)"


def _nearest(explanation: Explanation) -> list[str]:
    if explanation.nearest_examples is None:
        return ["the archive holds no examples: it was trained with explain: false"]
    return [f"{n.similarity:.2f}  {printable(n.intent)}: {printable(n.text)}" for n in explanation.nearest_examples]


def _row(label: str, lines: Sequence[str], coloured: bool) -> str:
    head = f"{label:{_LABELS}}"
    first = f"{_BOLD}{head}{_PLAIN}" if coloured else head
    return first + ("\n" + " " * _LABELS).join(lines)


def _say(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    try:
        print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)
    except BrokenPipeError:  # the reader has enough, as head has after ten lines
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python still flushes at its end
        sys.exit(0)
