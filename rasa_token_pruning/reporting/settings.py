"""What a bot's config says of its encoder, its classifier and its fallback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rasa_token_pruning.evaluation.assistant import CLASSIFIER, FEATURIZER, FEATURIZER_DEFAULTS
from rasa_token_pruning.fewshot.classifier import DEFAULT_STRENGTH
from rasa_token_pruning.reporting.errors import ReportError

_FALLBACK = "FallbackClassifier"
# The components' own, as far as they matter here; a test compares them.
CLASSIFIER_DEFAULTS: Mapping[str, Any] = {
    "C": DEFAULT_STRENGTH,
    "use_intent_names": True,
    "doubt_unfamiliar": True,
    "out_of_scope_intent": None,
    "ranking_length": 10,
    "renormalize_confidences": False,
}
FALLBACK_DEFAULTS: Mapping[str, Any] = {"threshold": 0.3, "ambiguity_threshold": 0.1}

_OTHER_DENSE = ("SpacyFeaturizer", "MitieFeaturizer", "LanguageModelFeaturizer", "ConveRTFeaturizer")


@dataclass(frozen=True)
class Settings:
    """What decides the answers of an assistant.

    :param featurizer: The options of TokenPruningFeaturizer, complete as far as they matter.
    :param strength: As in ``head.fit_head``.
    :param use_intent_names: Whether the name of an intent is one more example of it.
    :param doubt_unfamiliar: Whether the confidences of unfamiliar messages are lowered.
    :param out_of_scope: The intent that the config names for messages which belong to none, if it does.
    :param ranking_length: How many intents are shown; 0 for all.
    :param renormalize: Whether what is shown is scaled to sum to 1.
    :param threshold: The confidence below which Rasa asks again, in ``[0, 1]``.
    :param ambiguity: The lead of the first over the second intent below which it does, in ``[0, 1]``.
    :param notes: Sentences on what of the config is not judged here.
    """

    featurizer: Mapping[str, Any]
    strength: float
    use_intent_names: bool
    doubt_unfamiliar: bool
    out_of_scope: str | None
    ranking_length: int
    renormalize: bool
    threshold: float
    ambiguity: float
    notes: tuple[str, ...]


def read_settings(config: Path | None) -> Settings:
    """The settings in a config; the components' defaults where it says nothing, or where there is none.

    :raises ReportError: If it cannot be read, or an option has a value that the component would not take.
    """
    pipeline = _pipeline(config) if config else []
    found = {
        name: next((item for item in pipeline if _component(item) == name), None)
        for name in (FEATURIZER, CLASSIFIER, _FALLBACK)
    }
    featurizer = {**FEATURIZER_DEFAULTS, **_known(found[FEATURIZER], FEATURIZER_DEFAULTS)}
    beside = config.parent / str(featurizer["model"]) if config else None
    if beside is not None and beside.is_dir():  # relative to the bot, where Rasa runs
        featurizer["model"] = str(beside)
    classifier = {**CLASSIFIER_DEFAULTS, **_known(found[CLASSIFIER], CLASSIFIER_DEFAULTS)}
    fallback = {**FALLBACK_DEFAULTS, **_known(found[_FALLBACK], FALLBACK_DEFAULTS)}
    _check(config, classifier, fallback)
    return Settings(
        featurizer=featurizer,
        strength=float(classifier["C"]),
        use_intent_names=classifier["use_intent_names"],
        doubt_unfamiliar=classifier["doubt_unfamiliar"],
        out_of_scope=classifier["out_of_scope_intent"],
        ranking_length=classifier["ranking_length"],
        renormalize=classifier["renormalize_confidences"],
        threshold=float(fallback["threshold"]),
        ambiguity=float(fallback["ambiguity_threshold"]),
        notes=tuple(_notes(config, pipeline, found)),
    )


def _pipeline(config: Path) -> list[Any]:
    import yaml  # of the train extra

    try:
        content = yaml.safe_load(config.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ReportError(
            f"{config} cannot be read as a config: {error}. Put it right, or name another with --config."
        ) from error
    pipeline = content.get("pipeline") if isinstance(content, dict) else None
    return pipeline if isinstance(pipeline, list) else []


def _component(item: Any) -> str:
    return str(item.get("name", "")).rpartition(".")[2] if isinstance(item, dict) else ""


def _known(item: Mapping[str, Any] | None, defaults: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in (item or {}).items() if key in defaults}


def _check(config: Path | None, classifier: Mapping[str, Any], fallback: Mapping[str, Any]) -> None:
    """:raises ReportError: If an option has a value that the component would not take."""
    flags = ("use_intent_names", "doubt_unfamiliar", "renormalize_confidences")
    named, length = classifier["out_of_scope_intent"], classifier["ranking_length"]
    wrong = {key: f"{classifier[key]!r}; give true or false" for key in flags if not isinstance(classifier[key], bool)}
    if not _is_number(classifier["C"], 1e-6, 1e6):
        wrong["C"] = f"{classifier['C']!r}; give a number from 1e-6 to 1e6"
    if named is not None and not isinstance(named, str):
        wrong["out_of_scope_intent"] = f"{named!r}; give an intent's name"
    if not isinstance(length, int) or isinstance(length, bool) or length < 0:
        wrong["ranking_length"] = f"{length!r}; give a whole number, 0 for all"
    for key, value in fallback.items():
        if not _is_number(value, 0, 1):
            wrong[key] = f"{value!r}; give a number from 0 to 1"
    for key, what in wrong.items():
        raise ReportError(f"{config}: {key} is {what}.")


def _is_number(value: Any, low: float, high: float) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high


def _notes(config: Path | None, pipeline: Sequence[Any], found: Mapping[str, Any]) -> list[str]:
    """What a reader of the report must know of the config."""
    if config is None:
        return ["No config.yml was found: everything is as this package has it by default."]
    notes = [
        f"The config has no {name}: the report shows what its defaults would do."
        for name, item in found.items()
        if item is None
    ]
    if (found[FEATURIZER] or {}).get("refine") is True:
        notes.append("The config has refine: true. The report judges the encoder before it is refined.")
    others = [name for name in map(_component, pipeline) if name in _OTHER_DENSE]
    if others:
        notes.append(f"The pipeline has {', '.join(others)} too, whose features the report leaves out.")
    return notes
