"""The three kinds of training, from options to a folder that the featurizer takes as its model."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from sentence_transformers import SentenceTransformer

from rasa_token_pruning.encoder.adapter_files import adapter_where_cut, fixed_adapter
from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.options import AUTO, NONE
from rasa_token_pruning.encoder.policy import LEARNT, PruningPolicy
from rasa_token_pruning.encoder.presets import policy_from_options, preset
from rasa_token_pruning.encoder.publishing import publish
from rasa_token_pruning.encoder.weights import EncoderWeights, scored_layers
from rasa_token_pruning.evaluation.labelled import Labelled
from rasa_token_pruning.evaluation.tasks import read_task
from rasa_token_pruning.training.checkpoints import fingerprint
from rasa_token_pruning.training.contrastive import lesson_of_pairs
from rasa_token_pruning.training.distillation import encoded, lesson_of_embeddings, shallower, targets
from rasa_token_pruning.training.errors import TrainingError
from rasa_token_pruning.training.job import Job
from rasa_token_pruning.training.lesson import Lesson
from rasa_token_pruning.training.material import (
    Pairs,
    pairs_of_views,
    pairs_with_names,
    pairs_within_intents,
    read_paraphrases,
    read_texts,
)
from rasa_token_pruning.training.opening import opened
from rasa_token_pruning.training.parts import run_in_parts
from rasa_token_pruning.training.pruned_module import PrunedModule
from rasa_token_pruning.training.running import processes
from rasa_token_pruning.training.through_cuts import lesson_through_cuts
from rasa_token_pruning.training.variation import varied

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cuts:
    """What is cut while an encoder learns from pairs, see ``through_cuts``.

    :param levels: Presets, or ``off``; none to train the encoder as it is published.
    :param adapter: As in the featurizer: what it has learnt before.
    :param stories: The share of messages in the middle of a story, in ``[0, 1]``.
    :param keep: What it counts to stay near to what the encoder gave before, at least 0.
    """

    levels: Sequence[str]
    adapter: str
    stories: float
    keep: float


def contrastive(
    job: Job,
    tasks: Sequence[str],
    texts: Sequence[Path],
    pairs: Sequence[Path],
    per_intent: int,
    names: bool,
    cuts: Cuts,
) -> str:
    """Learn from labelled tasks, unlabelled texts and paraphrases.

    :raises TrainingError: See ``train_command.run``.
    :raises EncoderError: If the model or its adapter is missing, damaged or not supported.
    """
    labelled = {task.name: task.pool for task in map(read_task, tasks)}
    others = {file.stem: read_paraphrases(file) for file in pairs}
    if texts:
        others["texts"] = pairs_of_views(read_texts(texts))
    if not labelled and not others:
        raise TrainingError("There is nothing to learn from: give labelled tasks, --texts or --pairs.")
    if len({*labelled, *others}) < len(tasks) + len(pairs) + bool(texts):
        raise TrainingError("Two tasks have one name: name them, as in bank=data/nlu.yml.")
    sets = dict(others)
    for name, pool in labelled.items():
        sets[name] = _within(name, pool, per_intent, job.plan.seed)
        if names and (named := pairs_with_names(pool, per_intent, job.plan.seed)):
            sets[f"{name}, names"] = named
    _check_batches(sets, job.plan.batch)

    seen = {name: [len(one), fingerprint([one.anchors, one.positives])] for name, one in sets.items()}
    settings = {"per_intent": per_intent, "examples": seen}
    if cuts.levels:
        return _through_cuts(job, sets, cuts, settings)

    def make() -> tuple[SentenceTransformer, Lesson]:
        model = run_in_parts(opened(job.model))
        return model, lesson_of_pairs(model, sets)

    return job.done(settings, make, _save)


def _through_cuts(job: Job, sets: Mapping[str, Pairs], cuts: Cuts, settings: Mapping[str, Any]) -> str:
    fixed = fixed_adapter(job.model, cuts.adapter)
    start = shared_model(job.model, adapter_where_cut(job.model, fixed))
    policies = policies_named(job.model, cuts.levels, start.weights)

    def make() -> tuple[SentenceTransformer, Lesson]:
        model = SentenceTransformer(modules=[PrunedModule(job.model, policies, 0, fixed)])
        before = PrunedModule(job.model, [policies[0].without_cuts()], start.weights.config.layers, fixed)
        return model, lesson_through_cuts(model, before, sets, cuts.stories, cuts.keep, job.plan.seed)

    how = {"policies": [asdict(policy) for policy in policies], "start": start.identity, "stories": cuts.stories}
    return job.done({**settings, **how, "keep": cuts.keep}, make, _publish)


def policies_named(model: str, levels: Sequence[str], start: EncoderWeights) -> list[PruningPolicy]:
    """The presets of some names: those by learnt scores, if what is started from knows these where they cut."""
    learnt, plain = ([preset(name, start.config.layers, model, found) for name in levels] for found in (AUTO, NONE))
    known = set(scored_layers(start.arrays))
    return learnt if all(known.issuperset(one.layers) for one in learnt if one.score == LEARNT) else plain


def _within(name: str, pool: Labelled, per_intent: int, seed: int) -> Pairs:
    pairs, lonely = pairs_within_intents(pool, per_intent, seed)
    if lonely:
        logger.warning(
            "%s: %d of %d intents have only one message, and are left out: %s.",
            name, len(lonely), len(pool.known), ", ".join(map(repr, lonely)),
        )  # fmt: skip
    return pairs


def _check_batches(sets: Mapping[str, Pairs], batch: int) -> None:
    """:raises TrainingError: If several processes would never see a task, because its batches are not full."""
    name, size = min(((name, pairs.kinds) for name, pairs in sets.items()), key=lambda named: named[1])
    if processes() > 1 and size < batch:
        raise TrainingError(
            f"{name} has {size} intents, too few for batches of {batch}, and with several processes every batch has to "
            f"be full: give --batch {size}, or leave it out."
        )


def distill(job: Job, texts: Sequence[Path], made_up: int, teacher: Sequence[str], layers: Sequence[int] | None) -> str:
    """Learn the embeddings of teachers with some of the layers.

    :raises TrainingError: See ``train_command.run``.
    """
    known = _texts(job, texts, made_up)

    def make() -> tuple[SentenceTransformer, Lesson]:
        rows = {name: encoded(opened(name), known) for name in dict.fromkeys([*teacher, job.model])}
        wanted = targets([rows[name] for name in teacher], rows[job.model])
        student = run_in_parts(opened(job.model))
        if layers is not None:
            student = shallower(student, layers)
        return student, lesson_of_embeddings(student, known, wanted)

    settings = {"teachers": list(teacher), "layers": layers, "examples": [len(known), fingerprint(known)]}
    return job.done(settings, make, _save)


def adapt(job: Job, texts: Sequence[Path], made_up: int, train_from: int | None, pruning: Mapping[str, Any]) -> str:
    """Learn the encoder's own embeddings while being pruned.

    :raises TrainingError: See ``train_command.run``.
    :raises EncoderError: If the policy does not fit the encoder.
    """
    known = _texts(job, texts, made_up)
    count = shared_model(job.model).weights.config.layers
    policy = policy_from_options({**pruning, "model": job.model}, count)
    policy.check_fits(count)
    first = min(policy.layers, default=0) if train_from is None else train_from
    if not policy.layers or first > min(policy.layers):
        raise TrainingError(
            f"--train-from is {first}, and cuts are in {policy.layers}: train from the first cut or below."
        )

    def make() -> tuple[SentenceTransformer, Lesson]:
        wanted = encoded(opened(job.model), known)
        student = SentenceTransformer(modules=[PrunedModule(job.model, [policy], first)])
        return student, lesson_of_embeddings(student, known, wanted)

    settings = {"policy": asdict(policy), "train_from": first, "examples": [len(known), fingerprint(known)]}
    return job.done(settings, make, _publish)


def _texts(job: Job, files: Sequence[Path], made_up: int) -> list[str]:
    """The messages in some files, and so many made-up ones for each."""
    texts = read_texts(files)
    return texts + varied(texts, made_up * len(texts), job.plan.seed)


def _save(model: SentenceTransformer, folder: Path) -> None:
    model.save_pretrained(str(folder))


def _publish(model: SentenceTransformer, folder: Path) -> None:
    module = cast("PrunedModule", model[0])
    publish(module.source, module.weights(), folder)
