"""The response selector: training time with 500 answers, accuracy and calibration, Rasa's own on the same features.

    python -m benchmarks.responses DATA

DATA is laid out as for ``benchmarks.scope``. Each intent of a task stands for an answer, its messages for questions;
validation splits only. The example bot's FAQ is judged by its held-out phrases; what its other phrases get is reported
too, for a selector is asked about every message. Takes about ten minutes; writes ``benchmarks/results/responses.json``.
"""

from __future__ import annotations

import logging
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.nlu.selectors.response_selector import ResponseSelector
from rasa.nlu.tokenizers.whitespace_tokenizer import WhitespaceTokenizer
from rasa.shared.importers.importer import TrainingDataImporter
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from sklearn.metrics import roc_auc_score

from benchmarks.example_bot import BOT
from benchmarks.metrics import calibration_error
from benchmarks.records import store
from benchmarks.tasks import TASKS, read
from rasa_token_pruning import FewShotResponseSelector, PrunedEncoder, TokenPruningFeaturizer
from rasa_token_pruning.components.intent_names import attach_intent_names
from rasa_token_pruning.components.learning import LabelledMessages
from rasa_token_pruning.fewshot.answering import learn_discriminant
from rasa_token_pruning.fewshot.classifier import DEFAULT_STRENGTH, FewShotClassifier
from rasa_token_pruning.fewshot.discriminant import fit_discriminant
from rasa_token_pruning.fewshot.examples import Examples
from rasa_token_pruning.fewshot.held_out import cross_fit
from rasa_token_pruning.fewshot.mixture import fit_mixture
from rasa_token_pruning.fewshot.names import name_as_text

ANSWERS, WIDTH, NOISE = 500, 768, 1.5
SHOTS = ((1, 1), (2, 2), (5, 5), (1, 5))  # at least and at most so many questions for each answer
SEEDS = 3
TIMES = 5

SELECTORS: dict[str, tuple[type[GraphComponent], dict[str, Any]]] = {
    "ours": (FewShotResponseSelector, {}),
    "ours, use_text_as_label": (FewShotResponseSelector, {"use_text_as_label": True}),
    "ResponseSelector": (ResponseSelector, {"constrain_similarities": True}),
}
Row = dict[str, Any]


def made(component: type[GraphComponent], config: Row, folder: Path) -> Any:
    """A component as Rasa's engine makes it."""
    context = ExecutionContext(GraphSchema({}), "benchmark", node_name="run_component")
    storage = LocalModelStorage.create(folder)
    return component.create({**component.get_default_config(), **config}, storage, Resource("component"), context)


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Seconds that work takes, by the clock and of processors."""
    clock, processors = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - processors


def selection_ms(selector: Any, messages: list[Message]) -> float:
    """Milliseconds for one message that has its features, the median."""
    fresh = [[Message({TEXT: message.get(TEXT)}, features=message.features)] for message in messages]
    return 1000 * float(np.median([timed(partial(selector.process, one))[0] for one in fresh]))


def drawn_at_random(least: int, most: int) -> TrainingData:
    """500 answers with so many questions each, and names, around a centre for each answer."""
    chance = np.random.default_rng(0)
    centres = chance.normal(size=(ANSWERS, WIDTH))
    labels = np.repeat(np.arange(ANSWERS), chance.integers(least, most + 1, ANSWERS))
    messages = [Message.build(f"question {number}", f"faq/{label:03}") for number, label in enumerate(labels)]
    for message, label in zip(messages, labels, strict=True):
        row = (centres[label] + NOISE * chance.normal(size=WIDTH)).astype(np.float32)
        message.add_features(Features(row[None], FEATURE_TYPE_SENTENCE, TEXT, "featurizer"))
    responses = {f"utter_faq/{label:03}": [{"text": f"answer {label}"}] for label in range(ANSWERS)}
    data = TrainingData(messages, responses=responses)
    noise = NOISE * chance.normal(size=centres.shape)
    attach_intent_names(data, lambda names: list((centres + noise).astype(np.float32)), "featurizer")
    return data


def measure_time(least: int, most: int) -> Row:
    """Train with 500 answers, several times. Time depends on how many embeddings there are, not on where they lie."""
    data = drawn_at_random(least, most)
    with tempfile.TemporaryDirectory() as folder:
        selector = made(FewShotResponseSelector, {}, Path(folder))
        clock, processors = np.median([timed(partial(selector.train, data)) for _ in range(TIMES)], axis=0).tolist()
        milliseconds = selection_ms(selector, data.intent_examples[:200])
    messages = LabelledMessages.of(data, [])
    examples = Examples.of(messages.rows, messages.intents, messages.names)
    regression = timed(partial(learn_by_regression, examples))
    return {
        "answers": ANSWERS,
        "questions": len(messages.texts),
        "training_seconds": clock,
        "training_processor_seconds": processors,
        "selection_ms": milliseconds,
        "logistic_regression_seconds": regression[0],
        "logistic_regression_processor_seconds": regression[1],
    }


def learn_by_regression(examples: Examples) -> FewShotClassifier:
    """As FewShotIntentClassifier learns intents."""
    return FewShotClassifier.learn(examples, cross_fit(examples, partial(fit_mixture, strength=DEFAULT_STRENGTH)))


def score(confidences: np.ndarray, right: np.ndarray) -> Row:
    """The share of right answers, and how far confidences are from it."""
    return {"accuracy": float(right.mean()), "calibration_error": calibration_error(confidences, right)}


def measure_task(encoder: PrunedEncoder, data: Path, task: str, shots: tuple[int, int]) -> list[Row]:
    """Learn from a few questions for each answer, names included: the selector's way, and by logistic regression."""
    texts, labels = (np.array(column) for column in read(data / task / "train.csv"))
    judged, truths = read(data / task / "valid.csv")
    known, embeddings = sorted(set(labels.tolist())), encoder.encode(judged)
    names = dict(zip(known, encoder.encode([name_as_text(label) for label in known]), strict=True))
    rows = []
    for seed in range(SEEDS):
        chance = np.random.default_rng(seed)
        own = [chance.permutation(np.flatnonzero(labels == label)) for label in known]
        drawn = np.concatenate([numbers[: chance.integers(shots[0], shots[1] + 1)] for numbers in own])
        examples = Examples.of(encoder.encode(texts[drawn].tolist()), labels[drawn].tolist(), names)
        classifiers = {
            "ours": learn_discriminant(examples, cross_fit(examples, fit_discriminant)),
            "logistic regression": learn_by_regression(examples),
        }
        for system, classifier in classifiers.items():
            probabilities = classifier.predict_proba(embeddings)
            right = np.array(classifier.intents)[probabilities.argmax(axis=1)] == np.array(truths)
            scores = score(probabilities.max(axis=1), right)
            rows.append({"task": task, "shots": list(shots), "seed": seed, "system": system, **scores})
    return rows


def read_bot() -> tuple[TrainingData, list[Message], list[str]]:
    """The example bot's training data, featurized; its held-out phrases, featurized; their intents."""
    files = (BOT / "config.yml", BOT / "domain.yml", BOT / "data")
    data = TrainingDataImporter.load_from_config(*map(str, files[:2]), [str(files[2])]).get_nlu_data()
    tokenizer = WhitespaceTokenizer(WhitespaceTokenizer.get_default_config())
    texts, intents = read(BOT / "held_out.csv")
    with tempfile.TemporaryDirectory() as folder:
        featurizer = made(TokenPruningFeaturizer, {}, Path(folder))
        phrases = featurizer.process(tokenizer.process([Message({TEXT: text}) for text in texts]))
        return featurizer.process_training_data(tokenizer.process_training_data(data)), phrases, intents


def measure_bot(system: str, seed: int, data: TrainingData, phrases: list[Message], intents: list[str]) -> Row:
    """Train one selector on the example bot's FAQ, and ask it about every held-out phrase.

    :param seed: For Rasa's own, which else differs from run to run.
    """
    component, options = SELECTORS[system]
    options = {"retrieval_intent": "faq", **options, **({"random_seed": seed} if component is ResponseSelector else {})}
    with tempfile.TemporaryDirectory() as folder:
        selector = made(component, options, Path(folder))
        clock, processors = timed(partial(selector.train, data))
        messages = [Message({TEXT: phrase.get(TEXT)}, features=phrase.features) for phrase in phrases]
        found = [message.get("response_selector")["faq"]["response"] for message in selector.process(messages)]
        milliseconds = selection_ms(selector, phrases[:100])
    confidences = np.array([response["confidence"] for response in found])
    right = np.array([response["intent_response_key"] == truth for response, truth in zip(found, intents, strict=True)])
    asked = np.array([intent.startswith("faq/") for intent in intents])
    return {
        "system": system,
        "seed": seed,
        "training_seconds": clock,
        "training_processor_seconds": processors,
        "selection_ms": milliseconds,
        **score(confidences[asked], right[asked]),
        "confidence_of_questions": float(confidences[asked].mean()),
        "confidence_of_others": float(confidences[~asked].mean()),
        "auroc_of_questions": float(roc_auc_score(asked, confidences)),
    }


def table(rows: list[Row], by: Sequence[str], columns: Sequence[str]) -> str:
    """Means over seeds in Markdown.

    :param by: What a line stands for.
    :param columns: What is measured.
    """
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(str(row[name]) for name in by), []).append(row)
    lines = [f"| {' | '.join([*by, *columns])} |", "|---" * (len(by) + len(columns)) + "|"]
    for group, own in groups.items():
        means = (f"{np.mean([row[column] for row in own]):.3f}" for column in columns)
        lines.append(f"| {' | '.join([*group, *means])} |")
    return "\n".join(lines)


def tables(record: Row) -> list[str]:
    """Training time, accuracy on tasks, and the example bot."""
    times, tasks, bot = record["times"], record["tasks"], record["example_bot"]
    return [
        table(times, ["answers", "questions"], list(times[0])[2:]),
        table(tasks, ["task", "shots", "system"], ["accuracy", "calibration_error"]),
        table(bot, ["system"], list(bot[0])[2:]),
    ]


def main(data: Path) -> None:
    """Measure, store, print."""
    logging.getLogger("rasa").setLevel(logging.ERROR)
    times = [measure_time(*shots) for shots in ((1, 1), (1, 5), (5, 5))]
    encoder = PrunedEncoder(readout="final+cut", precision="int8", cache_mib=500)
    tasks = [row for task in TASKS for shots in SHOTS for row in measure_task(encoder, data, task, shots)]
    bot = read_bot()
    rows = [measure_bot(system, seed, *bot) for seed in range(SEEDS) for system in SELECTORS]
    machine = {"processors": os.cpu_count(), "architecture": platform.machine()}
    record = {"times": times, "tasks": tasks, "example_bot": rows}
    store("responses", machine=machine, split="valid", **record)
    print(*tables(record), sep="\n\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
