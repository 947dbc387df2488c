"""An adapter that knows what makes tokens important, for the score ``learnt``."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rasa_token_pruning.encoder.adapter import Adapter
from rasa_token_pruning.encoder.adapter_files import adapter_where_cut, read_adapter
from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.weights import SCORERS
from rasa_token_pruning.training.errors import TrainingError
from rasa_token_pruning.training.extraction import write_whole
from rasa_token_pruning.training.importance import FLOOR, QUANTILE, learnt_scorer
from rasa_token_pruning.training.material import read_texts
from rasa_token_pruning.training.output import check_free
from rasa_token_pruning.training.variation import varied
from rasa_token_pruning.version import __version__


def learn_scores(
    texts: Sequence[Path],
    made_up: int,
    most: int,
    model: str,
    adapter: str,
    layers: Sequence[int],
    seed: int,
    output: Path,
) -> str:
    """Write an adapter that also knows what makes tokens important in some layers, and say how well.

    :param texts: Messages without labels, one a line, or labelled ones.
    :param made_up: How many made-up messages for each.
    :param most: From how many of them to learn.
    :param model: As in the featurizer.
    :param adapter: As in the featurizer; what it changes stays in the new one.
    :param layers: From 0 on; none for all.
    :param seed: Another one learns from other messages.
    :param output: The file to write.
    :raises TrainingError: If the output exists, or there are too few messages.
    :raises EncoderError: If the model or its adapter is missing, damaged or not supported.
    """
    check_free(output)
    file = adapter_where_cut(model, adapter)
    start, before = shared_model(model, file), read_adapter(file) if file else None
    count = start.weights.config.layers
    wanted = sorted(set(layers)) or list(range(count))
    if wanted[-1] >= count:
        raise TrainingError(
            f"--layers is {wanted}, but this encoder has {count} layers: give numbers up to {count - 1}."
        )
    known = read_texts(texts)
    known += varied(known, made_up * len(known), seed)
    chosen = random.Random(seed).sample(known, min(most, len(known)))
    pieces = start.tokenizer(None).tokenize(chosen, report=False)
    arrays = dict(before.adapter.arrays) if before else {}
    provenance = dict(before.provenance) if before else {}
    how = {"texts": len(pieces), "quantile": QUANTILE, "min_tokens": FLOOR, "seed": seed, "version": __version__}
    scores, told = dict(provenance.get("scores", {})), []
    for layer in wanted:
        try:
            scorer, correlation = learnt_scorer(start.weights, start.head, pieces, layer, seed)
        except ValueError as error:
            raise TrainingError(f"There is too little to learn from: {error}.") from error
        arrays[f"{SCORERS}{layer}"] = scorer.astype(np.float16)
        scores[str(layer)] = {**how, "correlation": round(correlation, 3)}
        told.append(f"{correlation:.2f} in layer {layer}")
    write_whole(output, Adapter(arrays), start, {**provenance, "scores": scores})
    return f"{output} knows what makes tokens important. Correlation with what they are worth: {', '.join(told)}."
