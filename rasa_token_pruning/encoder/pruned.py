"""The encoder: tokenise, group by length, run, put back into order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rasa_token_pruning.encoder.bundle import Description, write_bundle
from rasa_token_pruning.encoder.cache import TextCache
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.location import DEFAULT_MODEL
from rasa_token_pruning.encoder.options import NONE, Options
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.readout import FINAL
from rasa_token_pruning.encoder.runtime import Runtime, adapter_of, loaded, made
from rasa_token_pruning.encoder.tokenization import WordPieces
from rasa_token_pruning.encoder.trace import Trace, traced
from rasa_token_pruning.encoder.weights import EncoderWeights

# A batch holds at most so many word pieces: enough to fill the processor, little enough for its caches.
_BATCH_PIECES = 2048
_MOST_MIB = 2**20  # a TiB


@dataclass(frozen=True, eq=False)
class EncodedText:
    """One encoded text. Its arrays are read-only: a cache may hand them out again.

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

    @property
    def offsets(self) -> np.ndarray:
        """Start and end character of each piece in the text, ``(pieces, 2)``."""
        return self.pieces.offsets


class PrunedEncoder:
    """A pretrained sentence encoder that drops unimportant tokens while it runs (arXiv 2408.11799).

    A text's kept tokens and embedding depend on that text alone, not on its batch. With ``pruning="off"``,
    ``readout="final"`` and ``precision="fp32"`` the embeddings are those of sentence-transformers to 1e-5. Instances
    with equal options share their memory and can be used from several threads.

    :param model: ``all-MiniLM-L6-v2``, the path of a sentence-transformers folder, or a hub name.
    :param pruning: ``gentle``, ``balanced``, ``aggressive``, ``off``, or a policy of your own.
    :param readout: ``final``, ``final+cut``, or layers by number, see ``readout.joined_layers``.
    :param prompt: What precedes every text: the name of one of the model's own prompts, or a text such as ``query: ``;
        ``""`` for nothing, ``None`` for the model's own default.
    :param engine: ``onnx`` (fast), ``torch`` (the reference, and other devices), or ``auto``: onnx on the CPU.
    :param precision: ``fp32``; ``int8`` with the onnx engine: about twice as fast and a quarter of the size; or
        ``auto``: int8 with the onnx engine.
    :param num_threads: How many threads one call may use, at least 1; ``None`` leaves it to the engine.
    :param device: ``cpu``, or with the torch engine ``cuda`` or ``mps``.
    :param adapter: A small change of the weights: the file or folder that ``train-encoder adapter`` wrote; ``package``:
        the one that comes with this package for the model; ``auto``: that, if there is one and tokens are cut; or
        ``none``.
    :param cache_mib: How much memory may hold the results for the last texts, in MiB, at least 0; 0 for no cache.
    :raises EncoderError: If an option is wrong, or the model is missing, damaged or not supported.
    """

    _options: Options | None

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        pruning: str | PruningPolicy = "balanced",
        readout: str = FINAL,
        *,
        prompt: str | None = None,
        engine: str = "auto",
        precision: str = "fp32",
        num_threads: int | None = None,
        device: str = "cpu",
        adapter: str = NONE,
        cache_mib: float = 0,
    ) -> None:
        self._options = Options(model, pruning, readout, prompt, engine, precision, num_threads, device, adapter)
        self._start(made(self._options), cache_mib)

    @classmethod
    def load(cls, folder: str | Path, *, num_threads: int | None = None, cache_mib: float = 0) -> PrunedEncoder:
        """An encoder that ``save`` has written. Needs neither the model nor torch.

        :raises EncoderError: If a file is missing or damaged, or an option is wrong.
        """
        encoder = cls.__new__(cls)
        encoder._options = None
        encoder._start(loaded(Path(folder), num_threads), cache_mib)
        return encoder

    def with_weights(self, weights: EncoderWeights) -> PrunedEncoder:
        """The same encoder with other weights, as ``adaptation`` finds them.

        :raises EncoderError: If this encoder was itself loaded.
        """
        if self._options is None:
            raise EncoderError("A loaded encoder holds no model to put weights into: make it from the model.")
        encoder = PrunedEncoder.__new__(PrunedEncoder)
        encoder._options = self._options
        encoder._start(made(self._options, weights), self._cache_mib)
        return encoder

    @property
    def can_be_saved(self) -> bool:
        """Whether ``save`` works: the encoder runs on the onnx engine and was not itself loaded."""
        return self._runtime.graph is not None

    def save(self, folder: str | Path) -> None:
        """Write graph, tokenizer and description; files of these names in the folder are replaced.

        :raises EncoderError: If the encoder was itself loaded (copy that folder), or runs on torch.
        """
        if self._runtime.graph is None:
            raise EncoderError("Only an encoder with engine onnx that was made here can be saved; copy a loaded one.")
        description, tokenizer = self._runtime.description, self._runtime.tokenizer
        write_bundle(Path(folder), description, self._runtime.graph, tokenizer.to_json())

    def _start(self, runtime: Runtime, cache_mib: float) -> None:
        if isinstance(cache_mib, bool) or not isinstance(cache_mib, (int, float)) or not 0 <= cache_mib <= _MOST_MIB:
            raise EncoderError(
                f"cache_mib is {cache_mib!r}: give a number of MiB of at least 0, at most {_MOST_MIB}; 0 for no cache."
            )
        self._runtime = runtime
        self._cache_mib = cache_mib
        # Encoders that share a runtime share what it has encoded, as an assistant's two featurizers do.
        self._memory: _Memory = runtime.memories.setdefault(cache_mib, _Memory.of(int(cache_mib * 2**19)))

    @property
    def description(self) -> Description:
        """What is to be known about it, and tells it from others."""
        return self._runtime.description

    @property
    def options(self) -> Options | None:
        """How it was made; nothing if it was loaded."""
        return self._options

    @property
    def policy(self) -> PruningPolicy:
        """Where and how much it cuts."""
        return self._runtime.description.policy

    @property
    def layers(self) -> int:
        """The number of layers."""
        return self._runtime.description.layers

    @property
    def token_dimension(self) -> int:
        """The width of a token's state."""
        return self._runtime.description.width

    @property
    def dimension(self) -> int:
        """The width of an embedding."""
        return self._runtime.description.dimension

    @property
    def precision(self) -> str:
        """``fp32`` or ``int8``."""
        return self._runtime.description.precision

    @property
    def identity(self) -> str:
        """A hash that is equal for encoders made of equal model files."""
        return self._runtime.description.identity

    def encode(self, texts: str | Sequence[str]) -> np.ndarray:
        """Embed texts.

        :param texts: A text, or several.
        :return: ``(dimension,)`` for one text, ``(len(texts), dimension)`` for several; float32, finite.
        :raises TypeError: If something other than a text is given.
        """
        if isinstance(texts, str):
            embedding: np.ndarray = self.encode([texts])[0]
            return embedding
        _check_texts(texts)
        rows = self._memory.embeddings.get(texts, self._embed)
        return np.stack(rows) if rows else np.empty((0, self.dimension), dtype=np.float32)

    def encode_tokens(self, texts: Sequence[str]) -> list[EncodedText]:
        """Embed texts, with the states of their word pieces and what was kept of them.

        :param texts: Several texts.
        :return: One result per text, in their order.
        :raises TypeError: If something other than a text is given.
        """
        _check_texts(texts)
        return self._memory.encoded.get(texts, self._encode)

    def trace(self, text: str) -> Trace:
        """What became of each word piece of a text: where it went, and by what importance. Runs the encoder once more.

        :raises TypeError: If something other than a text is given.
        """
        _check_texts([text])
        (pieces,) = self._runtime.tokenizer.tokenize([text])
        return traced(pieces, self._runtime.engine.trace(pieces.ids))

    def without_cuts(self) -> PrunedEncoder:
        """The same encoder with pruning off: it shares the memory of this one, and remembers no texts.

        Needs neither the model nor torch where this one does not. It cannot be saved.
        """
        encoder = PrunedEncoder.__new__(PrunedEncoder)
        if self._options is not None:
            adapter = str(adapter_of(self._options) or NONE)  # that of the encoder that cuts
            encoder._options = replace(self._options, pruning=self.policy.without_cuts(), adapter=adapter)
        else:
            encoder._options = None
        encoder._start(self._runtime.without_cuts(), 0)
        return encoder

    def _embed(self, texts: Sequence[str]) -> list[np.ndarray]:
        rows: dict[int, np.ndarray] = {}
        for indices, ids in batches_of_equal_length(self._runtime.tokenizer.tokenize(texts)):
            for index, row in zip(indices, self._runtime.engine.embed(ids), strict=True):
                rows[index] = row.copy()  # not a view, which would keep the whole batch in memory
        return [rows[index] for index in range(len(texts))]

    def _encode(self, texts: Sequence[str]) -> list[EncodedText]:
        pieces = self._runtime.tokenizer.tokenize(texts)
        encoded: dict[int, EncodedText] = {}
        for indices, ids in batches_of_equal_length(pieces):
            run = self._runtime.engine.run(ids)
            for row, index in enumerate(indices):
                arrays = [array[row].copy() for array in (run.embeddings, run.reached, run.kept)]
                for array in arrays:
                    array.flags.writeable = False
                encoded[index] = EncodedText(arrays[0], arrays[1], pieces[index], arrays[2])
        return [encoded[index] for index in range(len(texts))]


@dataclass(frozen=True, eq=False)
class _Memory:
    """What was encoded last, without and with the states of word pieces."""

    embeddings: TextCache[np.ndarray]
    encoded: TextCache[EncodedText]

    @classmethod
    def of(cls, max_bytes: int) -> _Memory:
        """An empty one, of so many bytes for each."""
        return cls(TextCache(max_bytes, lambda row: row.nbytes), TextCache(max_bytes, _size))


def batches_of_equal_length(
    pieces: Sequence[WordPieces], most: int | None = None
) -> Iterator[tuple[list[int], np.ndarray]]:
    """Batches of texts of equal length: no padding, and they stay rectangular after every cut.

    :param most: How many texts a batch holds at most; None to fill the processor.
    """
    by_length: dict[int, list[int]] = {}
    for index, text in enumerate(pieces):
        by_length.setdefault(len(text.ids), []).append(index)
    for length, group in sorted(by_length.items()):
        size = most or max(1, _BATCH_PIECES // length)
        for start in range(0, len(group), size):
            indices = group[start : start + size]
            yield indices, np.stack([pieces[index].ids for index in indices])


def _check_texts(texts: Sequence[str]) -> None:
    if isinstance(texts, str):
        raise TypeError(f"The encoder was given one text, {texts!r}, where it takes several: put it into a list.")
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"The encoder takes texts (str), but was given {text!r} ({type(text).__name__}).")


def _size(encoded: EncodedText) -> int:
    """About how many bytes a result takes: its arrays, and what the tokenizer keeps for each piece."""
    pieces = len(encoded.kept) + encoded.pieces.truncated
    return encoded.embedding.nbytes + encoded.states.nbytes + 300 * pieces
