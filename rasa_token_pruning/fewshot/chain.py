"""A linear-chain conditional random field: which tags the tokens of a sequence have (Lafferty et al., 2001)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

# Logarithms of likelihoods beyond this count as this: how much less likely a tag is than a token's likeliest, and how
# much more or less likely one tag makes the next. So nothing overflows, and no sequence that is allowed has probability
# 0, however large the numbers that a message's features hold.
_FAR = 40.0


@dataclass(frozen=True, eq=False)
class Grammar:
    """What tags may stand where. Every tag that may begin or follow must have a way to an end.

    :param first: Whether a tag may stand first, ``(tags,)``, bool.
    :param follows: Whether the second may follow the first, ``(tags, tags)``, bool.
    :param last: Whether a tag may stand last, ``(tags,)``, bool.
    """

    first: np.ndarray
    follows: np.ndarray
    last: np.ndarray


@dataclass(frozen=True, eq=False)
class Sequences:
    """Sequences of tokens that lie one after the other, the longest first.

    :param lengths: Their tokens, ``(sequences,)``, descending, each at least 1.
    """

    lengths: np.ndarray

    @cached_property
    def steps(self) -> list[np.ndarray]:
        """For each position, the numbers of the tokens that stand there, in the order of their sequences."""
        starts = np.cumsum(self.lengths) - self.lengths
        return [starts[self.lengths > position] + position for position in range(self.lengths.max())]

    @cached_property
    def ends(self) -> np.ndarray:
        """The numbers of the last tokens."""
        last: np.ndarray = np.cumsum(self.lengths) - 1
        return last


@dataclass(frozen=True, eq=False)
class Expectation:
    """What a field says of sequences.

    :param log_partition: The logarithm of the summed weights of all sequences of tags, over all sequences of tokens.
    :param tags: The probability of each tag at each token, ``(tokens, tags)``.
    :param pairs: How often one tag is expected to follow another, ``(tags, tags)``.
    """

    log_partition: float
    tags: np.ndarray
    pairs: np.ndarray


def expectation(scores: np.ndarray, transitions: np.ndarray, grammar: Grammar, sequences: Sequences) -> Expectation:
    """Sum over all sequences of tags, by the forward-backward algorithm.

    :param scores: The score of each tag at each token, ``(tokens, tags)``, finite.
    :param transitions: The score of the second tag after the first, ``(tags, tags)``, finite.
    """
    highest = scores.max(axis=1, keepdims=True)
    local, moves = _weights(scores, transitions, grammar, sequences.ends)
    forward, backward = np.empty_like(local), np.ones_like(local)
    totals, ahead = np.empty((len(local), 1)), np.zeros_like(local)
    steps = sequences.steps
    for position, here in enumerate(steps):
        reached = grammar.first if position == 0 else forward[here - 1] @ moves
        weights = local[here] * reached
        totals[here] = weights.sum(axis=1, keepdims=True)
        forward[here] = weights / totals[here]
    for here in reversed(steps[1:]):
        ahead[here] = local[here] * backward[here] / totals[here]
        backward[here - 1] = ahead[here] @ moves.T
    pairs = forward[:-1].T @ ahead[1:] * moves  # what is ahead at the first token of a sequence stays 0
    return Expectation(float(np.log(totals).sum() + highest.sum()), forward * backward, pairs)


def probabilities(scores: np.ndarray, transitions: np.ndarray, grammar: Grammar) -> np.ndarray:
    """As ``expectation``, of one sequence of tokens the tags alone, ``(tokens, tags)``.

    Not by BLAS, whose threads would wait for each other far longer than so few numbers take.
    """
    local, moves = _weights(scores, transitions, grammar, np.array([len(scores) - 1]))
    forward, backward = np.empty_like(local), np.ones_like(local)
    totals = np.empty(len(local))
    reached = grammar.first
    for place, weights in enumerate(local):
        forward[place] = weights * reached
        totals[place] = forward[place].sum()
        forward[place] /= totals[place]
        reached = np.einsum("i,ij->j", forward[place], moves)
    for place in range(len(local) - 1, 0, -1):
        ahead = local[place] * backward[place] / totals[place]
        backward[place - 1] = np.einsum("ij,j->i", moves, ahead)
    found: np.ndarray = forward * backward
    return found


def _weights(
    scores: np.ndarray, transitions: np.ndarray, grammar: Grammar, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What tags weigh at tokens, beside the token's likeliest, and after tags."""
    local = np.exp(np.maximum(scores - scores.max(axis=1, keepdims=True), -_FAR))
    local[ends] *= grammar.last
    return local, np.exp(np.clip(transitions, -_FAR, _FAR)) * grammar.follows


def best_path(scores: np.ndarray, transitions: np.ndarray, grammar: Grammar) -> list[int]:
    """The likeliest sequence of tags of one sequence of tokens, by the Viterbi algorithm.

    :param scores: As for ``expectation``, of at least one token.
    """
    moves = np.where(grammar.follows, transitions, -np.inf)
    best = np.where(grammar.first, scores[0], -np.inf)
    came_from = []
    for score in scores[1:]:
        ways = best[:, None] + moves
        came_from.append(ways.argmax(axis=0))
        best = ways.max(axis=0) + score
    path = [int(np.where(grammar.last, best, -np.inf).argmax())]
    for origins in reversed(came_from):
        path.append(int(origins[path[-1]]))
    return path[::-1]
