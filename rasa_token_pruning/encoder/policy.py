"""Where, how much and from which length on tokens are cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from rasa_token_pruning.encoder.errors import EncoderError

REDUCTIONS = ("drop", "merge")
LEARNT = "learnt"
SCORES = ("mean_attention", "max_attention", "attention_value", LEARNT)
# Words to protect, by name: what attention finds unimportant although a message can turn on it
# (docs/what-attention-loses.md).
PROTECTED = {
    "negations": ("not", "n't", "no", "never", "without", "cannot", "nor", "neither", "none", "nothing", "nobody"),
}
_MOST_TOKENS = 10**6  # more than any encoder reads, and a number that a graph can hold


@dataclass(frozen=True)
class PruningPolicy:
    """A pruning configuration (s, q, l), after arXiv 2408.11799.

    The paper names a configuration by these letters without a public definition; this one is ours.
    How many tokens stay depends on the length of the text alone, so texts of one length stay
    rectangular after every cut, and a text is cut in the same way whatever its batch.

    :param layers: s, the layers inside which tokens are dropped, counted from 0, strictly increasing.
        A layer drops tokens after its attention and before its feed-forward part.
    :param quantile: q, the share of the removable tokens that goes at each cut, ``0 <= quantile < 1``.
    :param min_tokens: l, the floor in word pieces with the special tokens counted, at least 2: a text of at most
        ``min_tokens`` is never cut, and only the tokens above the floor are removable.
    :param reduction: ``drop``, or ``merge``: a token that goes is averaged into the most similar one that stays, which
        from then on counts for all that it stands for (after ToMe, arXiv 2210.09461).
    :param score: What makes a token important, see ``scores``; ``learnt`` needs weights that have learnt it, as an
        adapter of this package has.
    :param protect: Which words stay, as long as as many tokens do: ``negations``, or words of one piece each, see
        ``protection``. How many tokens stay does not depend on it.
    :raises EncoderError: If a value is outside its range.
    """

    layers: tuple[int, ...]
    quantile: float
    min_tokens: int
    reduction: str = "drop"
    score: str = "mean_attention"
    protect: str | tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.layers, (list, tuple)) or not _ascending_from_zero(self.layers):
            raise EncoderError(
                f"layers is {self.layers!r}: give a list of layer numbers from 0 on, in ascending order, as in [2]."
            )
        object.__setattr__(self, "layers", tuple(self.layers))
        if isinstance(self.quantile, bool) or not isinstance(self.quantile, (int, float)) or not 0 <= self.quantile < 1:
            raise EncoderError(
                f"quantile is {self.quantile!r}: give a number with 0 <= quantile < 1; 0 turns pruning off."
            )
        if not _is_int(self.min_tokens) or not 2 <= self.min_tokens <= _MOST_TOKENS:
            raise EncoderError(
                f"min_tokens is {self.min_tokens!r}: give a whole number of at least 2 (the two special tokens) and at "
                f"most {_MOST_TOKENS}."
            )
        for key, allowed in (("reduction", REDUCTIONS), ("score", SCORES)):
            if getattr(self, key) not in allowed:
                raise EncoderError(f"{key} is {getattr(self, key)!r}: give one of {', '.join(allowed)}.")
        if not isinstance(self.protect, str):
            object.__setattr__(self, "protect", _words(self.protect))
        elif self.protect not in PROTECTED:
            raise EncoderError(
                f"protect is {self.protect!r}: give {', '.join(PROTECTED)}, or a list of words, as in [not, never]."
            )

    def tokens_kept(self, length: int) -> int:
        """The number of tokens that remain after one cut.

        :param length: The number of tokens before the cut, special tokens counted, at least 0.
        :return: A number in ``[min(length, min_tokens), length]`` that never falls as ``length`` grows.
        """
        removable = max(0, length - self.min_tokens)
        # The tiny term undoes binary rounding: 0.29 * 100 is 28.999999999999996.
        return length - int(self.quantile * removable + 1e-9)

    def check_fits(self, layers: int) -> None:
        """Whether an encoder has the layers that are cut.

        :param layers: The number of its layers.
        :raises EncoderError: If not.
        """
        if any(layer >= layers for layer in self.layers):
            raise EncoderError(
                f"layers is {list(self.layers)}, but this encoder has {layers} layers: give numbers from 0 to "
                f"{layers - 1}."
            )

    def without_cuts(self) -> PruningPolicy:
        """The same policy with pruning off; its layers still say where the read-out before the cut is taken."""
        return replace(self, quantile=0.0)


def _ascending_from_zero(layers: Sequence[object]) -> bool:
    numbers = [layer for layer in layers if isinstance(layer, int) and _is_int(layer)]
    return len(numbers) == len(layers) and all(low < high for low, high in pairwise([-1, *numbers]))


def _words(protect: object) -> tuple[str, ...]:
    words = tuple(protect) if isinstance(protect, (list, tuple)) else ("",)
    if not all(isinstance(word, str) and word and word.split() == [word] for word in words):
        raise EncoderError(
            f"protect is {protect!r}: give {', '.join(PROTECTED)}, or a list of words, as in [not, never]."
        )
    return words


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
