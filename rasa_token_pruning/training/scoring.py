"""An adapter that knows what makes tokens important, for the score ``learnt``."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rasa_token_pruning.encoder.adapter import Adapter
from rasa_token_pruning.encoder.adapter_files import adapter_where_cut, read_adapter
from rasa_token_pruning.encoder.loading import SentenceModel, shared_model
from rasa_token_pruning.encoder.weights import scorer_shapes
from rasa_token_pruning.training.checkpoints import claim, fingerprint
from rasa_token_pruning.training.errors import TrainingError
from rasa_token_pruning.training.extraction import write_whole
from rasa_token_pruning.training.importance import FLOOR, QUANTILE, Told, learnt_scorer
from rasa_token_pruning.training.material import read_texts
from rasa_token_pruning.training.output import check_free, checkpoints_of
from rasa_token_pruning.training.stories import in_stories
from rasa_token_pruning.training.variation import varied
from rasa_token_pruning.version import __version__


def learn_scores(
    texts: Sequence[Path],
    made_up: int,
    most: int,
    stories: float,
    model: str,
    adapter: str,
    layers: Sequence[int],
    seed: int,
    output: Path,
) -> str:
    """Write an adapter that also knows what makes tokens important in some layers, and say how well.

    What is learnt in a layer is kept beside the output until all are: killed, the same call goes on with the next.

    :param texts: Messages without labels, one a line, or labelled ones.
    :param made_up: How many made-up messages for each.
    :param most: From how many of them to learn.
    :param stories: How many messages in a story for each of these; what they mean is the message alone.
    :param model: As in the featurizer.
    :param adapter: As in the featurizer; what it changes stays in the new one.
    :param layers: From 0 on; none for all.
    :param seed: Another one learns from other messages.
    :param output: The file to write.
    :raises TrainingError: If the output exists, there are too few messages, or another call's layers are beside it.
    :raises EncoderError: If the model or its adapter is missing, damaged or not supported.
    """
    check_free(output)
    file = adapter_where_cut(model, adapter)
    start, before = shared_model(model, file), read_adapter(file) if file else None
    wanted = _checked(layers, start.weights.config.layers)
    told = _told(start, *_material(texts, made_up, most, stories, seed), seed)
    plain = sum(one.text is one.meant for one in told)
    how = {"texts": plain, "stories": len(told) - plain, "quantile": QUANTILE, "min_tokens": FLOOR, "seed": seed}
    content = fingerprint([[one.text.ids.tolist(), one.meant.ids.tolist()] for one in told])
    claim(checkpoints_of(output), {**how, "encoder": start.identity, "content": content, "version": __version__})
    arrays = dict(before.adapter.arrays) if before else {}
    provenance = dict(before.provenance) if before else {}
    scores, found = dict(provenance.get("scores", {})), []
    for layer in wanted:
        learnt, correlation = _learnt(start, told, layer, seed, checkpoints_of(output) / f"layer-{layer}.npz")
        arrays.update(zip(scorer_shapes([layer], start.weights.config.width), learnt, strict=True))
        scores[str(layer)] = {**how, "version": __version__, "correlation": round(correlation, 3)}
        found.append(f"{correlation:.2f} in layer {layer}")
    write_whole(output, Adapter(arrays), start, {**provenance, "scores": scores})
    shutil.rmtree(checkpoints_of(output), ignore_errors=True)
    return f"{output} knows what makes tokens important. Correlation with what they are worth: {', '.join(found)}."


def _learnt(
    start: SentenceModel, told: Sequence[Told], layer: int, seed: int, kept: Path
) -> tuple[list[np.ndarray], float]:
    """A layer's scorer, as an adapter holds it, and its correlation: learnt now, or kept from an earlier call.

    :param kept: Where it is kept.
    """
    if not kept.exists():
        try:
            scorer, correlation = learnt_scorer(start.weights, start.head, told, layer, seed)
        except ValueError as error:
            raise TrainingError(f"There is too little to learn from: {error}.") from error
        learnt = [parameter.numpy().astype(np.float16) for parameter in scorer.parameters()]
        partial = kept.with_suffix(".partial")
        with partial.open("wb") as stream:
            np.savez(stream, np.array(correlation), *learnt)
        os.replace(partial, kept)
    with np.load(kept, allow_pickle=False) as arrays:
        first, *others = (arrays[name] for name in arrays.files)
    return others, float(first)


def _checked(layers: Sequence[int], count: int) -> list[int]:
    """The layers, ascending.

    :raises TrainingError: If one is not there.
    """
    wanted = sorted(set(layers)) or list(range(count))
    if wanted[-1] >= count:
        raise TrainingError(
            f"--layers is {wanted}, but this encoder has {count} layers: give numbers up to {count - 1}."
        )
    return wanted


def _material(files: Sequence[Path], made_up: int, most: int, stories: float, seed: int) -> tuple[list[str], list[str]]:
    """Messages to learn from as they are, and requests to put into a story."""
    written, chance = read_texts(files), random.Random(seed)
    known = written + varied(written, made_up * len(written), seed)
    chosen = chance.sample(known, min(most, len(known)))
    return chosen, chance.choices(written, k=round(stories * len(chosen)))


def _told(model: SentenceModel, plain: list[str], requests: list[str], seed: int) -> list[Told]:
    """Messages that mean what they say, and requests in the middle of a story."""
    tokenizer = model.tokenizer(None)
    as_said = tokenizer.tokenize(plain, report=False)
    bare, told = (tokenizer.tokenize(texts, report=False) for texts in (requests, in_stories(requests, seed)))
    return [Told(text, text) for text in as_said] + list(map(Told, told, bare))
