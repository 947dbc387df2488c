"""The command as it is called, on two tiny data sets with the model in use; its figures mean nothing here."""

import csv
import json
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from rasa_token_pruning.cli import main
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.presets import preset
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.encoder.readout import FINAL, FINAL_AND_CUT
from rasa_token_pruning.evaluation import accuracy, accuracy_command
from rasa_token_pruning.evaluation.accuracy import QUANTILES, READOUTS, by_quantile
from rasa_token_pruning.evaluation.accuracy_command import draw_figure, summary, tables
from rasa_token_pruning.evaluation.data_sets import EXAMPLES as NUMBERS
from rasa_token_pruning.evaluation.data_sets import read_data_set
from rasa_token_pruning.evaluation.few_shot import Learner, some_of
from rasa_token_pruning.evaluation.paired_time import PairedTime
from rasa_token_pruning.version import __version__
from tests.conftest import ROOT
from tests.encoder.conftest import one_thread as one_thread
from tests.encoder.conftest import scored_adapter as scored_adapter
from tests.encoder.conftest import tiny_folder as tiny_folder
from tests.encoder.conftest import write_tiny_model
from tests.evaluation.conftest import EXAMPLES
from tests.without import WITHOUT

INTENTS = {"desk": ("reset_password", "book_room", "greet"), "visitors": ("faq/opening_hours", "faq/parking", "greet")}
STORY = "good morning, i am new here and did not find anything about it on the pages for the staff, so: "
PROGRAM = WITHOUT + "from rasa_token_pruning.cli import main\nsys.exit(main(sys.argv[2:]))"


def write(file, pairs):
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("text", "intent"), *pairs])


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Three examples of each intent to learn from, two to judge by, with a story in front of one of them."""
    place = tmp_path_factory.mktemp("data")
    for name, intents in INTENTS.items():
        write(place / name / "train.csv", [(text, intent) for intent in intents for text in EXAMPLES[intent][:3]])
        judged = [(text, intent) for intent in intents for text in (EXAMPLES[intent][3], STORY + EXAMPLES[intent][4])]
        write(place / name / "test.csv", judged)
    write(place / "desk" / "train_5.csv", [(EXAMPLES[intent][0], intent) for intent in INTENTS["desk"]])
    return [place / name for name in INTENTS]


@pytest.fixture
def call(monkeypatch, tmp_path, capsys):
    """Call the command in a folder of the test; its exit code, and what it wrote to the output and to the errors."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        try:
            code = main(["benchmark", "accuracy", *map(str, arguments)])
        except SystemExit as left:
            code = left.code
        written = capsys.readouterr()
        return code, written.out, written.err

    return run


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return str(write_tiny_model(tmp_path_factory.mktemp("tiny") / "model", max_length=60))


@pytest.fixture
def nothing_is_measured(monkeypatch):
    def refuse(*_):
        raise AssertionError("measured")

    monkeypatch.setattr(accuracy_command, "by_quantile", refuse)


@pytest.fixture(scope="module")
def record(folders, tmp_path_factory):
    """What the command writes, with the model in use; beside it the figure."""
    folder = tmp_path_factory.mktemp("measured")
    files = ["--output", str(folder / "found.json")]
    try:
        import matplotlib  # noqa: F401

        files += ["--figure", str(folder / "found.png")]
    except ImportError:
        pass
    assert main(["benchmark", "accuracy", *map(str, folders), *files, "--pruning", "aggressive"]) == 0
    found = json.loads((folder / "found.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    return {**found, "figure": folder / "found.png"}


def test_how_it_was_measured(record):
    policy = preset("aggressive", 6, "all-MiniLM-L6-v2", "auto")
    assert (record["model"], record["split"], record["version"]) == ("all-MiniLM-L6-v2", "test", __version__)
    found = (record["adapter"], record["layers"], record["min_tokens"])
    assert found == ("auto", list(policy.layers), policy.min_tokens)
    assert record["date"].count("-") == 2 and record["machine"]["packages"]["onnxruntime"]


def test_the_rows_of_time(record):
    rows = record["time"]
    assert [(row["precision"], row["quantile"], row["data"]) for row in rows] == [
        ("int8", quantile, data) for quantile in QUANTILES for data in INTENTS
    ]
    for row in rows:
        assert 0 < row["ms"] < 1000 and 0 < row["unpruned_ms"] < 1000 and 0.05 < row["share"] < 20
    for data in INTENTS:
        work = [row["work"] for row in rows if row["data"] == data]
        assert work[0] == 1 and 0.3 < work[-1] < 1
        assert all(more > less for more, less in pairwise(work)), work


def test_the_rows_of_accuracy(record):
    rows = record["accuracy"]
    assert [(row["quantile"], row["data"], row["readout"], row["shots"]) for row in rows] == [
        (quantile, data, readout, shots)
        for quantile in QUANTILES
        for data in INTENTS
        for readout in READOUTS
        for shots in ("5", "10", "full")
    ]
    assert all(0 <= row["accuracy"] <= 1 and row["precision"] == "int8" and row["error"] >= 0 for row in rows)
    unpruned = [row for row in rows if row["quantile"] == 0 and row["readout"] == FINAL]
    assert len(unpruned) == 6 and all(row["change"] == row["error"] == 0 for row in unpruned)
    reference = {(row["data"], row["shots"]): row["accuracy"] for row in unpruned}
    for row in rows:
        assert row["change"] == pytest.approx(100 * (row["accuracy"] - reference[row["data"], row["shots"]]))
    assert max(reference.values()) > 0.6


def cells(out):
    """The cells of all tables, without their headings."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in out.splitlines() if line.startswith("|")]
    return [line for line in lines if set(line[0]) - {"-"} and line[0] != "precision"]


def test_the_tables(record):
    out = tables(record)
    for part in out.split("\n\n"):
        assert len({line.count("|") for line in part.splitlines()}) == 1
    rows = cells(out)
    assert [row[:2] for row in rows[:2]] == [["int8", "desk"], ["int8", "visitors"]]
    share, work = (record["time"][2][key] for key in ("share", "work"))
    assert rows[0][3] == f"{share:.2f} ({work:.2f})" and len(rows[0]) == 3 + len(QUANTILES) - 1
    assert [row[1:4] for row in rows[2:]] == [
        [data, shots, f"`{readout}`"] for data in INTENTS for readout in READOUTS for shots in ("5", "10", "full")
    ]
    last = record["accuracy"][-1]
    assert rows[-1][-1] == f"{last['change']:+.1f} ±{last['error']:.1f}" and len(rows[-1]) == 5 + len(QUANTILES) - 1


def test_the_summary(record):
    out = summary(record)
    assert len({line.count("|") for line in out.splitlines()}) == 1
    assert out.splitlines()[0].endswith("| `final`, full | `final+cut`, 5 | `final+cut`, 10 | `final+cut`, full |")
    rows = cells(out)
    assert [row[:2] for row in rows] == [["int8", str(quantile)] for quantile in QUANTILES]
    assert rows[0][3] == "1.00" and rows[0][4:7] == ["+0.00"] * 3
    most = QUANTILES[-1]
    shares = [row["share"] for row in record["time"] if row["quantile"] == most]
    last = [row["change"] for row in record["accuracy"] if row["quantile"] == most and row["readout"] == FINAL_AND_CUT]
    assert rows[-1][2] == f"{np.mean(shares):.2f}"
    assert rows[-1][7:] == [f"{(last[place] + last[place + 3]) / 2:+.2f}" for place in range(3)]


def test_the_figure(record):
    pytest.importorskip("matplotlib")
    assert record["figure"].read_bytes().startswith(b"\x89PNG")


def test_what_is_drawn(record, monkeypatch):
    drawn = []
    monkeypatch.setattr(accuracy_command, "panels", lambda *arguments: drawn.append(arguments))
    other = [{**row, "precision": "fp32", "accuracy": 0.1} for row in record["accuracy"]]
    times = [{**row, "precision": "fp32", "share": 9} for row in record["time"]]
    both = {**record, "accuracy": [*record["accuracy"], *other], "time": [*record["time"], *times]}
    draw_figure(both, record["figure"])
    file, title, across, up, lines = drawn[0]
    assert file == record["figure"] and "all-MiniLM-L6-v2, int8" in title
    assert across == "quantile" and up == "%"
    assert list(lines) == [*(f"{data}: accuracy" for data in INTENTS), "time of one message, share of unpruned"]
    found = lines["desk: accuracy"]
    assert list(found) == [f"{s} examples, {readout}" for readout in READOUTS for s in ("5", "10", "full")]
    times = lines["time of one message, share of unpruned"]
    for data in INTENTS:
        shares = [(row["quantile"], 100 * row["share"]) for row in record["time"] if row["data"] == data]
        assert times[f"time, {data}"] == shares


@pytest.fixture
def timed(monkeypatch):
    """Nothing is timed: what is left is half of a message's time without pruning, for any quantile."""
    asked = []

    def fake(encode, reference, texts):
        asked.append((encode.__self__.policy, reference.__self__.policy, tuple(texts)))
        return PairedTime(1.0, 2.0, 0.5)

    monkeypatch.setattr(accuracy, "paired_time", fake)
    return asked


def test_the_unpruned_encoder_has_the_adapter_too(tiny_folder, scored_adapter, folders, monkeypatch):
    model, adapter, seen = str(tiny_folder), str(scored_adapter), []

    def fake(encode, reference, texts):
        seen.append((encode.__self__.identity, reference.__self__.identity))
        return PairedTime(1.0, 2.0, 0.5)

    monkeypatch.setattr(accuracy, "paired_time", fake)
    policy = PruningPolicy((1, 2), 0.5, 5, score="learnt")
    by_quantile(model, adapter, "fp32", policy, [read_data_set(folders[0])], ["5"], print)
    own = PrunedEncoder(model, policy, adapter=adapter).identity
    assert own != PrunedEncoder(model, "off").identity and seen == [(own, own)] * len(QUANTILES)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_by_hand(folders, tiny, timed, precision):
    policy = PruningPolicy((1, 2), 0.9, 5, "merge")
    data = [read_data_set(folder) for folder in folders]
    said = []
    found = by_quantile(tiny, "none", precision, policy, data, NUMBERS, said.append)
    assert said == [f"{precision}, quantile {quantile}, {name}" for quantile in QUANTILES for name in INTENTS]
    rows = {(row["quantile"], row["data"], row["readout"], row["shots"]): row for row in found["accuracy"]}
    assert len(rows) == len(found["accuracy"]) == len(QUANTILES) * 2 * 2 * 3
    for one in data:
        for shots, draws in one.examples.items():
            rights = {}
            for quantile, readout in ((0.0, FINAL), (0.0, FINAL_AND_CUT), (0.5, FINAL), (0.5, FINAL_AND_CUT)):
                cut = PruningPolicy((1, 2), quantile, 5, "merge")
                encode = PrunedEncoder(tiny, cut, readout, engine="onnx", precision=precision).encode
                right = np.mean([Learner.of(encode, learnt).right(encode, one.judged) for learnt in draws], axis=0)
                rights[quantile, readout] = right
                gained = 100 * (right - rights[0.0, FINAL])
                row = rows[quantile, one.name, readout, shots]
                assert row["accuracy"] == pytest.approx(right.mean())
                assert row["change"] == pytest.approx(gained.mean())
                assert row["error"] == pytest.approx(gained.std() / np.sqrt(len(one.judged)))
    assert {reference.quantile for _, reference, _ in timed} == {0}
    assert [cut.quantile for cut, *_ in timed] == [quantile for quantile in QUANTILES for _ in data]
    assert timed[0][2] == some_of(data[0].judged, 200).texts and timed[0][2] != timed[1][2]
    assert [(row["ms"], row["unpruned_ms"], row["share"]) for row in found["time"]] == [(1, 2, 0.5)] * 2 * len(
        QUANTILES
    )


@pytest.mark.usefixtures("timed")
def test_several_precisions_and_another_split(call, folders, tiny, tmp_path):
    write(tmp_path / "own" / "valid.csv", [(text, intent) for intent in EXAMPLES for text in EXAMPLES[intent][2:]])
    write(tmp_path / "own" / "train.csv", [(text, intent) for intent in EXAMPLES for text in EXAMPLES[intent][:2]])
    options = ["--model", tiny, "--split", "valid", "--precision", "int8", "fp32", "int8", "--output", "found.json"]
    code, out, err = call("own", *options, "--pruning", "gentle")
    assert (code, err) == (0, "")
    found = json.loads((tmp_path / "found.json").read_text())
    assert (found["split"], found["model"]) == ("valid", tiny)
    assert {row["data"] for row in found["time"]} == {"own"} and not (tmp_path / "found.png").exists()
    assert [row["precision"] for row in found["time"]] == ["int8"] * len(QUANTILES) + ["fp32"] * len(QUANTILES)
    assert [row[0] for row in cells(tables(found))] == ["int8", "fp32"] + ["int8"] * 6 + ["fp32"] * 6
    assert [row[:2] for row in cells(summary(found))] == [[p, str(q)] for p in ("int8", "fp32") for q in QUANTILES]
    assert out == f"{summary(found)}\n\n{tables(found)}\n"


@pytest.mark.usefixtures("timed")
def test_some_numbers_of_examples(call, folders, tiny, tmp_path):
    options = ["--model", tiny, "--output", "found.json", "--examples", "full", "5", "full"]
    code, out, err = call(folders[0], *options)
    assert (code, err) == (0, "")
    rows = json.loads((tmp_path / "found.json").read_text())["accuracy"]
    assert [row["shots"] for row in rows[:4]] == ["full", "5"] * 2 and len(rows) == len(QUANTILES) * 4
    assert [row[2] for row in cells(out)[-4:]] == ["full", "5"] * 2


@pytest.mark.parametrize(
    "arguments, said",
    [
        ([], "required: data"),
        (["nowhere"], "nowhere is no folder: give the folder of a data set, with train.csv and test.csv"),
        (["DESK", "--split", "valid"], "valid.csv cannot be read as labelled messages"),
        (["empty"], "train.csv cannot be read as labelled messages"),
        (["small"], "Too few messages to learn and to judge"),
        (["alone"], "alone has examples of one intent alone (5): give two intents or more"),
        (["DESK", "copy/desk"], "Data sets need names of their own, but their folders are called ['desk', 'desk']"),
        (["DESK", "--examples", "3"], "invalid choice: '3'"),
        (["DESK", "--precision", "int4"], "invalid choice: 'int4'"),
        (["DESK", "--pruning", "hard"], "pruning is 'hard': give one of off, gentle, balanced, aggressive"),
        (["DESK", "--model", "./nowhere"], "nowhere"),
    ],
)
@pytest.mark.usefixtures("nothing_is_measured")
def test_what_cannot_be_used(call, folders, tmp_path, arguments, said):
    (tmp_path / "empty").mkdir()
    write(tmp_path / "small" / "train.csv", [("a", "x"), ("b", "y")])
    for file in ("train", "train_5", "train_10", "test"):
        write(tmp_path / "alone" / f"{file}.csv", [("a", "x"), ("b", "x")])
        write(tmp_path / "copy" / "desk" / f"{file}.csv", [("a", "x"), ("b", "y")])
    code, out, err = call(*[folders[0] if argument == "DESK" else argument for argument in arguments])
    assert (code, out) == (2, "") and said in err and "Traceback" not in err
    assert err.startswith(("rasa-token-pruning: ", "usage: "))


def test_without_matplotlib_it_is_said_before_anything_is_measured(folders, tmp_path):
    figure = tmp_path / "figure.png"
    command = [sys.executable, "-c", PROGRAM, "matplotlib", "benchmark", "accuracy", *folders, "--figure", figure]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("rasa-token-pruning: A figure needs matplotlib: pip install") and not figure.exists()
