"""Which featurizers stay, and by which names they are read."""

from __future__ import annotations

from collections.abc import Collection

from rasa_token_pruning.migration.components import (
    CRF,
    DENSE,
    DIET,
    EXTRACTOR,
    NEEDS,
    RASA_SELECTOR,
    READ_ALL,
    REGEX,
    SELECTOR,
    SPARSE,
    Component,
    bare,
    kind_of,
    names_in,
)
from rasa_token_pruning.migration.draft import Draft, Item, counted
from rasa_token_pruning.migration.shelf import Shelf


def settle_features(draft: Draft, named_by_policies: Collection[str]) -> None:
    """Add our featurizer, keep of the others what something that stays reads, and name what each is to read.

    :param named_by_policies: The featurizers that policies name.
    """
    shelf = Shelf(draft)
    shelf.read(shelf.named(named_by_policies), "the policies")
    for number, item in list(draft.items()):
        kind = kind_of(item["name"])
        if kind == CRF:
            _settle_crf(shelf, number, item)
        elif kind == DIET:
            _settle_diet(shelf, number, item)
        elif kind in (RASA_SELECTOR, SELECTOR, EXTRACTOR):
            _settle_named(shelf, number, item)
        elif kind in READ_ALL:
            shelf.read([one for one in shelf.before(number) if one.kind in READ_ALL[kind]], kind)
            draft.notes.append(f"{kind} reads our features too from now on: it cannot be told whose to read.")
    for component in draft.old:
        if component.is_custom and not component.is_tokenizer and not component.is_custom_featurizer:
            shelf.read(shelf.before(component.number), component.name)
    shelf.clear()
    _drop_language_models(draft)
    shelf.place_ours()
    shelf.name_ours()


def _settle_crf(shelf: Shelf, number: int, item: Item) -> None:
    """Name what CRFEntityExtractor reads: else it writes every dense row of the training data into the archive.

    It needs some feature on a message to take notice of it, so a sparse featurizer is named where it uses none.
    """
    asked = str(item.get("features"))
    if "features" not in item or "pattern" in asked:
        shelf.read(_patterns(shelf, number), CRF)
    names = names_in(item)
    dense = "text_dense_features" in asked
    chosen = shelf.named(names) if names else [one for one in shelf.before(number) if dense and one.kind not in SPARSE]
    reads = [one for one in chosen if dense or one.kind not in DENSE]
    shelf.read(reads, CRF)
    found = shelf.aliases(reads) + shelf.unknown(names)
    item["featurizers"] = found or [shelf.marker(number)]
    if item["featurizers"] != names:
        shelf.draft.notes.append(
            f"{CRF} gets featurizers: [{', '.join(item['featurizers'])}]; left alone it would write our features of "
            "every word of the training data into the archive."
        )


def _settle_diet(shelf: Shelf, number: int, item: Item) -> None:
    """Name what DIETClassifier read, so that it goes on reading that and not our features."""
    names = names_in(item)
    reads = shelf.named(names) if names else shelf.before(number)
    shelf.read(reads, DIET)
    found = shelf.aliases(reads) + shelf.unknown(names)
    if found:
        item["featurizers"] = found
    nameless = [one.name for one in reads if one.is_custom and not shelf.aliases([one])]
    if nameless:
        shelf.draft.notes.append(
            f"{DIET} does not read the features of {', '.join(nameless)} any more: if that takes an alias, give it one "
            "and add it to the featurizers of DIETClassifier."
        )


def _settle_named(shelf: Shelf, number: int, item: Item) -> None:
    """Let a component go on reading what it named, and our extractor patterns too."""
    reader = bare(item["name"])
    if kind_of(item["name"]) == EXTRACTOR:
        shelf.read(_patterns(shelf, number), reader)
    if names := names_in(item):
        reads = shelf.named(names)
        shelf.read(reads, reader)
        item["featurizers"] = shelf.aliases(reads) + shelf.unknown(names)


def _patterns(shelf: Shelf, number: int) -> list[Component]:
    """What notes on the tokens which regular expressions and lookup tables match them, before a component."""
    return [one for one in shelf.before(number) if one.kind == REGEX]


def _drop_language_models(draft: Draft) -> None:
    """Remove the language models that nothing needs any more."""
    if any(component.is_custom for component in draft.old):
        return
    needed = {NEEDS.get(kind_of(item["name"])) for _, item in draft.items()}
    idle = [one for one in draft.old if one.kind in NEEDS.values() and one.kind not in needed]
    for component in idle:
        del draft.kept[component.number]
    if idle:
        draft.notes.append(f"Nothing needs {counted(one.kind for one in idle)} any more: it goes.")
