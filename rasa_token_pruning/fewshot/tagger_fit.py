"""Fits the weights of a tagger: as likely as can be for the examples, and short."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from rasa_token_pruning.fewshot.bilou import Label, grammar, shared_parts
from rasa_token_pruning.fewshot.chain import Grammar, Sequences, expectation

# Half the squared weights count this much. Chosen on messages of other intents than those that figures are given for;
# half or three times as much is as good.
_PENALTY = 0.1
_ITERATIONS = 60  # twice as many change nothing


@dataclass(frozen=True, eq=False)
class Examples:
    """Messages whose entities are known.

    :param rows: Features of tokens, ``(tokens, dimension)``, float32.
    :param words: Features of words, ``(tokens, vocabulary)``, float32.
    :param truth: The tags of the tokens, ``(tokens,)``; see ``bilou``.
    :param sequences: Where messages begin and end; the longest come first.
    :param labels: What entities can be.
    """

    rows: np.ndarray
    words: csr_matrix
    truth: np.ndarray
    sequences: Sequences
    labels: tuple[Label, ...]

    @cached_property
    def grammar(self) -> Grammar:
        """Which tags may follow which."""
        return grammar(len(self.labels))

    @cached_property
    def shared(self) -> np.ndarray:
        """Which parts make up each tag, ``(parts, tags)``; see ``bilou``."""
        return shared_parts(self.labels)

    @cached_property
    def transposed_words(self) -> csr_matrix:
        """The features of words, ``(vocabulary, tokens)``."""
        return self.words.T.tocsr()

    @cached_property
    def observed(self) -> np.ndarray:
        """How often one tag follows another, ``(tags, tags)``."""
        counts = np.zeros(self.grammar.follows.shape)
        later = np.concatenate(self.sequences.steps[1:] or [np.empty(0, dtype=int)])
        np.add.at(counts, (self.truth[later - 1], self.truth[later]), 1)
        return counts


def fit(examples: Examples) -> tuple[np.ndarray, np.ndarray]:
    """The scores of tags for features, ``(dimension + vocabulary, tags)``, and after tags, ``(tags, tags)``; float32.

    The same input gives the same scores to the bit.
    """
    parts, tags = examples.shared.shape
    features = examples.rows.shape[1] + examples.words.shape[1]
    with threadpool_limits(1):  # more threads would change last bits
        found = minimize(
            _loss_and_gradient,
            np.zeros(features * parts + tags * tags),
            args=(examples,),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": _ITERATIONS, "maxfun": 2 * _ITERATIONS, "maxcor": 5},
        )
        weights, transitions = _split(found.x, examples)
        return weights @ examples.shared, transitions.astype(np.float32)


def _split(parameters: np.ndarray, examples: Examples) -> tuple[np.ndarray, np.ndarray]:
    """The weights of parts, ``(features, parts)``, float32, and the transitions, float64."""
    parts, tags = examples.shared.shape
    weights, transitions = np.split(parameters, [-tags * tags])
    return weights.reshape(-1, parts).astype(np.float32), transitions.reshape(tags, tags)


def _loss_and_gradient(parameters: np.ndarray, examples: Examples) -> tuple[float, np.ndarray]:
    """The regularised negative log-likelihood of the true tags, and its gradient."""
    weights, transitions = _split(parameters, examples)
    of_rows, of_words = np.split(weights, [examples.rows.shape[1]])
    scores = (examples.rows @ of_rows + examples.words @ of_words) @ examples.shared
    expected = expectation(scores.astype(np.float64), transitions, examples.grammar, examples.sequences)
    true = (np.arange(len(scores)), examples.truth)
    likelihood = scores[true].sum(dtype=np.float64) + (transitions * examples.observed).sum() - expected.log_partition
    errors = expected.tags.astype(np.float32)
    errors[true] -= 1
    errors = errors @ examples.shared.T
    gradients = (examples.rows.T @ errors, examples.transposed_words @ errors, expected.pairs - examples.observed)
    gradient = np.concatenate([gradient.ravel() for gradient in gradients])
    return _PENALTY / 2 * parameters @ parameters - likelihood, gradient + _PENALTY * parameters
