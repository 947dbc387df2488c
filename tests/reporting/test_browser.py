"""The page in a real browser; skipped where there is none."""

import time
from dataclasses import replace

import pytest

from rasa_token_pruning.reporting.fallback import Crowd
from rasa_token_pruning.reporting.page import page_of, write_page

# By how much what is in a frame is wider than the frame, and how large the letters of a drawing are, in pixels.
WIDER = "Math.max(...Array.from(document.querySelectorAll('.scroll'), (one) => one.scrollWidth - one.clientWidth))"
LETTERS = """() => {
  const svg = document.querySelector("figure svg");
  return (10 * svg.clientWidth) / svg.viewBox.baseVal.width;
}"""
WIDE, PHONE = {"width": 1100, "height": 900}, {"width": 360, "height": 740}


@pytest.fixture
def opened(chromium):
    """Open a file; nothing may go wrong in it, or be asked of anywhere else."""
    troubles, contexts = [], []

    def open_file(file, **options):
        context = chromium.new_context(**{"viewport": WIDE, **options})
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: troubles.append(message.text))
        tab.on("pageerror", lambda error: troubles.append(str(error)))
        tab.on("dialog", lambda dialog: troubles.append(dialog.message) or dialog.dismiss())
        tab.on(
            "request", lambda asked: None if asked.url.startswith(("file:", "data:")) else troubles.append(asked.url)
        )
        tab.goto(file.as_uri())
        return tab

    yield open_file
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.fixture
def tab(opened, page_file):
    return opened(page_file)


def shown(tab, selector):
    return [row.inner_text() for row in tab.locator(selector).all() if row.is_visible()]


def moved_to(tab, threshold):
    """The counts on the page at a threshold, and where the lines stand."""
    tab.locator("#slider").fill(str(threshold))
    counts = {name: tab.locator(f"#count-{name}").inner_text() for name in ("right", "wrong", "again", "through")}
    lines = {line.get_attribute("transform") for line in tab.locator("svg .threshold").all()}
    return {name: tuple(map(int, text.split(" of "))) for name, text in counts.items()}, lines


def test_every_part_is_there(tab, facts):
    assert tab.locator("main > section").count() == 9
    assert tab.locator("figure svg").count() == 3
    assert tab.locator("#intents tbody tr").count() == facts.about.intents
    assert tab.locator(".task").count() == len(facts.tasks)
    assert "<script>alert(1)</script>" in tab.locator("main").inner_text()


@pytest.mark.parametrize("threshold", [0, 0.2, 0.35, 0.36, 0.77, 1])
def test_the_threshold_moves_the_figures_to_what_python_counts(tab, facts, threshold):
    found, lines = moved_to(tab, threshold)
    inside, outside = facts.inside.outcomes(threshold), facts.outside.crowd.outcomes(threshold)
    assert found == {
        "right": (inside.right, inside.total),
        "wrong": (inside.wrong, inside.total),
        "again": (inside.again, inside.total),
        "through": (outside.wrong, outside.total),
    }
    width = float(tab.locator("#slider").get_attribute("data-width"))
    assert lines == {f"translate({threshold * width:.2f} 0)"}


def test_a_confidence_that_equals_the_threshold_is_enough_on_the_page_too(opened, many, tmp_path):
    steps = tuple(step / 100 for step in range(101))
    file = tmp_path / "steps.html"
    write_page(page_of(replace(many, inside=Crowd(steps, steps[::7], (0.5,)))), file)
    tab = opened(file)
    for step in (0, 7, 29, 30, 57, 58, 100):
        found, _ = moved_to(tab, step / 100)
        assert (found["right"][0], found["wrong"][0]) == (101 - step, len(steps[::7]) - -(-step // 7))


def test_the_page_begins_with_the_figures_that_the_script_would_count(tab, facts):
    values = [
        tab.locator(f"#{part}-{name}").inner_text() for part in ("count", "figure") for name in ("right", "through")
    ]
    tab.locator("#slider").fill("0.9")
    tab.locator("#slider").fill("0.35")
    assert values == [
        tab.locator(f"#{part}-{name}").inner_text() for part in ("count", "figure") for name in ("right", "through")
    ]


def test_the_slider_obeys_the_keyboard_and_is_spoken(tab):
    tab.locator("#slider").focus()
    tab.keyboard.press("ArrowRight")
    assert tab.locator("#at").inner_text() == "0.36"
    assert "answered rightly" in tab.locator("#spoken").text_content()
    tab.keyboard.press("Home")
    assert tab.locator("#at").inner_text() == "0"


def test_all_that_can_be_used_is_reached_by_the_keyboard_and_has_a_name(tab):
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"
    for control in tab.locator("input, select").all():
        assert control.evaluate("control => control.labels.length") == 1


def test_tables_are_sorted_by_a_click_and_by_a_key(tab, facts):
    head = tab.locator("#intents th", has_text="Intent").first
    names = "#intents tbody th"
    head.locator("button").click()
    expected = tab.evaluate(
        "names => names.sort(new Intl.Collator('en', {numeric: true}).compare)", [row.name for row in facts.intents]
    )
    assert shown(tab, names) == expected and head.get_attribute("aria-sort") == "ascending"
    tab.keyboard.press("Enter")
    assert shown(tab, names) == expected[::-1] and head.get_attribute("aria-sort") == "descending"
    tab.locator("#intents th", has_text="Examples").locator("button").click()
    sizes = [int(text) for text in shown(tab, "#intents tbody td:nth-child(2)")]
    assert sizes == sorted(sizes) and head.get_attribute("aria-sort") is None


def test_tables_are_filtered_by_words_and_by_kind(tab, facts):
    find = tab.locator("[data-table=intents] .find")
    find.fill("FAQ/")
    wanted = sorted(row.name for row in facts.intents if "faq/" in row.name or "faq/" in (row.taken_for or ""))
    assert sorted(shown(tab, "#intents tbody th")) == wanted
    assert tab.locator("[data-table=intents] .count").inner_text() == f"{len(wanted)} of {len(facts.intents)}"
    tab.locator("[data-table=pairs-table] .kind").select_option("often")
    assert len(shown(tab, "#pairs-table tbody tr")) == sum(pair.mixing for pair in facts.pairs) > 0


def test_without_scripts_everything_can_be_read(opened, page_file, facts):
    tab = opened(page_file, java_script_enabled=False)
    assert tab.locator("#count-right").inner_text().startswith(f"{facts.inside.outcomes(0.35).right} of")
    assert not tab.locator("#slider").is_visible() and not tab.locator(".tools").first.is_visible()
    assert tab.locator("#intents tbody tr").last.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_stand_out_from_the_ground_in_light_and_dark(opened, page_file, scheme):
    tab = opened(page_file, color_scheme=scheme)
    contrast = """() => {
      const channel = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
      const luminance = (colour) => {
        const [red, green, blue] = colour.match(/[\\d.]+/g).map((part) => channel(part / 255));
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
      };
      const ground = luminance(getComputedStyle(document.body).backgroundColor);
      const raised = luminance(getComputedStyle(document.querySelector(".tile")).backgroundColor);
      const ratio = (one, other) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
      const inks = ["body", ".label", "a", "summary", ".count", "caption"].map((name) =>
        luminance(getComputedStyle(document.querySelector(name)).color));
      const letters = luminance(getComputedStyle(document.querySelector("svg text")).fill);
      return [ground, Math.min(ratio(luminance(getComputedStyle(document.body).color), raised),
        ...[...inks, letters].map((ink) => ratio(ink, ground)))];
    }"""
    ground, least = tab.evaluate(contrast)
    assert (ground > 0.5) == (scheme == "light") and least >= 4.5


def test_a_phone_needs_no_sideways_scrolling(opened, page_file, many, tmp_path):
    wide = tmp_path / "many.html"
    write_page(page_of(many), wide)
    for file in (page_file, wide):
        tab = opened(file, viewport=PHONE)
        assert tab.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert tab.evaluate(WIDER) <= 0
        size = tab.evaluate(LETTERS)
        assert size >= 9


def test_on_paper_everything_is_open_and_closed_again_afterwards(tab):
    assert len(tab.pdf()) > 10_000
    tab.emulate_media(media="print", color_scheme="dark")
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.locator("details:not([open])").count() == 0
    assert not tab.locator(".slider").is_visible() and not tab.locator("nav").is_visible()
    assert tab.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--ground').trim()") == "#fff"
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert tab.locator("details[open]").count() == 0


def test_hundreds_of_intents_open_and_filter_in_no_time(opened, many, tmp_path):
    file = tmp_path / "many.html"
    write_page(page_of(many), file)
    opened(file).close()  # so that the browser itself is warm
    started = time.perf_counter()
    tab = opened(file)
    assert tab.locator("#changes-table tbody tr").last.is_visible()
    assert time.perf_counter() - started < 2
    assert tab.locator("#intents tbody tr").count() == 500
    started = time.perf_counter()
    tab.locator("[data-table=intents] .find").fill("number_007")
    tab.locator("#intents th", has_text="Asked again").locator("button").click()
    assert time.perf_counter() - started < 1
