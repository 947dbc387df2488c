"""Options and settings in JSON: of the four components, of a policy and its presets, and of a model's folder."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree, rmtree
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import atheris
import numpy as np
from tokenizers import Tokenizer

from fuzz.choices import NASTY, Choices, changed, damaged
from fuzz.harness import finite, main
from fuzz.tiny import LAYERS, write_model

with atheris.instrument_imports(include=["rasa_token_pruning"]):
    from rasa.engine.graph import ExecutionContext, GraphSchema
    from rasa.engine.storage.resource import Resource
    from rasa.nlu.constants import TOKENS_NAMES
    from rasa.nlu.tokenizers.tokenizer import Token
    from rasa.shared.exceptions import InvalidConfigException
    from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, FEATURE_TYPE_SEQUENCE, TEXT
    from rasa.shared.nlu.training_data.features import Features
    from rasa.shared.nlu.training_data.message import Message

    from rasa_token_pruning import (
        FewShotEntityExtractor,
        FewShotIntentClassifier,
        FewShotResponseSelector,
        TokenPruningFeaturizer,
    )
    from rasa_token_pruning.components.answers import Answers
    from rasa_token_pruning.encoder import presets
    from rasa_token_pruning.encoder.errors import EncoderError
    from rasa_token_pruning.encoder.loading import shared_model
    from rasa_token_pruning.encoder.policy import PruningPolicy
    from rasa_token_pruning.encoder.tokenization import WordPieceTokenizer
    from rasa_token_pruning.fewshot.bilou import Label, Span
    from rasa_token_pruning.fewshot.classifier import FewShotClassifier
    from rasa_token_pruning.fewshot.errors import ClassifierError
    from rasa_token_pruning.fewshot.tagger import EntityTagger, TokenFeatures

ALLOWED = (ClassifierError, EncoderError, InvalidConfigException)
PLACE = TemporaryDirectory()
MODEL = write_model(Path(PLACE.name) / "model")
CONTEXT = ExecutionContext(GraphSchema({}), "fuzzed", should_add_diagnostic_data=True)
ROWS = np.random.default_rng(0).standard_normal((9, 8)).astype(np.float32)
INTENTS = ["faq/a", "faq/b", "other"] * 3
WORDS = ["to", "Paris,", "London"]
CLASSIFIER = FewShotClassifier.fit(ROWS, INTENTS)
ANSWERS = Answers(CLASSIFIER, ["faq"], {label: [{"text": label}] for label in CLASSIFIER.intents})
TAGGER = EntityTagger.learn(
    [TokenFeatures(ROWS[start : start + 3], WORDS, [[], [], []]) for start in (0, 3, 6)],
    [[Span(1, 2, Label("city"))]] * 3,
)
PRESETS = {"levels": {level: {"policy": {"layers": [1], "quantile": 0.3, "min_tokens": 5}} for level in presets.LEVELS}}
POLICY = {"layers": [0, 1], "quantile": 0.5, "min_tokens": 4, "reduction": "drop", "score": "max_attention"}


class Storage:
    """In the place of Rasa's: an archive in which each component finds what was learnt above."""

    def __init__(self) -> None:
        self._folder = Path(PLACE.name) / "stored"
        self._folder.mkdir()
        for learnt in (ANSWERS, CLASSIFIER, TAGGER):  # the answers' own classifier knows the same
            learnt.save(self._folder)

    @contextmanager
    def read_from(self, resource: Resource) -> Iterator[Path]:
        """The one folder that there is."""
        yield self._folder


STORAGE = Storage()


def _loaded(component: Any, choices: Choices) -> Any:
    return component.load(_options(component, choices), STORAGE, Resource("stored"), CONTEXT)


def _options(component: Any, choices: Choices) -> dict[str, Any]:
    """Up to seven options with other values, and perhaps one that there is not: YAML's keys may be of any type."""
    options = component.get_default_config()
    chosen = {choices.of(sorted(options)): choices.of(NASTY) for _ in range(choices.number(8))}
    if choices.number(16) == 15:
        chosen[choices.of([key for key in NASTY if key.__hash__])] = choices.of(NASTY)
    return chosen


def _message() -> Message:
    message = Message({TEXT: " ".join(WORDS)})
    starts = (0, 3, 10)
    message.set(TOKENS_NAMES[TEXT], [Token(word, start) for word, start in zip(WORDS, starts, strict=True)])
    for kind, rows in ((FEATURE_TYPE_SENTENCE, ROWS[:1]), (FEATURE_TYPE_SEQUENCE, ROWS[:3])):
        message.add_features(Features(rows, kind, TEXT, "f"))
    return message


def _classifier(choices: Choices) -> None:
    component = _loaded(FewShotIntentClassifier, choices)
    [message] = component.process([_message()])
    finite(np.array([entry["confidence"] for entry in message.get("intent_ranking")]))
    learnt = FewShotClassifier.fit(ROWS, INTENTS, strength=component._config["C"])
    finite(learnt.predict(ROWS).confidences)


def _selector(choices: Choices) -> None:
    _loaded(FewShotResponseSelector, choices).process([_message()])


def _extractor(choices: Choices) -> None:
    _loaded(FewShotEntityExtractor, choices).process([_message()])


def _featurizer(choices: Choices) -> None:
    """With the torch engine too, where it is not another device: that is PyTorch's to refuse."""
    options = {"model": str(MODEL), "precision": "fp32", "num_threads": 1, **_options(TokenPruningFeaturizer, choices)}
    TokenPruningFeaturizer.validate_config(options)
    component = TokenPruningFeaturizer.create(options, STORAGE, Resource("made"), CONTEXT)
    [message] = component.process([_message()])
    sequence, sentence = message.get_dense_features(TEXT, [])
    assert sequence and sentence
    finite(sequence.features, sentence.features)


def _policy(choices: Choices) -> None:
    given = changed(POLICY, choices)
    options = {"model": "", "pruning": choices.of(("off", "balanced", *NASTY)), **dict.fromkeys(POLICY)}
    options |= {key: given[key] for key in POLICY if key in given} if isinstance(given, dict) else {}
    policy = presets.policy_from_options(options, LAYERS)
    kept = [policy.tokens_kept(length) for length in range(600)]
    assert kept == sorted(kept) and all(min(n, policy.min_tokens) <= some <= n for n, some in enumerate(kept))


def _preset(choices: Choices) -> None:
    (Path(PLACE.name) / "some-model.json").write_bytes(damaged(PRESETS, choices))
    presets._tuned.cache_clear()
    with mock.patch.object(presets, "_FOLDER", Path(PLACE.name)):
        for level in presets.LEVELS:
            assert isinstance(presets.preset(level, LAYERS, "some/some-model"), PruningPolicy)


def _model(choices: Choices) -> None:
    """One or two of a model's settings changed; modules.json may name modules that are not there."""
    folder = Path(PLACE.name) / "changed"
    if folder.exists():
        rmtree(folder)
    copytree(MODEL, folder)
    for _ in range(1 + choices.number(2)):
        file = choices.of(sorted({*folder.rglob("*.json")} - {folder / "tokenizer.json"}))
        document = json.loads((MODEL / file.relative_to(folder)).read_bytes())
        if file.name == "modules.json" and choices.number(2):
            document[2:2] = [{"path": choices.of([*["2_Dense"] * len(NASTY), *NASTY]), "type": "x.Dense"}]
        file.write_bytes(damaged(document, choices))
    model = shared_model(str(folder))
    model.tokenizer(choices.of((None, "query", "", "passage: "))).tokenize(["hello"])


def _tokenizer(choices: Choices) -> None:
    file = Path(PLACE.name) / "tokenizer.json"
    document = json.loads((MODEL / "tokenizer.json").read_bytes())
    if other := choices.number(4):
        document["model"] = (
            {"type": "BPE", "vocab": {"a": 0, "b": 1, "[CLS]": 2, "[SEP]": 3, "ab": 4}, "merges": [["a", "b"]]},
            {"type": "Unigram", "vocab": [["a", 0.0], ["[CLS]", 0.0], ["[SEP]", -1.0]], "unk_id": 0},
            {"type": "WordLevel", "vocab": {"a": 0, "[CLS]": 2, "[SEP]": 3}, "unk_token": "a"},
        )[other - 1]
    file.write_bytes(damaged(document, choices))
    tokenizer = WordPieceTokenizer(file, 10, lower_case=bool(choices.number(2)))
    for pieces in tokenizer.tokenize(["hello", "", "☃ x\x00 42", "a" * 300]):
        assert 2 <= len(pieces.ids) <= 10 and len(pieces.texts) == len(pieces.offsets) == len(pieces.ids)
    Tokenizer.from_str(tokenizer.to_json())


PARTS: tuple[Callable[[Choices], None], ...] = (
    _classifier, _selector, _extractor, _featurizer, _policy, _preset, _model, _tokenizer, _model,
)  # fmt: skip


def check(content: bytes) -> None:
    """Use one kind of options or settings."""
    choices = Choices(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        choices.of(PARTS)(choices)


if __name__ == "__main__":
    endings = ((), (1, 3, 0), (2, 1, 2, 3, 4), (1, 0, 1, 5, 7, 2, 1))
    seeds = [bytes([part, *ending]) for part in range(len(PARTS)) for ending in endings]
    main("config", check, ALLOWED, [*seeds, bytes([7, 0, 15]) + (MODEL / "tokenizer.json").read_bytes()[:1500]])
