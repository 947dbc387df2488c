"""The featurizers of a pipeline that is being migrated."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from rasa_token_pruning.migration.components import (
    CLASSIFIER,
    CRF,
    DENSE,
    EXTRACTOR,
    FEATURIZER,
    LEXICAL,
    RASA_SELECTOR,
    REGEX,
    SELECTOR,
    Component,
    alias_of,
    kind_of,
    names_in,
)
from rasa_token_pruning.migration.draft import Draft, Item, counted

_ALIASES = {
    FEATURIZER: "sentence-encoder",
    REGEX: "regex",
    LEXICAL: "lexical",
    "CountVectorsFeaturizer": "count-vectors",
    "LanguageModelFeaturizer": "language-model",
    "ConveRTFeaturizer": "convert",
    "SpacyFeaturizer": "spacy",
    "MitieFeaturizer": "mitie",
}


class Shelf:
    """The featurizers of a draft, ours among them, and who reads them.

    :param draft: The draft, which is changed.
    """

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self._featurizers = [component for component in draft.old if component.makes_features]
        self._readers: dict[int, list[str]] = {}
        self._taken = {alias_of(component.options) for component in draft.old}
        found = [one for one in self._featurizers if one.kind == FEATURIZER]
        self._ours = draft.kept[found[0].number] if found else {"name": FEATURIZER}
        self._added: list[Item] = [] if found else [self._ours]

    def before(self, number: int) -> list[Component]:
        """Those that stand before a component."""
        return [one for one in self._featurizers if one.number < number]

    def named(self, names: Collection[str]) -> list[Component]:
        """Those that are meant by names: aliases, or the names of nodes that Rasa gives."""
        return [one for one in self._featurizers if _names_of(one) & set(names)]

    def unknown(self, names: Iterable[str]) -> list[str]:
        """The names that mean no featurizer that is known."""
        known = {name for one in self._featurizers for name in _names_of(one)}
        return [name for name in names if name not in known]

    def aliases(self, featurizers: Iterable[Component]) -> list[str]:
        """The aliases of featurizers, which they get if they have none; custom ones get none, they may not know it."""
        items = [self.draft.kept[one.number] for one in featurizers if not one.is_custom or alias_of(one.options)]
        return [self._alias(item) for item in items]

    def read(self, featurizers: Iterable[Component], reader: str) -> None:
        """Somebody reads them."""
        for one in featurizers:
            readers = self._readers.setdefault(one.number, [])
            if reader not in readers:
                readers.append(reader)

    def marker(self, number: int) -> str:
        """The alias of a featurizer before a component that leaves something cheap and sparse on every message."""
        found = [one for one in self.before(number) if one.kind == LEXICAL]
        self.read(found[:1], CRF)
        if not found and not any(item["name"] == LEXICAL for item in self._added):
            self._added.append({"name": LEXICAL})
            self.draft.notes.append(f"{LEXICAL} is new: {CRF} takes no notice of messages without a sparse feature.")
        item = self.draft.kept[found[0].number] if found else self._added[-1]
        return self._alias(item)

    def clear(self) -> None:
        """Remove Rasa's featurizers that nothing reads, and say for whom the others stay."""
        going: list[str] = []
        staying: dict[str, list[str]] = {}
        for one in self._featurizers:
            if one.kind == FEATURIZER or one.is_custom:
                continue
            if one.number in self._readers:
                staying.setdefault(" and ".join(self._readers[one.number]), []).append(one.kind)
            else:
                going.append(one.kind)
                del self.draft.kept[one.number]
        if going:
            self.draft.notes.append(f"Nothing that stays reads {counted(going)}: gone.")
        if staying:
            groups = (f"{counted(kinds)} for {readers}" for readers, kinds in staying.items())
            self.draft.notes.append(f"Featurizers that stay: {'; '.join(groups)}.")

    def place_ours(self) -> None:
        """Put our featurizer, and what else is new, after the tokenizer and before all that may read it."""
        draft = self.draft
        tokenized = max((one.number for one in draft.old if one.is_tokenizer), default=-1)
        readers = {number for number, item in draft.items() if kind_of(item["name"]) in (CLASSIFIER, SELECTOR, CRF)}
        makers = {one.number for one in self._featurizers}
        place = min((number for number in readers | makers if number > tokenized), default=min(readers))
        if place in makers and place in draft.kept and place > 0:  # what is said above it is about it, not about ours
            draft.after[place - 1].extend(self._added)
        else:
            draft.before[place][:0] = self._added

    def name_ours(self) -> None:
        """Let our components read our features alone, and a ResponseSelector of Rasa's too."""
        others = [item for item in self._staying() if item is not self._ours]
        dense = [item["name"] for item in others if kind_of(item["name"]) in {*DENSE, ""}]
        reading = [item for item in self.draft.of_kind(CLASSIFIER, SELECTOR, EXTRACTOR) if dense]
        reading += [item for item in self.draft.of_kind(RASA_SELECTOR) if others]
        for item in reading:
            if not names_in(item):
                item["featurizers"] = [self._alias(self._ours)]
        if dense:
            self.draft.notes.append(
                f"Our components read our features alone, not those of {counted(dense)}: their featurizers say so."
            )

    def _staying(self) -> list[Item]:
        kept = [self.draft.kept[one.number] for one in self._featurizers if one.number in self.draft.kept]
        return kept + self._added

    def _alias(self, item: Item) -> str:
        """The alias of a featurizer, which it gets if it has none."""
        if not item.get("alias"):
            wanted = _ALIASES[kind_of(item["name"])]
            free = (name for number in range(1, 100) if (name := _numbered(wanted, number)) not in self._taken)
            item["alias"] = next(free)
            self._taken.add(item["alias"])
        return str(item["alias"])


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"


def _names_of(featurizer: Component) -> set[str]:
    """Without an alias, Rasa calls it by its node."""
    return {alias_of(featurizer.options) or f"run_{featurizer.name}{featurizer.number}"}
