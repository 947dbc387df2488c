"""What a migration must know of components: whose they are, which features they make and which they read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DIET, CRF, RASA_SELECTOR = "DIETClassifier", "CRFEntityExtractor", "ResponseSelector"
REGEX, LEXICAL, FALLBACK = "RegexFeaturizer", "LexicalSyntacticFeaturizer", "FallbackClassifier"

_OURS = "rasa_token_pruning"
FEATURIZER = f"{_OURS}.TokenPruningFeaturizer"
CLASSIFIER = f"{_OURS}.FewShotIntentClassifier"
SELECTOR = f"{_OURS}.FewShotResponseSelector"
EXTRACTOR = f"{_OURS}.FewShotEntityExtractor"

TOKENIZERS = frozenset({"WhitespaceTokenizer", "JiebaTokenizer", "MitieTokenizer", "SpacyTokenizer"})
SPARSE = frozenset({REGEX, LEXICAL, "CountVectorsFeaturizer"})
DENSE = frozenset({"LanguageModelFeaturizer", "ConveRTFeaturizer", "SpacyFeaturizer", "MitieFeaturizer"})
# Classifiers that read features and cannot be told whose: they have no option for it, or do not heed it.
READ_ALL = {"LogisticRegressionClassifier": SPARSE | DENSE, "SklearnIntentClassifier": DENSE}
# What cannot work without which language model.
NEEDS = {
    "SpacyTokenizer": "SpacyNLP",
    "SpacyFeaturizer": "SpacyNLP",
    "SpacyEntityExtractor": "SpacyNLP",
    "MitieFeaturizer": "MitieNLP",
    "MitieEntityExtractor": "MitieNLP",
    "MitieIntentClassifier": "MitieNLP",
}
_STOCK = (
    TOKENIZERS
    | SPARSE
    | DENSE
    | READ_ALL.keys()
    | NEEDS.keys()
    | set(NEEDS.values())
    | {DIET, CRF, RASA_SELECTOR, FALLBACK, "KeywordIntentClassifier"}
    | {"RegexEntityExtractor", "DucklingEntityExtractor", "EntitySynonymMapper"}
)


def bare(name: str) -> str:
    """A component's name without its module."""
    return name.rpartition(".")[2]


_BARE_OURS = {bare(name): name for name in (FEATURIZER, CLASSIFIER, SELECTOR, EXTRACTOR)}


def kind_of(name: str) -> str:
    """What a component is, however its name is written.

    :return: The bare name of a component of Rasa 3.6, one of ours with the package before it, or "" for others.
    """
    package, dot, _ = name.partition(".")
    if dot and package == _OURS:
        return _BARE_OURS.get(bare(name), "")
    return bare(name) if bare(name) in _STOCK and (not dot or package == "rasa") else ""


@dataclass(frozen=True)
class Component:
    """One component of a pipeline as the config has it.

    :param number: Its place, from 0.
    :param name: As it is written.
    :param options: The others.
    """

    number: int
    name: str
    options: Mapping[str, Any]
    kind: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", kind_of(self.name))

    @property
    def item(self) -> dict[str, Any]:
        """As it stands in the pipeline."""
        return {"name": self.name, **self.options}

    @property
    def is_custom(self) -> bool:
        """Whether it is neither Rasa's nor ours."""
        return not self.kind

    @property
    def is_tokenizer(self) -> bool:
        """Whether it makes tokens; of custom ones their names must say it."""
        return self.kind in TOKENIZERS or (self.is_custom and self.name.endswith("Tokenizer"))

    @property
    def is_custom_featurizer(self) -> bool:
        """Whether it is a custom one that makes features, which its name must say; Rasa's read none, nor do these."""
        return self.is_custom and self.name.endswith("Featurizer")

    @property
    def makes_features(self) -> bool:
        """Whether others read features of it."""
        return self.kind in SPARSE | DENSE | {FEATURIZER} or self.is_custom_featurizer


def alias_of(item: Mapping[str, Any]) -> str | None:
    """The name that a ``featurizers`` list may call a featurizer."""
    return str(item["alias"]) if item.get("alias") else None


def names_in(item: Mapping[str, Any]) -> list[str]:
    """The featurizers that a component names; all that there are, if none."""
    names = item.get("featurizers")
    return [str(name) for name in names] if isinstance(names, list) else []
