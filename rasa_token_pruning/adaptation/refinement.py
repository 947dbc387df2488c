"""Refining an encoder on an assistant's own examples: a minute of training for a more accurate classifier.

The upper layers learn to separate the intents: by the cross-entropy of a cosine classifier (Gidaris and Komodakis 2018,
arXiv 1804.09458) whose weights start from the mean embedding of each intent. They are trained as they will run, pruned:
what they lose to pruning they can learn to make up for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from rasa_token_pruning.adaptation.trainable import Entering, TrainableEncoder
from rasa_token_pruning.encoder.engine import EncoderSpec
from rasa_token_pruning.encoder.weights import EncoderWeights

# Chosen on validation splits (docs/tried.md).
EPOCHS, BATCH = 5, 32
_POOL = 8 * BATCH  # of so many texts each, batches of similar length are made
LEARNING_RATE, PROTOTYPE_LEARNING_RATE, WEIGHT_DECAY = 2e-4, 4e-3, 0.01
_SCALE = 20.0  # of cosines: the inverse temperature
_WARM_UP, _LARGEST_GRADIENT, _SEED = 0.1, 1.0, 0


def refine(
    weights: EncoderWeights, spec: EncoderSpec, ids: Sequence[np.ndarray], labels: np.ndarray, title: str = "Refining"
) -> EncoderWeights:
    """Train the layers from the first that cuts on, or from a third of the way up if none does before.

    The same input gives the same weights on one machine, whatever else the process does.

    :param weights: The encoder; its arrays are not changed.
    :param spec: How it will run.
    :param ids: Token ids of each text with special tokens at both ends, ``(length,)``, int64.
    :param labels: The number of each text's intent, ``(texts,)``; every number from 0 to the largest occurs.
    :param title: What the progress bar says.
    :return: The weights after training.
    """
    first = min([weights.config.layers // 3, *spec.policy.layers])
    encoder = TrainableEncoder(weights, spec, first, _SEED)
    entering = encoder.entering(ids)
    prototypes = _prototypes(encoder, entering, labels).requires_grad_(True)
    parameters = list(encoder.trained.parameters())
    optimizer = torch.optim.AdamW(
        [{"params": parameters, "lr": LEARNING_RATE}, {"params": [prototypes], "lr": PROTOTYPE_LEARNING_RATE}],
        weight_decay=WEIGHT_DECAY,
    )
    steps = EPOCHS * -(-len(ids) // BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / (_WARM_UP * steps), 1 - step / steps)
    )
    targets = torch.from_numpy(labels)
    lengths = np.array([len(text) for text in ids])
    encoder.train(True)
    for numbers in tqdm(_batches(lengths), title, total=steps, unit="step", leave=False):
        embeddings = encoder.embed([entering[number] for number in numbers])
        optimizer.zero_grad()
        logits = _SCALE * embeddings @ functional.normalize(prototypes, dim=-1).T
        functional.cross_entropy(logits, targets[numbers]).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(parameters, _LARGEST_GRADIENT)
        optimizer.step()
        schedule.step()
    return encoder.weights()


def _prototypes(encoder: TrainableEncoder, entering: Sequence[Entering], labels: np.ndarray) -> Tensor:
    """The mean embedding of each intent, ``(intents, dimension)``."""
    encoder.train(False)
    with torch.no_grad():
        parts = [encoder.embed(entering[start : start + 256]) for start in range(0, len(entering), 256)]
        embeddings = torch.cat(parts)
        sums = torch.zeros(int(labels.max()) + 1, embeddings.shape[1])
        return functional.normalize(sums.index_add(0, torch.from_numpy(labels), embeddings), dim=-1)


def _batches(lengths: np.ndarray) -> Iterator[np.ndarray]:
    """The numbers of the texts of each batch, others in each epoch; those of a batch are of few lengths.

    There is no padding: every length of a batch is a pass of its own.
    """
    chance = np.random.default_rng(_SEED)
    for _ in range(EPOCHS):
        order = chance.permutation(len(lengths))
        for start in range(0, len(order), _POOL):
            pool = order[start : start + _POOL]
            pool = pool[np.argsort(lengths[pool], kind="stable")]
            batches = [pool[first : first + BATCH] for first in range(0, len(pool), BATCH)]
            yield from (batches[number] for number in chance.permutation(len(batches)))
