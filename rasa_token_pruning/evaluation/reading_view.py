"""What an encoder read of a message, for a terminal: layer by layer, with the importance of each word piece."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterator, Sequence

from rasa_token_pruning.encoder.trace import TracedCut, TracedPiece
from rasa_token_pruning.evaluation.reading import Reading

LABELS, WIDTH = 13, 100  # columns of the labels, and of all
_LONGEST = 24  # characters that are shown of a word piece

BOLD, DIM, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"
_KEPT, _MERGED, _DROPPED = "\x1b[32m", "\x1b[9;33m", "\x1b[9;31m"  # green; yellow and red, struck through


def row(label: str, lines: Sequence[str], coloured: bool) -> str:
    """Lines behind a label."""
    head = f"{label:{LABELS}}"
    return painted(head, BOLD, coloured) + ("\n" + " " * LABELS).join(lines)


def painted(text: str, how: str, coloured: bool) -> str:
    """A text, with escape sequences around it if there is to be colour."""
    return f"{how}{text}{PLAIN}" if coloured else text


def printable(text: str) -> str:
    """A text on one line, with what would move or recolour a terminal written as escapes."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def reading_rows(reading: Reading, coloured: bool) -> Iterator[str]:
    """The message, its word pieces, and a row for each cut.

    :param coloured: Whether escape sequences strike through what went; else it stands in brackets.
    """
    inner = reading.pieces[1:-1]  # the special tokens stay whatever happens
    yield row("Message", [printable(reading.text)], coloured)
    beyond = f"; {reading.truncated} more are beyond the encoder's limit" if reading.truncated else ""
    if not reading.cuts:
        words = _wrapped(" ".join(_word(piece, reading.text) for piece in inner))
        yield row("Word pieces", [*words, f"{len(inner)}, of which none went{beyond}"], coloured)
        return
    kept = sum(piece.kept for piece in inner)
    yield row("Word pieces", [f"{len(inner)}, of which {kept} stayed to the end{beyond}"], coloured)
    for number, cut in enumerate(reading.cuts):
        offered = [piece for piece in inner if len(piece.importance) > number]
        lines = [*_cells(offered, number, cut, reading.text, coloured), *_summary(offered, number, cut, reading)]
        yield row(f"Layer {cut.layer}", lines, coloured)


def _cells(offered: Sequence[TracedPiece], number: int, cut: TracedCut, text: str, coloured: bool) -> Iterator[str]:
    """The pieces that a cut was offered, each with its importance below."""
    upper, lower, length = "", "", 0
    for piece in offered:
        went, score = piece.layer == cut.layer, _score(piece.importance[number])
        word = _word(piece, text)
        word = f"[{word}]" if went and not coloured else word
        width = max(_columns(word), len(score)) + 1
        if length and LABELS + length + width - 1 > WIDTH:
            yield from (upper.rstrip(), lower.rstrip())
            upper, lower, length = "", "", 0
        gone = _DROPPED if piece.merged_into is None else _MERGED
        upper += painted(word, gone if went else _KEPT, coloured) + " " * (width - _columns(word))
        lower += painted(score, DIM, coloured) + " " * (width - len(score))
        length += width
    yield from (upper.rstrip(), lower.rstrip())


def _summary(offered: Sequence[TracedPiece], number: int, cut: TracedCut, reading: Reading) -> list[str]:
    """Which pieces a cut took, the least important first, and what became of them."""
    gone = sorted((piece for piece in offered if piece.layer == cut.layer), key=lambda piece: piece.importance[number])
    how = "merged" if gone[0].merged_into is not None else "dropped"
    limit = _score(gone[-1].importance[number])
    words = " ".join(_fate(piece, reading) for piece in gone)
    return _wrapped(f"{len(gone)} of {len(offered)} {how}, of importance up to {limit}: {words}")


def _fate(piece: TracedPiece, reading: Reading) -> str:
    word = _word(piece, reading.text)
    if piece.merged_into is None:
        return word
    return f"{word}->{_word(reading.pieces[piece.merged_into], reading.text)}"


def _word(piece: TracedPiece, text: str) -> str:
    """A piece; what the vocabulary writes in brackets itself, as ``[UNK]``, by its characters if it has any."""
    own = piece.piece[:1] + piece.piece[-1:] == "[]" and piece.end
    word = printable(text[piece.start : piece.end] if own else piece.piece)
    return word if len(word) <= _LONGEST else f"{word[: _LONGEST - 3]}..."


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH - LABELS, break_on_hyphens=False)


def _score(importance: float) -> str:
    return f"{importance:#.3g}".removeprefix("0")


def _columns(word: str) -> int:
    """How many columns of a terminal a word takes."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in word)
    return len(word) + wide - sum(unicodedata.combining(character) > 0 for character in word)
