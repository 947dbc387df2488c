"""A sentence-transformers folder, read into memory: tokenizer, weights and head. One per process."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from weakref import WeakValueDictionary

import numpy as np

from rasa_token_pruning.encoder.adapter_files import AdapterFile, read_adapter
from rasa_token_pruning.encoder.checkpoints import encoder_weights, read_arrays, read_dense
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.location import WEIGHTS_FILE, identity, locate, sha256
from rasa_token_pruning.encoder.model_files import ModelFacts, read_facts
from rasa_token_pruning.encoder.readout import ModelHead
from rasa_token_pruning.encoder.tokenization import WordPieceTokenizer
from rasa_token_pruning.encoder.weights import EncoderWeights


@dataclass(frozen=True, eq=False)
class SentenceModel:
    """A loaded model, without a pruning policy and an engine: many encoders can share one.

    :param folder: Where it came from.
    :param facts: What its files say about it.
    :param weights: The transformer.
    :param head: From its last hidden states to its embedding.
    :param identity: The hash of its files.
    """

    folder: Path
    facts: ModelFacts
    weights: EncoderWeights
    head: ModelHead
    identity: str

    def tokenizer(self, prompt: str | None) -> WordPieceTokenizer:
        """The model's tokenizer.

        :param prompt: The name of one of the model's own prompts, or a text that ends in a space or a colon, which
            precedes every text; ``""`` for none, ``None`` for the model's default.
        :raises EncoderError: If the tokenizer is damaged, or the prompt is neither.
        """
        facts, file = self.facts, self.folder / "tokenizer.json"
        tokenizer = WordPieceTokenizer(file, facts.max_length, _prompt_text(prompt, facts), facts.lower_case)
        if tokenizer.vocabulary_size > self.weights.config.vocabulary_size:
            raise EncoderError(
                f"{file} has {tokenizer.vocabulary_size} word pieces, but the encoder knows "
                f"{self.weights.config.vocabulary_size}: they are not of one model. Restore the model's folder."
            )
        return tokenizer

    def adapted(self, file: AdapterFile) -> SentenceModel:
        """The same model with an adapter's change in its weights.

        :raises EncoderError: If the adapter belongs to other weights.
        """
        weights = self.folder / WEIGHTS_FILE
        if file.base != sha256(weights):
            raise EncoderError(
                f"The adapter belongs to weights with SHA-256 {file.base}, but {weights} has {sha256(weights)}: give "
                "the model that it was made for, or set adapter to none."
            )
        identity = hashlib.sha256(f"{self.identity} {file.identity}".encode()).hexdigest()
        return replace(self, weights=file.adapter.applied(self.weights), identity=identity)

    def with_weights(self, weights: EncoderWeights) -> SentenceModel:
        """The same model with other weights in its transformer, and a hash that tells it from all others."""
        digest = hashlib.sha256(self.identity.encode())
        for name, array in sorted(weights.arrays.items()):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return replace(self, weights=weights, identity=digest.hexdigest())


_loaded: WeakValueDictionary[tuple[Path, str, str], SentenceModel] = WeakValueDictionary()
_loading = Lock()


def shared_model(model: str, adapter: Path | None = None) -> SentenceModel:
    """The process's one copy of a model; it is released with the last that uses it. Thread-safe.

    :param model: A name or a folder, see ``location.locate``. A folder whose files have changed is read again.
    :param adapter: The file of an adapter, whose change is made to the weights; what it leaves alone is shared.
    :raises EncoderError: If the model is missing, damaged or not supported, or the adapter damaged or another model's.
    """
    folder = locate(model)
    with _loading:
        base_identity = identity(folder)
        base = _shared((folder, base_identity, ""), lambda: _load(folder, base_identity))
        if adapter is None:
            return base
        key = (folder, base_identity, sha256(adapter))
        return _shared(key, lambda: base.adapted(read_adapter(adapter)))


def _shared(key: tuple[Path, str, str], make: Callable[[], SentenceModel]) -> SentenceModel:
    found = _loaded.get(key)
    if found is None:
        found = _loaded[key] = make()
    return found


def _load(folder: Path, folder_identity: str) -> SentenceModel:
    facts = read_facts(folder)
    weights = encoder_weights(facts.config, read_arrays(folder / WEIGHTS_FILE))
    head = ModelHead(facts.pooling, tuple(read_dense(dense) for dense in facts.dense), facts.normalize)
    return SentenceModel(folder, facts, weights, head, folder_identity)


def _prompt_text(prompt: str | None, facts: ModelFacts) -> str:
    if prompt is None:
        text = facts.default_prompt or ""
    elif isinstance(prompt, str) and prompt in facts.prompts:
        text = facts.prompts[prompt]
    elif prompt == "" or (isinstance(prompt, str) and prompt[-1] in " :\n"):
        text = prompt
    else:
        known = ", ".join(map(repr, facts.prompts)) or "none"
        raise EncoderError(
            f"prompt is {prompt!r}: give the name of one of the model's own prompts ({known}), or a text that ends in "
            "a space or a colon, as in 'query: '."
        )
    if text and not facts.include_prompt:
        raise EncoderError(
            f"The model leaves its prompt {text!r} out of pooling, which is not supported: set prompt to '' or choose "
            "another model."
        )
    return text
