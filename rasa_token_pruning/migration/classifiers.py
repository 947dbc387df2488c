"""DIETClassifier and ResponseSelector: what takes their places."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rasa_token_pruning.migration.components import (
    CLASSIFIER,
    CRF,
    DIET,
    EXTRACTOR,
    RASA_SELECTOR,
    SELECTOR,
    Component,
    bare,
)
from rasa_token_pruning.migration.draft import Draft, Item
from rasa_token_pruning.migration.errors import MigrationError

AUTO, BY_OURS, BY_CRF, BY_DIET, NONE = "auto", "fewshot", "crf", "diet", "none"
ENTITIES = (AUTO, BY_OURS, BY_CRF, BY_DIET, NONE)
DEFAULT_ENTITIES = BY_OURS  # what auto means where DIET extracted entities and no CRFEntityExtractor does

_RANKING = ("ranking_length", "renormalize_confidences")  # of DIET and of ours
_EXTRACTORS = {BY_OURS: EXTRACTOR, BY_CRF: CRF}
_SPANS = {EXTRACTOR: ("split_entities_by_comma",), CRF: ("BILOU_flag", "split_entities_by_comma")}  # of DIET and of it
_SELECTING = (*_RANKING, "retrieval_intent", "use_text_as_label")  # of ResponseSelector and of ours


@dataclass(frozen=True)
class Wish:
    """What the user wants.

    :param entities: One of ``ENTITIES``: what extracts the entities that DIET did.
    :param annotated: Whether the training data annotates entities; None if that is not known.
    :param keep_selector: Whether Rasa's ResponseSelector stays.
    """

    entities: str = AUTO
    annotated: bool | None = None
    keep_selector: bool = False


def replace_diet(draft: Draft, wish: Wish) -> None:
    """Put our classifier in DIET's place, and beside it what extracts entities from now on.

    :raises MigrationError: If no DIETClassifier classifies intents.
    """
    diets = [component for component in draft.old if component.kind == DIET]
    classifying = [diet for diet in diets if diet.options.get("intent_classification", True)]
    if not classifying:
        raise MigrationError(_no_diet(bool(diets)))
    target = classifying[-1]  # whose intents were the last word
    extracting = [diet for diet in diets if diet.options.get("entity_recognition", True)]
    entities = _entities(draft, wish, bool(extracting))
    for diet in diets:
        del draft.kept[diet.number]
    item = {"name": CLASSIFIER, **_some(target.options, _RANKING)}
    extractor = _add_extractor(draft, target, entities, (extracting or [target])[-1].options)
    for diet in (extracting or [target]) if entities == BY_DIET else []:
        draft.kept[diet.number] = _entities_only(diet)
    if target.number in draft.kept:
        draft.before[target.number].append(item)
    else:
        draft.kept[target.number] = item
        _note_lost(draft, target, CLASSIFIER, item.keys() | extractor.keys())
    if len(classifying) > 1:
        draft.notes.append(
            f"Of {len(classifying)} DIETClassifiers that classify intents the last had the last word: "
            "FewShotIntentClassifier stands in its place."
        )
    draft.notes.append(_about_entities(entities, wish, bool(extracting)))
    if entities in _EXTRACTORS and draft.of_kind(CRF) and draft.of_kind(EXTRACTOR):
        draft.notes.append(f"{CRF} and {bare(EXTRACTOR)} both learn the annotated entities: take one of them out.")


def replace_selectors(draft: Draft, keep: bool) -> None:
    """Put our response selector in the place of each of Rasa's, unless they are to stay."""
    selectors = [component for component in draft.old if component.kind == RASA_SELECTOR]
    if selectors and keep:
        draft.notes.append("ResponseSelector stays Rasa's own; it goes on training for as long as it did.")
        return
    for selector in selectors:
        item = {"name": SELECTOR, **_some(selector.options, _SELECTING)}
        draft.kept[selector.number] = item
        _note_lost(draft, selector, SELECTOR, item.keys())


def _no_diet(extracts_entities: bool) -> str:
    if extracts_entities:
        return (
            "DIETClassifier only extracts entities here, another component classifies intents. Put "
            f"{CLASSIFIER} in that one's place by hand, {EXTRACTOR} in DIETClassifier's, and "
            "rasa_token_pruning.TokenPruningFeaturizer after the tokenizer."
        )
    return (
        "The pipeline has no DIETClassifier to replace. To use this package all the same, put "
        f"rasa_token_pruning.TokenPruningFeaturizer after the tokenizer and {CLASSIFIER} where the intent classifier "
        "is."
    )


def _entities(draft: Draft, wish: Wish, extracted: bool) -> str:
    if wish.entities != AUTO:
        return wish.entities
    if not extracted or wish.annotated is False:
        return NONE
    return BY_CRF if draft.of_kind(CRF) else DEFAULT_ENTITIES


def _add_extractor(draft: Draft, target: Component, entities: str, options: Mapping[str, Any]) -> Item:
    """Add what extracts entities from now on, with DIET's options that it has; none if one of its kind is there.

    :return: What is added, or nothing.
    """
    name = _EXTRACTORS.get(entities)
    if name is None or draft.of_kind(name):
        return {}
    item = {"name": name, **_some(options, _SPANS[name])}
    draft.after[target.number].append(item)
    return item


def _entities_only(diet: Component) -> Item:
    """DIET without intents, and without options that only matter to them."""
    without = (*_RANKING, "entity_recognition", "intent_classification")
    options = {key: value for key, value in diet.options.items() if key not in without}
    return {"name": diet.name, "intent_classification": False, **options}


def _some(options: Mapping[str, Any], keys: Iterable[str]) -> Item:
    return {key: options[key] for key in keys if key in options}


def _note_lost(draft: Draft, old: Component, new: str, there: Iterable[str]) -> None:
    """Name the options that a component had and its successor has not; ``featurizers`` is a matter of its own."""
    lost = [key for key in old.options if key not in {*there, "featurizers"}]
    if lost:
        draft.notes.append(f"Gone from {old.kind}: {', '.join(lost)}. {bare(new)} has no such options.")


def _about_entities(entities: str, wish: Wish, extracted: bool) -> str:
    """Who extracts what DIET extracted, and why."""
    if entities == NONE:
        return _about_no_entities(wish, extracted)
    if entities == BY_DIET:
        note = "Entities: DIETClassifier stays for them alone, and trains for as long as it did."
        if wish.annotated is False:
            return f"{note} The training data annotates none: its training will fail, so use --entities none."
        return f"{note} Its training fails if no example annotates an entity."
    name = bare(_EXTRACTORS[entities])
    note = f"Entities: {name} extracts them instead of DIETClassifier (--entities diet keeps DIETClassifier for them)."
    if wish.annotated is None and wish.entities == AUTO:
        note += " No training data was looked at: name it with --data, or --entities none if it has no entities."
    if wish.annotated is False:
        note += " The training data annotates none, so it has nothing to learn."
    return note


def _about_no_entities(wish: Wish, extracted: bool) -> str:
    if wish.entities == NONE:
        return "Entities: nothing takes DIETClassifier's place, as asked."
    if not extracted:
        return "Entities: nothing is needed, DIETClassifier extracted none (entity_recognition: false)."
    return "Entities: nothing is needed, the training data annotates none."
