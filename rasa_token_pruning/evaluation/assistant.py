"""From an archive to what answers in it: the encoder, the classifier and the examples, without Rasa."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rasa_token_pruning.encoder.archived import bundled_encoder, check_trained_with, read_archived
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.from_options import encoder_from_options
from rasa_token_pruning.encoder.location import DEFAULT_MODEL
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.evaluation.archive import Archive, ArchiveError, Node, opened
from rasa_token_pruning.fewshot.classifier import FewShotClassifier
from rasa_token_pruning.fewshot.errors import ClassifierError
from rasa_token_pruning.fewshot.neighbours import Neighbours

FEATURIZER, CLASSIFIER = "TokenPruningFeaturizer", "FewShotIntentClassifier"

# The components' own, as far as they matter here; a test compares them.
FEATURIZER_DEFAULTS: Mapping[str, Any] = {
    "model": DEFAULT_MODEL,
    "prompt": None,
    "pruning": "balanced",
    "layers": None,
    "quantile": None,
    "min_tokens": None,
    "reduction": None,
    "score": None,
    "protect": None,
    "adapter": "auto",
    "readout": "final",
    "engine": "auto",
    "precision": "auto",
    "num_threads": None,
    "device": "cpu",
}
CLASSIFIER_DEFAULTS: Mapping[str, Any] = {"featurizers": [], "doubt_unfamiliar": True, "coverage": None}

_COVERAGE = 0.9  # where the assistant has none
_WAY_OUT = (
    f"A {CLASSIFIER} can be explained if it reads one {FEATURIZER} and nothing else: give that an alias, name it in "
    "the classifier's featurizers, and train."
)


@dataclass(frozen=True, eq=False)
class Assistant:
    """What understands messages in a trained assistant.

    :param neighbours: The examples that it remembers, if it does.
    :param doubting: Whether it lowers the confidences of unfamiliar messages.
    :param coverage: The share of messages whose intent is to be in the set of intents, in ``(0, 1)``.
    """

    encoder: PrunedEncoder
    classifier: FewShotClassifier
    neighbours: Neighbours | None = None
    doubting: bool = True
    coverage: float = _COVERAGE


def load(file: Path) -> Assistant:
    """The assistant in an archive.

    :raises ArchiveError: If the archive is damaged, or holds no classifier of ours that reads one featurizer of ours.
    :raises EncoderError: If the archive does not hold the encoder and this machine lacks what making it needs.
    """
    with TemporaryDirectory() as place:
        learnt_folder, encoder_folder = Path(place) / "classifier", Path(place) / "featurizer"
        with opened(file) as archive:
            featurizer, classifier = _pair(archive)
            archive.take_out(classifier.resource, learnt_folder)
            archive.take_out(featurizer.resource, encoder_folder)
        try:
            learnt = FewShotClassifier.load(learnt_folder)
            neighbours = Neighbours.load(learnt_folder, learnt.dimension)
        except ClassifierError as error:
            raise ArchiveError(f"{CLASSIFIER} in {file}: {error}") from error
        encoder = _encoder({**FEATURIZER_DEFAULTS, **featurizer.options}, encoder_folder, file)
    if learnt.dimension != encoder.dimension:
        raise ArchiveError(
            f"The {CLASSIFIER} in {file} learnt from features of width {learnt.dimension}, but its {FEATURIZER} gives "
            f"{encoder.dimension}: it reads other dense featurizers too. {_WAY_OUT}"
        )
    options = {**CLASSIFIER_DEFAULTS, **classifier.options}
    return Assistant(encoder, learnt, neighbours, options["doubt_unfamiliar"], options["coverage"] or _COVERAGE)


def _pair(archive: Archive) -> tuple[Node, Node]:
    """The last classifier, whose answer Rasa uses, and the featurizer that it reads."""
    trained = [node for node in archive.nodes if node.resource]
    classifier = next((node for node in reversed(trained) if node.component == CLASSIFIER), None)
    if classifier is None:
        raise ArchiveError(
            f"{archive.file} holds no {CLASSIFIER} (its components: {_listed(archive.nodes)}): add it to the pipeline "
            "and train, or name another archive with --model."
        )
    _check_options(archive.file, {**CLASSIFIER_DEFAULTS, **classifier.options})
    before = [node for node in trained[: trained.index(classifier)] if node.component == FEATURIZER]
    aliases = {**CLASSIFIER_DEFAULTS, **classifier.options}["featurizers"]
    read = [node for node in before if not aliases or _alias(node) in aliases]
    if len(read) != 1:
        wanted = f"the featurizers {', '.join(map(repr, aliases))}" if aliases else "all featurizers before it"
        found = ", ".join(repr(_alias(node)) for node in before) or "none"
        raise ArchiveError(
            f"The {CLASSIFIER} in {archive.file} reads {wanted}, and {len(read)} of them are a {FEATURIZER} (there is "
            f"of those: {found}). {_WAY_OUT}"
        )
    return read[0], classifier


def _check_options(file: Path, options: Mapping[str, Any]) -> None:
    """:raises ArchiveError: If options that matter here are not what the component lets through."""
    coverage, aliases = options["coverage"], options["featurizers"]
    fits = coverage is None or (isinstance(coverage, float) and 0 < coverage < 1)
    if not fits or not isinstance(aliases, list) or not all(isinstance(alias, str) for alias in aliases):
        raise ArchiveError(
            f"{file} has coverage {coverage!r} and featurizers {aliases!r} for {CLASSIFIER}, which takes a number "
            "between 0 and 1 and a list of aliases: train again."
        )


def _encoder(options: Mapping[str, Any], folder: Path, file: Path) -> PrunedEncoder:
    """The encoder in the archive, or the one that it was trained with."""
    try:
        record = read_archived(folder)
        if record.bundle is not None:
            return bundled_encoder(record, folder, options["num_threads"], cache_mib=0)
        encoder = encoder_from_options(options)
        check_trained_with(record, encoder, options["model"])
    except EncoderError as error:
        raise ArchiveError(f"{file}: {error}") from error
    return encoder


def _alias(node: Node) -> str:
    return str(node.options.get("alias") or node.name)  # under this name Rasa keeps its features


def _listed(nodes: Sequence[Node]) -> str:
    return ", ".join(dict.fromkeys(node.component for node in nodes)) or "none"
