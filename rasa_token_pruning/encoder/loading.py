"""A sentence-transformers folder, read into memory: tokenizer, transformer and pooling. One per process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

from safetensors import SafetensorError  # type: ignore[attr-defined]  # missing from its stubs
from safetensors.torch import load_file

from rasa_token_pruning.encoder.architectures import build_transformer
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.location import WEIGHTS_FILE, identity, locate
from rasa_token_pruning.encoder.tokenization import WordPieceTokenizer
from rasa_token_pruning.encoder.transformer import Transformer


@dataclass(frozen=True, eq=False)
class SentenceModel:
    """A loaded model, without a pruning policy: many encoders can share one.

    :param tokenizer: Texts to word pieces.
    :param transformer: Word pieces to hidden states.
    :param normalize: Whether the model's own files end in L2 normalisation.
    :param identity: The hash of the files that it came from.
    """

    tokenizer: WordPieceTokenizer
    transformer: Transformer
    normalize: bool
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
    config = _read_json(folder / "config.json")
    normalize = _read_modules(folder)
    limit = _read_json(folder / "sentence_bert_config.json").get("max_seq_length") or config["max_position_embeddings"]
    if limit > config["max_position_embeddings"]:
        raise EncoderError(
            f"{folder} sets max_seq_length {limit}, but its encoder has {config['max_position_embeddings']} positions: "
            "lower max_seq_length in sentence_bert_config.json."
        )
    try:
        weights = load_file(folder / WEIGHTS_FILE)
    except (SafetensorError, OSError) as error:
        raise EncoderError(f"{folder / WEIGHTS_FILE} cannot be read: {error}. Restore the model's folder.") from error
    return SentenceModel(
        tokenizer=WordPieceTokenizer(folder / "tokenizer.json", limit),
        transformer=build_transformer(config, weights),
        normalize=normalize,
        identity=folder_identity,
    )


def _read_modules(folder: Path) -> bool:
    """Check that the model's modules are a transformer, mean pooling and perhaps normalisation; whether the last is."""
    modules = _read_json(folder / "modules.json")
    kinds = [str(module.get("type", "")).rsplit(".", 1)[-1] for module in modules]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        raise EncoderError(
            f"{folder} has the modules {', '.join(kinds)}; supported: Transformer, Pooling and perhaps Normalize."
        )
    pooling = _read_json(folder / modules[1]["path"] / "config.json")
    modes = [mode for mode, chosen in pooling.items() if mode.startswith("pooling_mode_") and chosen is True]
    if modes != ["pooling_mode_mean_tokens"]:
        raise EncoderError(f"{folder} pools by {', '.join(modes) or 'nothing'}; supported is pooling_mode_mean_tokens.")
    return kinds[-1] == "Normalize"


def _read_json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EncoderError(
            f"{file} cannot be read: {error}. A model's folder must be one that sentence-transformers wrote."
        ) from error
