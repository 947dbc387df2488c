"""What answers for an encoder: tokenizer and engine, one per process however many encoders use it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from rasa_token_pruning.encoder.bundle import GRAPH, TOKENIZER, Description, read_bundle
from rasa_token_pruning.encoder.engine import EncoderSpec, Engine
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.onnx_contents import check_contents
from rasa_token_pruning.encoder.options import AUTO, NONE, Options, check_threads
from rasa_token_pruning.encoder.policy import LEARNT, PruningPolicy
from rasa_token_pruning.encoder.presets import preset
from rasa_token_pruning.encoder.protection import protected_ids
from rasa_token_pruning.encoder.readout import joined_layers
from rasa_token_pruning.encoder.tokenization import WordPieceTokenizer
from rasa_token_pruning.encoder.weights import scored_layers

if TYPE_CHECKING:
    from rasa_token_pruning.encoder.loading import SentenceModel
    from rasa_token_pruning.encoder.onnx_precision import Range
    from rasa_token_pruning.encoder.weights import EncoderWeights


@dataclass(frozen=True, eq=False)
class Runtime:
    """An encoder that is ready to answer.

    :param description: What is to be known about it.
    :param tokenizer: Texts to word pieces.
    :param engine: Word pieces to embeddings.
    :param graph: The content of its onnx file if it was made here with the onnx engine, else nothing.
    :param model: What the torch engine shares its weights with, so that further encoders of it share them too.
    :param memories: What its encoders remember, by the MiB that this may take, as long as one of them lives.
    """

    description: Description
    tokenizer: WordPieceTokenizer
    engine: Engine
    graph: bytes | None = field(default=None, repr=False)
    model: SentenceModel | None = field(default=None, repr=False)
    memories: WeakValueDictionary[float, Any] = field(default_factory=WeakValueDictionary, repr=False)

    def without_cuts(self) -> Runtime:
        """The same encoder with pruning off. It shares the engine's memory, and cannot be saved."""
        description = replace(self.description, policy=self.description.policy.without_cuts())
        return Runtime(description, self.tokenizer, self.engine.without_cuts(), model=self.model)


_running: WeakValueDictionary[Any, Runtime] = WeakValueDictionary()
_ranges: dict[tuple[str, str], dict[str, Range]] = {}
_making = Lock()
_MOST_BYTES = 2**31 - 2**24  # of weights in float32, which int8 is measured with too, beside the rest of a graph


def made(options: Options, weights: EncoderWeights | None = None) -> Runtime:
    """The process's one encoder with these options. Thread-safe.

    :param weights: In place of the model's own.
    :raises EncoderError: If an option is wrong, or the model is missing, damaged or not supported.
    """
    from rasa_token_pruning.encoder.loading import shared_model  # a loaded encoder does not need what this imports

    model = shared_model(options.model, adapter_of(options))
    if weights is not None:
        model = model.with_weights(weights)
    tokenizer = model.tokenizer(options.prompt)
    spec = specification(model, options, tokenizer)
    how = (options.resolved_engine, options.resolved_precision, options.num_threads, options.device)
    key = (model.identity, spec.policy, options.readout, tokenizer.prompt, *how)
    return _shared(key, lambda: _make(model, spec, tokenizer, options))


def adapter_of(options: Options) -> Path | None:
    """The file of the adapter that an encoder with these options has, if it has one.

    :raises EncoderError: If it, or the model, is missing or damaged.
    """
    policy = options.pruning
    cuts = bool(policy.layers and policy.quantile) if isinstance(policy, PruningPolicy) else policy != "off"
    if options.adapter == NONE or (options.adapter == AUTO and not cuts):
        return None
    from rasa_token_pruning.encoder.adapter_files import adapter_where_cut  # not for a loaded encoder

    return adapter_where_cut(options.model, options.adapter)


def specification(model: SentenceModel, options: Options, tokenizer: WordPieceTokenizer) -> EncoderSpec:
    """How a model is run with these options.

    :raises EncoderError: If the policy or the read-out does not fit the model or its vocabulary.
    """
    layers = model.weights.config.layers
    policy = options.pruning
    if not isinstance(policy, PruningPolicy):
        policy = preset(policy, layers, options.model, options.adapter)
    policy.check_fits(layers)
    _check_scorers(policy, model)
    joined = joined_layers(options.readout, policy, layers)
    return EncoderSpec(policy, joined, model.head, protected_ids(policy.protect, tokenizer))


def _check_scorers(policy: PruningPolicy, model: SentenceModel) -> None:
    known = scored_layers(model.weights.arrays)
    if policy.score == LEARNT and policy.quantile > 0 and not set(policy.layers) <= set(known):
        raise EncoderError(
            f"score is {LEARNT!r}, but what makes tokens important was learnt for layers {known} of this encoder, and "
            f"layers is {list(policy.layers)}: set adapter to one that train-encoder score wrote ({AUTO} for "
            "all-MiniLM-L6-v2), choose among those layers, or take another score."
        )


def loaded(folder: Path, num_threads: int | None) -> Runtime:
    """The process's one encoder from this folder. Thread-safe.

    :raises EncoderError: If a file is missing or damaged.
    """
    check_threads(num_threads)
    description, content = read_bundle(folder)
    return _shared((content, num_threads), lambda: _load(folder, description, num_threads))


def _shared(key: Any, make: Callable[[], Runtime]) -> Runtime:
    with _making:
        found = _running.get(key)
        if found is None:
            found = _running[key] = make()
        return found


def _make(model: SentenceModel, spec: EncoderSpec, tokenizer: WordPieceTokenizer, options: Options) -> Runtime:
    config = model.weights.config
    own = len(model.head.dense[-1].weight) if model.head.dense else config.width
    description = Description(
        identity=model.identity,
        policy=spec.policy,
        readout=options.readout,
        precision=options.resolved_precision,
        layers=config.layers,
        width=config.width,
        dimension=own + len(spec.joined) * config.width,
        max_length=model.facts.max_length,
        prompt=tokenizer.prompt,
    )
    try:
        if options.resolved_engine == "torch":
            from rasa_token_pruning.encoder.torch_engine import TorchEngine

            engine = TorchEngine(model.weights, spec, options.device, options.num_threads)
            return Runtime(description, tokenizer, engine, model=model)
        from rasa_token_pruning.encoder.onnx_engine import OnnxEngine

        graph = _graph(model, spec, tokenizer, options.resolved_precision)
        return Runtime(description, tokenizer, OnnxEngine(graph, options.num_threads), graph)
    except ImportError as missing:
        raise EncoderError(
            f"engine {options.resolved_engine} needs the package {missing.name}: "
            "pip install 'rasa-token-pruning[train]'"
        ) from missing


def _graph(model: SentenceModel, spec: EncoderSpec, tokenizer: WordPieceTokenizer, precision: str) -> bytes:
    from rasa_token_pruning.encoder.calibration import activation_ranges
    from rasa_token_pruning.encoder.calibration_texts import calibration_texts
    from rasa_token_pruning.encoder.onnx_export import export
    from rasa_token_pruning.encoder.onnx_precision import Float32, Int8

    size = sum(array.nbytes for array in model.weights.arrays.values())
    if size > _MOST_BYTES:
        raise EncoderError(
            f"The encoder in {model.folder} has {size / 2**30:.1f} GiB of weights, and a graph of onnx holds less than "
            "2: set engine to torch, or take a smaller encoder."
        )
    if precision == "fp32":
        return export(model.weights, spec, Float32())
    key = (model.identity, tokenizer.prompt)
    if key not in _ranges:
        texts = [pieces.ids for pieces in tokenizer.tokenize(calibration_texts(), report=False)]
        _ranges[key] = activation_ranges(model.weights, texts)
    return export(model.weights, spec, Int8(_ranges[key]))


def _load(folder: Path, description: Description, num_threads: int | None) -> Runtime:
    try:
        from rasa_token_pruning.encoder.onnx_engine import OnnxEngine
    except ImportError as missing:
        raise EncoderError(f"A saved encoder needs the package {missing.name}: pip install {missing.name}") from missing

    tokenizer = WordPieceTokenizer(folder / TOKENIZER, description.max_length, description.prompt)
    check_contents(folder / GRAPH)
    return Runtime(description, tokenizer, OnnxEngine(folder / GRAPH, num_threads))
