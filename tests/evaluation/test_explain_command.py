"""The command as it is called: for a person, for a program, and with what it cannot use."""

import dataclasses
import io
import json
import os
import re
import subprocess
import sys

import pytest

from rasa_token_pruning.cli import main
from rasa_token_pruning.encoder import location
from rasa_token_pruning.evaluation.assistant import load
from rasa_token_pruning.evaluation.explain_command import printable, report
from rasa_token_pruning.evaluation.explanation import Explanation, Piece, Ranked, explain
from rasa_token_pruning.fewshot.neighbours import Neighbour
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
SHOWN = Explanation(
    text="where is\tit \x1b[31m😀",
    pieces=(Piece("where", 0, 5, True), Piece("is", 6, 8, False), Piece("[UNK]", 17, 18, True)),
    truncated=0,
    intent="faq",
    confidence=0.0423,
    margin=0.25,
    ranking=(Ranked("faq/place", 0.03, 0.5), Ranked("greet", 0.0123, 0.0123)),
    familiarity=0.004,
    familiar=False,
    lowered=True,
    coverage=0.9,
    candidates=tuple(f"intent{number}" for number in range(10)),
    nearest_examples=(Neighbour("where\nis it", "faq/place", 0.876),),
)
PLAIN = r"""Message      where is\tit \x1b[31m😀
Word pieces  where [is] 😀
             2 of 3 stayed to the end; those in [brackets] did not
Intent       faq, confidence 0.04
Ranking      0.03  faq/place (probability 0.50)
             0.01  greet
Margin       0.25 between the probabilities of the first two intents
Familiarity  0.00: unlike the training examples, of which less than 1% look no more familiar, so confidences are lowered
Candidates   intent0, intent1, intent2, intent3, intent4, intent5, intent6, intent7 and 2 more (with 90% coverage)
Nearest      0.88  faq/place: where\nis it"""


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


def test_what_a_person_reads():
    assert report(SHOWN) == PLAIN


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"familiarity": 0.45, "familiar": True},
            "0.45: like the training examples, of which 45% look no more familiar",
        ),
        ({"lowered": False}, "less than 1% look no more familiar, but doubt_unfamiliar is off"),
        ({"candidates": ("greet",)}, "Candidates   greet (with 90% coverage)"),
        ({"nearest_examples": None}, "Nearest      the archive holds no examples"),
        ({"truncated": 7}, "; 7 more are beyond the encoder's limit"),
        ({"pieces": SHOWN.pieces[:1]}, "Word pieces  where\n             1 of 1 stayed to the end\n"),
        ({"pieces": ()}, "0 of 0 stayed to the end\n"),
    ],
)
def test_what_it_says_in_other_cases(changes, line):
    assert line in report(dataclasses.replace(SHOWN, **changes))


def test_colour_says_the_same():
    coloured = report(SHOWN, coloured=True)
    assert "where \x1b[2;9mis\x1b[0m 😀" in coloured and "those struck through did not" in coloured
    without = re.sub(r"\x1b\[[\d;]*m", "", coloured)
    assert without == PLAIN.replace("[is]", "is").replace("in [brackets]", "struck through")


def test_long_lists_of_pieces_are_wrapped(archive):
    for coloured in (False, True):
        lines = re.sub(r"\x1b\[[\d;]*m", "", report(explain(LONG, load(archive)), coloured)).splitlines()
        pieces = lines[1 : next(number for number, line in enumerate(lines) if "stayed to the end" in line)]
        assert len(pieces) == 2 and all(len(line) <= 100 for line in pieces)
        assert " ".join(line[13:] for line in pieces).replace("[", "").replace("]", "") == LONG.replace(",", " ,")


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
        assert code == 0 and out.startswith(f"Model        {name}\n\nMessage      hello\n") and "greet" in out


def test_json_holds_the_same(call, archive):
    texts = [LONG, "when are you open? 😀", "\ud800", "line\nbreak \x1b[31m"]
    code, out, err = call("--json", "--model", archive, *texts)
    assert (code, err) == (0, "")
    record, assistant = json.loads(out), load(archive)
    assert list(record) == ["model", "explanations"] and record["model"] == str(archive)
    for text, found in zip(texts, record["explanations"], strict=True):
        assert found == json.loads(json.dumps(dataclasses.asdict(explain(text, assistant))))


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


def test_printable():
    assert printable("größe 日本 😀") == "größe 日本 😀"
    assert printable("a\nb\x1b[0m\x9b\u202e\ud800\xa0") == r"a\nb\x1b[0m\x9b\u202e\ud800\xa0"
