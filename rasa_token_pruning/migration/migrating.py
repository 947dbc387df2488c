"""A config in, a config and notes out."""

from __future__ import annotations

from dataclasses import dataclass

from rasa_token_pruning.migration.advice import advise, check_recipe, named_by_policies
from rasa_token_pruning.migration.classifiers import Wish, replace_diet, replace_selectors
from rasa_token_pruning.migration.components import (
    CLASSIFIER,
    CRF,
    DIET,
    EXTRACTOR,
    RASA_SELECTOR,
    SELECTOR,
    Component,
)
from rasa_token_pruning.migration.draft import Draft
from rasa_token_pruning.migration.editing import edited
from rasa_token_pruning.migration.errors import MigrationError
from rasa_token_pruning.migration.features import settle_features
from rasa_token_pruning.migration.reading import Document, read
from rasa_token_pruning.migration.yaml_text import parse

# What Rasa 3.6.21 takes where a config leaves the pipeline to it (rasa/engine/recipes/config_files).
RASA_DEFAULT = """
- name: WhitespaceTokenizer
- name: RegexFeaturizer
- name: LexicalSyntacticFeaturizer
- name: CountVectorsFeaturizer
- name: CountVectorsFeaturizer
  analyzer: char_wb
  min_ngram: 1
  max_ngram: 4
- name: DIETClassifier
  epochs: 100
  constrain_similarities: true
- name: EntitySynonymMapper
- name: ResponseSelector
  epochs: 100
  constrain_similarities: true
- name: FallbackClassifier
  threshold: 0.3
  ambiguity_threshold: 0.1
"""

_SUCCESSORS = {DIET: EXTRACTOR, CRF: EXTRACTOR, RASA_SELECTOR: SELECTOR}


@dataclass(frozen=True)
class Migration:
    """A migrated config.

    :param text: All of it.
    :param notes: What the user should know.
    """

    text: str
    notes: tuple[str, ...]


def migrate(text: str, name: str, wish: Wish) -> Migration:
    """Migrate a config.

    :param name: What messages call it.
    :return: The same text if there is nothing to do.
    :raises MigrationError: If it cannot be migrated.
    """
    document = read(text, name)
    check_recipe(name, document.data)
    draft = _draft(document)
    if any(component.kind == CLASSIFIER for component in draft.old):
        return Migration(text, (_nothing_to_do(name, draft),))
    try:
        replace_diet(draft, wish)
    except MigrationError as error:
        raise MigrationError(f"{name}: {error}") from error
    replace_selectors(draft, wish.keep_selector)
    settle_features(draft, named_by_policies(document.data))
    migrated, lost = edited(document, draft)
    if lost:
        draft.notes.append(f"Comments that went with their lines: {'; '.join(lost)}")
    return Migration(migrated, (*draft.notes, *advise(document.data, draft)))


def _draft(document: Document) -> Draft:
    pipeline = document.pipeline
    items = parse(RASA_DEFAULT, "Rasa's default pipeline") if pipeline is None else pipeline
    options = ({key: value for key, value in item.items() if key != "name"} for item in items)
    draft = Draft.of(
        [Component(n, item["name"], rest) for n, (item, rest) in enumerate(zip(items, options, strict=True))]
    )
    if pipeline is None:
        draft.notes.append("The config leaves the pipeline to Rasa; this is Rasa's default pipeline, migrated.")
    elif document.value is not None:
        draft.notes.append("The pipeline was written in brackets; it now has one option a line.")
    return draft


def _nothing_to_do(name: str, draft: Draft) -> str:
    """:raises MigrationError: If there is something, but nobody knows what."""
    if any(component.kind == DIET and component.options.get("intent_classification", True) for component in draft.old):
        raise MigrationError(
            f"{name} has both DIETClassifier and FewShotIntentClassifier for intents. Take one out, or give "
            "DIETClassifier intent_classification: false."
        )
    note = f"{name} already uses this package: there is nothing to do."
    for rasas, ours in _SUCCESSORS.items():
        if draft.of_kind(rasas):
            note += f" {rasas} is Rasa's own; {ours} can take its place."
    return note
