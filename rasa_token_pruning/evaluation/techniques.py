"""What makes an encoder faster by reading less: our pruning, and what it is compared with at equal work or time.

Every technique runs the torch reference in fp32 on one model, in the encoder's own batches without padding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

import numpy as np
import torch

from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.policy import LEARNT, PruningPolicy
from rasa_token_pruning.encoder.pooling import read_out
from rasa_token_pruning.encoder.pruned import batches_of_equal_length
from rasa_token_pruning.encoder.readout import FINAL, FINAL_AND_CUT, ModelHead, joined_layers
from rasa_token_pruning.encoder.tokenization import WordPieces, WordPieceTokenizer
from rasa_token_pruning.encoder.transformer import Transformer
from rasa_token_pruning.evaluation.layer_loop import Pass, Passed
from rasa_token_pruning.evaluation.layer_techniques import EarlyExit, Merging, Pruning, RandomCuts, Threshold
from rasa_token_pruning.evaluation.text_techniques import (
    Selection,
    beginning,
    document_frequencies,
    everything,
    without_frequent,
    without_stop_words,
)


@dataclass(frozen=True, eq=False)
class Reference:
    """A model in parts, which its techniques share."""

    tokenizer: WordPieceTokenizer
    transformer: Transformer
    head: ModelHead

    @classmethod
    def of(cls, model: str, adapter: Path | None = None) -> Reference:
        """A model by name or folder, see ``location.locate``, as an adapter's file changes it.

        :raises EncoderError: If one is missing, damaged or not supported.
        """
        found = shared_model(model, adapter)
        return cls(found.tokenizer(None), Transformer.from_weights(found.weights), found.head)

    @property
    def layers(self) -> int:
        """The number of layers."""
        return self.transformer.config.layers

    def knows(self, layers: Sequence[int]) -> bool:
        """Whether scores are learnt in these layers."""
        return all(str(layer) in self.transformer.scorers for layer in layers)


@dataclass(frozen=True, eq=False)
class Technique:
    """One way to read less, at one strength. A text's embedding depends on that text alone.

    :param name: Equal for the same technique at other strengths.
    :param setting: The strength; what it means is said where it is made.
    :param reference: The model.
    :param select: What is read of a text.
    :param through: How that runs through the layers.
    """

    name: str
    setting: float
    reference: Reference = field(repr=False)
    select: Selection = everything
    through: Pass = field(default_factory=Pass)

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Embed texts, at least one: ``(texts, dimension)``, float32."""
        rows: dict[int, np.ndarray] = {}
        for indices, passed in self._passed(self.reference.tokenizer.tokenize(texts), texts):
            for part in passed.parts:
                embeddings = read_out(part.run, self.reference.head).numpy()
                rows.update(zip((indices[number] for number in part.texts.tolist()), embeddings, strict=True))
        return np.stack([rows[index] for index in range(len(texts))])

    @torch.inference_mode()
    def work(self, texts: Sequence[str]) -> float:
        """The share of token-layer products that is left of the whole encoder's on these texts, in ``(0, 1]``.

        A layer that shortens counts half before and half after. The texts are run to find out.
        """
        pieces = self.reference.tokenizer.tokenize(texts)
        whole = self.reference.layers * sum(len(text.ids) for text in pieces)
        return sum(passed.work for _, passed in self._passed(pieces, texts)) / whole

    def _passed(self, pieces: Sequence[WordPieces], texts: Sequence[str]) -> Iterator[tuple[list[int], Passed]]:
        """Batches of equal length, as numbers of texts, behind the last layer."""
        read = [
            replace(found, ids=found.ids[self.select(text, found)]) for text, found in zip(texts, pieces, strict=True)
        ]
        for indices, ids in batches_of_equal_length(read):
            yield indices, self.through.run(self.reference.transformer, torch.from_numpy(ids))


# The floor of what works before the encoder, which reads nothing but what is left.
_TEXT_FLOOR = 4
# Where our pruning cuts, as a share of the layers, with floor and quantiles. The first is the rule of thumb's.
_CUTS = ((1 / 3, 6, (0.25, 0.5, 0.75, 0.95)), (1 / 6, 3, (0.2, 0.4, 0.6, 0.8, 0.95)))
# The same by learnt scores, with several layers.
_LEARNT_CUTS = (((1 / 6, 1 / 2), 8, (0.2, 0.4, 0.6, 0.8)), ((0, 1 / 3), 6, (0.2, 0.4, 0.6, 0.8)))


def unpruned(reference: Reference) -> Technique:
    """The model as it is."""
    return Technique("unpruned", 0.0, reference)


def pruning(name: str, reference: Reference, policy: PruningPolicy, readout: str) -> Technique:
    """Ours, with a policy and a read-out (``readout.joined_layers``). Setting: the quantile.

    :raises EncoderError: If the read-out does not fit the policy or the model.
    """
    joined = joined_layers(readout, policy, reference.layers)
    return Technique(name, policy.quantile, reference, through=Pruning(policy, joined))


def techniques(reference: Reference, corpus: Sequence[str]) -> list[Technique]:
    """Every technique at several strengths, which leave from about 0.95 to 0.5 of the work where a technique can.

    :param corpus: The texts of the task that may be learnt from: document frequencies are counted on them.
    """
    return [*_before_the_layers(reference, corpus), *_in_the_layers(reference), *_cuts(reference)]


def _before_the_layers(reference: Reference, corpus: Sequence[str]) -> Iterator[Technique]:
    """Setting: the share of the pieces above the floor that goes; ``stop_words`` has no strength."""
    tokenizer = reference.tokenizer
    frequencies = document_frequencies(tokenizer.tokenize(corpus), tokenizer.vocabulary_size)
    yield Technique("stop_words", 1.0, reference, without_stop_words())
    for quantile in (0.1, 0.2, 0.35, 0.5, 0.7):
        yield Technique("lowest_idf", quantile, reference, without_frequent(quantile, _TEXT_FLOOR, frequencies))
        yield Technique("truncation", quantile, reference, beginning(quantile, _TEXT_FLOOR))


def _in_the_layers(reference: Reference) -> Iterator[Technique]:
    """Setting: the share that goes in each layer, the threshold of the last layer, the layers that run."""
    layers = reference.layers
    for gone in (0.1, 0.25, 0.5, 0.75, 0.95):
        yield Technique("tome", gone / layers, reference, through=Merging(gone / layers))
    for threshold in (0.003, 0.006, 0.012, 0.025, 0.05, 0.1):
        yield Technique("threshold", threshold, reference, through=Threshold(threshold))
    for count in range(layers - 1, layers // 2 - 1, -1):
        yield Technique("early_exit", count, reference, through=EarlyExit(count))


def _cuts(reference: Reference) -> Iterator[Technique]:
    """Ours by attention, and by learnt scores where they are known, and random tokens in its place.

    Setting: the quantile.
    """
    for share, min_tokens, quantiles in _CUTS:
        layer = int(share * reference.layers + 1e-9)
        for policy in (PruningPolicy((layer,), quantile, min_tokens) for quantile in quantiles):
            where = f"in layer {layer} above {min_tokens}"
            yield Technique(f"random {where}", policy.quantile, reference, through=RandomCuts(policy))
            for readout in (FINAL, FINAL_AND_CUT):
                yield pruning(f"pruning {where}, {readout}", reference, policy, readout)
    for shares, min_tokens, quantiles in _LEARNT_CUTS:
        layers = tuple(int(share * reference.layers + 1e-9) for share in shares)
        if reference.knows(layers):
            for quantile, readout in product(quantiles, (FINAL, FINAL_AND_CUT)):
                policy = PruningPolicy(layers, quantile, min_tokens, score=LEARNT)
                yield pruning(
                    f"learnt in layers {' and '.join(map(str, layers))} above {min_tokens}, {readout}",
                    reference,
                    policy,
                    readout,
                )
