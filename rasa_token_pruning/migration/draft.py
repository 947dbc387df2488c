"""A pipeline in the making."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rasa_token_pruning.migration.components import Component, kind_of

Item = dict[str, Any]  # a component as it stands in a pipeline: its name and its options


@dataclass(frozen=True)
class Draft:
    """What stays of a pipeline, what is added where, and what there is to say about it.

    :param old: The pipeline as it was.
    :param kept: The components that stay, by their old numbers; an item may have changed.
    :param before: What is added in a component's place, before it if it stays.
    :param after: What is added after a component.
    :param notes: For the user, in the order in which they are to be read.
    """

    old: tuple[Component, ...]
    kept: dict[int, Item]
    before: dict[int, list[Item]]
    after: dict[int, list[Item]]
    notes: list[str]

    @classmethod
    def of(cls, old: Sequence[Component]) -> Draft:
        """Nothing has changed yet."""
        return cls(
            tuple(old),
            {component.number: component.item for component in old},
            {component.number: [] for component in old},
            {component.number: [] for component in old},
            [],
        )

    def items(self) -> Iterator[tuple[int, Item]]:
        """The new pipeline; each item with the old number that it has or stands by."""
        for number in range(len(self.old)):
            yield from ((number, item) for item in self.before[number])
            if number in self.kept:
                yield number, self.kept[number]
            yield from ((number, item) for item in self.after[number])

    def of_kind(self, *kinds: str) -> list[Item]:
        """The items of the new pipeline that are of one of these kinds."""
        return [item for _, item in self.items() if kind_of(item["name"]) in kinds]

    def pipeline(self) -> list[Item]:
        """The new pipeline."""
        return [item for _, item in self.items()]


def counted(names: Iterable[str]) -> str:
    """Names for a note, each once, with how often if more than once."""
    return ", ".join(f"{name} ({count})" if count > 1 else name for name, count in Counter(names).items())
