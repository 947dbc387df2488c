"""Few-shot intent classification for Rasa on a sentence encoder that prunes tokens while it runs.

The public names load on first use: importing the package imports neither Rasa nor torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rasa_token_pruning.version import __version__

if TYPE_CHECKING:
    from rasa_token_pruning.components.classifier import FewShotIntentClassifier
    from rasa_token_pruning.components.entities import FewShotEntityExtractor
    from rasa_token_pruning.components.featurizer import TokenPruningFeaturizer
    from rasa_token_pruning.components.response_selector import FewShotResponseSelector
    from rasa_token_pruning.encoder.policy import PruningPolicy
    from rasa_token_pruning.encoder.pruned import PrunedEncoder

__all__ = [
    "FewShotEntityExtractor",
    "FewShotIntentClassifier",
    "FewShotResponseSelector",
    "PrunedEncoder",
    "PruningPolicy",
    "TokenPruningFeaturizer",
    "__version__",
]

_HOMES = {
    "FewShotEntityExtractor": "rasa_token_pruning.components.entities",
    "FewShotIntentClassifier": "rasa_token_pruning.components.classifier",
    "FewShotResponseSelector": "rasa_token_pruning.components.response_selector",
    "PrunedEncoder": "rasa_token_pruning.encoder.pruned",
    "PruningPolicy": "rasa_token_pruning.encoder.policy",
    "TokenPruningFeaturizer": "rasa_token_pruning.components.featurizer",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
