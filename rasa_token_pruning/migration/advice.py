"""What the rest of a config means for the components that come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rasa_token_pruning.migration.components import EXTRACTOR, FALLBACK, SELECTOR, bare, names_in
from rasa_token_pruning.migration.draft import Draft
from rasa_token_pruning.migration.errors import MigrationError

_TED = "TEDPolicy"
_THRESHOLD = 0.3  # FallbackClassifier's default
_LEARNT = {
    EXTRACTOR: "entities, roles and groups, or what RegexFeaturizer makes of lookup tables",
    SELECTOR: "the responses of retrieval intents",
}


def check_recipe(name: str, config: Mapping[str, Any]) -> None:
    """Refuse configs that have no pipeline.

    :param name: What messages call the config.
    :raises MigrationError: If the recipe is not default.v1.
    """
    recipe = config.get("recipe") or "default.v1"
    if recipe == "graph.v1":
        raise MigrationError(
            f"{name} has recipe graph.v1, which lists nodes instead of a pipeline. Migrate a config of default.v1 to "
            "see which components take DIETClassifier's place, and change the nodes by hand."
        )
    if recipe != "default.v1":
        raise MigrationError(f"{name} has recipe {recipe!r}; only default.v1 can be migrated.")


def named_by_policies(config: Mapping[str, Any]) -> set[str]:
    """The featurizers that the policies name."""
    return {name for policy in _policies(config) for name in names_in(policy)}


def _policies(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    policies = config.get("policies")
    return [policy for policy in policies if isinstance(policy, dict)] if isinstance(policies, list) else []


def advise(config: Mapping[str, Any], draft: Draft) -> Iterator[str]:
    """What the user should know beside what has changed."""
    language = config.get("language")
    if isinstance(language, str) and language.lower().partition("-")[0].partition("_")[0] != "en":
        yield (
            f"Language {language}: the default encoder knows English. Give TokenPruningFeaturizer the option model, "
            "with a multilingual sentence-transformers model: its folder or its hub name."
        )
    if not any(component.is_tokenizer for component in draft.old):
        yield "The pipeline has no tokenizer; TokenPruningFeaturizer needs one before it, such as WhitespaceTokenizer."
    yield from _about_fallback(draft)
    yield from _about_warnings(draft)
    reads_all = any(bare(str(one.get("name"))) == _TED and not names_in(one) for one in _policies(config))
    if reads_all or config.get("policies") is None:  # Rasa's default policies have one
        yield (
            f"If there are stories in words (end to end), {_TED} reads our features in them too, and no longer those "
            "of featurizers that are gone: test these stories."
        )
    if config.get("assistant_id") in (None, "placeholder_default"):
        yield "Rasa wants an assistant_id of this assistant's own: add one."
    custom = [component.name for component in draft.old if component.is_custom]
    if custom:
        yield f"Neither Rasa 3.6 nor this package has {', '.join(custom)}: unchanged, check what it reads."
    yield "Train once from nothing: the old model cannot be finetuned (--finetune), its components have other names."


def _about_fallback(draft: Draft) -> Iterator[str]:
    fallbacks = draft.of_kind(FALLBACK)
    if not fallbacks:
        yield (
            "There is no FallbackClassifier, so a message that no intent fits gets one all the same. With it, low "
            "confidences lead to nlu_fallback."
        )
    for fallback in fallbacks:
        threshold = fallback.get("threshold", _THRESHOLD)
        if threshold != _THRESHOLD:
            yield (
                f"FallbackClassifier keeps threshold {threshold}, which was chosen for DIET's confidences. Ours are "
                f"calibrated: try {_THRESHOLD} first."
            )


def _about_warnings(draft: Draft) -> Iterator[str]:
    """What Rasa says where it finds none of its own components."""
    for kind, learnt in _LEARNT.items():
        if draft.of_kind(kind):
            yield f"Rasa may warn that nothing learns {learnt}: {bare(kind)} does."
