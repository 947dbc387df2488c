"""A sentence-transformers folder, read into memory: tokenizer, transformer and pooling. One per process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from weakref import WeakValueDictionary

from safetensors import SafetensorError  # type: ignore[attr-defined]  # missing from its stubs
from safetensors.torch import load_file

from rasa_token_pruning.encoder.checkpoints import build_transformer
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.location import WEIGHTS_FILE, identity, locate
from rasa_token_pruning.encoder.model_files import read_facts
from rasa_token_pruning.encoder.tokenization import WordPieceTokenizer
from rasa_token_pruning.encoder.transformer import Transformer


@dataclass(frozen=True, eq=False)
class SentenceModel:
    """A loaded model, without a pruning policy: many encoders can share one.

    :param tokenizer: Texts to word pieces.
    :param transformer: Word pieces to hidden states.
    :param normalize: Whether the model's own files end in L2 normalisation.
    :param pooling: How the model's own files pool, one of ``pooling.POOLINGS``.
    :param identity: The hash of the files that it came from.
    """

    tokenizer: WordPieceTokenizer
    transformer: Transformer
    normalize: bool
    pooling: str
    identity: str


_loaded: WeakValueDictionary[tuple[Path, str], SentenceModel] = WeakValueDictionary()
_loading = Lock()


def shared_model(model: str) -> SentenceModel:
    """The process's one copy of a model; it is released with the last encoder that uses it. Thread-safe.

    :param model: A name or a folder, see ``location.locate``. A folder whose files have changed is read again.
    :raises EncoderError: If the model is missing, damaged or not supported.
    """
    folder = locate(model)
    with _loading:
        key = (folder, identity(folder))
        found = _loaded.get(key)
        if found is None:
            found = _loaded[key] = _load(*key)
        return found


def _load(folder: Path, folder_identity: str) -> SentenceModel:
    facts = read_facts(folder)
    try:
        weights = load_file(folder / WEIGHTS_FILE)
    except (SafetensorError, OSError) as error:
        raise EncoderError(f"{folder / WEIGHTS_FILE} cannot be read: {error}. Restore the model's folder.") from error
    transformer = build_transformer(facts.config, weights)
    tokenizer = WordPieceTokenizer(folder / "tokenizer.json", facts.max_length)
    if tokenizer.vocabulary_size > transformer.config.vocabulary_size:
        raise EncoderError(
            f"{folder / 'tokenizer.json'} has {tokenizer.vocabulary_size} word pieces, but the encoder knows "
            f"{transformer.config.vocabulary_size}: they are not of one model. Restore the model's folder."
        )
    return SentenceModel(tokenizer, transformer, facts.normalize, facts.pooling, folder_identity)
