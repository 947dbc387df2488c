"""Tests of encoder/bundle.py: encoders that are written, read and damaged."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx.external_data_helper import set_external_data

from rasa_token_pruning.encoder.bundle import DESCRIPTION, FORMAT, GRAPH, TOKENIZER, read_bundle
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.pruned import PrunedEncoder

POLICY = PruningPolicy((1, 3), 0.4, 4, "merge", "attention_value")
TEXTS = ["", "reset my password", "I lost it 😀 yesterday, the card", "a " * 30, "x" * 300, "naïve CAFÉ"]
FILES = {DESCRIPTION, GRAPH, TOKENIZER}
TOO_DEEP = b"[" * 100_000


@pytest.fixture(scope="module", params=["fp32", "int8"])
def made(request, tiny_folder) -> PrunedEncoder:
    model = str(tiny_folder)
    return PrunedEncoder(model, POLICY, "final+0+cut", prompt="query: ", engine="onnx", precision=request.param)


@pytest.fixture
def folder(made, tmp_path) -> Path:
    made.save(tmp_path / "deep" / "bundle")
    return tmp_path / "deep" / "bundle"


@pytest.fixture(scope="module")
def intact(tiny_folder, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    PrunedEncoder(str(tiny_folder), POLICY, "final+cut", engine="onnx").save(folder)
    return folder


@pytest.fixture
def damaged(intact, tmp_path) -> Path:
    """A bundle of the test's own."""
    return Path(shutil.copytree(intact, tmp_path / "damaged"))


def check_equal(one: PrunedEncoder, other: PrunedEncoder) -> None:
    """Bit for bit."""
    assert np.array_equal(one.encode(TEXTS), other.encode(TEXTS))
    for text, expected in zip(one.encode_tokens(TEXTS), other.encode_tokens(TEXTS), strict=True):
        for name in ("embedding", "states", "kept"):
            assert np.array_equal(getattr(text, name), getattr(expected, name))
        for name in ("ids", "offsets"):
            assert np.array_equal(getattr(text.pieces, name), getattr(expected.pieces, name))
        assert text.pieces.texts == expected.pieces.texts
        assert text.pieces.truncated == expected.pieces.truncated


def test_a_loaded_encoder_is_the_saved_one(made, folder):
    loaded = PrunedEncoder.load(folder)
    check_equal(loaded, made)
    for name in ("policy", "layers", "token_dimension", "dimension", "identity"):
        assert getattr(loaded, name) == getattr(made, name)
    assert loaded.policy == POLICY
    assert loaded.dimension == 3 * 32
    assert loaded._runtime.description == made._runtime.description


def test_a_bundle_says_what_is_in_it(made, folder):
    description, _ = read_bundle(folder)
    assert (description.policy, description.readout, description.prompt) == (POLICY, "final+0+cut", "query: ")
    assert (description.layers, description.width, description.dimension, description.max_length) == (4, 32, 96, 40)
    assert description.identity == made.identity
    assert {file.name for file in folder.iterdir()} == FILES


def test_a_bundle_can_be_copied_and_the_original_removed(made, folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    shutil.rmtree(folder)
    check_equal(PrunedEncoder.load(copy), made)


def test_a_folder_may_be_given_as_text_and_relative(made, folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    check_equal(PrunedEncoder.load("bundle"), made)


def test_a_bundle_is_replaced_and_other_files_stay(made, folder, tiny_folder):
    (folder / "notes.txt").write_text("mine")
    before = PrunedEncoder.load(folder)
    other = PrunedEncoder(str(tiny_folder), "off", engine="onnx")
    other.save(folder)
    check_equal(PrunedEncoder.load(folder), other)
    check_equal(before, made)
    assert (folder / "notes.txt").read_text() == "mine"


def test_lower_case_is_kept(tiny_copy, edit_json, tmp_path):
    tokenizer = json.loads((tiny_copy / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer["normalizer"]["lowercase"] = False
    (tiny_copy / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    edit_json(tiny_copy / "sentence_bert_config.json", do_lower_case=True)
    made = PrunedEncoder(str(tiny_copy), engine="onnx")
    made.save(tmp_path / "bundle")
    loaded = PrunedEncoder.load(tmp_path / "bundle")
    check_equal(loaded, made)
    assert np.array_equal(loaded.encode("RESET"), loaded.encode("reset"))


def test_a_loaded_encoder_cannot_be_saved_again_and_the_error_says_what_to_do(made, folder, tmp_path):
    loaded = PrunedEncoder.load(folder)
    assert made.can_be_saved
    assert not loaded.can_be_saved
    with pytest.raises(EncoderError, match="copy a loaded one"):
        loaded.save(tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_torch_encoder_cannot_be_saved(tiny_folder, tmp_path):
    encoder = PrunedEncoder(str(tiny_folder), engine="torch")
    assert not encoder.can_be_saved
    with pytest.raises(EncoderError, match="engine onnx"):
        encoder.save(tmp_path / "bundle")


SAVE = """
import sys
from rasa_token_pruning.encoder.pruned import PrunedEncoder
for precision in ("fp32", "int8"):
    if sys.argv[4] == "other first":
        PrunedEncoder(sys.argv[1], "off", "final+1", prompt="passage: ", engine="onnx", precision=precision)
    encoder = PrunedEncoder(sys.argv[1], "balanced", "final+cut", engine="onnx", precision=precision,
                            num_threads=int(sys.argv[3]))
    encoder.save(sys.argv[2] + "/" + precision)
"""


def test_saving_is_deterministic(tiny_folder, tmp_path, root):
    """Two processes, other hash seeds, numbers of threads and encoders made before: the same bytes."""
    started = []
    for name, threads, first in (("one", "1", "nothing first"), ("two", "2", "other first")):
        command = [sys.executable, "-c", SAVE, str(tiny_folder), str(tmp_path / name), threads, first]
        environment = {
            **os.environ,
            "PYTHONPATH": f"{os.environ['PYTHONPATH']}{os.pathsep}{root}",
            "PYTHONHASHSEED": threads,
        }
        started.append(subprocess.Popen(command, env=environment))
    assert [process.wait() for process in started] == [0, 0]
    for precision in ("fp32", "int8"):
        for name in sorted(FILES):
            one, two = ((tmp_path / run / precision / name).read_bytes() for run in ("one", "two"))
            assert one == two, f"{precision} {name}"


def refused(folder: Path) -> str:
    with pytest.raises(EncoderError) as error:
        PrunedEncoder.load(folder)
    message = str(error.value)
    assert str(folder) in message
    assert "ave the encoder again" in message or "Save it again" in message
    return message


def test_an_intact_bundle_is_read(damaged):
    assert np.isfinite(PrunedEncoder.load(damaged).encode("hello")).all()


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_missing_file_is_named(damaged, name):
    (damaged / name).unlink()
    assert name in refused(damaged)


def test_a_missing_folder_is_named(tmp_path):
    assert DESCRIPTION in refused(tmp_path / "nothing")


@pytest.mark.parametrize("name", [GRAPH, TOKENIZER])
@pytest.mark.parametrize("place", [0, 0.5, -1])
def test_one_wrong_byte_is_found_and_the_file_is_named(damaged, name, place):
    content = bytearray((damaged / name).read_bytes())
    content[int(place * len(content))] ^= 1
    (damaged / name).write_bytes(content)
    message = refused(damaged)
    assert str(damaged / name) in message
    assert hashlib.sha256(content).hexdigest() in message


@pytest.mark.parametrize("name", [GRAPH, TOKENIZER])
@pytest.mark.parametrize("share", [0, 0.5, 0.999])
def test_a_truncated_file_is_named(damaged, name, share):
    content = (damaged / name).read_bytes()
    (damaged / name).write_bytes(content[: int(share * len(content))])
    assert str(damaged / name) in refused(damaged)


def test_files_of_another_bundle_are_refused(damaged, tiny_folder, tmp_path):
    PrunedEncoder(str(tiny_folder), "off", engine="onnx").save(tmp_path / "other")
    shutil.copy(tmp_path / "other" / GRAPH, damaged / GRAPH)
    assert GRAPH in refused(damaged)


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"format": 1', b"\xff\xfe", b"\x00", b"not json", TOO_DEEP], ids=range(7)
)
def test_a_description_that_is_no_json_is_refused(damaged, content):
    (damaged / DESCRIPTION).write_bytes(content)
    assert DESCRIPTION in refused(damaged)


def test_a_truncated_description_is_refused(damaged):
    content = (damaged / DESCRIPTION).read_bytes()
    for end in range(0, len(content) - 2, 97):
        (damaged / DESCRIPTION).write_bytes(content[:end])
        assert DESCRIPTION in refused(damaged)


@pytest.mark.parametrize("content", ["[]", "[1]", "null", "3", '"text"', "{}", '{"format": null}'])
def test_json_that_is_no_description_is_refused(damaged, content):
    (damaged / DESCRIPTION).write_text(content)
    assert "format None" in refused(damaged)


@pytest.mark.parametrize("found", [0, FORMAT - 1, FORMAT + 1, str(FORMAT), None, [FORMAT], {}], ids=repr)
def test_another_format_is_refused_with_both(damaged, edit_json, found):
    record = json.loads((damaged / DESCRIPTION).read_text())
    (damaged / DESCRIPTION).write_text(json.dumps(record | {"format": found}))
    message = refused(damaged)
    assert f"format {found!r}" in message
    assert f"reads format {FORMAT}." in message


KEYS = [
    *("identity", "policy", "readout", "precision", "layers", "width", "dimension", "max_length"),
    "prompt",
    "sha256",
]


@pytest.mark.parametrize("key", KEYS)
def test_a_missing_key_is_named(damaged, edit_json, key):
    edit_json(damaged / DESCRIPTION, **{key: None})
    message = refused(damaged)
    assert "damaged" in message
    assert key in message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("policy", value) for value in (3, "off", [], [1], {}, {"layers": [1]}, {"other": 1})),
        *((key, value) for key in ("layers", "width", "dimension", "max_length") for value in ("4", 4.0, True, [4])),
        *((key, value) for key in ("identity", "readout", "precision", "prompt") for value in (3, True, ["a"], {})),
        *(("sha256", value) for value in (3, "abc", [], {}, {GRAPH: "0"}, [GRAPH, TOKENIZER])),
    ],
    ids=str,
)
def test_a_value_of_another_type_is_refused(damaged, edit_json, key, value):
    edit_json(damaged / DESCRIPTION, **{key: value})
    refused(damaged)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("quantile", value) for value in (1.0, -0.1, "0.5", True, [0.5])),
        *(("layers", value) for value in ([2, 1], [-1], 3, "1", [1.5], {"1": 1})),
        *(("min_tokens", value) for value in (1, 4.0, "4")),
        *((key, value) for key in ("reduction", "score") for value in ("other", 3, [])),
    ],
    ids=str,
)
def test_a_policy_that_cannot_be_is_refused(damaged, edit_json, key, value):
    policy = json.loads((damaged / DESCRIPTION).read_text())["policy"]
    edit_json(damaged / DESCRIPTION, policy=policy | {key: value})
    assert key in refused(damaged)


@pytest.mark.parametrize(
    ("key", "value"), [("layers", 0), ("width", -1), ("dimension", 0), ("max_length", 1), ("max_length", -5)]
)
def test_a_size_that_cannot_be_is_refused(damaged, edit_json, key, value):
    edit_json(damaged / DESCRIPTION, **{key: value})
    assert f"{key} is {value}" in refused(damaged)


@pytest.mark.parametrize(
    ("key", "value"),
    [("readout", "final"), ("prompt", "query: "), ("identity", "0"), ("precision", "int8"), ("max_length", 41)],
)
def test_a_description_that_was_changed_is_refused(damaged, edit_json, key, value):
    edit_json(damaged / DESCRIPTION, **{key: value})
    message = refused(damaged)
    assert DESCRIPTION in message
    assert "checksum" in message


def swap_graph(folder: Path, graph: bytes) -> None:
    """Put a graph of an attacker's into a bundle, with hashes that fit."""
    record = json.loads((folder / DESCRIPTION).read_text())
    (folder / GRAPH).write_bytes(graph)
    record["sha256"][GRAPH] = hashlib.sha256(graph).hexdigest()
    del record["checksum"]
    record["checksum"] = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    (folder / DESCRIPTION).write_text(json.dumps(record))


def test_a_graph_that_is_none_is_refused_even_if_its_hashes_fit(damaged):
    swap_graph(damaged, b"no graph")
    with pytest.raises(EncoderError, match="is not an encoder's graph"):
        PrunedEncoder.load(damaged)


def test_a_graph_that_reads_other_files_is_refused_even_if_its_hashes_fit(damaged):
    model = onnx.load_from_string((damaged / GRAPH).read_bytes())
    large = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    (damaged / "weights.bin").write_bytes(large.raw_data)
    set_external_data(large, "weights.bin")
    large.ClearField("raw_data")
    swap_graph(damaged, model.SerializeToString())
    with pytest.raises(EncoderError, match="field 13 of tensor, which no encoder has"):
        PrunedEncoder.load(damaged)


def test_a_bundle_that_was_refused_loads_once_it_is_repaired(damaged):
    whole = (damaged / GRAPH).read_bytes()
    (damaged / GRAPH).write_bytes(whole[:-1])
    refused(damaged)
    (damaged / GRAPH).write_bytes(whole)
    assert np.isfinite(PrunedEncoder.load(damaged).encode("hello")).all()


@pytest.mark.parametrize("options", [{"num_threads": 0}, {"num_threads": "2"}, {"cache_mib": -1}], ids=str)
def test_wrong_options_are_refused_by_their_value(intact, options):
    ((key, value),) = options.items()
    with pytest.raises(EncoderError, match=f"{key} is {value!r}"):
        PrunedEncoder.load(intact, **options)
