"""Which examples a message is most like: the reason for an answer that a person can check."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors import SafetensorError  # type: ignore[attr-defined]  # missing from its stubs
from safetensors.numpy import load_file, save_file

from rasa_token_pruning.fewshot.errors import ClassifierError
from rasa_token_pruning.fewshot.head import normalized, similarities
from rasa_token_pruning.fewshot.memory import MOST, in_turns

FORMAT = 1

_TENSORS, _FACTS = "examples.safetensors", "examples.json"


@dataclass(frozen=True)
class Neighbour:
    """An example that a message is like.

    :param similarity: The cosine of their embeddings, in ``[-1, 1]``.
    """

    text: str
    intent: str
    similarity: float


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Remembered examples.

    :param texts: Their texts.
    :param intents: Their intents.
    :param rows: Their embeddings with length 1, ``(examples, dimension)``, float16.
    """

    texts: tuple[str, ...]
    intents: tuple[str, ...]
    rows: np.ndarray

    @classmethod
    def of(cls, embeddings: Sequence[np.ndarray], texts: Sequence[str], intents: Sequence[str]) -> Neighbours:
        """Remember examples, at most ``MOST``: as many of each intent as there is room for.

        :param embeddings: ``(examples, dimension)``.
        """
        order = sorted(range(len(texts)), key=lambda number: (intents[number], texts[number]))
        numbers = [order[place] for place in in_turns([intents[number] for number in order], MOST)]
        rows = normalized(np.stack([embeddings[number] for number in numbers])).astype(np.float16)
        return cls(tuple(texts[number] for number in numbers), tuple(intents[number] for number in numbers), rows)

    def nearest(self, embedding: np.ndarray, count: int = 3) -> list[Neighbour]:
        """The most similar examples, the nearest first; equally similar ones in the order of intents and texts.

        :param embedding: ``(dimension,)``.
        :param count: How many, at least 1; fewer if fewer are remembered.
        """
        cosines = similarities(embedding[None], self._unit_rows)[0].clip(-1, 1)
        order = np.argsort(-cosines, kind="stable")[:count]
        return [Neighbour(self.texts[place], self.intents[place], float(cosines[place])) for place in order]

    @cached_property
    def _unit_rows(self) -> np.ndarray:
        return self.rows.astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write the examples to a folder as safetensors and JSON."""
        save_file({"rows": np.ascontiguousarray(self.rows)}, folder / _TENSORS)
        facts = {"format": FORMAT, "texts": self.texts, "intents": self.intents}
        (folder / _FACTS).write_text(json.dumps(facts), encoding="utf-8")  # escaped: a text may be a lone surrogate

    @classmethod
    def load(cls, folder: Path, dimension: int | None = None) -> Neighbours | None:
        """Read what ``save`` wrote; nothing if it was not called.

        :param dimension: The width that the embeddings must have; any if it is not given.
        :raises ClassifierError: If the files are damaged, of another format, or do not fit each other.
        """
        if not any((folder / name).exists() for name in (_TENSORS, _FACTS)):
            return None
        try:
            facts = json.loads((folder / _FACTS).read_bytes())
            if facts["format"] != FORMAT:
                raise ValueError(f"format {facts['format']!r} instead of {FORMAT}")
            found = cls(tuple(facts["texts"]), tuple(facts["intents"]), load_file(folder / _TENSORS)["rows"])
            found._check(dimension)
        except (OSError, KeyError, TypeError, ValueError, RecursionError, SafetensorError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise ClassifierError(f"The remembered examples cannot be read ({reason}): train again.") from error
        return found

    def _check(self, dimension: int | None) -> None:
        """:raises ValueError: If the parts do not fit each other."""
        if not all(isinstance(entry, str) for entry in (*self.texts, *self.intents)):
            raise ValueError("texts and intents must be strings")
        if self.rows.ndim != 2 or not len(self.rows) == len(self.texts) == len(self.intents):
            raise ValueError(f"{len(self.texts)} texts, {len(self.intents)} intents, rows of shape {self.rows.shape}")
        if dimension not in (None, self.rows.shape[1]):
            raise ValueError(f"rows of width {self.rows.shape[1]} instead of {dimension}")
        if self.rows.dtype != np.float16 or not np.isfinite(self.rows).all():
            raise ValueError("rows must be finite float16 numbers")
