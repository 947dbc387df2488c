"""What pages say of the code is so, and a figure that stands on two pages is the same on both."""

import json
import re
from xml.etree import ElementTree

import pytest

import rasa_token_pruning
from rasa_token_pruning import PrunedEncoder
from rasa_token_pruning.encoder.presets import LEVELS, by_rule, preset
from tests.docs.documents import ROOT

DOCS = ROOT / "docs"
SVG = "{http://www.w3.org/2000/svg}"


def read(name):
    return " ".join((ROOT / name).read_text(encoding="utf-8").split())


def test_the_drawing_shows_what_the_encoder_does_with_its_message():
    message = re.search('happens to "(.+?)"', read("docs/how-it-works.md"))[1]
    # Not in int8, in which another processor could drop another piece.
    encoder = PrunedEncoder(adapter="auto")
    [text] = encoder.encode_tokens([message])
    drawing = ElementTree.parse(DOCS / "how-it-works.svg")
    gone = [shape for shape in drawing.iter(f"{SVG}rect") if shape.get("class") == "gone"]
    pieces = [word for word in drawing.iter(f"{SVG}text") if "small" in word.get("class", "")]
    before, after = pieces[: len(text.kept)], pieces[len(text.kept) :]
    assert [word.text for word in before] == [word.text for word in after] == list(text.pieces.texts)
    assert ["struck" not in word.get("class") for word in after] == text.kept.tolist()
    assert len(gone) == len(text.kept) - text.kept.sum()
    said = " ".join(word.text for word in drawing.iter(f"{SVG}text"))
    assert f"{len(text.kept)} word pieces" in said and f"{text.kept.sum()} pieces" in said
    assert f"{encoder.dimension} numbers" in said and encoder.policy.layers == (2,) and "rest of layer 2" in said


def test_presets_are_those_of_the_package():
    cell = r"(\[[\d, ]+\]), ([\d.]+), (\d+) \| "
    rows = re.findall(rf'^\| `"?(\w+)"?` \| {cell}{cell}', (DOCS / "choosing.md").read_text(), re.M)
    assert [row[0] for row in rows] == ["off", *LEVELS]
    for name, *said in rows:
        for adapter, (layers, quantile, floor) in (("auto", said[:3]), ("none", said[3:])):
            policy = preset(name, 6, "all-MiniLM-L6-v2", adapter)
            assert (str(list(policy.layers)), policy.quantile, policy.min_tokens) == (
                layers,
                float(quantile),
                int(floor),
            )


def test_the_rule_for_other_encoders_is_that_of_the_package():
    rules = [by_rule(level, 12) for level in LEVELS]
    quantiles, floors = ([getattr(rule, key) for rule in rules] for key in ("quantile", "min_tokens"))
    said = "one cut in layer n // 3, quantiles of {}, {} and {}, floors of {}, {} and {}."
    assert said.format(*quantiles, *floors) in read("docs/choosing.md") and all(rule.layers == (4,) for rule in rules)


def test_the_reference_has_every_public_name():
    page = (DOCS / "api.md").read_text()
    for name in set(rasa_token_pruning.__all__) - {"__version__"}:
        assert f"\n::: rasa_token_pruning.{name}\n" in page


@pytest.mark.parametrize(
    ("figure", "documents"),
    [
        ("2.6 to 3.5", ("docs/pruning.md", "docs/choosing.md")),
        ("1.3 to 2.4", ("docs/pruning.md", "docs/choosing.md")),
        ("275 messages a second through `/model/parse` and 130 through", ("docs/reliability.md", "docs/deployment.md")),
        ("nother worker costs about 60 MiB for our components", ("docs/ways-in.md", "docs/deployment.md")),
        ("fewer than about 40 examples no message is unlike enough", ("CHANGELOG.md", "docs/limits.md")),
        (
            "1,500 with 20 types 9 s, 5,000 with 60 types two minutes",
            ("docs/migration.md", "docs/limits.md"),
        ),
        ("half a million words of a letter 2.8 s", ("docs/reliability.md", "docs/limits.md")),
        ("8 GB of disk on Linux", ("README.md", "docs/getting-started.md")),
    ],
)
def test_a_figure_is_the_same_wherever_it_stands(figure, documents):
    for document in documents:
        assert figure in read(document), document


def test_the_figures_of_deployment_are_those_that_were_measured():
    page, readme = read("docs/deployment.md"), read("README.md")
    for row, said in (
        ("`rasa train` from nothing", "{} for the example bot"),
        ("one message .+?, median", "{} a message"),
    ):
        assert said.format(re.search(rf"\| {row} \| (\S+ \S+) \|", readme)[1]) in page
    rows = json.loads((ROOT / "benchmarks" / "results" / "threads.json").read_text())["rows"]
    rates = {
        (row["workers"], row["num_threads"]): f"{row['requests'] / row['seconds']:.0f}"
        for row in rows
        if row["connections"] == 16
    }
    assert f"answered {rates[2, 1]} messages a second" in page and f"with two threads {rates[1, 2]} (" in page


def test_what_pruning_saves_is_what_was_measured_on_all_processors():
    results = ROOT / "benchmarks" / "results"
    records = [json.loads(file.read_text())["saved"] for file in results.glob("speed*.json")]
    told = []
    for level, lengths in (("balanced", (15, 50, 250)), ("aggressive", (50,))):
        for length in lengths:
            of_it = {"system": f"onnx int8, {level}", "pieces": length}
            found = [row["time_saved"] for rows in records for row in rows if of_it.items() <= row.items()]
            assert len(found) == len(records) == 4
            told.append(f"{100 * min(found):.0f} to {100 * max(found):.0f}%")
    for document in ("README.md", "docs/choosing.md"):
        page = read(document)
        assert "{} at 15 word pieces, by run and processor, {} at 50, {} at 250".format(*told[:3]) in page
        assert f"`aggressive` {told[3]} at 50 and half or more at 250" in page


def test_what_the_larger_encoder_is_worth_is_the_measured():
    results = ROOT / "benchmarks" / "results"
    small, large = (
        json.loads((results / f"{name}.json").read_text())["rows"] for name in ("adapter", "adapter-all-mpnet-base-v2")
    )
    told = []
    for shots in ("5", "10"):
        of_each = [{task: rows[task]["adapter, balanced, final"][shots] for task in large} for rows in (small, large)]
        gains = [100 * (of_each[1][task]["accuracy"] - of_each[0][task]["accuracy"]) for task in large]
        told.append(f"{min(gains):.1f} to {max(gains):.1f}")
    said = "[{} / {} points](training.md#the-adapter-for-all-mpnet-base-v2) with the adapters"
    assert said.format(*told) in read("docs/choosing.md")
