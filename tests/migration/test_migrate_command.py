"""The command as it is called."""

import io
import subprocess
import sys

import pytest
import yaml

from rasa_token_pruning.cli import main
from rasa_token_pruning.migration.migrate_command import report
from rasa_token_pruning.migration.migrating import Migration
from tests.conftest import ROOT
from tests.migration.conftest import config, names

OLD = config("WhitespaceTokenizer", "CountVectorsFeaturizer", "DIETClassifier").replace("\n", "\r\n")
ANNOTATED = "nlu:\n- intent: go\n  examples: |\n    - to [Paris](city)\n"
PLAIN = "nlu:\n- intent: go\n  examples: |\n    - to Paris\n"


@pytest.fixture
def call(monkeypatch, tmp_path, capsysbinary):
    """Call the command in a folder with a config; its exit code, and what it wrote to the output and to the errors."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yml").write_bytes(OLD.encode())

    def run(*arguments):
        try:
            code = main(["migrate", *map(str, arguments)])
        except SystemExit as left:
            code = left.code
        out, err = capsysbinary.readouterr()
        return code, out.decode(), err.decode()

    return run


def extractors(text):
    wanted = {"FewShotEntityExtractor", "CRFEntityExtractor", "DIETClassifier"}
    return {*names(yaml.safe_load(text)["pipeline"])} & wanted


def test_the_new_config_goes_to_the_output_and_all_else_to_the_errors(call, tmp_path):
    code, out, err = call("config.yml", "--entities", "none")
    assert code == 0
    assert out == OLD.replace("CountVectorsFeaturizer", "rasa_token_pruning.TokenPruningFeaturizer").replace(
        "DIETClassifier", "rasa_token_pruning.FewShotIntentClassifier"
    )
    diff, _, notes = err.partition("\n\nNotes\n")
    assert diff.splitlines() == [
        "--- config.yml",
        "+++ config.yml (migrated)",
        "@@ -3,5 +3,5 @@",
        " language: en",
        " pipeline:",
        " - name: WhitespaceTokenizer",
        "-- name: CountVectorsFeaturizer",
        "-- name: DIETClassifier",
        "+- name: rasa_token_pruning.TokenPruningFeaturizer",
        "+- name: rasa_token_pruning.FewShotIntentClassifier",
    ]
    assert notes.startswith(
        "- Entities: nothing takes DIETClassifier's place, as asked.\n- Nothing that stays reads Cou"
    )
    assert [file.name for file in tmp_path.iterdir()] == ["config.yml"]


def test_where_there_is_nothing_to_do_the_config_goes_through(call, tmp_path):
    new = call("config.yml")[1]
    (tmp_path / "config.yml").write_bytes(new.encode())
    assert call("config.yml") == (0, new, "config.yml already uses this package: there is nothing to do.\n")
    assert call("config.yml", "--in-place")[::2] == (
        0,
        "config.yml already uses this package: there is nothing to do.\n",
    )
    assert [file.name for file in tmp_path.iterdir()] == ["config.yml"]


def test_output_writes_a_file_that_was_not_there(call, tmp_path):
    printed = call("config.yml")[1]
    code, out, err = call("config.yml", "--output", "new.yml")
    assert (code, out) == (0, "") and err.startswith("--- config.yml")
    assert (tmp_path / "new.yml").read_bytes().decode() == printed
    (tmp_path / "new.yml").write_text("mine")
    code, out, err = call("config.yml", "--output", "new.yml")
    assert (code, out) == (2, "") and err == "rasa-token-pruning: new.yml exists: name another file, or move it away.\n"
    assert (tmp_path / "new.yml").read_text() == "mine"


def test_in_place_keeps_the_old_config(call, tmp_path):
    printed = call("config.yml")[1]
    assert call("config.yml", "--in-place")[:2] == (0, "")
    assert (tmp_path / "config.yml").read_bytes().decode() == printed
    assert (tmp_path / "config.yml.bak").read_bytes().decode() == OLD
    (tmp_path / "config.yml").write_bytes(OLD.encode())
    code, _, err = call("config.yml", "--in-place")
    assert code == 2 and "config.yml.bak exists" in err
    assert (tmp_path / "config.yml").read_bytes().decode() == OLD


def test_in_place_and_output_exclude_each_other(call):
    code, _, err = call("config.yml", "--in-place", "--output", "new.yml")
    assert code == 2 and "not allowed with" in err


def test_the_data_beside_the_config_or_named_says_whether_there_are_entities(call, tmp_path):
    assert extractors(call("config.yml")[1]) == {"FewShotEntityExtractor"}
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "nlu.yml").write_text(PLAIN)
    assert extractors(call("config.yml")[1]) == set()
    (tmp_path / "other.yml").write_text(ANNOTATED)
    assert extractors(call("config.yml", "--data", "other.yml")[1]) == {"FewShotEntityExtractor"}
    assert extractors(call("config.yml", "--data", "other.yml", "--entities", "none")[1]) == set()
    assert extractors(call("config.yml", "--entities", "fewshot")[1]) == {"FewShotEntityExtractor"}
    assert extractors(call("config.yml", "--entities", "crf")[1]) == {"CRFEntityExtractor"}
    assert extractors(call("config.yml", "--entities", "diet")[1]) == {"DIETClassifier"}
    (tmp_path / "data" / "nlu.yml").write_text("[a](b) {")
    assert call("config.yml")[0] == 2
    assert call("config.yml", "--entities", "none")[0] == 0  # nobody has to look


def test_the_response_selector_can_stay(call, tmp_path):
    (tmp_path / "config.yml").write_bytes((OLD + "- name: ResponseSelector\r\n").encode())
    assert "FewShotResponseSelector" in call("config.yml")[1]
    assert "- name: ResponseSelector" in call("config.yml", "--keep-response-selector")[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.yml"], "rasa-token-pruning: [Errno 2] No such file or directory: 'nowhere.yml'"),
        (["."], "rasa-token-pruning: [Errno"),
        (["latin.yml"], "rasa-token-pruning: latin.yml is no UTF-8 text (invalid start byte): convert it."),
        (["config.yml", "--data", "nowhere"], "rasa-token-pruning: --data nowhere: there is no such file or folder."),
        (["broken.yml"], "rasa-token-pruning: broken.yml:1: "),
        (["without.yml"], "rasa-token-pruning: without.yml: The pipeline has no DIETClassifier"),
    ],
)
def test_what_the_user_has_to_put_right(call, tmp_path, arguments, said):
    (tmp_path / "latin.yml").write_bytes(b"# \xff\n")
    (tmp_path / "broken.yml").write_text("a: b: c\n")
    (tmp_path / "without.yml").write_text(config("WhitespaceTokenizer"))
    code, out, err = call(*arguments)
    assert (code, out) == (2, "") and err.startswith(said)


@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_only_for_a_person_who_wants_them(call, monkeypatch, environment, coloured):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    assert call("config.yml")[0] == 0
    assert ("\x1b[32m+- name: rasa_token_pruning.FewShotIntentClassifier\x1b[0m" in terminal.getvalue()) is coloured
    assert ("\x1b" in terminal.getvalue()) is coloured


def test_a_last_line_without_an_end_is_marked():
    assert report("a", Migration("b\n", ("c",)), "x").splitlines() == [
        "--- x",
        "+++ x (migrated)",
        "@@ -1 +1 @@",
        "-a",
        "\\ No newline at end of file",
        "+b",
        "",
        "Notes",
        "- c",
    ]


def test_it_needs_neither_rasa_nor_torch_and_survives_a_reader_that_has_enough():
    program = (
        "import sys\nfrom rasa_token_pruning.cli import main\ncode = main(sys.argv[1:])\n"
        "print('loaded', *{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)\nsys.exit(code)"
    )
    arguments = [sys.executable, "-c", program, "migrate", str(ROOT / "example_bot" / "config-diet.yml")]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and not {*done.stderr.split("loaded")[1].split()} & {"rasa", "torch", "tensorflow"}
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()
