"""What an encoder has learnt, as a small adapter to the model that it started from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rasa_token_pruning.encoder.adapter import Adapter
from rasa_token_pruning.encoder.adapter_files import adapter_where_cut, read_adapter, write_adapter
from rasa_token_pruning.encoder.loading import SentenceModel, shared_model
from rasa_token_pruning.encoder.location import WEIGHTS_FILE, sha256
from rasa_token_pruning.encoder.options import NONE
from rasa_token_pruning.encoder.weights import EncoderWeights, scored_layers, scorer_shapes
from rasa_token_pruning.training.errors import TrainingError
from rasa_token_pruning.training.output import RECORD, check_free

_ADAPTER = ".safetensors"  # how the name of an adapter's file ends


def extract(trained: Sequence[str], model: str, rank: int, scores: str, output: Path) -> str:
    """Write the change from one model to another as an adapter, and say how much of it there is.

    :param trained: The folder of the model after training, or an adapter's file; of several the mean of their weights
        (Wortsman et al. 2022, arXiv 2203.05482).
    :param model: The model that they were before.
    :param rank: Of the change of each matrix, at least 1.
    :param scores: An adapter to the model as it was before, as in the featurizer: what it knows of the importance of
        tokens goes into the new one.
    :param output: The file to write.
    :raises TrainingError: If the output exists, an adapter is to another model or knows no scores, or the models
        differ in more than their weights.
    :raises EncoderError: If a model is missing, damaged or not supported.
    """
    check_free(output)
    before = shared_model(model)
    learnt = [_from_adapter(one, before) if one.endswith(_ADAPTER) else _from_folder(one, model) for one in trained]
    mean = _mean([weights for weights, _ in learnt])
    known, said = _scores(before, scores)
    adapter = Adapter.between(before.weights, mean, rank)
    if not adapter.arrays:
        raise TrainingError(f"{' and '.join(trained)} has the layers of {model}: there is nothing to write.")
    records = [record for _, record in learnt]
    provenance = {"rank": rank, "training": records[0] if len(records) == 1 else records, **said}
    write_whole(output, Adapter({**adapter.arrays, **known}), before, provenance)
    share = _share(before.weights, mean, adapter)
    return f"{output} has {output.stat().st_size / 2**20:.2f} MiB and {share:.0%} of the change."


def _from_folder(trained: str, model: str) -> tuple[EncoderWeights, Any]:
    """The weights of a model after training, and how it was trained, if ``train-encoder`` did that."""
    before, after = shared_model(model), shared_model(trained)
    if before.weights.config != after.weights.config or _tail(before) != _tail(after):
        raise TrainingError(
            f"{trained} differs from {model} in more than the weights of its layers: an adapter can hold what "
            "contrastive and adapt change, and not fewer layers. Give the model that it was trained from."
        )
    try:
        return after.weights, json.loads((after.folder / RECORD).read_bytes())
    except (OSError, ValueError):
        return after.weights, None


def _from_adapter(file: str, before: SentenceModel) -> tuple[EncoderWeights, Any]:
    """The weights of a model with what an adapter changes, and how that was trained."""
    folder = str(before.folder)
    weights = shared_model(folder, adapter_where_cut(folder, file)).weights
    return weights, read_adapter(Path(file)).provenance.get("training")


def _mean(weights: Sequence[EncoderWeights]) -> EncoderWeights:
    """The mean of each array that all of them have."""
    shared = set.intersection(*(set(one.arrays) for one in weights))
    return EncoderWeights(
        weights[0].config, {name: np.mean([one.arrays[name] for one in weights], axis=0) for name in shared}
    )


def _scores(model: SentenceModel, option: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """What makes tokens important, of an adapter to a model, and how that came about."""
    if option == NONE:
        return {}, {}
    file = adapter_where_cut(str(model.folder), option)
    other = read_adapter(file) if file else None
    layers = scored_layers(other.adapter.arrays) if other else []
    if not other or not layers or other.base != sha256(model.folder / WEIGHTS_FILE):
        raise TrainingError(
            f"--scores is {option}, which knows no scores of {model.folder}: give what score wrote for it."
        )
    shapes = scorer_shapes(layers, model.weights.config.width)
    return {name: other.adapter.arrays[name] for name in shapes}, {"scores": other.provenance.get("scores", {})}


def write_whole(output: Path, adapter: Adapter, model: SentenceModel, provenance: Mapping[str, Any]) -> None:
    """Write an adapter to a model, or nothing."""
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f"{output.name}.partial")
    write_adapter(partial, adapter, sha256(model.folder / WEIGHTS_FILE), provenance)
    os.replace(partial, output)


def _tail(model: SentenceModel) -> tuple[Any, ...]:
    """What follows the layers, comparable."""
    dense = [(one.weight.tobytes(), one.bias.tobytes(), one.tanh) for one in model.head.dense]
    return (model.head.pooling, dense, model.head.normalize, model.facts.max_length, model.facts.lower_case)


def _share(before: EncoderWeights, after: EncoderWeights, adapter: Adapter) -> float:
    """Of the squares of all changes in the layers the share that the adapter holds, in ``[0, 1]``."""
    changed = adapter.applied(before).arrays
    names = [name for name in before.arrays if name.startswith("layers.")]
    missed = sum(float(np.square(after.arrays[name] - changed[name]).sum()) for name in names)
    whole = sum(float(np.square(after.arrays[name] - before.arrays[name]).sum()) for name in names)
    return 1 - missed / whole
