"""Tests of encoder/hub.py, against a hub on this machine that speaks the protocol of the real one."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from rasa_token_pruning.encoder.hub import full_name

NAME = "owner/tiny-model"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
UNWANTED = ["pytorch_model.bin", "weights.pt", "onnx/model.onnx", "onnx/config.json", "openvino/openvino_model.bin"]

# A process of its own, because huggingface_hub reads its settings when it is imported.
PROGRAM = """
import os, sys
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.location import locate

def refuse(event, arguments):
    if event in ("socket.getaddrinfo", "socket.connect"):
        print("NETWORK", event, arguments[1:])
        raise AssertionError("the network is asked")

exec(os.environ["FIRST"])
try:
    print(locate(sys.argv[1]))
except EncoderError as error:
    sys.exit(f"EncoderError: {error}")
"""
NO_NETWORK = "sys.addaudithook(refuse)"


class Hub(ThreadingHTTPServer):
    """A hub with one model, the files of ``folder``; remembers what it was asked."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.folder = folder
        self.asked: list[str] = []

    def served(self) -> set[str]:
        """The files that were sent."""
        start = f"GET /{NAME}/resolve/{COMMIT}/"
        return {request.removeprefix(start) for request in self.asked if request.startswith(start)}


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append(f"{self.command} {self.path}")
        folder, path = self.server.folder, self.path.partition("?")[0]
        files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
        if path == f"/api/models/{NAME}/revision/main":
            self.answer(json.dumps({"id": NAME, "sha": COMMIT, "siblings": []}).encode())
        elif path == f"/api/models/{NAME}/tree/{COMMIT}":
            tree = [
                {"type": "file", "path": str(file.relative_to(folder)), "size": file.stat().st_size, "oid": oid(file)}
                for file in files
            ]
            self.answer(json.dumps(tree).encode())
        elif path.startswith(start := f"/{NAME}/resolve/{COMMIT}/") and (folder / path.removeprefix(start)) in files:
            file = folder / path.removeprefix(start)
            self.answer(file.read_bytes(), {"ETag": f'"{oid(file)}"', "X-Repo-Commit": COMMIT})
        else:
            self.answer(b"", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}, 404)

    do_HEAD = do_GET

    def answer(self, content, headers=None, status=200):
        self.send_response(status)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(content)), **(headers or {})}
        for header, value in headers.items():
            self.send_header(header, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_):
        pass


def oid(file: Path) -> str:
    return hashlib.sha1(file.read_bytes()).hexdigest()


@pytest.fixture
def hub(tiny_copy):
    for name in UNWANTED:
        (tiny_copy / name).parent.mkdir(exist_ok=True)
        (tiny_copy / name).write_bytes(b"{}")
    with Hub(tiny_copy) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def ask(hub, tmp_path, root):
    """Run ``locate`` with an own Hugging Face cache: its answer, or else its error."""

    def run(name=NAME, first="", **settings):
        left_out = ("HF_", "HUGGINGFACE", "TRANSFORMERS_OFFLINE")
        environment = {key: value for key, value in os.environ.items() if not key.startswith(left_out)}
        environment |= {
            "HF_HOME": str(tmp_path / "cache"),
            "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}",
            "PYTHONPATH": os.pathsep.join([os.environ["PYTHONPATH"], str(root)]),
            "FIRST": first,
            **settings,
        }
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, name], env=environment, cwd=tmp_path, capture_output=True, text=True
        )
        assert "NETWORK" not in done.stdout
        if done.returncode == 0:
            return done.stdout.strip()
        message = done.stderr[done.stderr.rindex("EncoderError: ") :]
        assert "Traceback" not in message
        return message

    return run


def test_a_download_fetches_what_is_read_and_the_next_time_asks_nobody(hub, ask):
    folder = Path(ask())
    wanted = {
        str(file.relative_to(hub.folder)) for end in ("json", "safetensors") for file in hub.folder.rglob(f"*.{end}")
    }
    wanted -= set(UNWANTED)
    assert hub.served() == wanted
    assert {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()} == wanted
    hub.asked.clear()
    assert ask(first=NO_NETWORK) == str(folder)
    assert ask(first=NO_NETWORK, HF_HUB_OFFLINE="1") == str(folder)
    assert hub.asked == []


@pytest.mark.parametrize("lost", ["model.safetensors", "modules.json", "tokenizer.json", "1_Pooling/config.json"])
def test_a_part_of_a_model_is_not_the_model(hub, ask, lost):
    folder = Path(ask())
    (folder / lost).unlink()
    shutil.rmtree(folder.parents[1] / "trees", ignore_errors=True)
    message = ask(first=NO_NETWORK, HF_HUB_OFFLINE="1")
    assert "does not have all files" in message
    assert ask() == str(folder)
    assert (folder / lost).is_file()


@pytest.mark.parametrize("value", ["1", "true", "Yes", "ON"])
def test_offline_nobody_is_asked_and_the_error_has_three_ways_out(hub, ask, value):
    message = ask(first=NO_NETWORK, HF_HUB_OFFLINE=value)
    assert hub.asked == []
    assert repr(NAME) in message
    assert f"HF_HUB_OFFLINE={value}" in message
    assert f"hf download {NAME} --local-dir tiny-model" in message
    assert "HF_HOME" in message
    assert "'all-MiniLM-L6-v2'" in message


def test_offline_may_be_set_after_huggingface_hub_is_imported(hub, ask):
    first = f"import huggingface_hub.constants; os.environ['HF_HUB_OFFLINE'] = 'yes'; {NO_NETWORK}"
    assert "HF_HUB_OFFLINE=yes" in ask(first=first)
    assert hub.asked == []


@pytest.mark.parametrize("value", ["0", "false", ""])
def test_other_values_do_not_forbid_a_download(ask, value):
    assert Path(ask(HF_HUB_OFFLINE=value)).name == COMMIT


def test_a_name_without_owner_is_one_of_sentence_transformers(hub, ask):
    message = ask("tiny-model")
    assert "GET /api/models/sentence-transformers/tiny-model/revision/main" in hub.asked
    assert "'tiny-model'" in message
    assert "hf download sentence-transformers/tiny-model" in message


def test_a_model_that_the_hub_has_not_is_refused_with_what_it_said(ask):
    message = ask("owner/other")
    assert "RepositoryNotFoundError" in message
    assert "hf download owner/other" in message


def test_without_a_connection_the_error_says_so(ask):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        message = ask(HF_ENDPOINT=f"http://127.0.0.1:{free.getsockname()[1]}")
    assert "its download failed" in message
    assert f"hf download {NAME}" in message


def test_without_huggingface_hub_the_error_says_that_hub_names_need_it(ask):
    message = ask(first=f"sys.modules['huggingface_hub'] = None; {NO_NETWORK}")
    assert "pip install huggingface_hub" in message
    assert NAME in message


def test_what_the_hub_has_only_pickled_is_not_read_but_can_be_converted(hub, ask):
    (hub.folder / "model.safetensors").unlink()
    message = ask()
    assert "SentenceTransformer('owner/tiny-model').save_pretrained('tiny-model-safetensors')" in message
    assert "pytorch_model.bin" not in hub.served()


def test_what_is_no_sentence_encoder_is_refused_with_what_it_lacks(hub, ask):
    (hub.folder / "modules.json").unlink()
    message = ask()
    assert "modules.json" in message
    assert "no sentence encoder" in message


@pytest.mark.parametrize(
    "name",
    ["BAAI/bge-small-en-v1.5", "sentence-transformers/all-MiniLM-L12-v2", "a/b", "a_b/c.d", "0/_", "x" * 96 + "/y"],
)
def test_names_with_an_owner_are_kept(name):
    assert full_name(name) == name


@pytest.mark.parametrize("name", ["all-MiniLM-L12-v2", "a", "LaBSE"])
def test_names_without_one_get_one(name):
    assert full_name(name) == f"sentence-transformers/{name}"


@pytest.mark.parametrize(
    "name",
    [
        *("a/b/c", "/a", "a/", "a//b", "/", "./a", "../a", "a/..", "~/a", "~a/b", "a b", "a/b ", "a/b\n", "a\\b", " "),
        *("a--b", "a/b--c", "a/b..c", "a/b.git", "-a/b", "a/-b", "a-/b", "a/b.", "é/b", "a/b@c", "a:b", "x" * 97),
        "x" * 97 + "/y",
    ],
    ids=ascii,
)
def test_what_breaks_the_rules_of_the_hub_is_no_name(name):
    assert full_name(name) is None


def test_the_rules_are_those_of_huggingface_hub():
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    for name in ("a/b", "a.b/c_d-e", "a--b/c", "a/b..c", "a/b.git", "-a/b", "a/b-", "a/b@c", "x" * 97 + "/y"):
        try:
            validate_repo_id(name)
        except HFValidationError:
            assert full_name(name) is None
        else:
            assert full_name(name) == name
