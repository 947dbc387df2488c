"""The command: what it writes, says and refuses."""

import subprocess
import sys

import pytest

from rasa_token_pruning.cli import main
from tests.conftest import ROOT
from tests.encoder.conftest import write_tiny_model
from tests.evaluation.conftest import EXAMPLES
from tests.reporting.conftest import write_bot
from tests.test_package import loaded_after
from tests.without import WITHOUT

PROGRAM = WITHOUT + "from rasa_token_pruning.cli import main\nsys.exit(main(sys.argv[2:]))\n"


@pytest.fixture
def bot(tmp_path):
    """A bot with a tiny encoder, in a folder beside its config."""
    tiny = {"name": "rasa_token_pruning.TokenPruningFeaturizer", "model": "tiny", "num_threads": 1}
    folder = write_bot(tmp_path / "bot", EXAMPLES, [tiny])
    write_tiny_model(folder / "tiny")
    return folder


def test_it_writes_a_page_and_says_what_is_on_it(bot, tmp_path, capsys):
    output = tmp_path / "mine.html"
    lines = tmp_path / "others.txt"
    lines.write_text("what is love\n")
    assert main(["report", str(bot), "--output", str(output), "--out-of-scope", str(lines), "--seed", "3"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{output}: of 25 examples, each held out once,")
    page = output.read_text(encoding="utf-8")
    assert "A report on 25 examples of 5 intents" in page and "(seed 3)" in page and "others.txt" in page
    assert "The config has no FallbackClassifier" in page


def test_without_options_it_is_about_the_bot_in_this_folder(bot, monkeypatch):
    monkeypatch.chdir(bot)
    assert main(["report"]) == 0
    assert '<bdi class="said">bot</bdi>' in (bot / "report.html").read_text(encoding="utf-8")


def test_three_messages_are_enough(bot, tmp_path, capsys):
    file = tmp_path / "calls.csv"
    file.write_text("text,intent\nhello,greet\nhi,greet\nbye,bye\n")
    output = tmp_path / "calls.html"
    assert main(["report", str(file), "--config", str(bot / "config.yml"), "--output", str(output)]) == 0
    assert "of 3 examples" in capsys.readouterr().out and output.stat().st_size > 10_000


@pytest.mark.parametrize(
    "arguments, what",
    [
        (["nowhere"], "nowhere is not there"),
        (["bot", "--output", "bot/config.yml"], "is no report: name another file"),
        (["bot", "--output", "nowhere/report.html"], "is no folder"),
        (["bot", "--out-of-scope", "nowhere.txt"], "cannot be read"),
        (["bot", "--config", "nowhere.yml"], "nowhere.yml is not there"),
        (["bot/config.yml"], "no labelled messages"),
    ],
)
def test_what_a_user_can_put_right_is_said(bot, tmp_path, monkeypatch, capsys, arguments, what):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert main(["report", *arguments]) == 2
    assert what in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_without_matplotlib_it_says_so_before_anything_is_judged(bot):
    command = [sys.executable, "-c", PROGRAM, "matplotlib", "report", str(bot)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert done.returncode == 2 and "pip install 'rasa-token-pruning[report]'" in done.stderr


def test_it_loads_neither_rasa_nor_torch(bot, tmp_path):
    arguments = ["report", str(bot), "--output", str(tmp_path / "report.html")]
    run = f"with contextlib.redirect_stdout(io.StringIO()): assert main({arguments!r}) == 0"
    loaded = loaded_after(f"import contextlib, io\nfrom rasa_token_pruning.cli import main\n{run}")
    assert "matplotlib" in loaded and not loaded & {"rasa", "tensorflow", "torch", "transformers", "sklearn"}
