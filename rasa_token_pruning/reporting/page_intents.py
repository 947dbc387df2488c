"""Every intent, and every pair of intents that are taken for each other."""

from __future__ import annotations

from rasa_token_pruning.reporting.facts import Facts, IntentRow
from rasa_token_pruning.reporting.markup import Markup, intent, said, tag
from rasa_token_pruning.reporting.misread import Pair
from rasa_token_pruning.reporting.tables import Cell, Row, number_cell, table
from rasa_token_pruning.reporting.words import intents, number, paragraph, percent

_MOST_PAIRS = 300


def every_intent(facts: Facts) -> Markup:
    """A table of the intents, those first of which most is missed."""
    rows = sorted(facts.intents, key=lambda row: (_share(row, row.right), row.name))
    heads = ("Intent", "Examples", "Answered rightly", "Answered wrongly", "Asked again", "Most often taken for")
    shown = table(
        "intents",
        f"Your {number(len(rows), 'intent', 'intents')}, those first that go wrong most",
        heads,
        [_intent_row(row) for row in rows],
        sortable=True,
        find="Find an intent:",
    )
    words = "Each example was given to an assistant that had learnt from others. Shares are of an intent's examples."
    return tag("section", tag("h2", "All intents"), paragraph(words), shown, id="all")


def _share(row: IntentRow, count: int) -> float:
    judged = row.right + row.wrong + row.again
    return count / judged if judged else 0.0


def _intent_row(row: IntentRow) -> Row:
    judged = row.right + row.wrong + row.again
    shares = [
        number_cell(percent(_share(row, count)) if judged else "not judged", _share(row, count))
        for count in (row.right, row.wrong, row.again)
    ]
    other = Cell(intent(row.taken_for) if row.taken_for else "")
    return Row((Cell(intent(row.name)), number_cell(str(row.examples), row.examples), *shares, other))


def taken_for_each_other(facts: Facts) -> Markup:
    """A table of the pairs of intents that are mixed up, with the examples responsible."""
    title = tag("h2", "Intents that are taken for each other")
    if not facts.pairs:
        return tag("section", title, paragraph("Every example was understood as its own intent."), id="pairs")
    words = (
        "Often means: too often for chance. Then merge the two, or add examples that tell them apart. Of the others "
        "the examples may be worth a look."
    )
    more = len(facts.pairs) - _MOST_PAIRS
    shown = table(
        "pairs-table",
        "Pairs of intents, those first that are taken for each other most",
        ("Intents", "How often", "Share", "Examples responsible"),
        [_pair_row(pair) for pair in facts.pairs[:_MOST_PAIRS]],
        sortable=True,
        kinds=("often", "now and then"),
        find="Find an intent or a message:",
    )
    rest = paragraph(f"{number(more, 'pair', 'pairs')} with smaller shares are not shown.") if more > 0 else ""
    return tag("section", title, paragraph(words), shown, rest, id="pairs")


def _pair_row(pair: Pair) -> Row:
    lines = [
        tag("li", said(one.text), " of ", intent(one.given), " is understood as ", intent(one.looks_like))
        for one in pair.examples
    ]
    many = tag("details", tag("summary", number(len(lines), "example", "examples")), tag("ul", *lines))
    kind = "often" if pair.mixing else "now and then"
    return Row(
        (
            Cell(intents((pair.first, pair.second))),
            Cell(kind, float(pair.mixing)),
            number_cell(percent(pair.share / 2), pair.share),
            Cell(many, len(lines)),
        ),
        kind,
    )
