"""The example bot for real: trained, tested, talked to and served by Rasa's own commands, without network."""

import csv
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
import urllib.request

import pytest
import yaml

from tests.without import TRAINING_ONLY, WITHOUT

OURS = ("TokenPruningFeaturizer", "FewShotIntentClassifier", "FewShotResponseSelector")


def rasa(bot, *arguments, **kwargs):
    """Run a command of Rasa in the bot's folder; what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "rasa", *arguments],
        cwd=bot,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=500,
        **kwargs,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


@pytest.fixture(scope="session")
def bot(root, tmp_path_factory):
    """A copy of the example bot, trained from nothing."""
    folder = tmp_path_factory.mktemp("bot") / "example_bot"
    shutil.copytree(root / "example_bot", folder, ignore=shutil.ignore_patterns("models", ".rasa", "results"))
    folder.joinpath("train.log").write_text(rasa(folder, "train", "--fixed-model-name", "desk"))
    return folder


@pytest.fixture(scope="session")
def archive(bot):
    return bot / "models" / "desk.tar.gz"


def test_training_trains_our_components_without_a_warning_of_ours(bot):
    log = (bot / "train.log").read_text()
    for component in OURS:
        assert f"Finished training component '{component}'" in log
    assert not [line for line in log.splitlines() if "Warning" in line and any(name in line for name in OURS)]


def test_the_archive_holds_the_encoder_and_what_was_learnt_and_nothing_else(archive):
    with tarfile.open(archive) as files:
        ours = [file.name for file in files.getmembers() if file.isfile() and "rasa_token_pruning" in file.name]
    assert sorted(re.sub(r".*(Featurizer|Classifier|Selector)\d*/", "", name) for name in ours) == [
        "answers.json",
        "classifier.json",
        "classifier.json",
        "classifier.safetensors",
        "classifier.safetensors",
        "encoder.json",
        "encoder/encoder.json",
        "encoder/encoder.onnx",
        "encoder/tokenizer.json",
        "examples.json",
        "examples.safetensors",
    ]


def test_the_archive_is_small(archive):
    assert archive.stat().st_size < 60 * 2**20


ANSWER = """
import asyncio, json
from rasa.core.agent import Agent
parsed = asyncio.run(Agent.load(sys.argv[2]).parse_message(sys.argv[3]))
print(json.dumps({"intent": parsed["intent"]["name"], "loaded": [*{name.partition(".")[0] for name in sys.modules}]}))
"""


def test_the_archive_answers_without_the_model_and_without_torch(archive, tmp_path):
    copy = shutil.copy(archive, tmp_path)
    text = "could you set a new password for me"
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT + ANSWER, ",".join(TRAINING_ONLY), str(copy), text],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["intent"] == "reset_password"
    assert not set(answer["loaded"]) & TRAINING_ONLY


def test_it_understands_what_it_has_not_seen_as_published(archive, root):
    command = [sys.executable, "-m", "benchmarks.held_out", str(archive), str(root / "example_bot" / "held_out.csv")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads(done.stdout.splitlines()[-1])
    published = json.loads((root / "benchmarks" / "results" / "example_bot.json").read_text())["results"]["ours"]
    few = 4  # messages
    for figure, of in (("answered_right", "in_scope_messages"), ("out_of_scope_caught", "out_of_scope_messages")):
        assert found[of] == published[of]
        assert abs(found[figure] - published[figure]) * found[of] <= few, figure
    assert abs(found["faq_accuracy"] - published["faq_accuracy"]) < 0.1


def test_a_second_training_retrains_nothing_of_ours(bot, archive):
    log = rasa(bot, "train", "--fixed-model-name", "again")
    for component in OURS:
        assert f"Starting to train component '{component}'" not in log


def test_the_scripted_conversation(root, archive):
    done = subprocess.run(
        [sys.executable, str(root / "example_bot" / "talk.py"), str(archive)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    turns = [dict(re.findall(r"^(\w+): +(.*)$", turn, re.M)) for turn in done.stdout.split("\n\n") if "User:" in turn]
    understood = {turn["User"]: turn["Intent"].partition(" ")[0] for turn in turns}
    assert understood["hi there"] == "greet"
    assert understood["when are you open?"] == "faq/opening_hours"
    assert understood["what happened to my ticket INC0012345?"] == "ticket_status"
    assert understood["how do i bake a sourdough bread?"] == "nlu_fallback"
    assert all(turn["Bot"] for turn in turns)
    long = max(turns, key=lambda turn: len(turn["User"]))
    assert long["Intent"].startswith("vpn_not_connecting")
    assert len(long["Dropped"].split()) > 10
    assert any("INC0012345" in turn["Bot"] for turn in turns)


def test_the_test_stories_pass(bot, archive):
    rasa(bot, "test", "--model", str(archive), "--fail-on-prediction-errors", "--no-plot")
    assert json.loads((bot / "results" / "intent_report.json").read_text())["accuracy"] > 0.95


def test_the_data_is_valid(bot):
    assert "No story structure conflicts found" in rasa(bot, "data", "validate")


def test_shell_nlu_answers(bot, archive):
    printed = rasa(bot, "shell", "nlu", "--model", str(archive), input="i forgot my password\n")
    answer = json.loads(printed[printed.index("{\n") : printed.rindex("\n}") + 2])
    assert answer["intent"]["name"] == "reset_password"


def post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


@pytest.fixture
def server(bot, archive):
    """The bot behind HTTP on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["run", "--enable-api", "--model", str(archive), "--port", str(port), "--interface", "127.0.0.1"]
    with (bot / "server.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "rasa", *command], cwd=bot, stdout=log, stderr=subprocess.STDOUT
        )
        address = f"http://127.0.0.1:{port}"
        try:
            deadline = time.monotonic() + 180
            while True:
                try:
                    urllib.request.urlopen(f"{address}/status", timeout=5)
                    break
                except OSError:
                    assert process.poll() is None and time.monotonic() < deadline, (bot / "server.log").read_text()
                    time.sleep(1)
            yield address
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def test_the_server_answers(server):
    answers = post(f"{server}/webhooks/rest/webhook", {"sender": "test", "message": "i forgot my password"})
    assert answers and "password" in answers[0]["text"].lower()
    for text in ("", "😀", "x" * 20000, "\ud83d lone", "/greet"):
        parsed = post(f"{server}/model/parse", {"text": text})
        assert parsed["intent"]["name"]


def phrases(root):
    with (root / "example_bot" / "held_out.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_held_out_phrases_are_held_out(root):
    nlu = yaml.safe_load((root / "example_bot" / "data" / "nlu.yml").read_text(encoding="utf-8"))["nlu"]
    known = {
        re.sub(r"\W+", " ", line.lstrip("- ").lower()).strip()
        for entry in nlu
        for line in entry.get("examples", "").splitlines()
    }
    rows = phrases(root)
    assert sum(row["intent"] != "out_of_scope" for row in rows) >= 150
    assert sum(row["intent"] == "out_of_scope" for row in rows) >= 50
    for row in rows:
        assert re.sub(r"\W+", " ", row["text"].lower()).strip() not in known, row["text"]


def test_the_bot_has_the_promised_size(root):
    nlu = yaml.safe_load((root / "example_bot" / "data" / "nlu.yml").read_text(encoding="utf-8"))["nlu"]
    counts = {entry["intent"]: len(entry["examples"].strip().splitlines()) for entry in nlu if "intent" in entry}
    assert len({intent.partition("/")[0] for intent in counts}) >= 30
    assert all(5 <= count <= 8 for count in counts.values())
