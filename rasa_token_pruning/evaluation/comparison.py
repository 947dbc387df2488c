"""Our pruning beside other ways to read less and other ways to be faster: accuracy against time, in one run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Protocol

import numpy as np

from rasa_token_pruning.encoder.adapter_files import adapter_where_cut, fixed_adapter
from rasa_token_pruning.encoder.presets import LEVELS, preset
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.encoder.readout import FINAL, FINAL_AND_CUT
from rasa_token_pruning.evaluation.data_sets import SHOTS, DataSet
from rasa_token_pruning.evaluation.few_shot import Learner, gain, some_of
from rasa_token_pruning.evaluation.labelled import Labelled
from rasa_token_pruning.evaluation.long_messages import LONG, SHORT, lengthened
from rasa_token_pruning.evaluation.paired_time import paired_time
from rasa_token_pruning.evaluation.techniques import Reference, pruning, techniques, unpruned
from rasa_token_pruning.evaluation.work import piece_counts

# Messages to judge by of each data set, how many of these are lengthened, and how many are timed.
JUDGED, LENGTHENED, TIMED = 500, 150, 15
# Word pieces of a message, special tokens counted: up to so many.
LENGTHS = (8, 16, 32, 512)
READOUTS = (FINAL, FINAL_AND_CUT)


class Way(Protocol):
    """One way to embed texts."""

    @property
    def name(self) -> str:
        """Equal for the same way at other strengths."""

    @property
    def setting(self) -> float:
        """The strength."""

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Texts to embeddings, ``(texts, dimension)``."""


@dataclass(frozen=True, eq=False)
class Served:
    """An encoder as it serves: on another engine than the techniques, which run on torch.

    :param name: Engine, precision, preset and read-out.
    :param encoder: The encoder.
    """

    name: str
    encoder: PrunedEncoder
    setting: float = 1.0

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Texts to embeddings, ``(texts, dimension)``."""
        return self.encoder.encode(texts)


def compared(
    model: str, adapter: str, data: Sequence[DataSet], progress: Callable[[str], None]
) -> dict[str, list[dict[str, Any]]]:
    """Accuracy, time and accuracy by length for every way to embed texts.

    :param model: As in the featurizer.
    :param adapter: As in the featurizer, but it changes the encoder of every way, unpruned too.
    :param data: At least one data set.
    :param progress: Is told what is being done.
    :return: Rows ``accuracy`` (in ``[0, 1]``, the mean over 5 and 10 examples an intent, with the change in points
        against the unpruned encoder's own embedding and its standard error over the messages), ``lengths`` (the same by
        word pieces, over all data sets) and ``time`` (of one message at a time, as a share of the unpruned encoder's
        on the torch engine).
    """
    judged = {one.name: _judged(one) for one in data}
    timed = {kind: _of_kind(judged, kind) for kind in (SHORT, LONG)}
    reference = Reference.of(model, adapter_where_cut(model, adapter))
    whole = unpruned(reference)
    with_presets = [*_as_preset(reference, model, adapter), *_served(reference.layers, model, adapter)]
    right: dict[tuple[str, float], dict[tuple[str, str], np.ndarray]] = {}
    times: list[dict[str, Any]] = []
    for number, one in enumerate(data):
        ways: list[Way] = [whole, *techniques(reference, one.examples["full"][0].texts), *with_presets]
        for way in ways:
            progress(f"{one.name}: {way.name} {way.setting:.3g}")
            right.setdefault((way.name, way.setting), {}).update(_right(way, one, judged[one.name]))
            if number == 0:
                for kind, texts in timed.items():
                    found = paired_time(way.encode, whole.encode, texts)
                    where = {"technique": way.name, "setting": way.setting, "kind": kind}
                    times.append({**where, "ms": found.ms, "unpruned_ms": found.reference_ms, "share": found.share})
    lengths = {
        key: np.array(piece_counts(model, messages.texts))
        for name, kinds in judged.items()
        for key, messages in _keyed(name, kinds)
    }
    return {"accuracy": _accuracies(right), "lengths": _by_length(right, lengths), "time": times}


def _as_preset(reference: Reference, model: str, adapter: str) -> Iterator[Way]:
    """The presets on the torch engine, as the techniques are."""
    for level, readout in product(LEVELS, READOUTS):
        yield pruning(f"{level}, {readout}", reference, preset(level, reference.layers, model, adapter), readout)


def _served(layers: int, model: str, adapter: str) -> Iterator[Way]:
    """Encoders as they serve."""
    file = fixed_adapter(model, adapter)
    for precision, level, readout in product(("fp32", "int8"), ("off", "balanced"), READOUTS):
        policy = preset(level, layers, model, adapter)
        encoder = PrunedEncoder(model, policy, readout, engine="onnx", precision=precision, adapter=file)
        yield Served(f"onnx {precision}, {level}, {readout}", encoder)


def _judged(one: DataSet) -> dict[str, Labelled]:
    messages = some_of(one.judged, JUDGED)
    return {SHORT: messages, LONG: lengthened(messages.chosen(range(min(LENGTHENED, len(messages)))))}


def _of_kind(judged: Mapping[str, Mapping[str, Labelled]], kind: str) -> list[str]:
    return [text for kinds in judged.values() for text in kinds[kind].texts[:TIMED]]


def _keyed(name: str, kinds: Mapping[str, Labelled]) -> list[tuple[tuple[str, str], Labelled]]:
    return [((name, kind), messages) for kind, messages in kinds.items()]


def _right(way: Way, one: DataSet, kinds: Mapping[str, Labelled]) -> dict[tuple[str, str], np.ndarray]:
    """How often each message is understood over the draws of examples, by data set and kind, ``(messages,)``."""
    learners = [Learner.of(way.encode, draws[0]) for draws in (one.examples[str(shots)] for shots in SHOTS)]
    return {
        key: np.mean([learner.right(way.encode, messages) for learner in learners], axis=0)
        for key, messages in _keyed(one.name, kinds)
    }


def _accuracies(right: Mapping[tuple[str, float], Mapping[tuple[str, str], np.ndarray]]) -> list[dict[str, Any]]:
    reference = next(iter(right.values()))
    return [
        {"technique": name, "setting": setting, "data": data, "kind": kind, **gain(found, reference[data, kind])}
        for (name, setting), sets in right.items()
        for (data, kind), found in sets.items()
    ]


def _by_length(
    right: Mapping[tuple[str, float], Mapping[tuple[str, str], np.ndarray]],
    lengths: Mapping[tuple[str, str], np.ndarray],
) -> list[dict[str, Any]]:
    reference = next(iter(right.values()))
    pieces = np.concatenate([lengths[key] for key in reference])
    whole = np.concatenate([reference[key] for key in reference])
    rows = []
    for (name, setting), sets in right.items():
        found = np.concatenate([sets[key] for key in reference])
        for low, high in zip((0, *LENGTHS), LENGTHS, strict=False):
            chosen = (low < pieces) & (pieces <= high)
            if chosen.any():
                where = {
                    "technique": name,
                    "setting": setting,
                    "from": low + 1,
                    "to": high,
                    "messages": int(chosen.sum()),
                }
                rows.append({**where, **gain(found[chosen], whole[chosen])})
    return rows
