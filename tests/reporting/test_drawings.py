"""Drawings as parts of a page: what they show, in whose colours."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from rasa_token_pruning.reporting import drawings
from rasa_token_pruning.reporting.fallback import Crowd

pytest.importorskip("matplotlib")

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def drawn(many):
    return {
        "confidences": drawings.histograms(many)[0],
        "reliability": drawings.reliability(many.bins),
        "trade-off": drawings.trade_off(many.levels, many.level),
    }


def texts(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_letters_are_letters_and_axes_say_what_they_show(drawn):
    assert {"how sure it is, %", "right", "wrong", "never", "let through"} <= set(texts(drawn["confidences"]))
    assert {"how sure it is, %", "how often it is right, %"} <= set(texts(drawn["reliability"]))
    levels = {"off", "gentle", "balanced (yours)", "aggressive"}
    assert {"milliseconds for one message", "understood rightly, %"} | levels <= set(texts(drawn["trade-off"]))


def test_screen_readers_are_told_what_there_is_to_see(drawn):
    for name, svg in drawn.items():
        root = ElementTree.fromstring(svg)
        ids = {element.get("id"): element for element in root.iter()}
        assert root.get("role") == "img"
        title, description = (ids[given] for given in root.get("aria-labelledby").split())
        assert title.tag == f"{SVG}title" and description.tag == f"{SVG}desc"
        assert title.text and description.text and name in title.get("id")
    assert "balanced: 84.0%" in drawn["trade-off"]


def test_colours_are_the_pages_and_nothing_else_is_styled(drawn):
    for svg in drawn.values():
        assert "var(--ink)" in svg and "var(--line)" in svg
        assert not re.search(r"(fill|stroke|color): *#", svg)
        assert "<style" not in svg and "metadata" not in svg and "<?xml" not in svg


def test_ids_begin_with_the_drawings_name_and_what_they_refer_to_is_there(drawn):
    for name, svg in drawn.items():
        ids = re.findall(r' id="([^"]+)"', svg)
        assert len(ids) == len(set(ids)) and all(own.startswith(f"{name}-") for own in ids)
        referred = set(re.findall(r'(?:href="|url\()#([^")]+)', svg))
        assert referred and referred <= set(ids)


def test_the_same_numbers_give_the_same_drawing(many, drawn):
    assert drawings.histograms(many)[0] == drawn["confidences"]


def test_the_line_stands_at_the_threshold_of_each_panel(many, drawn):
    width = drawings.histograms(many)[1]
    lines = [element for element in ElementTree.fromstring(drawn["confidences"]).iter() if element.get("class")]
    assert [line.get("class") for line in lines] == ["threshold", "threshold"]
    for line in lines:
        assert line.get("transform") == f"translate({0.3 * width:.2f} 0)"
        # From where it was drawn, the left end of the axis, the whole width leads to the right end.
        start = float(re.match(r"M ([\d.]+)", line.find(f"{SVG}path").get("d"))[1])
        assert start == pytest.approx(0.62 * 72, abs=0.01) and start + width == pytest.approx(
            (4.8 - 0.12) * 72, abs=0.01
        )


def test_every_message_is_in_one_bar():
    rows = drawings.counts(Crowd((0.0, 0.05, 1.0), (0.049, 0.5), (0.99,)))
    assert [start for start, *_ in rows] == list(range(0, 100, 5))
    assert [sum(row[column] for row in rows) for column in (1, 2, 3)] == [3, 2, 1]
    assert rows[0] == (0, 1, 1, 0) and rows[1] == (5, 1, 0, 0) and rows[-1] == (95, 1, 0, 1)


def test_without_messages_out_of_scope_there_is_one_panel(many):
    svg, _ = drawings.histograms(replace(many, outside=None))
    assert "should not be answered" not in texts(svg) and svg.count('class="threshold"') == 1
