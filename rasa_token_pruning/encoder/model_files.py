"""What a sentence-transformers folder says about itself, as every version of that library writes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from rasa_token_pruning.encoder.architectures import usable_positions
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.pooling import POOLINGS


@dataclass(frozen=True)
class ModelFacts:
    """What decides a model's embeddings beside its weights and its vocabulary.

    :param config: The transformer's own ``config.json``.
    :param max_length: How many word pieces a text may have, special tokens counted, at least 2.
    :param normalize: Whether embeddings are L2-normalised.
    :param pooling: How hidden states become an embedding, one of ``pooling.POOLINGS``.
    """

    config: dict[str, Any]
    max_length: int
    normalize: bool
    pooling: str


def read_facts(folder: Path) -> ModelFacts:
    """Read a folder's JSON files.

    :raises EncoderError: If one is missing or damaged, or says something that is not supported.
    """
    config = _read_object(folder / "config.json")
    modules = _read_modules(folder)
    settings = _read_object(folder / "sentence_bert_config.json")
    _check_unsupported(folder, settings)
    return ModelFacts(
        config=config,
        max_length=_read_max_length(folder, config, settings),
        normalize=len(modules) == 3,
        pooling=_read_pooling(folder / modules[1]["path"] / "config.json"),
    )


def _read_modules(folder: Path) -> list[dict[str, str]]:
    modules = _read_json(folder / "modules.json")
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise EncoderError(f"{folder / 'modules.json'} is no list of modules. Restore the model's folder.")
    kinds = [str(module.get("type", "")).rpartition(".")[2] for module in modules]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        raise EncoderError(
            f"{folder} has the modules {', '.join(kinds)}; supported: Transformer, Pooling and perhaps Normalize."
        )
    if not isinstance(modules[1].get("path"), str):
        raise EncoderError(f"{folder / 'modules.json'} does not say where Pooling is. Restore the model's folder.")
    return modules


def _read_pooling(file: Path) -> str:
    """Mean pooling is ``pooling_mode: mean`` today, which wins over the old ``pooling_mode_mean_tokens: true``."""
    pooling = _read_object(file)
    modes = [mode for mode, chosen in pooling.items() if mode.startswith("pooling_mode_") and chosen is True]
    if "pooling_mode" in pooling:
        named = pooling["pooling_mode"]
        modes = named if isinstance(named, list) else [named]
    short = [str(mode).removeprefix("pooling_mode_").removesuffix("_tokens").removesuffix("_token") for mode in modes]
    if len(short) != 1 or short[0] not in POOLINGS:
        raise EncoderError(
            f"{file} pools by {', '.join(map(str, modes)) or 'nothing'}; supported is one of {', '.join(POOLINGS)}."
        )
    return short[0]


def _check_unsupported(folder: Path, settings: Mapping[str, Any]) -> None:
    """Refuse what would change the embeddings and is not done here."""
    prompts = folder / "config_sentence_transformers.json"
    prompt = _read_object(prompts).get("default_prompt_name") if prompts.is_file() else None
    for key, value in (("do_lower_case", settings.get("do_lower_case")), ("default_prompt_name", prompt)):
        if value:
            raise EncoderError(f"{folder} sets {key} to {value!r}, which is not supported. Choose another model.")


def _read_max_length(folder: Path, config: Mapping[str, Any], settings: Mapping[str, Any]) -> int:
    """The model's own limit, or else the smaller of its tokenizer's and its positions'."""
    try:
        positions = usable_positions(config)
    except EncoderError as error:
        raise EncoderError(f"{folder / 'config.json'}: {error}") from error
    limit = settings.get("max_seq_length")
    if limit is None:
        tokenizer = folder / "tokenizer_config.json"
        of_tokenizer = _read_object(tokenizer).get("model_max_length") if tokenizer.is_file() else None
        return min(positions, of_tokenizer) if _is_length(of_tokenizer) else positions
    if not _is_length(limit) or limit > positions:
        raise EncoderError(
            f"{folder} sets max_seq_length {limit!r}, but its encoder has {positions} positions: lower max_seq_length "
            "in sentence_bert_config.json to a whole number from 2 to that."
        )
    return limit


def _is_length(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 2


def _read_object(file: Path) -> dict[str, Any]:
    found = _read_json(file)
    if not isinstance(found, dict):
        raise EncoderError(f"{file} holds no JSON object. Restore the model's folder.")
    return found


def _read_json(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise EncoderError(
            f"{file} cannot be read: {error}. A model's folder must be one that sentence-transformers wrote."
        ) from error
