"""What was observed of one task: for every set of texts what each system says of it, as arrays on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.semantics.classes import CLASSES
from benchmarks.semantics.cut import COUNTS

CLEAN, OUTSIDE = "as written", "out of scope"  # sets of texts
PRUNED, FREQUENT, RANDOM = "pruned", "frequent", "random"  # what is taken out of the text


@dataclass(frozen=True, eq=False)
class Observed:
    """One task's outcomes.

    :param task: Its name.
    :param intents: The intents, in the order of their numbers.
    :param truth: The intent of each message by number, ``(messages,)``.
    :param arrays: ``SET/numbers``: of which message each text of a set is made; ``SET/pieces``: how many word pieces it
        has; ``SET/LEVEL/READOUT``: the number of its likeliest intent, ``(draws, texts)``; ``SET/LEVEL/READOUT
        confidence``: how sure of it, ``(texts,)``; ``tally/LEVEL``: see ``cut.tallies``, of the set as written.
    """

    task: str
    intents: tuple[str, ...]
    truth: np.ndarray
    arrays: dict[str, np.ndarray]

    def numbers(self, name: str) -> np.ndarray:
        """Of which message each text of a set is made."""
        return self.arrays[f"{name}/numbers"]

    def said(self, name: str, level: str, readout: str) -> np.ndarray:
        """The number of the likeliest intent, ``(draws, texts)``."""
        return self.arrays[f"{name}/{level}/{readout}"]

    def confidence(self, name: str, level: str, readout: str) -> np.ndarray:
        """How sure the first draw's classifier is, ``(texts,)``."""
        return self.arrays[f"{name}/{level}/{readout} confidence"]

    def right(self, name: str, level: str, readout: str) -> np.ndarray:
        """How many of the draws understand each text of a set, as a share, ``(texts,)``."""
        wanted = self.truth[self.numbers(name)]
        share: np.ndarray = (self.said(name, level, readout) == wanted).mean(axis=0)
        return share

    def is_cut(self, level: str) -> np.ndarray:
        """Whether each message as written loses anything, ``(messages,)``, bool."""
        lost: np.ndarray = self.arrays[f"tally/{level}"][:, :, COUNTS.index("cut")].any(axis=1)
        return lost

    def has(self, level: str, name: str) -> np.ndarray:
        """Whether each message as written has a piece of a class, ``(messages,)``, bool."""
        there: np.ndarray = self.arrays[f"tally/{level}"][:, CLASSES.index(name), COUNTS.index("pieces")] > 0
        return there

    def save(self, file: Path) -> None:
        """Write it, in one step."""
        partial = file.with_suffix(".partial.npz")
        named = np.array([self.task, *self.intents])
        np.savez_compressed(partial, named=named, truth=self.truth, **self.arrays)
        partial.replace(file)

    @classmethod
    def load(cls, file: Path) -> Observed:
        """Read what ``save`` wrote."""
        with np.load(file) as stored:
            arrays = {name: stored[name] for name in stored.files}
        task, *intents = (str(name) for name in arrays.pop("named"))
        return cls(task, tuple(intents), arrays.pop("truth"), arrays)
