"""How sure it is: the threshold below which it asks again, and whether confidences mean what they say."""

from __future__ import annotations

import json

from rasa_token_pruning.reporting import drawings
from rasa_token_pruning.reporting.facts import Facts
from rasa_token_pruning.reporting.fallback import Outcomes
from rasa_token_pruning.reporting.markup import Markup, joined, tag
from rasa_token_pruning.reporting.page_advice import named
from rasa_token_pruning.reporting.reliability import calibration_error
from rasa_token_pruning.reporting.tables import Cell, Row, number_cell, table
from rasa_token_pruning.reporting.words import number, paragraph, percent


def threshold(facts: Facts) -> Markup:
    """How sure it is, and the threshold below which it asks again."""
    drawing, width = drawings.histograms(facts)
    step = "0.01" if round(100 * facts.threshold, 6).is_integer() else "0.001"
    slider = tag(
        "input", type="range", id="slider", min="0", max="1", step=step, value=f"{facts.threshold:g}",
        data_width=f"{width:.2f}",
    )  # fmt: skip
    head = tag("label", "Threshold: ", tag("span", f"{facts.threshold:g}", id="at"), for_="slider")
    spoken = tag("p", id="spoken", class_="unseen", role="status")
    now = facts.inside.outcomes(facts.threshold)
    values = [("right", "answered rightly", now.right, now), ("wrong", "answered wrongly", now.wrong, now)]
    values.append(("again", "asked again", now.again, now))
    if facts.outside:
        then = facts.outside.crowd.outcomes(facts.threshold)
        values.append(("through", "let through that should not be answered", then.wrong, then))
    figures = tag("dl", *(_figure(*value) for value in values), class_="figures")
    data = tag("script", _scores(facts), type="application/json", id="scores")
    return tag(
        "section",
        tag("h2", "When it asks again"),
        paragraph(
            "Where the assistant is less sure than the threshold, Rasa's FallbackClassifier has it ask again. Yours is "
            f"{facts.threshold:g}. Move it and see what follows. It also asks again where the first intent leads by "
            f"less than {facts.ambiguity:g} (ambiguity_threshold), whatever the threshold."
        ),
        tag("div", head, slider, spoken, class_="slider", hidden=True),
        figures,
        tag("figure", drawing, tag("figcaption", _caption(facts))),
        _histogram_table(facts),
        data,
        id="threshold",
    )


def _figure(key: str, name: str, count: int, outcomes: Outcomes) -> Markup:
    shown = tag("span", percent(count / outcomes.total, 1), id=f"figure-{key}", class_="big")
    counted = tag("span", f"{count} of {outcomes.total}", id=f"count-{key}")
    return tag("div", tag("dt", name), tag("dd", shown, " ", counted), class_=f"tile {key}")


def _scores(facts: Facts) -> Markup:
    """What the page counts with: numbers alone."""
    crowds = {"inside": facts.inside, **({"outside": facts.outside.crowd} if facts.outside else {})}
    scores = {
        name: {"right": crowd.right, "wrong": crowd.wrong, "never": len(crowd.never)} for name, crowd in crowds.items()
    }
    return Markup(json.dumps(scores, separators=(",", ":")))


def _caption(facts: Facts) -> Markup:
    words = (
        "Messages by how sure it is. Full bars: the answer is right. Hatched: it is wrong, or there should be none. "
        "Crossed: never answered, because two intents are too close, or because it is understood that the message "
        "belongs to none. The line is the threshold: what is left of it is asked again."
    )
    below = [" Below: ", named(facts.outside), "."] if facts.outside else []
    return joined([words, *below])


def _histogram_table(facts: Facts) -> Markup:
    heads = ["Sure, from", "Examples: right", "wrong", "never answered"]
    columns = [drawings.counts(facts.inside)]
    if facts.outside:
        heads += ["Others: let through", "never answered"]
        columns.append([(start, wrong, never) for start, _, wrong, never in drawings.counts(facts.outside.crowd)])  # type: ignore[misc]
    rows = [
        Row((Cell(f"{bars[0][0]}%"), *(number_cell(str(count), count) for bar in bars for count in bar[1:])))
        for bars in zip(*columns, strict=True)
    ]
    return _as_table(table("confidence-table", "Messages by how sure it is", heads, rows))


def _as_table(inner: Markup) -> Markup:
    return tag("details", tag("summary", "The drawing as a table"), inner)


def confidence(facts: Facts) -> Markup:
    """Whether confidences mean what they say."""
    error = calibration_error(facts.bins)
    most = max(facts.bins, key=lambda one: one.count)
    rows = [
        Row(
            (
                Cell(f"{percent(one.low)} to {percent(one.high)}"),
                number_cell(str(one.count), one.count),
                number_cell(percent(one.confidence), one.confidence),
                number_cell(percent(one.right), one.right),
            )
        )
        for one in facts.bins
    ]
    heads = ("Sure", "Messages", "Mean confidence", "Right")
    return tag(
        "section",
        tag("h2", "Does it know how sure it is?"),
        paragraph(
            f"On average its confidence is {100 * error:.1f} points beside the truth (expected calibration error, 15 "
            f"bins: {error:.3f}). Of the {number(most.count, 'message', 'messages')} where it was most often about "
            f"{percent(most.confidence)} sure, {percent(most.right)} were right."
        ),
        tag(
            "figure",
            drawings.reliability(facts.bins),
            tag(
                "figcaption",
                "Points on the dashed line are as right as they are sure; below it, it is too sure; above it, not sure "
                "enough. Small points stand for few messages, and may be off by chance.",
            ),
        ),
        _as_table(table("reliability-table", "How often it is right, by how sure it is", heads, rows)),
        id="confidence",
    )
