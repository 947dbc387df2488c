"""The encoder: tokenise, group by length, run, pool."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.location import DEFAULT_MODEL
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.pooling import FINAL, FINAL_AND_CUT, READOUTS, read_out
from rasa_token_pruning.encoder.presets import preset
from rasa_token_pruning.encoder.tokenization import WordPieces
from rasa_token_pruning.encoder.transformer import Run

# A batch holds at most so many word pieces: enough to fill the processor, little enough for its caches.
_BATCH_PIECES = 2048


@dataclass(frozen=True)
class EncodedText:
    """One encoded text.

    :param embedding: The sentence embedding, ``(dimension,)``, float32.
    :param states: For each word piece the last state that it reached, ``(pieces, token_dimension)``, float32: its last
        hidden state if it stayed, else the state in which it was dropped.
    :param pieces: The word pieces, special tokens first and last.
    :param kept: Whether each piece stayed to the end, ``(pieces,)``, bool.
    """

    embedding: np.ndarray
    states: np.ndarray
    pieces: WordPieces
    kept: np.ndarray


class PrunedEncoder:
    """A pretrained sentence encoder that drops unimportant tokens while it runs (arXiv 2408.11799).

    A text's kept tokens and embedding depend on that text alone, not on its batch. With ``pruning="off"`` and
    ``readout="final"`` the embeddings are those of sentence-transformers to 1e-5. Instances share their weights and
    can be used from several threads.

    :param model: ``all-MiniLM-L6-v2`` or the path of a sentence-transformers folder.
    :param pruning: ``balanced``, ``off``, or a policy of your own.
    :param readout: ``final`` or ``final+cut``, see ``pooling.read_out``.
    :raises EncoderError: If an option is wrong, or the model is missing, damaged or not supported.
    """

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        pruning: str | PruningPolicy = "balanced",
        readout: str = FINAL,
    ) -> None:
        if readout not in READOUTS:
            raise EncoderError(f"readout is {readout!r}: give one of {', '.join(READOUTS)}.")
        self._model = shared_model(model)
        self._readout = readout
        self.policy = pruning if isinstance(pruning, PruningPolicy) else preset(pruning, self.layers)
        self._check_policy()

    @property
    def layers(self) -> int:
        """The number of layers."""
        return self._model.transformer.config.layers

    @property
    def token_dimension(self) -> int:
        """The width of a token's state."""
        return self._model.transformer.config.width

    @property
    def dimension(self) -> int:
        """The width of an embedding."""
        return self.token_dimension * (2 if self._readout == FINAL_AND_CUT else 1)

    @property
    def identity(self) -> str:
        """A hash that is equal for encoders with equal model files."""
        return self._model.identity

    def encode(self, texts: str | Sequence[str]) -> np.ndarray:
        """Embed texts.

        :param texts: A text, or several.
        :return: ``(dimension,)`` for one text, ``(len(texts), dimension)`` for several; float32, finite.
        :raises TypeError: If something other than a text is given.
        """
        if isinstance(texts, str):
            embedding: np.ndarray = self.encode([texts])[0]
            return embedding
        pieces = self._tokenize(texts)
        embeddings = np.empty((len(texts), self.dimension), dtype=np.float32)
        for indices, run in self._runs(pieces):
            embeddings[indices] = self._embed(run)
        return embeddings

    def encode_tokens(self, texts: Sequence[str]) -> list[EncodedText]:
        """Embed texts, with the states of their word pieces and what was kept of them.

        :param texts: Several texts.
        :return: One result per text, in their order. Arrays are copies of their own.
        :raises TypeError: If something other than a text is given.
        """
        pieces = self._tokenize(texts)
        encoded: dict[int, EncodedText] = {}
        for indices, run in self._runs(pieces):
            embeddings, states = self._embed(run), run.reached.numpy()
            kept = np.zeros(states.shape[:2], dtype=bool)
            np.put_along_axis(kept, run.kept.numpy(), True, axis=1)
            for row, index in enumerate(indices):
                encoded[index] = EncodedText(
                    embedding=embeddings[row].copy(),
                    states=states[row].copy(),
                    pieces=pieces[index],
                    kept=kept[row].copy(),
                )
        return [encoded[index] for index in range(len(texts))]

    def _check_policy(self) -> None:
        if any(layer >= self.layers for layer in self.policy.layers):
            raise EncoderError(
                f"layers is {list(self.policy.layers)}, but this encoder has {self.layers} layers: give numbers from 0 "
                f"to {self.layers - 1}."
            )
        if self._readout == FINAL_AND_CUT and not self.policy.layers:
            raise EncoderError(f"readout {FINAL_AND_CUT!r} needs a layer to read from: name one in layers.")

    def _tokenize(self, texts: Sequence[str]) -> list[WordPieces]:
        if isinstance(texts, str):
            raise TypeError(f"The encoder was given one text, {texts!r}, where it takes several: put it into a list.")
        for text in texts:
            if not isinstance(text, str):
                raise TypeError(f"The encoder takes texts (str), but was given {text!r} ({type(text).__name__}).")
        return self._model.tokenizer.tokenize(texts)

    def _runs(self, pieces: Sequence[WordPieces]) -> Iterator[tuple[list[int], Run]]:
        """Run batches of texts of equal length: no padding, and they stay rectangular after every cut."""
        by_length: dict[int, list[int]] = {}
        for index, text in enumerate(pieces):
            by_length.setdefault(len(text.ids), []).append(index)
        for length, group in sorted(by_length.items()):
            size = max(1, _BATCH_PIECES // length)
            for start in range(0, len(group), size):
                indices = group[start : start + size]
                ids = torch.from_numpy(np.stack([pieces[index].ids for index in indices]))
                yield indices, self._model.transformer.run(ids, self.policy)

    def _embed(self, run: Run) -> np.ndarray:
        with torch.inference_mode():
            model = self._model
            embeddings: np.ndarray = read_out(run, self._readout, model.normalize, model.pooling).numpy()
        return embeddings
