"""The command as it is called: a search on two small tasks with the model in use, and what it cannot use."""

import csv
import json
import subprocess
import sys
from dataclasses import replace

import pytest
import yaml

from rasa_token_pruning.cli import main
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.readout import FINAL, FINAL_AND_CUT
from rasa_token_pruning.tuning import search as search_module
from rasa_token_pruning.tuning.result import LEVELS, SearchResult
from rasa_token_pruning.tuning.trial import LONG, LONGEST, SHORT
from rasa_token_pruning.tuning.tune_command import report
from rasa_token_pruning.version import __version__
from tests.conftest import ROOT
from tests.encoder.conftest import write_tiny_model
from tests.tuning.test_result import ANY, SETTING, only, with_longest, without_long
from tests.tuning.test_result import result as by_hand
from tests.without import WITHOUT

PROGRAM = WITHOUT + "from rasa_token_pruning.cli import main\nsys.exit(main(sys.argv[2:]))"
SMALL = ["--layers", "2", "--quantiles", "0.5", "--floors", "6", "--shots", "3", "1", "--seeds", "2"]
# In fp32, in which every processor understands the same of so few messages.
SMALL += ["--held-out", "5", "--long", "2", "--longest", "3", "--jobs", "1", "--precision", "fp32"]
POLICY, UNPRUNED = PruningPolicy((2,), 0.5, 6, score="learnt"), PruningPolicy((2,), 0.0, 2)


def write_csv(file, pool):
    file.parent.mkdir(exist_ok=True, parents=True)
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("text", "intent"), *zip(pool.texts, pool.intents, strict=True)])
    return str(file)


@pytest.fixture(scope="module")
def files(desk, visitors, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tasks")
    return [write_csv(folder / "desk.csv", desk.pool), write_csv(folder / "visitors" / "train.csv", visitors.pool)]


@pytest.fixture
def call(monkeypatch, tmp_path, capsys):
    """Call the command in a folder of the test; its exit code, and what it wrote to the output and to the errors."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        try:
            code = main(["tune", *map(str, arguments)])
        except SystemExit as left:
            code = left.code
        written = capsys.readouterr()
        return code, written.out, written.err

    return run


@pytest.fixture(scope="module")
def searched(files, tmp_path_factory):
    """The result of a search with the model in use."""
    output = tmp_path_factory.mktemp("searched") / "found.json"
    assert main(["tune", *files, *SMALL, "--readout", FINAL_AND_CUT, "--output", str(output)]) == 0
    return output


@pytest.fixture
def nothing_is_tried(monkeypatch):
    def refuse(*_):
        raise AssertionError("tried again")

    monkeypatch.setattr(search_module, "tried", refuse)


def rows(out):
    """The cells of both tables."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in out.splitlines() if line.startswith("|")]
    return [line for line in lines if set(line[0]) - {"-"} and not line[0].startswith("level")]


def test_what_is_kept(searched):
    result = SearchResult.load(searched)
    assert [(trial.policy, trial.task) for trial in result.trials] == [
        (policy, task) for policy in (UNPRUNED, POLICY) for task in ("desk", "visitors")
    ]
    assert (result.setting.model, result.setting.precision, result.setting.shots) == (
        "all-MiniLM-L6-v2",
        "fp32",
        (1, 3),
    )
    assert (result.setting.seeds, result.setting.held_out) == (2, 5)
    assert (result.setting.long, result.setting.longest) == (2, 3)
    for trial in result.trials:
        assert trial.time is None
        for readout in (FINAL, FINAL_AND_CUT):
            kinds = {kind: len(found) for kind, found in trial.accuracies[readout].items()}
            assert kinds == {SHORT: 4, LONG: 4, LONGEST: 4}
    assert result.provenance["version"] == __version__ and result.provenance["machine"]["packages"]["onnxruntime"]
    assert result.provenance["tasks"] == {name: {"messages": 15, "intents": 3} for name in ("desk", "visitors")}
    pruned = result.scores(FINAL)[0]
    assert pruned.policy == POLICY and 0.5 < pruned.work < 1
    assert len((searched.parent / "found.json.trials").read_text().splitlines()) == 4


@pytest.mark.usefixtures("nothing_is_tried")
def test_a_second_call_tries_nothing_and_prints_the_same(call, searched, files):
    content = searched.read_text()
    code, out, err = call(*files, *SMALL, "--readout", FINAL_AND_CUT, "--output", searched)
    assert (code, err) == (0, "") and searched.read_text() == content
    assert out == report(SearchResult.load(searched), FINAL_AND_CUT, LEVELS) + "\n"


@pytest.mark.usefixtures("nothing_is_tried")
def test_again_under_another_budget(call, searched):
    code, out, err = call("--again", "--output", searched, "--budget", 100, 100, 100)
    assert (code, err) == (0, "") and f"read-out {FINAL};" in out
    table = rows(out)
    assert [row[0] for row in table[:4]] == ["gentle", "balanced", "aggressive", "yours"]
    assert table[3][1] == "layers [2], quantile 0.5, min_tokens 6, learnt"
    assert [row[:2] for row in table[4:]] == [
        [level, task] for level in ("gentle", "balanced", "aggressive", "yours") for task in ("desk", "visitors")
    ]
    for demanding in ((-99, 100, 100), (100, -99, 100), (100, 100, -99)):
        _, out, _ = call("--again", "--output", searched, "--budget", *demanding)
        assert rows(out)[3] == ["yours", "none keeps to it", *[""] * 6]
        assert rows(out)[-1] == ["yours", "visitors", "none keeps to it", *[""] * 6]


def test_hard_tasks_are_tried_and_have_a_column_of_their_own(call, files, quick, tmp_path):
    code, out, err = call(files[0], *quick, "--budget", 100, 100, 100, "--hard", f"difficult={files[1]}")
    assert code == 0, err
    result = SearchResult.load(tmp_path / "tuned.json")
    assert (result.tasks, result.hard) == (["desk"], ["difficult"])
    (best,) = (row for row in rows(out) if row[0] == "yours")
    assert len(best) == 9 and best[-1] == str(result.scores(FINAL)[0].hard)


@pytest.mark.usefixtures("nothing_is_tried")
def test_a_read_out_that_was_not_tried(call, files, quick, tmp_path):
    by_hand(setting=replace(SETTING, readouts=(FINAL,))).save(tmp_path / "tuned.json")
    code, _, err = call("--again", "--readout", FINAL_AND_CUT)
    assert code == 2 and "final+cut was not tried, but final: search again with --readout final+cut" in err


def test_tables_by_hand():
    out = report(by_hand(), FINAL, {"one": ANY})
    best, *others = rows(out)
    assert best[:-3] == ["one", "layers [2], quantile 0.7, min_tokens 6, mean_attention", "0.50", "", "-3.00 ±0.00"]
    assert best[-3] in {f"-5.00 ±0.00 ({task})" for task in "ab"} and best[-2:] == ["-3.00 ±0.00", ""]
    assert [row[:3] for row in others] == [
        ["one", task, "layers [2], quantile 0.7, min_tokens 6, mean_attention"] for task in "abc"
    ]
    assert [row[5] for row in others] == [row[7] for row in others] == ["-5.00 ±0.00", "-5.00 ±0.00", "+1.00 ±0.00"]
    assert [row[6] for row in others] == ["-5.00 ±0.00 (a)", "-5.00 ±0.00 (b)", "+1.00 ±0.00 (c)"]
    assert {line.count("|") for line in out.splitlines()[2:5]} == {9}
    assert {line.count("|") for line in out.splitlines()[8:]} == {10}


def test_the_heading_says_what_is_compared_with_what():
    joined = report(by_hand(), FINAL_AND_CUT, {"one": ANY})
    assert "read-out final+cut; on long messages, and on the longest as written, against" in joined
    assert "the longest as written, against the unpruned encoder with the same read-out." in joined
    best = rows(joined)[0]
    assert best[4:] == ["-2.50 ±0.00", best[5], "-3.00 ±0.00", ""] and best[5].startswith("-4.50 ±0.00 (")


def test_other_facts_in_the_tables():
    policy = PruningPolicy((2, 3), 0.5, 10, "merge", "max_attention")
    changes = {UNPRUNED: ({"a": 0}, 1.0), policy: ({"a": 1}, 0.5)}
    out = report(by_hand(changes, {UNPRUNED: 1.0, policy: 0.45}), FINAL, {"one": ANY})
    how = "layers [2, 3], quantile 0.5, min_tokens 10, max_attention, merge"
    assert rows(out) == [["one", how, "0.50", "0.40", "+1.00 ±0.00", "+1.00 ±0.00 (a)", "+1.00 ±0.00", ""]]


def test_without_long_messages_the_columns_are_empty():
    for row in rows(report(without_long(by_hand()), FINAL, {"one": ANY})):
        assert row[-2:] == ["", ""] and row[-3].startswith(("-5.00 ±0.00 (", "+1.00 ±0.00 (c)"))


def test_the_longest_messages_have_a_column():
    for row in rows(report(with_longest(by_hand(), -1.5), FINAL, {"one": ANY})):
        assert row[-1] == "-1.50 ±0.00"


@pytest.mark.filterwarnings("error")
def test_one_task_alone():
    out = report(by_hand(only("b")), FINAL, {"one": ANY})
    assert "Chosen without a task" not in out and len(rows(out)) == 1


@pytest.fixture
def quick(tmp_path_factory):
    return [*SMALL, "--model", write_tiny_model(tmp_path_factory.mktemp("quick") / "model"), "--precision", "fp32"]


def test_names_of_tasks(call, desk, quick, tmp_path):
    nlu = [{"intent": intent, "examples": "- a\n- b\n- c\n"} for intent in ("x", "y")]
    for folder in ("one/data", "two/data", "data"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "nlu.yml").write_text(yaml.safe_dump({"nlu": nlu}))
    odd = write_csv(tmp_path / "k=v" / "a.csv", desk.pool)
    given = ["one/data", "two/data/nlu.yml", "data", odd, f"named={odd}", "desk=one"]
    code, _, err = call(*given, *quick)
    assert code == 0, err
    names = list(json.loads((tmp_path / "tuned.json").read_text())["tasks"])
    assert names == ["one", "two", tmp_path.name, "a", "named", "desk"]


def test_options_reach_the_search(call, files, quick, monkeypatch):
    asked = []

    def search(*arguments):
        asked.append(arguments)
        raise OSError("enough")

    monkeypatch.setattr(search_module, "search", search)
    space = ["--layers", "2", "1,3", "--quantiles", "0.5", "0.6", "--floors", "8", "--reductions", "merge", "drop"]
    assert (
        call(*files, *quick, *space, "--scores", "max_attention", "--jobs", 3, "--dask", "tcp://x:1", "--long", 0)[0]
        == 2
    )
    policies, tasks, setting, notes, jobs, cluster = asked[0]
    assert policies[0] == PruningPolicy((2,), 0.5, 8, "merge", "max_attention") and len(policies) == 8
    assert [task.name for task in tasks] == ["desk", "visitors"]
    assert (setting.long, setting.precision, setting.adapter) == (0, "fp32", "auto")
    assert (str(notes), jobs, cluster) == ("tuned.json.trials", 3, "tcp://x:1")
    call(*files, "--model", quick[quick.index("--model") + 1])
    policies, _, setting, *_ = asked[1]
    assert {policy.layers for policy in policies} == {(0,), (1,), (2,), (0, 2)}
    assert (setting.shots, setting.seeds, setting.held_out, setting.long) == ((5, 10), 3, 600, 200)


def test_times(call, files, quick, tmp_path):
    code, out, err = call(*files, *quick, "--time", "--budget", 100, 100, 100)
    assert code == 0, err
    result = SearchResult.load(tmp_path / "tuned.json")
    assert all(set(trial.time) == {SHORT, LONG} for trial in result.trials)
    assert float(rows(out)[3][3]) > 0


def written_preset(tmp_path):
    return json.loads((tmp_path / "preset.json").read_text())


@pytest.mark.usefixtures("nothing_is_tried")
def test_the_preset_of_the_levels(call, searched, tmp_path):
    again = ["--again", "--output", searched, "--preset", "preset.json"]
    code, out, err = call(*again, "--budget", 100, 100, 100)
    assert (code, err) == (0, "") and rows(out)[3][0] == "yours"
    written = written_preset(tmp_path)
    assert list(written["levels"]) == [*LEVELS, "yours"]
    assert PruningPolicy(**written["levels"]["yours"]["policy"]) == POLICY
    assert (written["version"], written["setting"]["readout"]) == (__version__, FINAL)
    call(*again, "--readout", FINAL_AND_CUT)
    assert list(written_preset(tmp_path)["levels"]) == list(LEVELS)
    assert written_preset(tmp_path)["setting"]["readout"] == FINAL_AND_CUT


def test_a_preset_needs_a_policy_for_every_level(call, searched, tmp_path):
    code, out, err = call("--again", "--output", searched, "--preset", "preset.json", "--budget", -99, 0, 0)
    assert code == 2 and "none keeps to it" in out and err.startswith("rasa-token-pruning: No policy keeps to the bud")
    assert not (tmp_path / "preset.json").exists()


@pytest.mark.parametrize(
    "arguments, said",
    [
        ([], "tune needs at least one task: give CSV files"),
        (["nowhere.csv"], "nowhere.csv cannot be read as labelled messages"),
        (["nowhere"], "nowhere cannot be read as Rasa's NLU data"),
        (["named=nowhere.csv"], "nowhere.csv cannot be read"),
        (["empty.csv"], "empty.csv holds no labelled messages"),
        (["."], ". holds no labelled messages"),
        (["one.csv"], "one.csv has 3 messages, intents: 1; a task needs several of two intents or more"),
        (["few.csv"], "few.csv has 2 messages, intents: 2; a task needs several of two intents or more"),
        (["DESK", "desk=VISITORS"], "names of their own"),
        (["DESK", "--layers", "6"], "this encoder has 6 layers: give numbers up to 5"),
        (["DESK", "--layers", "2,6"], "this encoder has 6 layers: give numbers up to 5"),
        (["DESK", "--layers", "3,1"], "layers is (3, 1)"),
        (["DESK", "--layers", "-1"], "layers is (-1,)"),
        (["DESK", "--layers", "first"], "'first' is no list of layers: give numbers joined by commas"),
        (["DESK", "--layers", "1,"], "'1,' is no list of layers"),
        (["DESK", "--quantiles", "1.5"], "quantile is 1.5: give a number with 0 <= quantile < 1"),
        (["DESK", "--quantiles", "0"], "quantile is 0: give numbers greater than 0"),
        (["DESK", "--quantiles", "half"], "invalid float value: 'half'"),
        (["DESK", "--floors", "1"], "min_tokens is 1"),
        (["DESK", "--reductions", "none"], "invalid choice: 'none'"),
        (["DESK", "--readout", "final+0"], "invalid choice: 'final+0'"),
        (["DESK", "--long", "-1"], "'-1': give a whole number of at least 0"),
        (["DESK", "--seeds", "1"], "'1': give a whole number of at least 2"),
        (["DESK", "--shots", "0"], "'0': give a whole number of at least 1"),
        (["DESK", "--held-out", "0"], "'0': give a whole number of at least 1"),
        (["DESK", "--jobs", "two"], "'two': give a whole number of at least 1"),
        (["DESK", "--budget", "1", "2"], "expected 3 arguments"),
        (["DESK", "--budget", "1", "2", "much"], "invalid float value: 'much'"),
        (["DESK", "--model", "./nowhere"], "nowhere"),
        (["DESK", "--output", "nowhere/tuned.json"], "nowhere/tuned.json.trials"),
        (["DESK", "--output", "damaged.json"], "damaged.json.trials is damaged in line 1: remove it"),
        (["--again"], "tuned.json is no result of a search"),
        (["--again", "--output", "damaged.json"], "damaged.json is no result of a search"),
    ],
)
def test_what_cannot_be_used(call, files, tmp_path, arguments, said):
    (tmp_path / "empty.csv").write_text("text,intent\n")
    (tmp_path / "one.csv").write_text("text,intent\na,x\nb,x\nc,x\n")
    (tmp_path / "few.csv").write_text("text,intent\na,x\nb,y\n")
    (tmp_path / "damaged.json").write_text("{}")
    (tmp_path / "damaged.json.trials").write_text("{}\n")
    places = dict(zip(("DESK", "VISITORS"), files, strict=True))
    given = [
        argument.replace(name, file) for argument in arguments for name, file in places.items() if name in argument
    ]
    rest = [argument for argument in arguments if not any(name in argument for name in places)]
    code, out, err = call(*given, *([] if "--again" in rest else SMALL), *rest)
    assert (code, out) == (2, "") and said in err and "Traceback" not in err
    assert err.startswith(("rasa-token-pruning: ", "usage: "))


@pytest.mark.parametrize("package", ["joblib", "tqdm"])
def test_what_only_a_search_needs(files, searched, package):
    def separately(*arguments):
        command = [sys.executable, "-c", PROGRAM, f"{package},rasa,tensorflow", "tune", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT)

    done = separately(*files, "--output", searched)
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr
        == f"rasa-token-pruning: tune needs the package {package}: pip install 'rasa-token-pruning[train]'\n"
    )
    if package == "joblib":
        done = separately("--again", "--output", searched)
        assert done.returncode == 0 and "\n| balanced | layers [2]" in done.stdout
