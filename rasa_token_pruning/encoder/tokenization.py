"""Texts to word pieces, without padding, with the characters that each piece stands for."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Encoding, Tokenizer

from rasa_token_pruning.encoder.errors import EncoderError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class WordPieces:
    """One tokenised text.

    :param ids: Vocabulary ids, special tokens first and last, ``(pieces,)``, int64.
    :param texts: The pieces as the vocabulary writes them.
    :param offsets: Start and end character of each piece in the text, ``(pieces, 2)``; special tokens have (0, 0).
    :param truncated: How many pieces at the end of the text were left out because the model has a limit, at least 0.
    """

    ids: np.ndarray
    texts: tuple[str, ...]
    offsets: np.ndarray
    truncated: int


class WordPieceTokenizer:
    """A model's own tokenizer, set to neither pad nor cut; the limit is applied and counted here.

    :param file: The model's ``tokenizer.json``.
    :param max_length: The model's limit in pieces, special tokens counted, at least 2.
    :raises EncoderError: If the file is no tokenizer that puts one special token at each end of a text.
    """

    def __init__(self, file: Path, max_length: int) -> None:
        try:
            self._tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:  # the library raises bare Exception
            raise EncoderError(f"{file} cannot be read as a tokenizer: {error}") from error
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._max_length = max_length
        self._warned = False
        for text, mask in (("", [1, 1]), ("a", [1, 0, 1])):
            if self._tokenizer.encode(text).special_tokens_mask != mask:
                raise EncoderError(
                    f"{file} does not put one special token at each end of a text; that is not supported."
                )

    @property
    def vocabulary_size(self) -> int:
        """The number of different word pieces."""
        return int(self._tokenizer.get_vocab_size())

    def tokenize(self, texts: Sequence[str]) -> list[WordPieces]:
        """Tokenise texts; characters that are no valid text (lone surrogates) count as ``?``."""
        texts = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        if len(texts) < 2:  # no thread pool for one message: it would have to be rebuilt after a fork
            return [self._limited(self._tokenizer.encode(text)) for text in texts]
        return [self._limited(encoding) for encoding in self._tokenizer.encode_batch(texts)]

    def _limited(self, encoding: Encoding) -> WordPieces:
        length = len(encoding.ids)
        truncated = max(0, length - self._max_length)
        if truncated and not self._warned:
            self._warned = True
            logger.warning(
                "A text has %d word pieces; the encoder reads the first %d and leaves out the rest. "
                "Further texts of this kind are not reported.", length, self._max_length,
            )  # fmt: skip
        chosen = slice(0, length - truncated - 1)
        return WordPieces(
            ids=np.array([*encoding.ids[chosen], encoding.ids[-1]], dtype=np.int64),
            texts=(*encoding.tokens[chosen], encoding.tokens[-1]),
            offsets=np.array([*encoding.offsets[chosen], encoding.offsets[-1]], dtype=np.int64),
            truncated=truncated,
        )
