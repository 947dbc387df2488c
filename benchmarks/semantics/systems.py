"""What is compared: the encoder unpruned and with each preset, each with classifiers that learnt from what it gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rasa_token_pruning import PrunedEncoder, PruningPolicy
from rasa_token_pruning.encoder.adapter_files import fixed_adapter
from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.options import NONE
from rasa_token_pruning.encoder.presets import LEVELS as PRESETS
from rasa_token_pruning.encoder.presets import preset
from rasa_token_pruning.encoder.readout import FINAL, FINAL_AND_CUT
from rasa_token_pruning.evaluation.labelled import Labelled
from rasa_token_pruning.fewshot.classifier import FewShotClassifier
from rasa_token_pruning.fewshot.names import name_as_text

OFF = "off"
LEVELS = (OFF, *PRESETS)
READOUTS = (FINAL, FINAL_AND_CUT)


@dataclass(frozen=True)
class Subject:
    """What is looked at.

    :param model: As in the featurizer.
    :param adapter: As in the featurizer; where nothing is cut it changes the encoder too, so that what is lost is lost
        by pruning.
    :param readout: Of ``READOUTS`` the one that the study is about: of the other it sees less.
    """

    model: str
    adapter: str = NONE
    readout: str = FINAL

    def policy(self, level: str) -> PruningPolicy:
        """What a preset means."""
        return preset(level, shared_model(self.model).weights.config.layers, self.model, self.adapter)

    def encoder(self, level: str, protect: str | tuple[str, ...] = ()) -> PrunedEncoder:
        """The encoder that TokenPruningFeaturizer makes, with a preset; it may protect words."""
        policy = replace(self.policy(level), protect=protect)
        adapter = fixed_adapter(self.model, self.adapter)
        return PrunedEncoder(self.model, policy, FINAL_AND_CUT, precision="auto", num_threads=1, adapter=adapter)


def read_out(embeddings: np.ndarray, readout: str) -> np.ndarray:
    """What a read-out gives: the model's own embedding is the first half of both joined.

    :param embeddings: Those of ``final+cut``, ``(texts, dimension)``.
    """
    return embeddings if readout == FINAL_AND_CUT else embeddings[:, : embeddings.shape[1] // 2]


@dataclass(frozen=True, eq=False)
class System:
    """An encoder with what was learnt from its embeddings.

    :param encoder: It reads out ``final+cut``.
    :param classifiers: By read-out one for each draw of examples.
    """

    encoder: PrunedEncoder
    classifiers: dict[str, list[FewShotClassifier]]

    @classmethod
    def learn(cls, encoder: PrunedEncoder, draws: Sequence[Labelled], readout: str) -> System:
        """Learn from each draw of examples as FewShotIntentClassifier does, intents' names included.

        :param readout: Which read-out learns from each draw; the other learns from the first alone.
        """
        of_readout = {name: draws if name == readout else draws[:1] for name in READOUTS}
        return cls(encoder, {name: [_fit(encoder, draw, name) for draw in of_it] for name, of_it in of_readout.items()})

    def outcomes(self, texts: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
        """By read-out the number of the likeliest intent, ``(draws, texts)``, and its confidence in the first draw."""
        embeddings = self.encoder.encode(texts)
        for readout, classifiers in self.classifiers.items():
            rows = read_out(embeddings, readout)
            said = [classifier.predict(rows).confidences for classifier in classifiers]
            yield readout, np.array([found.argmax(axis=1) for found in said], dtype=np.int16)
            yield f"{readout} confidence", said[0].max(axis=1).astype(np.float32)


def _fit(encoder: PrunedEncoder, examples: Labelled, readout: str) -> FewShotClassifier:
    known = examples.known
    names = read_out(encoder.encode([name_as_text(intent) for intent in known]), readout)
    rows = read_out(encoder.encode(examples.texts), readout)
    return FewShotClassifier.fit(rows, examples.intents, dict(zip(known, names, strict=True)))
