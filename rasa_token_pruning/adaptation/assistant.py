"""An encoder refined for one assistant, and how its examples look to refined encoders that have not seen them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch

from rasa_token_pruning.adaptation.refinement import refine
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.encoder.runtime import adapter_of, specification
from rasa_token_pruning.encoder.tokenization import WordPieceTokenizer
from rasa_token_pruning.fewshot.classifier import DEFAULT_STRENGTH
from rasa_token_pruning.fewshot.examples import Examples
from rasa_token_pruning.fewshot.held_out import HeldOut, folds, joined, view
from rasa_token_pruning.fewshot.mixture import fit_mixture

# A refined encoder has its examples by heart. To calibrate confidences, parts of the data are held out from encoders
# of their own until so many examples are: with more than 750 examples that is one part, a fifth (above 5,000 a half).
ENOUGH_HELD_OUT = 150

_FIT = partial(fit_mixture, strength=DEFAULT_STRENGTH)

_AT_ONCE = 4  # encoders that are refined side by side, of a few hundred MiB each


def refined(
    encoder: PrunedEncoder, texts: Sequence[str], intents: Sequence[str], names: Mapping[str, str]
) -> tuple[PrunedEncoder, HeldOut]:
    """Refine an encoder on labelled texts. The order of these does not matter.

    :param encoder: One that was made from a model; it is not changed.
    :param texts: The examples.
    :param intents: The intent of each text.
    :param names: For intents, the name as a text: one more example.
    :return: The refined encoder, and what is needed to calibrate a classifier on its embeddings: some of the examples
        as they look to a head (with the default strength) and an encoder that had seen neither.
    :raises ClassifierError: If there are fewer than two intents.
    :raises EncoderError: If the encoder was itself loaded.
    """
    if encoder.options is None:
        raise EncoderError("A loaded encoder cannot be refined: make it from the model.")
    model = shared_model(encoder.options.model, adapter_of(encoder.options))
    tokenizer = model.tokenizer(encoder.options.prompt)
    spec = specification(model, encoder.options, tokenizer)
    examples, ids = _sorted_by_ids(tokenizer, texts, intents, names)
    spelled = [
        texts[number] if number >= 0 else names[examples.intents[label]]
        for number, label in zip(examples.numbers, examples.labels, strict=True)
    ]

    def refined_without(held_out: np.ndarray, title: str) -> PrunedEncoder:
        seen = ~held_out
        chosen = [ids[row] for row in np.flatnonzero(seen)]
        return encoder.with_weights(refine(model.weights, spec, chosen, examples.labels[seen], title))

    def looked_at(held_out: np.ndarray, title: str) -> HeldOut:
        return view(examples, refined_without(held_out, title).encode(spelled), held_out, _FIT)

    which = folds(examples)
    nothing = np.zeros(len(ids), dtype=bool)
    with _side_by_side() as pool:
        whole = pool.submit(refined_without, nothing, "Refining the encoder")
        views = [
            pool.submit(looked_at, which == fold, f"Refining without part {fold + 1}")
            for fold in _parts_to_hold_out(which)
        ]
        unseen = view(examples, np.empty((len(ids), 0)), nothing, _FIT)
        return whole.result(), joined([unseen, *(one.result() for one in views)])


def _parts_to_hold_out(which: np.ndarray) -> np.ndarray:
    """The folds that are held out, of the fold of each example, until ``ENOUGH_HELD_OUT`` examples are."""
    sizes = np.bincount(which[which >= 0])
    before = np.cumsum(sizes) - sizes
    return np.flatnonzero((sizes > 0) & (before < ENOUGH_HELD_OUT))


@contextmanager
def _side_by_side() -> Iterator[ThreadPoolExecutor]:
    """Runs things at one time, each in one thread: batches are small, and more threads would wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(min(threads, _AT_ONCE)) as pool:
            yield pool
    finally:
        torch.set_num_threads(threads)


def _sorted_by_ids(
    tokenizer: WordPieceTokenizer, texts: Sequence[str], intents: Sequence[str], names: Mapping[str, str]
) -> tuple[Examples, list[np.ndarray]]:
    """The examples in an order of their own, and the token ids of each, ``(length,)``."""
    every = [pieces.ids for pieces in tokenizer.tokenize([*texts, *names.values()], report=False)]
    longest = max(len(ids) for ids in every)
    padded = [np.pad(ids, (0, longest - len(ids)), constant_values=-1) for ids in every]
    examples = Examples.of(padded[: len(texts)], intents, dict(zip(names, padded[len(texts) :], strict=True)))
    return examples, [row[row >= 0] for row in examples.rows]
