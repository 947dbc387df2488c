"""The command as it is called: for a person, for a program, and with what it cannot use."""

import dataclasses
import io
import json
import os
import subprocess
import sys

import pytest

from rasa_token_pruning.cli import main
from rasa_token_pruning.encoder import location
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.evaluation.assistant import load
from rasa_token_pruning.evaluation.explanation import explain
from rasa_token_pruning.evaluation.explanation_view import report
from rasa_token_pruning.evaluation.reading import read
from tests.conftest import ROOT
from tests.evaluation.conftest import write_tar
from tests.evaluation.test_assistant import drop, without_encoder
from tests.without import TRAINING_ONLY, WITHOUT

LONG = "good morning, since the update yesterday i can not find the car park on the second floor any more"
ABSENT = ",".join(TRAINING_ONLY | {"rasa", "tensorflow"})
PROGRAM = (
    WITHOUT
    + """
from rasa_token_pruning.cli import main
code = main(sys.argv[2:])
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
sys.exit(code)
"""
)


@pytest.fixture
def call(bot, monkeypatch, capsys):
    """Call the command in the bot's folder; its exit code, and what it wrote to the output and to the errors."""

    def run(*arguments):
        monkeypatch.chdir(bot)
        code = main(["explain", *map(str, arguments)])
        written = capsys.readouterr()
        return code, written.out, written.err

    return run


def separately(*arguments, absent=ABSENT, **environment):
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, absent, "explain", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("no_color", [None, "", "1"])
def test_only_terminals_get_colour(call, monkeypatch, terminal, no_color):
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color is not None:
        monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    code, out, err = call(LONG)
    assert (code, err) == (0, "")
    assert ("\x1b" in out) == (terminal and not no_color)
    assert ("[the]" in out) != ("\x1b" in out)


def test_archives_bots_and_models_are_found(call, bot):
    small = os.path.join("models", "small.tar.gz")
    for arguments, name in (((), small), (("--model", "models"), small), (("--model", bot / small), bot / small)):
        code, out, _ = call("hello", *arguments)
        assert code == 0 and out.startswith(f"Model        {name}\nPruning      drop ") and "greet" in out
        assert out.splitlines()[2:4] == ["", "Message      hello"]


def test_json_holds_the_same(call, archive):
    texts = [LONG, "when are you open? 😀", "\ud800", "line\nbreak \x1b[31m"]
    code, out, err = call("--json", "--model", archive, *texts)
    assert (code, err) == (0, "")
    record, assistant = json.loads(out), load(archive)
    assert list(record) == ["model", "pruning", "explanations"] and record["model"] == str(archive)
    assert record["pruning"] == json.loads(json.dumps(dataclasses.asdict(assistant.encoder.policy)))
    for text, found in zip(texts, record["explanations"], strict=True):
        assert found == json.loads(json.dumps(dataclasses.asdict(explain(text, assistant))))


def test_several_messages_follow_one_head(call, archive):
    code, out, _ = call(LONG, "hello")
    head, *found = out.split("\n\n")
    assert code == 0 and head.startswith("Model ") and "\nPruning " in head and len(found) == 2
    assert [one.rstrip("\n") for one in found] == [report(explain(text, load(archive))) for text in (LONG, "hello")]


def test_an_encoder_without_an_assistant(call):
    options = ("--layers", "1,3", "--quantile", "0.4", "--min-tokens", "6", "--reduction", "merge")
    options = ("--encoder", "all-MiniLM-L6-v2", *options, "--score", "attention_value")
    policy = PruningPolicy((1, 3), 0.4, 6, "merge", "attention_value")
    expected = read(LONG, PrunedEncoder(pruning=policy, precision="int8", adapter="auto"))
    code, out, err = call(LONG, *options, "--json")
    assert (code, err) == (0, "")
    record = json.loads(out)
    assert list(record) == ["encoder", "pruning", "readings"] and record["encoder"] == "all-MiniLM-L6-v2"
    assert record["pruning"] == json.loads(json.dumps(dataclasses.asdict(policy)))
    assert record["readings"] == [json.loads(json.dumps(dataclasses.asdict(expected)))]
    code, out, err = call(LONG, *options)
    assert (code, err) == (0, "")
    head = "Encoder      all-MiniLM-L6-v2\nPruning      merge 40% of what is above 6 pieces, in layers 1 and 3"
    assert out.startswith(head) and out.endswith(f"\n\n{report(expected)}\n")


@pytest.mark.parametrize(("level", "gone"), [("off", False), ("aggressive", True)])
def test_a_level_of_pruning(call, level, gone):
    code, out, _ = call(LONG, "--encoder", "all-MiniLM-L6-v2", "--pruning", level)
    assert code == 0
    assert ("Pruning      off" in out) != gone and ("dropped, of importance up to" in out) == gone
    assert ("cosine of the embeddings 1.000" in out) != gone


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--pruning", "off"], "--pruning is about an encoder alone: name one with --encoder"),
        (["--min-tokens", "0"], "--min-tokens is about an encoder alone"),
        (["--encoder", "all-MiniLM-L6-v2", "--layers", "6"], "has 6 layers: give numbers from 0 to 5"),
        (["--encoder", "all-MiniLM-L6-v2", "--quantile", "1"], "0 <= quantile < 1"),
        (["--encoder", "all-MiniLM-L6-v2", "--min-tokens", "0"], "min_tokens is 0"),
        (["--encoder", "no such folder"], "no such folder"),
    ],
    ids=" ".join,
)
def test_options_that_do_not_fit(call, options, said):
    code, out, err = call("hello", *options)
    assert (code, out) == (2, "") and said in err and err.count("\n") == 1


@pytest.mark.parametrize("options", [["--layers", "1;2"], ["--model", ".", "--encoder", "x"], ["--pruning", "much"]])
def test_options_that_are_none(call, capsys, options):
    with pytest.raises(SystemExit) as ended:
        call("hello", *options)
    assert ended.value.code == 2 and options[-2] in capsys.readouterr().err


def test_lines_of_the_input(call, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("\nwhere can i park\n \n  hi there \n"))
    code, out, _ = call("hello", "-", "good morning", "--json")
    assert code == 0
    texts = [found["text"] for found in json.loads(out)["explanations"]]
    assert texts == ["hello", "where can i park", "hi there", "good morning"]


@pytest.mark.parametrize("stdin", [io.StringIO(""), io.StringIO(" \n\n"), None])
def test_an_input_without_messages(call, monkeypatch, stdin):
    monkeypatch.setattr(sys, "stdin", stdin)
    code, out, err = call("-")
    assert (code, out) == (2, "") and "no message" in err


def test_an_input_that_is_no_text(call, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe\n"), encoding="utf-8"))
    code, out, err = call("-", "--json")
    assert (code, out) == (2, "") and "no utf-8 text" in err


@pytest.mark.parametrize("text", ["", " ", "\t\n"])
def test_an_empty_message(call, text):
    code, out, err = call("hello", text)
    assert (code, out) == (2, "") and "empty message" in err


def test_what_is_no_archive_of_ours(call, packed, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.tar.gz").write_text("hello")
    write_tar(tmp_path / "other.tar.gz", ("readme.txt", b"hello"))
    diet = packed(change=drop("FewShotIntentClassifier"))
    for model, said in (
        (tmp_path / "nowhere", "no archive and no folder"),
        (tmp_path / "empty", "rasa train"),
        (tmp_path / "text.tar.gz", "cannot be read"),
        (tmp_path / "other.tar.gz", "no metadata.json"),
        (diet, "no FewShotIntentClassifier"),
    ):
        for option in ([], ["--json"]):
            code, out, err = call("hello", "--model", model, *option)
            assert (code, out) == (2, "") and said in err and err.count("\n") == 1


def test_it_needs_neither_rasa_nor_torch(archive):
    done = separately(LONG, "--json", "--model", archive)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["explanations"][0]["text"] == LONG
    assert not set(done.stderr.split()) & set(ABSENT.split(","))


def test_an_encoder_that_is_not_in_the_archive_and_cannot_be_made(call, packed, contents, monkeypatch):
    archive = packed(without_encoder(contents))
    done = separately("hello", "--model", archive, absent="onnx,rasa,tensorflow")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr and "pip install 'rasa-token-pruning[train]'" in done.stderr
    monkeypatch.setattr(location, "_PACKAGE", "no_such_package")
    code, out, err = call("hello", "--model", archive)
    assert (code, out) == (2, "") and "pip install no-such-package" in err


def test_a_narrow_output(archive):
    done = separately("größe 😀", "--model", archive, PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and r"Message      gr\xf6\xdfe \U0001f600" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="pipes break otherwise there")
def test_a_reader_that_has_enough(archive):
    command = [sys.executable, "-m", "rasa_token_pruning.cli", "explain", "-", "--model", str(archive)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        process.stdin.write(b"hello\n")
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"Model")
        process.stdout.close()
        _, err = process.communicate(b"hello\n" * 50, timeout=60)
    assert (process.returncode, err) == (0, b"")
