"""Texts to word pieces, without padding, with the characters that each piece stands for."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Encoding, Tokenizer, normalizers

from rasa_token_pruning.encoder.errors import EncoderError

logger = logging.getLogger(__name__)

# So many characters of a text are tokenised for each piece that the model can read, so that a text of megabytes costs
# no more than one that is merely too long. Only runs of spaces, and words so long that vocabularies have no piece for
# them, have more characters to a piece.
_CHARACTERS_PER_PIECE = 100


@dataclass(frozen=True, eq=False)
class WordPieces:
    """One tokenised text.

    :param ids: Vocabulary ids, special tokens first and last, ``(pieces,)``, int64.
    :param truncated: How many pieces at the end of the text were left out because the model has a limit, at least 0;
        of a text with more than 100 characters for each piece of the limit, only those of its beginning are counted.
    """

    ids: np.ndarray
    truncated: int
    _encoding: Encoding
    _prompt_length: int

    @property
    def texts(self) -> tuple[str, ...]:
        """The pieces as the vocabulary writes them."""
        tokens = self._encoding.tokens
        return (*tokens[: len(self.ids) - 1], tokens[-1])

    @property
    def offsets(self) -> np.ndarray:
        """Start and end character of each piece in the text, ``(pieces, 2)``.

        Special tokens and the pieces of a prompt have (0, 0).
        """
        offsets = self._encoding.offsets
        kept = np.array([*offsets[: len(self.ids) - 1], offsets[-1]], dtype=np.int64)
        return np.maximum(kept - self._prompt_length, 0)


class WordPieceTokenizer:
    """A model's own tokenizer, set to neither pad nor cut; the limit is applied and counted here.

    :param file: The model's ``tokenizer.json``.
    :param max_length: The model's limit in pieces, special tokens counted, at least 2.
    :param prompt: What precedes every text.
    :param lower_case: Whether texts are lowercased before the tokenizer's own normalisation.
    :raises EncoderError: If the file is no tokenizer that puts one special token at each end of a text.
    """

    def __init__(self, file: Path, max_length: int, prompt: str = "", lower_case: bool = False) -> None:
        try:
            self._tokenizer = _read(file, lower_case)
            special = self._tokenizer.encode("a").special_tokens_mask
        except BaseException as error:
            # The library raises bare Exception. It is Rust, whose panics are no Exception, and of no class to import.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            raise EncoderError(f"{file} cannot be read as a tokenizer: {error}") from error
        self._max_length = max_length
        self.prompt = prompt
        self._warned = False
        if special[:1] != [1] or special[-1:] != [1] or sum(special) != 2:
            raise EncoderError(f"{file} does not put one special token at each end of a text; that is not supported.")

    @property
    def vocabulary_size(self) -> int:
        """The number of different word pieces."""
        return int(self._tokenizer.get_vocab_size())

    def to_json(self) -> str:
        """The content of a ``tokenizer.json`` that gives the same pieces, without the prompt and the limit."""
        return str(self._tokenizer.to_str())

    def tokenize(self, texts: Sequence[str], report: bool = True) -> list[WordPieces]:
        """Tokenise texts; characters that are no valid text (lone surrogates) count as ``?``.

        :param texts: Any number of texts.
        :param report: Whether the first text that is longer than the limit is worth a warning.
        """
        limit = self._max_length * _CHARACTERS_PER_PIECE
        texts = [(self.prompt + text[:limit]).encode("utf-8", "replace").decode("utf-8") for text in texts]
        if len(texts) < 2:  # no thread pool for one message: it would have to be rebuilt after a fork
            return [self._limited(self._tokenizer.encode(text), report) for text in texts]
        return [self._limited(encoding, report) for encoding in self._tokenizer.encode_batch(texts)]

    def _limited(self, encoding: Encoding, report: bool) -> WordPieces:
        length = len(encoding.ids)
        truncated = max(0, length - self._max_length)
        if truncated and report and not self._warned:
            self._warned = True
            logger.warning(
                "A text has %d word pieces or more; the encoder reads the first %d and leaves out the rest. "
                "Further texts of this kind are not reported.", length, self._max_length,
            )  # fmt: skip
        ids = np.array(encoding.ids, dtype=np.int64)
        if truncated:
            ids = np.append(ids[: self._max_length - 1], ids[-1])
        ids.flags.writeable = False
        return WordPieces(ids, truncated, encoding, len(self.prompt))


def _read(file: Path, lower_case: bool) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    if lower_case:
        own = tokenizer.normalizer
        tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), *([own] if own else [])])
    return tokenizer
