"""What a sentence-transformers folder says about itself, as every version of that library writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, TypeGuard

from rasa_token_pruning.encoder.architectures import architecture_of, number_in, usable_positions
from rasa_token_pruning.encoder.dense import DenseFacts, read_dense_facts
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.json_files import check_fixed, read_json, read_object, value_of
from rasa_token_pruning.encoder.readout import POOLINGS

# The first is today's; the others are from before version 1 of sentence-transformers.
_SETTINGS = [f"sentence_{kind}_config.json" for kind in ("bert", "roberta", "distilbert", "camembert", "xlm-roberta")]
# What changes the embeddings, with the one value that is supported; a key may also be missing.
_FIXED_SETTINGS: dict[str, Any] = {
    "transformer_task": "feature-extraction",
    "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
    "module_output_name": "token_embeddings",
    **{f"{kind}_kwargs": {} for kind in ("processing", "processor", "config")},
    **{f"{kind}_args": {} for kind in ("tokenizer", "config")},
}


@dataclass(frozen=True)
class ModelFacts:
    """What decides a model's embeddings beside its weights and its vocabulary.

    :param config: The transformer's own ``config.json``.
    :param max_length: How many word pieces a text may have, special tokens counted, at least 2.
    :param normalize: Whether embeddings are L2-normalised.
    :param pooling: How hidden states become an embedding, one of ``readout.POOLINGS``.
    :param lower_case: Whether texts are lowercased before the tokenizer's own normalisation.
    :param prompts: What a text may be preceded by, by name; may be empty texts.
    :param default_prompt: What every text is preceded by; ``None`` for nothing, never empty.
    :param include_prompt: Whether the prompt's word pieces are pooled like the text's.
    :param dense: The layers between pooling and normalisation. They fit: the first takes the transformer's width,
        every other what the one before it gives.
    """

    config: dict[str, Any]
    max_length: int
    normalize: bool
    pooling: str
    lower_case: bool = False
    prompts: dict[str, str] = field(default_factory=dict)
    default_prompt: str | None = None
    include_prompt: bool = True
    dense: tuple[DenseFacts, ...] = ()


def read_facts(folder: Path) -> ModelFacts:
    """Read a folder's JSON files.

    :raises EncoderError: If one is missing or damaged, says something that is not supported, or names a Dense module
        whose weights are not in one ``model.safetensors``.
    """
    config = read_object(folder / "config.json")
    (_, pooling), *others = _read_modules(folder)[1:]
    settings_file, settings = _read_settings(folder)
    positions, width = _read_sizes(folder / "config.json", config)
    pooling_file = folder / pooling / "config.json"
    prompts, default_prompt = _read_prompts(folder / "config_sentence_transformers.json")
    return ModelFacts(
        config=config,
        max_length=_read_max_length(folder, positions, settings),
        normalize=any(kind == "Normalize" for kind, _ in others),
        pooling=_read_pooling(pooling_file),
        lower_case=value_of(settings_file, settings, "do_lower_case", bool, False),
        prompts=prompts,
        default_prompt=default_prompt,
        include_prompt=value_of(pooling_file, read_object(pooling_file), "include_prompt", bool, True),
        dense=read_dense_facts(folder, [path for kind, path in others if kind == "Dense"], width),
    )


def _read_modules(folder: Path) -> list[tuple[str, str]]:
    """The kinds and paths of the modules."""
    file = folder / "modules.json"
    modules = read_json(file)
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise EncoderError(f"{file} is no list of modules. Restore the model's folder.")
    types = [str(module.get("type", "")) for module in modules]
    if foreign := [name for name in types if not name.startswith("sentence_transformers.")]:
        raise EncoderError(
            f"{file} names the modules {', '.join(foreign)}, which are not those of sentence-transformers."
        )
    kinds = [name.rpartition(".")[2] for name in types]
    between = kinds[2:-1] if kinds[-1:] == ["Normalize"] else kinds[2:]
    if kinds[:2] != ["Transformer", "Pooling"] or any(kind != "Dense" for kind in between):
        raise EncoderError(
            f"{folder} has the modules {', '.join(kinds)}; supported: Transformer, Pooling, any number of Dense and "
            "perhaps Normalize."
        )
    for kind, module in zip(kinds, modules, strict=True):
        path = module.get("path", "" if kind == "Normalize" else None)
        if not isinstance(path, str) or PurePosixPath(path).is_absolute() or ".." in path.split("/"):
            raise EncoderError(f"{file} has {kind} at {path!r}, which is no path in {folder}. Restore the folder.")
        if kind == "Transformer" and path:
            raise EncoderError(
                f"{file} has Transformer at {path!r}; supported is the folder itself. Load the model with "
                "sentence-transformers and store it again with save_pretrained."
            )
    return [(kind, module.get("path", "")) for kind, module in zip(kinds, modules, strict=True)]


def _read_settings(folder: Path) -> tuple[Path, dict[str, Any]]:
    file = next((folder / name for name in _SETTINGS if (folder / name).is_file()), folder / _SETTINGS[0])
    settings = read_object(file)
    check_fixed(file, settings, _FIXED_SETTINGS)
    return file, settings


def _read_pooling(file: Path) -> str:
    """Mean pooling is ``pooling_mode: mean`` today, which wins over the old ``pooling_mode_mean_tokens: true``."""
    pooling = read_object(file)
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


def _read_prompts(file: Path) -> tuple[dict[str, str], str | None]:
    """All prompts, and the one that goes before every text."""
    found = read_object(file) if file.is_file() else {}
    prompts = value_of(file, found, "prompts", dict, {})
    texts = {name: value_of(file, prompts, name, str) for name in prompts}
    default = found.get("default_prompt_name")
    if default is None:
        return texts, None
    if not isinstance(default, str) or default not in texts:
        raise EncoderError(
            f"{file} has default_prompt_name {default!r}, but its prompts are {', '.join(texts) or 'none'}. Make it "
            "one of them, or null for no prompt."
        )
    return texts, texts[default] or None


def _read_sizes(file: Path, config: Mapping[str, Any]) -> tuple[int, int]:
    """How many positions the transformer has, and how wide it is."""
    try:
        return usable_positions(config), int(number_in(config, architecture_of(config).sizes["width"]))
    except EncoderError as error:
        raise EncoderError(f"{file}: {error}") from error


def _read_max_length(folder: Path, positions: int, settings: Mapping[str, Any]) -> int:
    """The model's own limit, or else the smaller of its tokenizer's and its positions'."""
    limit = settings.get("max_seq_length")
    if limit is None:
        tokenizer = folder / "tokenizer_config.json"
        of_tokenizer = read_object(tokenizer).get("model_max_length") if tokenizer.is_file() else None
        return min(positions, of_tokenizer) if _is_length(of_tokenizer) else positions
    if not _is_length(limit) or limit > positions:
        raise EncoderError(
            f"{folder} sets max_seq_length {limit!r}, but its encoder has {positions} positions: lower max_seq_length "
            "in sentence_bert_config.json to a whole number from 2 to that."
        )
    return limit


def _is_length(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 2
