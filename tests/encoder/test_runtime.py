"""Tests of encoder/runtime.py: what is shared, what is released, and which options are refused."""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
import torch

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.options import ENGINES, PRECISIONS, Options
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.presets import preset
from rasa_token_pruning.encoder.pruned import PrunedEncoder


@pytest.fixture(scope="module")
def intact(tiny_folder, tmp_path_factory):
    """A saved encoder."""
    folder = tmp_path_factory.mktemp("bundle")
    PrunedEncoder(str(tiny_folder), engine="onnx").save(folder)
    return folder


def runtime(model, *rest, **options):
    return PrunedEncoder(str(model), *rest, **options)._runtime


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"prompt": ""},
        {"pruning": preset("balanced", 4)},
        {"cache_mib": 5},
        {"device": "cpu"},
        {"precision": "fp32"},
    ],
    ids=str,
)
def test_equal_options_share_one_runtime(tiny_folder, engine, options):
    assert runtime(tiny_folder, engine=engine, **options) is runtime(tiny_folder, engine=engine)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_an_encoder_that_no_graph_can_hold_is_refused_with_the_way_out(tiny_folder, monkeypatch, precision):
    monkeypatch.setattr("rasa_token_pruning.encoder.runtime._MOST_BYTES", 1000)
    with pytest.raises(EncoderError, match=r"GiB of weights, and a graph .* set engine to torch"):
        PrunedEncoder(str(tiny_folder), precision=precision, num_threads=3)
    assert PrunedEncoder(str(tiny_folder), engine="torch", num_threads=3)


def test_auto_is_what_it_stands_for(tiny_folder):
    assert runtime(tiny_folder) is runtime(tiny_folder, engine="onnx")
    assert runtime(tiny_folder, precision="auto") is runtime(tiny_folder, engine="onnx", precision="int8")
    assert runtime(tiny_folder, engine="torch", precision="auto") is runtime(tiny_folder, engine="torch")
    assert Options("m", "off", "final", None, "auto", "auto", None, "cuda").resolved_engine == "torch"
    assert Options("m", "off", "final", None, "auto", "auto", None, "cuda").resolved_precision == "fp32"


def test_a_copy_of_the_folder_is_the_same_model(tiny_folder, tiny_copy, engine):
    assert runtime(tiny_folder, engine=engine) is runtime(tiny_copy, engine=engine)


@pytest.mark.parametrize(
    "options",
    [
        {"pruning": "off"},
        {"pruning": PruningPolicy((1,), 0.5, 6, "merge")},
        {"pruning": PruningPolicy((1,), 0.5, 6, score="max_attention")},
        {"readout": "final+cut"},
        {"readout": "final+0"},
        {"prompt": "query: "},
        {"num_threads": 1},
    ],
    ids=str,
)
def test_other_options_do_not(tiny_folder, engine, options):
    threads = torch.get_num_threads()
    one, other = runtime(tiny_folder, engine=engine), runtime(tiny_folder, engine=engine, **options)
    torch.set_num_threads(threads)
    assert one is not other


def test_neither_do_other_engines_and_precisions(tiny_folder):
    ways = [{"engine": "torch"}, {"engine": "onnx"}, {"engine": "onnx", "precision": "int8"}]
    assert len({id(found) for found in [runtime(tiny_folder, **way) for way in ways]}) == 3


def test_a_read_out_is_recorded_as_it_was_asked_for(tiny_folder):
    """Also if another one that means the same was made before."""
    layer = preset("balanced", 4).layers[0]
    encoders = [PrunedEncoder(str(tiny_folder), readout=readout) for readout in ("final+cut", f"final+{layer}")]
    assert [encoder._runtime.description.readout for encoder in encoders] == ["final+cut", f"final+{layer}"]
    assert np.array_equal(*(encoder.encode("reset my password") for encoder in encoders))


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_runtime_is_released_with_its_last_encoder(tiny_copy, precision, engine):
    if (engine, precision) == ("torch", "int8"):
        return
    first, second = (
        PrunedEncoder(str(tiny_copy), PruningPolicy((0,), 0.1, 3), engine=engine, precision=precision, cache_mib=size)
        for size in (0, 1)
    )
    shared = weakref.ref(first._runtime)
    assert second._runtime is shared()
    first.encode("hello")
    del first
    gc.collect()
    assert shared() is not None
    second.encode("hello")
    del second
    gc.collect()
    assert shared() is None


def test_loaded_encoders_share_and_release_their_runtime(tiny_folder, tmp_path):
    PrunedEncoder(str(tiny_folder), engine="onnx").save(tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "copy")
    encoders = [PrunedEncoder.load(tmp_path / name, cache_mib=size) for name, size in (("one", 0), ("copy", 1))]
    assert encoders[0]._runtime is encoders[1]._runtime
    assert PrunedEncoder.load(tmp_path / "one", num_threads=1)._runtime is not encoders[0]._runtime
    shared = weakref.ref(encoders[0]._runtime)
    encoders.clear()
    gc.collect()
    assert shared() is None


def test_threads_that_make_one_at_once_get_the_same(tiny_copy, engine):
    barrier = Barrier(8)

    def make(_):
        barrier.wait()
        return runtime(tiny_copy, PruningPolicy((1,), 0.7, 5), engine=engine)

    with ThreadPoolExecutor(8) as pool:
        assert len({id(found) for found in list(pool.map(make, range(8)))}) == 1


def test_ranges_are_measured_with_the_prompt_whatever_was_made_before(tiny_copy, tmp_path):
    made = {}
    for order in (("query: ", ""), ("", "query: ")):
        folder = shutil.copytree(tiny_copy, tmp_path / "-".join(map(str, map(len, order))))
        (folder / "note.json").write_text(json.dumps(order))  # another identity: nothing is remembered of it
        for prompt in order:
            encoder = PrunedEncoder(str(folder), prompt=prompt, precision="int8")
            made.setdefault(prompt, []).append(encoder._runtime.graph)
    for one, other in made.values():
        assert one == other
    assert made[""][0] != made["query: "][0]


def refused(model, **options) -> str:
    with pytest.raises(EncoderError) as error:
        PrunedEncoder(str(model), **options)
    return str(error.value)


@pytest.mark.parametrize("value", ["", "Onnx", "tensorflow", None, 3, True, ["onnx"], {}], ids=repr)
def test_a_wrong_engine_is_refused_with_the_value_and_the_choices(tiny_folder, value):
    message = refused(tiny_folder, engine=value)
    assert f"engine is {value!r}" in message
    assert all(choice in message for choice in ENGINES)


@pytest.mark.parametrize("value", ["", "INT8", "fp16", None, 8, True, ["int8"], {}], ids=repr)
def test_a_wrong_precision_is_refused_with_the_value_and_the_choices(tiny_folder, value):
    message = refused(tiny_folder, precision=value)
    assert f"precision is {value!r}" in message
    assert all(choice in message for choice in PRECISIONS)


@pytest.mark.parametrize("value", [0, -1, 1025, 10**30, 1.0, "2", True, False, [1]], ids=repr)
def test_a_wrong_number_of_threads_is_refused_with_the_value(tiny_folder, engine, value):
    message = refused(tiny_folder, engine=engine, num_threads=value)
    assert f"num_threads is {value!r}" in message
    assert "from 1 to 1024" in message


@pytest.mark.parametrize("value", ["", None, 3, True, ["cpu"]], ids=repr)
def test_a_wrong_device_is_refused_with_the_value_and_the_choices(tiny_folder, engine, value):
    message = refused(tiny_folder, engine=engine, device=value)
    assert f"device is {value!r}" in message
    assert all(choice in message for choice in ("cpu", "cuda", "mps"))


@pytest.mark.parametrize("value", [-1, -0.5, float("inf"), float("nan"), "5", None, True, [5]], ids=repr)
def test_a_wrong_cache_is_refused_with_the_value(tiny_folder, value):
    message = refused(tiny_folder, cache_mib=value)
    assert f"cache_mib is {value!r}" in message
    assert "at least 0" in message


@pytest.mark.parametrize("value", [3, True, ["query: "], b"query: ", "query", "unknown name", "quéry"], ids=repr)
def test_a_wrong_prompt_is_refused_with_the_value_and_the_models_own(tiny_copy, engine, value):
    prompts = {"prompts": {"task": "task: ", "none": ""}, "default_prompt_name": None}
    (tiny_copy / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    message = refused(tiny_copy, engine=engine, prompt=value)
    assert f"prompt is {value!r}" in message
    assert "'task', 'none'" in message
    assert "'query: '" in message


def test_a_wrong_read_out_is_refused_with_the_value(tiny_folder, engine):
    assert "readout is 'final+4'" in refused(tiny_folder, engine=engine, readout="final+4")


@pytest.mark.parametrize("chosen", ["torch", "auto"])
@pytest.mark.parametrize("device", ["cuda", "cuda:1", "xpu", "gpu", "cpu please"])
def test_a_device_that_is_not_there_is_refused_with_its_name(tiny_folder, chosen, device):
    if device.startswith("cuda") and torch.cuda.is_available():
        pytest.skip("this machine has it")
    assert f"device is {device!r}" in refused(tiny_folder, engine=chosen, device=device)


def test_int8_is_refused_with_torch_and_the_error_says_what_has_it(tiny_folder):
    message = refused(tiny_folder, engine="torch", precision="int8")
    assert "precision is 'int8'" in message
    assert "engine onnx" in message
    assert "precision is 'int8'" in refused(tiny_folder, engine="auto", device="cuda", precision="int8")


def test_another_device_is_refused_with_onnx_and_the_error_says_what_has_it(tiny_folder):
    message = refused(tiny_folder, engine="onnx", device="cuda")
    assert "device is 'cuda'" in message
    assert "engine torch" in message


def test_num_threads_is_what_torch_gets(tiny_folder):
    threads = torch.get_num_threads()
    try:
        PrunedEncoder(str(tiny_folder), PruningPolicy((1,), 0.3, 4), engine="torch", num_threads=threads + 1)
        assert torch.get_num_threads() == threads + 1
    finally:
        torch.set_num_threads(threads)


# What a process has imported in the end.
IMPORTED = """
import sys
for name in sys.argv[3:]:
    sys.modules[name] = None  # importing it is an ImportError
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.pruned import PrunedEncoder
try:
    print(eval(sys.argv[1])(sys.argv[2]))
except EncoderError as error:
    sys.exit(f"EncoderError: {error}")
print("imported", *sorted({name.partition(".")[0] for name, module in sys.modules.items() if module}))
"""


def in_a_process(root, program: str, argument, *forbidden: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", IMPORTED, program, str(argument), *forbidden]
    environment = {**os.environ, "PYTHONPATH": f"{os.environ['PYTHONPATH']}{os.pathsep}{root}"}
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def imported(root, program: str, argument, *forbidden: str) -> set[str]:
    done = in_a_process(root, program, argument, *forbidden)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:])


TRAINING = {"torch", "transformers", "sentence_transformers"}
HEAVY = {*TRAINING, "onnx", "safetensors", "huggingface_hub", "rasa", "tensorflow", "sklearn", "scipy"}


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_loaded_encoder_imports_little(tiny_folder, tmp_path, root, precision):
    PrunedEncoder(str(tiny_folder), engine="onnx", precision=precision).save(tmp_path)
    program = (
        "lambda folder: (PrunedEncoder.load(folder, cache_mib=1).encode(['reset my password', 'hi']).shape, "
        "PrunedEncoder.load(folder).encode_tokens(['hi'])[0].pieces.offsets)"
    )
    found = imported(root, program, tmp_path)
    assert "onnxruntime" in found
    assert HEAVY.isdisjoint(found)
    assert imported(root, program, tmp_path, *HEAVY)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_an_onnx_encoder_is_made_without_torch(tiny_folder, root, precision):
    program = f"lambda model: PrunedEncoder(model, engine='onnx', precision='{precision}').encode('hi').shape"
    found = imported(root, program, tiny_folder, *TRAINING)
    assert {"onnx", "onnxruntime"} <= found
    assert TRAINING.isdisjoint(found)
    assert TRAINING.isdisjoint(imported(root, program, tiny_folder))


def test_a_torch_encoder_is_made_without_onnx(tiny_folder, root):
    program = "lambda model: PrunedEncoder(model, engine='torch').encode('hi').shape"
    assert {"onnx", "onnxruntime"}.isdisjoint(imported(root, program, tiny_folder, "onnx", "onnxruntime"))


@pytest.mark.parametrize(
    ("program", "missing", "install"),
    [
        ("lambda model: PrunedEncoder(model, engine='onnx')", "onnxruntime", "'rasa-token-pruning[train]'"),
        ("lambda model: PrunedEncoder(model, engine='onnx')", "onnx", "'rasa-token-pruning[train]'"),
        ("lambda model: PrunedEncoder(model, engine='torch')", "torch", "'rasa-token-pruning[train]'"),
        ("lambda model: PrunedEncoder.load(model)", "onnxruntime", "onnxruntime"),
    ],
)
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    intact, tiny_folder, root, program, missing, install
):
    folder = intact if "load" in program else tiny_folder
    done = in_a_process(root, program, folder, missing)
    assert done.returncode == 1
    assert "EncoderError: " in done.stderr
    assert f"the package {missing}: pip install {install}" in done.stderr
