"""Finds entities in messages after learning from a few: a linear chain over token features and the words as written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rasa_token_pruning.fewshot import bilou, tagger_storage
from rasa_token_pruning.fewshot.bilou import Label, Span
from rasa_token_pruning.fewshot.chain import Grammar, Sequences, best_path, probabilities
from rasa_token_pruning.fewshot.errors import ClassifierError
from rasa_token_pruning.fewshot.tagger_fit import Examples, fit
from rasa_token_pruning.fewshot.words import encoded, written

# The length that token features are given on average, beside the ones for words. Chosen as the penalty of the fit was.
_LENGTH = 3.0


@dataclass(frozen=True, eq=False)
class TokenFeatures:
    """What there is to know of a message's tokens.

    :param rows: ``(tokens, dimension)``, float32.
    :param words: The text of each token.
    :param patterns: For each token, the names of the regular expressions and lookup tables that it belongs to.
    """

    rows: np.ndarray
    words: Sequence[str]
    patterns: Sequence[Sequence[str]]

    def fits(self, dimension: int) -> bool:
        """Whether the rows are finite and so wide."""
        return self.rows.shape[1] == dimension and bool(np.isfinite(self.rows).all())


@dataclass(frozen=True, eq=False)
class Tagging:
    """What a tagger says of a message.

    :param tags: The tag of each token, see ``bilou``.
    :param probabilities: Of each label at each token, ``(tokens, labels)``, float64. What a row lacks to 1 is the
        probability that the token belongs to no entity.
    """

    tags: list[int]
    probabilities: np.ndarray


@dataclass(frozen=True, eq=False)
class EntityTagger:
    """A trained tagger.

    :param labels: What entities can be.
    :param vocabulary: The column of each feature of words.
    :param mean: The mean of the token features, ``(dimension,)``, float32.
    :param scale: What token features less the mean are multiplied by, ``(1,)``, float32.
    :param weights: Scores of tags for token features and then for words, ``(dimension + vocabulary, tags)``, float32.
    :param transitions: Scores of tags after tags, ``(tags, tags)``, float32.
    """

    labels: tuple[Label, ...]
    vocabulary: dict[str, int]
    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    transitions: np.ndarray

    @property
    def dimension(self) -> int:
        """The width of the token features."""
        return len(self.mean)

    @cached_property
    def _grammar(self) -> Grammar:
        return bilou.grammar(len(self.labels))

    @classmethod
    def learn(cls, messages: Sequence[TokenFeatures], entities: Sequence[Sequence[Span]]) -> EntityTagger:
        """Fit a tagger. The same messages, in any order, give the same tagger to the bit.

        :param messages: Each with at least one token, among them such as have no entities.
        :param entities: Those of each message; at least one in all.
        :raises ClassifierError: If token features differ in width or are not finite.
        """
        _check(messages)
        pairs = sorted(zip(messages, entities, strict=True), key=_canonical)
        labels = tuple(sorted({span.label for spans in entities for span in spans}, key=Label.sorting))
        found = [features for message, _ in pairs for features in written(message.words, message.patterns)]
        vocabulary = {name: column for column, name in enumerate(sorted({name for names in found for name in names}))}
        rows = np.concatenate([message.rows for message, _ in pairs])
        mean, scale = _standard(rows)
        examples = Examples(
            rows=(rows - mean) * scale,
            words=encoded(found, vocabulary),
            truth=np.concatenate([bilou.tags(spans, len(message.words), labels) for message, spans in pairs]),
            sequences=Sequences(np.array([len(message.words) for message, _ in pairs])),
            labels=labels,
        )
        return cls(labels, vocabulary, mean, scale, *fit(examples))

    def tag(self, message: TokenFeatures) -> Tagging:
        """Find the entities of a message with at least one token.

        :param message: Its features finite, and as wide as those of the training.
        """
        of_rows, of_words = np.split(self.weights, [self.dimension])
        words = encoded(written(message.words, message.patterns), self.vocabulary)
        # Not by BLAS: see ``head``.
        scores = np.einsum("td,dk->tk", (message.rows - self.mean) * self.scale, of_rows) + words @ of_words
        scores = np.nan_to_num(scores).astype(np.float64)  # of numbers beyond float32, should a featurizer give any
        path = best_path(scores, self.transitions, self._grammar)
        sure = probabilities(scores, self.transitions, self._grammar)
        by_label = sure[:, 1:].reshape(len(scores), len(self.labels), len(bilou.PREFIXES))
        return Tagging(path, by_label.sum(axis=2))

    def save(self, folder: Path) -> None:
        """Write to a folder as safetensors and JSON."""
        tensors = {name: getattr(self, name) for name in ("mean", "scale", "weights", "transitions")}
        tagger_storage.write(folder, self.labels, list(self.vocabulary), tensors)

    @classmethod
    def load(cls, folder: Path) -> EntityTagger:
        """Read what ``save`` wrote.

        :raises ClassifierError: If the files are missing, damaged, of another format, or do not fit each other.
        """
        labels, vocabulary, tensors = tagger_storage.read(folder)
        return cls(labels, {name: column for column, name in enumerate(vocabulary)}, **tensors)


def _check(messages: Sequence[TokenFeatures]) -> None:
    widths = sorted({message.rows.shape[1] for message in messages})
    if len(widths) > 1:
        raise ClassifierError(
            f"The token features of the examples have widths {', '.join(map(str, widths))}; they must be of one width. "
            "Do all dense featurizers featurize every example?"
        )
    if not all(message.fits(widths[0]) for message in messages):
        raise ClassifierError("The token features of an example are not finite: check the featurizers before.")


def _canonical(pair: tuple[TokenFeatures, Sequence[Span]]) -> tuple[Any, ...]:
    """Sorts messages, the longest first. Those that it does not tell apart do not differ in anything that is learnt."""
    message, spans = pair
    annotated = [(span.first, span.last, span.label.sorting()) for span in spans]
    patterns = [sorted(names) for names in message.patterns]
    return -len(message.words), list(message.words), annotated, patterns, message.rows.tobytes()


def _standard(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean of token features, and what gives them the length they shall have; float32."""
    mean, spread = (of_each(axis=0, dtype=np.float64) for of_each in (rows.mean, rows.std))
    length = spread.mean() * np.sqrt(rows.shape[1])
    return mean.astype(np.float32), np.array([_LENGTH / length if length > 0 else 1.0], dtype=np.float32)
