"""Figures: looked at through matplotlib's own objects, and as files."""

import subprocess
import sys

import numpy as np
import pytest

from rasa_token_pruning.evaluation import figures
from rasa_token_pruning.evaluation.figures import COLOURS, DASHES, MARKERS, FigureError, check, panels
from tests.conftest import ROOT
from tests.without import WITHOUT

POINTS = [(100, 90.0), (80, 89.5), (60, 85.0)]
PROGRAM = (
    WITHOUT
    + """
from pathlib import Path
from rasa_token_pruning.evaluation.figures import FigureError, check, panels
for draw in (check, lambda: panels(Path(sys.argv[2]), "title", "across", "up", {"a": {"one": [(1, 2)]}})):
    try:
        draw()
    except FigureError as error:
        print(error)
"""
)


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """Draw to a file, and keep matplotlib's figure."""
    pytest.importorskip("matplotlib")
    from matplotlib import pyplot

    kept = []
    monkeypatch.setattr(pyplot, "close", kept.append)

    def draw(lines, note="", name="figure.png"):
        file = tmp_path / name
        panels(file, "A title", "time, %", "accuracy, %", lines, note)
        return file, kept[-1]

    yield draw
    monkeypatch.undo()
    pyplot.close("all")


def is_png(file):
    return file.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and file.stat().st_size > 5000


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_panels(drawn, number):
    lines = {f"panel {panel}": {"one": POINTS, "two": POINTS[:2]} for panel in range(number)}
    file, figure = drawn(lines)
    assert is_png(file)
    seen = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in seen] == list(lines)
    assert {(axes.get_xlabel(), axes.get_ylabel()) for axes in seen} == {("time, %", "accuracy, %")}
    assert len(figure.axes) - len(seen) == (number > 2 and number % 2)
    assert legend(figure) == ["one", "two"]
    for axes in seen:
        assert [line.get_label() for line in axes.lines] == ["one", "two"]
        np.testing.assert_array_equal(axes.lines[0].get_xydata(), POINTS)
    assert figure._suptitle.get_text() == "A title"


def test_a_note_stands_below_the_title(drawn):
    _, figure = drawn({"a": {"one": POINTS}}, note="Measured on a busy machine.")
    assert figure._suptitle.get_text() == "A title\nMeasured on a busy machine."


def test_a_line_of_one_point_is_a_marker(drawn):
    file, figure = drawn({"a": {"one": [(50, 70)]}, "b": {"one": POINTS, "two": [(1, 2)]}})
    assert is_png(file)
    assert figure.axes[0].lines[0].get_marker() == "o" and len(figure.axes[0].lines[0].get_xydata()) == 1


def style(line):
    return line.get_color(), line.get_marker(), line.get_linestyle()


def test_more_lines_than_colours(drawn):
    names = [f"line {number}" for number in range(2 * len(COLOURS))]
    file, figure = drawn({"a": {name: POINTS for name in names}})
    assert is_png(file) and legend(figure) == names
    styles = [style(line) for line in figure.axes[0].lines]
    assert len(set(styles)) == len(names)
    assert len({colour for colour, *_ in styles}) == len(COLOURS) == len(MARKERS)
    assert {dash for *_, dash in styles} == set(DASHES)


def test_a_line_looks_the_same_in_every_panel(drawn):
    _, figure = drawn({"a": {"one": POINTS, "two": POINTS}, "b": {"two": POINTS, "three": POINTS, "one": POINTS}})
    styles = {}
    for axes in figure.axes:
        for line in axes.lines:
            styles.setdefault(line.get_label(), set()).add(style(line))
    assert set(styles) == {"one", "two", "three"} and all(len(found) == 1 for found in styles.values())
    assert legend(figure) == ["one", "two", "three"]


@pytest.mark.parametrize("number", [1, 4, 20])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("length", [1, 25, 40])
def test_the_legend_is_on_the_figure_and_hides_no_panel(drawn, number, count, length):
    names = [f"{line} ".ljust(length, "n") for line in range(number)]
    _, figure = drawn({f"panel {panel}": {name: POINTS for name in names} for panel in range(count)})
    figure.canvas.draw()
    place, seen = figure.legends[0].get_window_extent(), [axes for axes in figure.axes if axes.get_visible()]
    assert all(axes.bbox.height > 200 for axes in seen)
    assert 0 <= place.x0 and place.x1 <= figure.bbox.width and place.y0 >= 0
    assert legend(figure) == names and len(figure.legends) == 1
    assert place.y1 <= min(axes.get_tightbbox(figure.canvas.get_renderer()).y0 for axes in seen) + 1


@pytest.mark.parametrize("suffix, start", [("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_other_formats(drawn, suffix, start):
    file, _ = drawn({"a": {"one": POINTS}}, name=f"figure.{suffix}")
    assert file.read_bytes().startswith(start)


def test_nothing_stays_open(tmp_path):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    before = pyplot.get_fignums()
    panels(tmp_path / "figure.png", "title", "across", "up", {"a": {"one": POINTS}})
    assert pyplot.get_fignums() == before


def test_no_window_is_needed(tmp_path):
    program = (
        "import sys\nfrom pathlib import Path\nfrom rasa_token_pruning.evaluation.figures import panels\n"
        "panels(Path(sys.argv[1]), 't', 'x', 'y', {'a': {'one': [(1, 2)]}})"
    )
    pytest.importorskip("matplotlib")
    environment = {"PATH": "/usr/bin", "MPLBACKEND": "TkAgg", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    command = [sys.executable, "-c", program, str(tmp_path / "figure.png")]
    subprocess.run(command, check=True, timeout=120, env=environment, capture_output=True)
    assert is_png(tmp_path / "figure.png")


def test_without_matplotlib(tmp_path):
    command = [sys.executable, "-c", PROGRAM, "matplotlib", str(tmp_path / "figure.png")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT, check=True)
    assert done.stdout.splitlines() == ["A figure needs matplotlib: pip install 'rasa-token-pruning[report]'."] * 2
    assert not list(tmp_path.iterdir())


def test_it_is_asked_for_only_when_something_is_drawn(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert figures.COLOURS
    with pytest.raises(FigureError, match="needs matplotlib"):
        check()
