"""Words that are never cut: their word pieces, as far as a vocabulary tells them from others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.policy import PROTECTED
from rasa_token_pruning.encoder.tokenization import WordPieceTokenizer

_UNKNOWN = ("[UNK]", "<unk>")  # a piece that stands for everything that has none
_SUFFIX = "n't"  # no word of its own: its last piece is what "can't" has and "can" has not


def protected_ids(protect: str | Sequence[str], tokenizer: WordPieceTokenizer) -> tuple[int, ...]:
    """The vocabulary's numbers of the pieces that stand for words, whether at the beginning or within a text, and in
    lower case, capitalised or upper case, ascending.

    :param protect: A name in ``PROTECTED``, of whose words those that the vocabulary has no piece for are left out; or
        words, of which each must be one piece.
    :raises EncoderError: If a word is not.
    """
    known = PROTECTED.get(protect, ()) if isinstance(protect, str) else protect
    found: set[int] = set()
    for word in known:
        pieces = set(_single_pieces(word, tokenizer))
        if not pieces and not isinstance(protect, str):
            raise EncoderError(
                f"protect has {word!r}, for which this encoder's vocabulary has no piece of its own: give words that "
                "are one piece, or leave it out."
            )
        found |= pieces
    return tuple(sorted(found))


def _single_pieces(word: str, tokenizer: WordPieceTokenizer) -> Iterator[int]:
    if word == _SUFFIX:
        yield from _added("can", "can't", tokenizer)[-1:]
        return
    for written in (word, word.capitalize(), word.upper()):
        for before in ("", "a "):
            pieces = _added(before.strip(), before + written, tokenizer)
            if len(pieces) == 1:
                yield pieces[0]


def _added(before: str, text: str, tokenizer: WordPieceTokenizer) -> list[int]:
    """The pieces that a text has after those of its beginning."""
    start, whole = tokenizer.tokenize([before, text], report=False)
    added = slice(len(start.ids) - 1, -1)
    if any(piece in _UNKNOWN for piece in whole.texts[added]):
        return []
    return [int(number) for number in whole.ids[added]]
