"""Who finds the entities once DIET no longer classifies: Rasa's extractors beside this plugin, on labelled slots.

    python -m benchmarks.entities FOLDER

FOLDER holds ``seq.in`` (words), ``seq.out`` (their tags: B-, I- and O) and ``label`` (intents), a message a line, as
slot data such as SNIPS and ATIS are published. Each draw takes some messages of every intent to learn from; the rest
are the test. Every assistant is trained by ``rasa train nlu``, loaded in a process of its own, and parses each message
alone. An entity is right if its type and its characters are. Every option of Rasa's extractors is its default unless
``PIPELINES`` names it. Our extractor was chosen on SNIPS' intents AddToPlaylist, GetWeather and RateBook, learnt beside
the others; the messages of ``OTHERS`` are counted alone, too. FOLDER also keeps ``rows.json``, from which a run that
was interrupted goes on. Takes an hour or two on 2 cores; writes ``benchmarks/results/entities.json`` and prints a table
of F1 and one of costs for each number of examples.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import platform
import tempfile
import time
from collections import Counter
from collections.abc import Collection
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from benchmarks.intents_rasa import QUIET, SPARSE, train
from benchmarks.records import store
from benchmarks.rows import Row, resume

SHOTS = (10, 20, 60)
OTHERS = ("BookRestaurant", "PlayMusic", "SearchScreeningEvent", "SearchCreativeWork")
DRAWS = ("draw 0", "draw 1", "draw 2")

TOKENIZER, *SPARSE_FEATURIZERS = SPARSE
NAMED = [{**featurizer, "alias": f"sparse{number}"} for number, featurizer in enumerate(SPARSE_FEATURIZERS)]
OURS = [
    {"name": "rasa_token_pruning.TokenPruningFeaturizer"},
    {"name": "rasa_token_pruning.FewShotIntentClassifier"},
]
# An extractor that names featurizers does not see the others. CRF passes over messages without features of those that
# it names: hence the one that has some for every message.
SPARSE_ALONE = {"featurizers": [featurizer["alias"] for featurizer in NAMED]}
LEXICAL = {"name": "LexicalSyntacticFeaturizer", "alias": "lexical"}
DIET: dict[str, Any] = {"name": "DIETClassifier", "epochs": 100, "constrain_similarities": True}
ENTITIES_ALONE = {**DIET, "intent_classification": False}
NEIGHBOUR = ["low", "title", "upper"]
WORD = ["low", "bias", "prefix5", "prefix2", "suffix5", "suffix3", "suffix2", "upper", "title", "digit", "pattern"]
DENSE_CRF = {"name": "CRFEntityExtractor", "features": [NEIGHBOUR, [*WORD, "text_dense_features"], NEIGHBOUR]}

PIPELINES: dict[str, list[dict[str, Any]]] = {
    "none": [TOKENIZER, *OURS],
    "fewshot": [TOKENIZER, *OURS, {"name": "rasa_token_pruning.FewShotEntityExtractor"}],
    "crf": [TOKENIZER, LEXICAL, *OURS, {"name": "CRFEntityExtractor", "featurizers": ["lexical"]}],
    "crf_unnamed": [TOKENIZER, *OURS, {"name": "CRFEntityExtractor"}],
    "crf_dense": [TOKENIZER, *OURS, DENSE_CRF],
    "diet_sparse": [TOKENIZER, *NAMED, *OURS, {**ENTITIES_ALONE, **SPARSE_ALONE}],
    "diet_dense": [TOKENIZER, *OURS, ENTITIES_ALONE],
    "diet_both": [TOKENIZER, *NAMED, *OURS, ENTITIES_ALONE],
    "diet_as_before": [TOKENIZER, *NAMED, DIET],
}
TITLES = {
    "none": "ours, no extractor",
    "fewshot": "ours, `FewShotEntityExtractor`",
    "adapted": "the same with an adapter",
    "crf": "ours, CRF that names a sparse featurizer",
    "crf_unnamed": "ours, CRF that names none",
    "crf_dense": "ours, CRF with `text_dense_features`",
    "diet_sparse": "ours, DIET for entities on sparse features",
    "diet_dense": "ours, DIET for entities on our features",
    "diet_both": "ours, DIET for entities on both",
    "diet_as_before": "DIET for intents and entities, without ours",
}

# The columns of the table of costs: title, key of the measurement, format.
COLUMNS = (
    ("training", "training_seconds", "{:.0f} s"),
    ("its memory", "training_peak_mib", "{:.0f} MiB"),
    ("archive", "archive_mib", "{:.1f} MiB"),
    ("loading", "load_seconds", "{:.2f} s"),
    ("p50", "latency_ms_p50", "{:.1f} ms"),
    ("p95", "latency_ms_p95", "{:.1f} ms"),
    ("memory", "serving_mib", "{:.0f} MiB"),
)


class Entity(NamedTuple):
    """A stretch of characters of a message, ``[start, end)``, and what it is."""

    start: int
    end: int
    type: str


class Labelled(NamedTuple):
    """A message with its truth."""

    text: str
    intent: str
    entities: frozenset[Entity]


def entities_of(words: list[str], tags: list[str]) -> frozenset[Entity]:
    """What the tags of words say of the characters of their sentence, in which one space stands between words."""
    found: list[Entity] = []
    start = 0
    for word, tag in zip(words, tags, strict=True):
        if tag.startswith("B-"):
            found.append(Entity(start, start + len(word), tag[2:]))
        elif tag.startswith("I-"):
            found[-1] = found[-1]._replace(end=start + len(word))
        start += len(word) + 1
    return frozenset(found)


def read(folder: Path) -> list[Labelled]:
    """The messages of a folder.

    :raises ValueError: If files differ in their lines or lines in their words.
    """
    words, tags, intents = (
        (folder / name).read_text(encoding="utf-8").splitlines() for name in ("seq.in", "seq.out", "label")
    )
    return [
        Labelled(" ".join(line.split()), intent.strip(), entities_of(line.split(), truth.split()))
        for line, truth, intent in zip(words, tags, intents, strict=True)
    ]


def draw(messages: list[Labelled], shots: int, seed: int) -> tuple[list[Labelled], list[Labelled]]:
    """``shots`` messages of each intent at random, and all others that have another text."""
    generator = np.random.default_rng(seed)
    chosen: list[Labelled] = []
    for intent in sorted({message.intent for message in messages}):
        own = [message for message in messages if message.intent == intent]
        chosen += [own[index] for index in generator.permutation(len(own))[:shots]]
    texts = {message.text for message in chosen}
    return chosen, [message for message in messages if message.text not in texts]


def write_project(folder: Path, pipeline: list[dict[str, Any]], messages: list[Labelled]) -> None:
    """Write ``config.yml`` and ``nlu.yml``.

    :raises SystemExit: If Rasa reads other examples than were given, for it gives some characters a meaning.
    """
    from rasa.shared.nlu.training_data.loading import load_data
    from rasa.shared.nlu.training_data.message import Message
    from rasa.shared.nlu.training_data.training_data import TrainingData

    config = {"recipe": "default.v1", "assistant_id": "entities", "language": "en", "pipeline": pipeline}
    (folder / "config.yml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    examples = []
    for text, intent, entities in messages:
        noted = [
            {"start": start, "end": end, "value": text[start:end], "entity": kind}
            for start, end, kind in sorted(entities)
        ]
        examples.append(Message.build(text=text, intent=intent, entities=noted))
    file = folder / "nlu.yml"
    TrainingData(examples).persist_nlu(str(file))
    found = {
        (m.get("text"), m.get("intent"), located(m.get("entities", []))) for m in load_data(str(file)).nlu_examples
    }
    if found != set(messages):
        raise SystemExit(f"{file} does not hold the examples that were written to it.")


def located(entities: list[dict[str, Any]]) -> frozenset[Entity]:
    """Rasa's entities as ours."""
    return frozenset(Entity(entity["start"], entity["end"], entity["entity"]) for entity in entities)


def parse(archive: Path, texts: list[str]) -> tuple[list[frozenset[Entity]], Row]:
    """The entities of each text, and what finding them costs.

    Rasa is imported here, in a process of its own: a parent's memory would count as that of the trainings it starts.
    """
    import psutil
    from rasa.core.agent import Agent
    from rasa.utils.common import configure_logging_and_warnings
    from rasa.utils.log_utils import configure_structlog

    from benchmarks.held_out import WARM_UP, parse_all

    configure_structlog(logging.ERROR)  # as a server is run; logging every step would be part of the latency
    configure_logging_and_warnings(logging.ERROR)
    started = time.perf_counter()
    agent = Agent.load(archive)
    loaded = time.perf_counter() - started
    parsed, times = asyncio.run(parse_all(agent, texts))
    # The first texts warmed up, and the featurizer remembers them.
    p50, p95 = (float(p) for p in np.percentile(times[WARM_UP:], [50, 95]))
    memory = psutil.Process().memory_info().rss / 2**20
    costs = {"load_seconds": loaded, "latency_ms_p50": p50, "latency_ms_p95": p95, "serving_mib": memory}
    return [located(result["entities"]) for result in parsed], costs


def f1(counts: dict[str, int]) -> float:
    """The harmonic mean of precision and recall, in [0, 1]."""
    return 2 * counts["right"] / max(1, counts["found"] + counts["true"])


def scores(messages: list[Labelled], answers: list[frozenset[Entity]]) -> Row:
    """F1 over all entities of all messages, and what it comes from, by intent."""
    intents = {message.intent: Counter(true=0, found=0, right=0) for message in messages}
    for message, answer in zip(messages, answers, strict=True):
        right = len(message.entities & answer)
        intents[message.intent].update(true=len(message.entities), found=len(answer), right=right)
    return {"f1": f1(sum(intents.values(), Counter())), "intents": {name: dict(n) for name, n in intents.items()}}


def measure(messages: list[Labelled], system: str, name: str, shots: int) -> Row:
    """Train on a draw and score the rest."""
    learnt, rest = draw(messages, shots, seed=DRAWS.index(name))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_project(folder, PIPELINES[system], learnt)
        training = train(folder)
        archive = folder / "model.tar.gz"
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            answers, costs = pool.submit(parse, archive, [message.text for message in rest]).result()
        return {**training, "archive_mib": archive.stat().st_size / 2**20, **costs, **scores(rest, answers)}


def accuracy_table(rows: list[Row], intents: Collection[str] = ()) -> str:
    """F1 by examples, mean and range over the draws, in Markdown.

    :param intents: Whose messages count; all if empty.
    """
    shots = sorted({row["shots"] for row in rows})
    lines = [f"| entities: F1 | {' | '.join(f'{k} an intent' for k in shots)} |", "|---" * (1 + len(shots)) + "|"]
    for system in [name for name in TITLES if name != "none" and any(row["system"] == name for row in rows)]:
        own = [[row for row in rows if (row["system"], row["shots"]) == (system, k)] for k in shots]
        lines.append(f"| {TITLES[system]} | {' | '.join(_cell(found, intents) for found in own)} |")
    return "\n".join(lines)


def _cell(rows: list[Row], intents: Collection[str]) -> str:
    """Mean and range over all draws; empty if one is lacking."""
    if len(rows) < len(DRAWS):
        return ""
    counts = [[Counter(n) for name, n in row["intents"].items() if not intents or name in intents] for row in rows]
    found = [f1(sum(of_intents, Counter())) for of_intents in counts]
    return f"{np.mean(found):.1%} ({min(found):.1%} to {max(found):.1%})"


def cost_table(rows: list[Row], shots: int) -> str:
    """What each assistant costs with so many examples an intent, medians over the draws, in Markdown."""
    lines = [f"| | {' | '.join(title for title, _, _ in COLUMNS)} |", "|---" * (1 + len(COLUMNS)) + "|"]
    for system in TITLES:
        own = [row for row in rows if (row["system"], row["shots"]) == (system, shots)]
        if own:
            cells = [form.format(np.median([row[name] for row in own])) for _, name, form in COLUMNS]
            lines.append(f"| {TITLES[system]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure what is lacking, store, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--systems", nargs="+", default=list(PIPELINES), choices=PIPELINES, metavar="SYSTEM")
    parser.add_argument("--shots", nargs="+", type=int, default=SHOTS)
    parser.add_argument("--adapter", type=Path, help="adds ours with this one; writes entities-adapter.json instead")
    arguments = parser.parse_args()
    os.environ.update(QUIET)
    messages = read(arguments.folder)
    if arguments.adapter:
        tokenizer, featurizer, *rest = PIPELINES["fewshot"]
        PIPELINES["adapted"] = [tokenizer, {**featurizer, "adapter": str(arguments.adapter.resolve())}, *rest]
        arguments.systems.append("adapted")
    wanted = [(system, name, k) for name in DRAWS for k in arguments.shots for system in arguments.systems]
    rows = resume(arguments.folder / "rows.json", wanted, lambda *one: measure(messages, *one))
    machine = {"processors": os.cpu_count(), "architecture": platform.machine()}
    store("entities-adapter" if arguments.adapter else "entities", messages=len(messages), machine=machine, rows=rows)
    costs = (cost_table(rows, k) for k in arguments.shots)
    print(accuracy_table(rows), accuracy_table(rows, OTHERS), *costs, sep="\n\n")


if __name__ == "__main__":
    main()
