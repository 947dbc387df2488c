"""What pruning costs and saves on data sets: accuracy and time by quantile (the experiments of arXiv 2408.11799)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from rasa_token_pruning.encoder.adapter_files import fixed_adapter
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.encoder.readout import FINAL, FINAL_AND_CUT
from rasa_token_pruning.evaluation.data_sets import DataSet
from rasa_token_pruning.evaluation.few_shot import Learner, gain, some_of
from rasa_token_pruning.evaluation.paired_time import paired_time
from rasa_token_pruning.evaluation.remembered import Remembered
from rasa_token_pruning.evaluation.work import piece_counts, work_left

QUANTILES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
READOUTS = (FINAL, FINAL_AND_CUT)
_TIMED = 200


def by_quantile(
    model: str,
    adapter: str,
    precision: str,
    policy: PruningPolicy,
    data: Sequence[DataSet],
    numbers: Sequence[str],
    progress: Callable[[str], None],
) -> dict[str, list[dict[str, Any]]]:
    """Accuracy, work and time for every quantile, data set and number of examples.

    :param model: As in the featurizer.
    :param adapter: As in the featurizer, but that of the unpruned encoder too: the loss is that of pruning.
    :param precision: ``fp32`` or ``int8``, on the onnx engine.
    :param policy: Where and from which length on is cut; its quantile is replaced.
    :param numbers: How many examples an intent, of ``data_sets.EXAMPLES``.
    :param progress: Is told what is being done.
    :return: Rows ``accuracy`` and ``time``. Each change is against the unpruned encoder's own embedding, in points,
        with its standard error over the messages; times are of one message at a time.
    """
    accuracies: list[dict[str, Any]] = []
    times: list[dict[str, Any]] = []
    encoder_with = partial(_encoder, model, fixed_adapter(model, adapter), precision, policy)
    unpruned = encoder_with(0.0)
    reference: dict[tuple[str, str], np.ndarray] = {}
    for quantile, one in product(QUANTILES, data):
        progress(f"{precision}, quantile {quantile}, {one.name}")
        encoder = encoder_with(quantile)
        where = {"precision": precision, "quantile": quantile, "data": one.name}
        times.append({**where, **_time(model, encoder, unpruned, one)})
        for (readout, shots), right in _right(encoder, one, numbers).items():
            # What comes first is the reference: quantile 0 and the model's own embedding.
            found = gain(right, reference.setdefault((one.name, shots), right))
            accuracies.append({**where, "shots": shots, "readout": readout, **found})
    return {"accuracy": accuracies, "time": times}


def _right(encoder: PrunedEncoder, one: DataSet, numbers: Sequence[str]) -> dict[tuple[str, str], np.ndarray]:
    """By read-out and number of examples, over the draws how often each message is understood, ``(messages,)``."""
    remembered = Remembered(encoder)
    found = {}
    for readout, shots in product(READOUTS, numbers):
        embed = remembered.with_readout(readout)
        draws = [Learner.of(embed, examples).right(embed, one.judged) for examples in one.examples[shots]]
        found[readout, shots] = np.mean(draws, axis=0)
    return found


def _time(model: str, encoder: PrunedEncoder, unpruned: PrunedEncoder, one: DataSet) -> dict[str, float]:
    time = paired_time(encoder.encode, unpruned.encode, some_of(one.judged, _TIMED).texts)
    work = work_left(encoder.policy, encoder.layers, piece_counts(model, one.judged.texts))
    return {"ms": time.ms, "unpruned_ms": time.reference_ms, "share": time.share, "work": work}


def _encoder(model: str, adapter: str, precision: str, policy: PruningPolicy, quantile: float) -> PrunedEncoder:
    cut = replace(policy, quantile=quantile)
    return PrunedEncoder(model, cut, FINAL_AND_CUT, engine="onnx", precision=precision, adapter=adapter)
