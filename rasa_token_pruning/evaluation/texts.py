"""Messages to measure with: the user's own or those that come with the package, alone and joined to longer ones."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path

from rasa_token_pruning.encoder.calibration_texts import calibration_texts


class TextsError(ValueError):
    """A file of texts is missing, damaged or too small. The message says the way out."""


def read_texts(file: Path | None) -> list[str]:
    """The messages of a file: the column ``text`` of a CSV file, or the lines of any other; without a file our own.

    :raises TextsError: If the file cannot be read, or holds fewer than 20 different messages.
    """
    if file is None:
        return calibration_texts()
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            if file.suffix.lower() == ".csv":
                found = [row["text"] for row in csv.DictReader(stream)]
            else:
                found = [line.strip() for line in stream]
    except (OSError, KeyError, UnicodeDecodeError, csv.Error) as error:
        raise TextsError(
            f"{file} cannot be read as messages ({error!r}): give a CSV file with a column text."
        ) from error
    texts = list(dict.fromkeys(text for text in found if text))
    if len(texts) < 20:
        raise TextsError(f"{file} holds {len(texts)} different messages; give at least 20.")
    return texts


def of_length(texts: Sequence[str], count_pieces: Callable[[str], int], length: int, number: int) -> list[str]:
    """Messages of about a length, the short ones joined.

    :param texts: Messages, of which not all are longer than ``length``.
    :param count_pieces: The number of word pieces of a text, special tokens counted.
    :param length: How many pieces are wanted, at least 5; what is within a tenth of it counts.
    :param number: How many messages are wanted, at least 1; fewer if the texts do not give more.
    """
    short = [text for text in texts if count_pieces(text) <= 1.1 * length]
    random.Random(length).shuffle(short)
    found: dict[str, None] = {}
    source = cycle(short)
    for _ in range(50 * number if short else 0):
        text, count = "", 0
        while count < 0.9 * length:
            longer = f"{text} {next(source)}".lstrip()
            if (more := count_pieces(longer)) <= count:  # the encoder reads no more of it
                break
            text, count = longer, more
        if 0.9 * length <= count <= 1.1 * length:
            found[text] = None
        if len(found) == number:
            break
    return list(found)


def mixed(texts: Sequence[str], number: int) -> list[str]:
    """Messages of all lengths: of each five one as it is, the others two, four, eight and sixteen joined."""
    chance = random.Random(0)
    sizes = cycle((1, 2, 4, 8, 16))
    return [" ".join(chance.choices(texts, k=next(sizes))) for _ in range(number)]
