"""What an encoder learns from: labelled messages of many tasks, messages without labels, and paraphrases."""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rasa_token_pruning.evaluation.labelled import Labelled, read_labelled
from rasa_token_pruning.fewshot.names import names_of
from rasa_token_pruning.training.errors import TrainingError

_LABELLED = (".csv", ".yml", ".yaml")


@dataclass(frozen=True)
class Pairs:
    """Texts that mean the same.

    :param anchors: One of each pair.
    :param positives: The other.
    :param intents: The intent of each pair, if it comes from labelled messages.
    """

    anchors: tuple[str, ...]
    positives: tuple[str, ...]
    intents: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.anchors)

    @property
    def kinds(self) -> int:
        """How many of the pairs can stand in one batch."""
        return len(set(self.intents)) if self.intents is not None else len(self)


def pairs_within_intents(pool: Labelled, at_most: int, seed: int) -> tuple[Pairs, list[str]]:
    """Each message with another of its intent.

    :param at_most: How many messages of an intent are used, at least 2.
    :param seed: Another one gives other pairs. The order of the pool does not matter.
    :return: The pairs, and the intents that have only one message, and therefore none.
    """
    texts = _by_intent(pool)
    chance = random.Random(seed)
    rows: list[tuple[str, str, str]] = []
    for intent, of_it in texts.items():
        used = chance.sample(of_it, min(at_most, len(of_it)))
        if len(used) > 1:
            # In a circle: each message is an anchor once, and once the other one.
            rows.extend((anchor, positive, intent) for anchor, positive in zip(used, [*used[1:], used[0]], strict=True))
    lonely = [intent for intent, of_it in texts.items() if len(of_it) < 2]
    if not rows:
        raise TrainingError(f"No intent has two messages, of {len(texts)}: there is nothing to learn from.")
    anchors, positives, intents = zip(*rows, strict=True)
    return Pairs(anchors, positives, intents), lonely


def pairs_with_names(pool: Labelled, at_most: int, seed: int) -> Pairs | None:
    """Each message with what the name of its intent says, see ``names.names_of``.

    :param at_most: How many messages of an intent are used, at least 1.
    :param seed: Another one chooses others of more. The order of the pool does not matter.
    :return: The pairs; None if no name says anything.
    """
    chance, texts = random.Random(seed), _by_intent(pool)
    rows = [
        (text, name, intent)
        for intent, name in names_of(texts).items()
        for text in chance.sample(texts[intent], min(at_most, len(texts[intent])))
    ]
    return Pairs(*zip(*rows, strict=True)) if rows else None


def pairs_of_views(texts: Sequence[str]) -> Pairs:
    """Each text with itself: dropout makes two views of it (SimCSE, Gao et al. 2021, arXiv 2104.08821)."""
    return Pairs(tuple(texts), tuple(texts))


def read_paraphrases(file: Path) -> Pairs:
    """Pairs from a CSV file with the columns ``text`` and ``paraphrase``.

    :raises TrainingError: If it cannot be read, or holds no pair.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = [(row["text"] or "", row["paraphrase"] or "") for row in csv.DictReader(stream)]
    except (OSError, KeyError, csv.Error, UnicodeDecodeError) as error:
        raise TrainingError(
            f"{file} cannot be read as paraphrases ({error!r}): give a CSV file in UTF-8 with the columns text and "
            "paraphrase."
        ) from error
    rows = [row for row in rows if all(text.strip() for text in row)]
    if not rows:
        raise TrainingError(f"{file} holds no paraphrases: each row needs a text and a paraphrase.")
    return Pairs(tuple(text for text, _ in rows), tuple(paraphrase for _, paraphrase in rows))


def read_texts(files: Sequence[Path]) -> list[str]:
    """Different messages, in an order that does not depend on that in the files.

    :param files: Lines of text, or labelled messages, whose labels do not matter.
    :raises TrainingError: If a file of lines cannot be read, or there is no message.
    :raises LabelledError: If a file of labelled messages cannot be read.
    """
    texts: set[str] = set()
    for file in files:
        texts.update(read_labelled(file).texts if file.is_dir() or file.suffix in _LABELLED else _lines(file))
    if not texts:
        raise TrainingError("There are no texts to learn from: the files that were given are empty.")
    return sorted(texts)


def _by_intent(pool: Labelled) -> dict[str, list[str]]:
    """The different messages of each intent, both in an order that does not depend on that in the pool."""
    texts = defaultdict(list)
    for intent, text in sorted(set(zip(pool.intents, pool.texts, strict=True))):
        texts[intent].append(text)
    return texts


def _lines(file: Path) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{file} cannot be read as lines of text: {error}") from error
    return [line.strip() for line in lines if line.strip()]
