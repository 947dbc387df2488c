"""What a trained assistant's archive holds, damaged or forged: an encoder, a classifier, a tagger, answers."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from shutil import copytree, rmtree
from tempfile import TemporaryDirectory
from typing import Any

import atheris
import numpy as np
from safetensors.numpy import load_file, save

from fuzz.choices import Choices, changed, damaged
from fuzz.harness import finite, main
from fuzz.tiny import WIDTH, write_model

with atheris.instrument_imports(include=["rasa_token_pruning"]):
    from rasa.shared.exceptions import InvalidConfigException

    from rasa_token_pruning.components.answers import Answers
    from rasa_token_pruning.components.encoder_archive import read_encoder
    from rasa_token_pruning.components.featurizer import TokenPruningFeaturizer
    from rasa_token_pruning.encoder.archived import write_archived
    from rasa_token_pruning.encoder.bundle import DESCRIPTION, GRAPH, read_bundle
    from rasa_token_pruning.encoder.errors import EncoderError
    from rasa_token_pruning.encoder.onnx_contents import check_contents
    from rasa_token_pruning.encoder.policy import PruningPolicy
    from rasa_token_pruning.encoder.pruned import PrunedEncoder
    from rasa_token_pruning.evaluation.archive import ArchiveError
    from rasa_token_pruning.evaluation.assistant import load
    from rasa_token_pruning.evaluation.explanation import explain
    from rasa_token_pruning.evaluation.explanation_view import report
    from rasa_token_pruning.evaluation.texts import TextsError
    from rasa_token_pruning.fewshot.bilou import Label, Span
    from rasa_token_pruning.fewshot.classifier import FewShotClassifier
    from rasa_token_pruning.fewshot.errors import ClassifierError
    from rasa_token_pruning.fewshot.neighbours import Neighbours
    from rasa_token_pruning.fewshot.tagger import EntityTagger, TokenFeatures

ALLOWED = (ArchiveError, ClassifierError, EncoderError, InvalidConfigException, TextsError)
TEXTS = ("reset my password", "forgot my password", "a room please", "book a room", "tell a joke", "sing a song")
LABELS = ("faq/password", "faq/password", "faq/room", "faq/room", "other", "other")
NUMBERS = (0.0, -1.0, 1.0, 1e-45, 1e30, -3e38, float("nan"), float("inf"))
SHAPES = ((), (0,), (1,), (2, 2), (0, 2 * WIDTH), (3, 0), (3,), (4, 2 * WIDTH))


def _stored() -> dict[str, Path]:
    """Undamaged files of each kind."""
    folders = {name: Path(PLACE.name) / name for name in ("encoder", "classifier", "tagger", "answers", "all")}
    folder = write_model(Path(PLACE.name) / "model")
    encoder = PrunedEncoder(str(folder), PruningPolicy((1,), 0.5, 3), "final+cut", precision="int8", num_threads=1)
    rows = encoder.encode(TEXTS)
    for folder in folders.values():
        folder.mkdir()
    write_archived(encoder, folders["all"], bundled=True)
    encoder.save(folders["encoder"])
    classifier = FewShotClassifier.fit(rows, LABELS, out_of_scope="other")
    classifier.save(folders["classifier"])
    Neighbours.of(list(rows), TEXTS, LABELS).save(folders["classifier"])
    Answers(classifier, ["faq"], {label: [{"text": label}] for label in sorted(set(LABELS))}).save(folders["answers"])
    words = [text.split() for text in TEXTS]
    features = [TokenFeatures(np.ones((len(of), 4), np.float32), of, [["known"] for _ in of]) for of in words]
    EntityTagger.learn(features, [[Span(0, 1, Label("a", "b"))] for _ in TEXTS]).save(folders["tagger"])
    return folders


PLACE = TemporaryDirectory()
STORED = _stored()
WORK = Path(PLACE.name) / "work"
GRAPH_CONTENT = (STORED["encoder"] / GRAPH).read_bytes()
OPTIONS = {**TokenPruningFeaturizer.get_default_config(), "num_threads": 1, "model": str(Path(PLACE.name) / "model")}
METADATA = {
    "predict_schema": {
        "nodes": {
            "run_1": {"uses": "x.WhitespaceTokenizer", "config": {}, "resource": None},
            "run_2": {
                "uses": "x.TokenPruningFeaturizer",
                "config": {"num_threads": 1, "alias": "f"},
                "resource": {"name": "t2"},
            },
            "run_3": {
                "uses": "x.FewShotIntentClassifier",
                "config": {"coverage": 0.8, "featurizers": ["f"], "doubt_unfamiliar": True},
                "resource": {"name": "t3"},
            },
        }
    }
}


def _copy(kind: str) -> Path:
    if WORK.exists():
        rmtree(WORK)
    return Path(copytree(STORED[kind], WORK))


def _change_json(file: Path, choices: Choices) -> None:
    file.write_bytes(damaged(json.loads(file.read_bytes()), choices))


def _change_tensors(file: Path, choices: Choices) -> None:
    """Other numbers, other shapes, or other bytes."""
    tensors = {name: array.copy() for name, array in load_file(file).items()}
    name, kind = choices.of(sorted(tensors)), choices.number(4)
    if kind == 0 and tensors[name].size:
        tensors[name].flat[choices.number(tensors[name].size)] = choices.of(NUMBERS)
    elif kind == 1:
        tensors[name] = np.full(choices.of(SHAPES), choices.of(NUMBERS), choices.of((np.float32, np.float16, np.int32)))
    elif kind == 2:
        for array in tensors.values():
            array.fill(choices.of(NUMBERS))
    content = save(tensors)
    file.write_bytes(_changed_bytes(content, choices) if kind == 3 else content)


def _changed_bytes(content: bytes, choices: Choices) -> bytes:
    """Up to seven pieces replaced, at places that the fuzzer chooses."""
    for _ in range(choices.number(8)):
        at, gone = choices.number(len(content) + 1), choices.number(8)
        content = content[:at] + bytes(choices.number(256) for _ in range(choices.number(8))) + content[at + gone :]
    return content


def _encoder(choices: Choices) -> None:
    """A description that was changed, with the checksum that belongs to it: who forges can do that."""
    folder = _copy("encoder")
    record = json.loads((folder / DESCRIPTION).read_bytes())
    if choices.number(2):
        _change_json(folder / DESCRIPTION, choices)
    else:
        record = changed({key: value for key, value in record.items() if key != "checksum"}, choices)
        checksum = hashlib.sha256(json.dumps(record, sort_keys=True).encode("utf-8")).hexdigest()
        forged = {**record, "checksum": checksum} if isinstance(record, dict) else record
        (folder / DESCRIPTION).write_text(json.dumps(forged))
    description, _ = read_bundle(folder)
    assert description.max_length >= 2 and min(description.layers, description.width, description.dimension) >= 1
    finite(PrunedEncoder.load(folder, num_threads=1).encode(["hello", ""]))


def _graph(choices: Choices) -> None:
    WORK.mkdir(exist_ok=True)
    content = choices.rest() if choices.number(4) == 3 else _changed_bytes(GRAPH_CONTENT, choices)
    (WORK / GRAPH).write_bytes(content)
    check_contents(WORK / GRAPH)  # what passes is not run: a crash of onnxruntime is not ours


def _classifier(choices: Choices) -> None:
    folder = _copy("classifier")
    file = choices.of(sorted(folder.iterdir()))
    (_change_json if file.suffix == ".json" else _change_tensors)(file, choices)
    classifier = FewShotClassifier.load(folder)
    _ask(classifier)
    neighbours = Neighbours.load(folder, classifier.dimension)
    if neighbours:
        finite(np.array([one.similarity for one in neighbours.nearest(np.ones(classifier.dimension, np.float32))]))


def _ask(classifier: FewShotClassifier) -> None:
    for rows in (np.ones((1, classifier.dimension), np.float32), -np.eye(1, classifier.dimension, dtype=np.float32)):
        said = classifier.predict(rows)
        finite(said.probabilities, said.confidences, said.familiarity)
        assert said.probabilities.shape == (1, len(classifier.intents)) and np.allclose(said.probabilities.sum(), 1)
        assert classifier.predict_sets(rows, 0.9).any()


def _tagger(choices: Choices) -> None:
    folder = _copy("tagger")
    file = choices.of(sorted(folder.iterdir()))
    (_change_json if file.suffix == ".json" else _change_tensors)(file, choices)
    tagger = EntityTagger.load(folder)
    features = TokenFeatures(np.ones((3, tagger.dimension), np.float32), ["a", "room", "please"], [[], ["known"], []])
    tagging = tagger.tag(features)
    finite(tagging.probabilities)
    assert len(tagging.tags) == 3


def _answers(choices: Choices) -> None:
    folder = _copy("answers")
    _change_json(choices.of(sorted(folder.glob("*.json"))), choices)
    answers = Answers.load(folder)
    _ask(answers.classifier)
    for label in answers.classifier.intents:
        assert all(isinstance(response, dict) for response in answers.responses_for(label))


def _record(choices: Choices) -> None:
    folder = _copy("all")
    _change_json(folder / "encoder.json", choices)
    finite(read_encoder(OPTIONS, folder).encode(["hello"]))


def _whole(choices: Choices) -> None:
    """An archive as Rasa packs it, whose description, names and headers may be others; and ``explain`` of it."""
    members: list[tuple[str, bytes]] = [("metadata.json", damaged(METADATA, choices))]
    for resource, kind in (("t2", "all"), ("t3", "classifier")):
        for file in sorted(file for file in STORED[kind].rglob("*") if file.is_file()):
            members.append((f"components/{resource}/{file.relative_to(STORED[kind]).as_posix()}", file.read_bytes()))
    for _ in range(choices.number(4)):
        at = choices.number(len(members))
        members[at] = (choices.of(("metadata.json", "components/t2/../x", "components/t3/a", "x")), members[at][1])
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size, info.type = len(content), choices.of((tarfile.REGTYPE,) * 15 + (tarfile.SYMTYPE,))
            tar.addfile(info, io.BytesIO(content))
    content = packed.getvalue()
    file = Path(PLACE.name) / "x.tar.gz"
    file.write_bytes(_changed_bytes(content, choices) if choices.number(4) == 3 else content)
    explanation = explain("reset my password", load(file))
    report(explanation, coloured=True)
    finite(np.array([explanation.confidence, explanation.margin, explanation.familiarity]))


PARTS: tuple[Callable[[Choices], Any], ...] = (
    _encoder, _graph, _classifier, _tagger, _answers, _record, _whole,
)  # fmt: skip


def check(content: bytes) -> None:
    """Damage one of the parts and read it."""
    choices = Choices(content)
    choices.of(PARTS)(choices)


if __name__ == "__main__":
    endings = ((), (0, 1, 3, 1), (1, 2, 0, 1), (2, 1, 1, 7))
    seeds = [bytes([part, *ending]) for part in range(len(PARTS)) for ending in endings]
    graph = bytes([1, 3]) + GRAPH_CONTENT[:1500]
    main("archive", check, ALLOWED, [*seeds, graph, bytes([0, 1, 15]) + b"{}", bytes([6, 15]) + b"{}"])
