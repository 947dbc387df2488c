"""What pruning costs, saves and changes."""

from __future__ import annotations

from collections.abc import Sequence

from rasa_token_pruning.reporting import drawings
from rasa_token_pruning.reporting.facts import Facts
from rasa_token_pruning.reporting.markup import Child, Markup, intent, joined, tag
from rasa_token_pruning.reporting.pruning import OFF, YOURS, Change, Level
from rasa_token_pruning.reporting.tables import Cell, Row, number_cell, table
from rasa_token_pruning.reporting.words import paragraph, percent, points


def pruning(facts: Facts) -> Markup:
    """What pruning costs and saves."""
    chosen = next(level for level in facts.levels if level.name == facts.level)
    heads = ("Pruning", "Understood rightly", "Change, points", "Other answers", "Pieces dropped", "ms", "Time left")
    rows = [_level_row(level, facts) for level in facts.levels]
    shown = table("levels", "Pruning levels, by cross-validation", heads, rows)
    return tag(
        "section",
        tag("h2", "What pruning costs and saves"),
        paragraph("Pruning leaves out unimportant words while a message is read, to save time. ", *_verdict(chosen)),
        shown,
        tag(
            "figure",
            drawings.trade_off(facts.levels, chosen.name),
            tag(
                "figcaption",
                "Up is more accurate, left is faster. Bars are standard errors: levels whose bars overlap widely are "
                "as good as each other. Yours is larger. Times are of the encoder alone, of one message.",
            ),
        ),
        id="pruning",
    )


def _verdict(level: Level) -> Sequence[Child]:
    if level.name == OFF:
        return ["Your assistant has it off. The table says what the other levels would do."]
    name = "a policy of its own" if level.name == YOURS else level.name
    faster = percent(max(0.0, 1 - level.time))
    return [
        f"Your assistant uses {name}: on your messages, {percent(level.dropped)} of the word pieces are dropped, "
        f"{faster} of the reading time is saved, and accuracy changes by {points(level.change)} points "
        f"(\N{PLUS-MINUS SIGN}{100 * level.change_error:.1f}). Short messages are hardly made faster, long ones are."
    ]


def _level_row(level: Level, facts: Facts) -> Row:
    name = f"{level.name} (yours)" if level.name == facts.level != YOURS else level.name
    return Row(
        (
            Cell(name),
            number_cell(f"{percent(level.accuracy, 1)} \N{PLUS-MINUS SIGN} {100 * level.error:.1f}", level.accuracy),
            number_cell(f"{points(level.change)} \N{PLUS-MINUS SIGN} {100 * level.change_error:.1f}", level.change),
            number_cell(str(level.changed), level.changed),
            number_cell(percent(level.dropped, 1), level.dropped),
            number_cell(f"{level.ms:.2f}", level.ms),
            number_cell(percent(level.time), level.time),
        )
    )


def changed_answers(facts: Facts) -> Markup:
    """The messages whose answer changes when they are pruned."""
    title = tag("h2", "Messages whose answer changes when pruned")
    if not facts.changes:
        return tag("section", title, paragraph("None: at no level."), id="changes")
    shown = table(
        "changes-table",
        "Examples that are understood as another intent when pruned; what was dropped is struck through",
        ("Message", "Pruning", "Its intent", "Understood without pruning as", "with pruning as", "That is"),
        [_change_row(change) for change in facts.changes],
        sortable=True,
        kinds=tuple(dict.fromkeys(change.level for change in facts.changes)),
        find="Find:",
    )
    words = (
        "A word that should have stayed is a reason for less pruning. Where nothing is struck through, other examples "
        "were read otherwise."
    )
    return tag("section", title, paragraph(words), shown, id="changes")


def _change_row(change: Change) -> Row:
    verdict = "wrong both ways"
    if change.given in (change.before, change.after):
        verdict = "better" if change.given == change.after else "worse"
    names = (change.given, change.before, change.after)
    return Row(
        (Cell(struck(change)), Cell(change.level), *(Cell(intent(name)) for name in names), Cell(verdict)), change.level
    )


def struck(change: Change) -> Markup:
    """A message with what was dropped struck through."""
    parts: list[Child] = []
    at = 0
    for start, end in change.dropped:
        parts += [change.text[at:start], tag("del", change.text[start:end])]
        at = end
    dropped = ", ".join(change.text[start:end] for start, end in change.dropped)
    spoken = tag("span", f" (dropped: {dropped})" if dropped else " (nothing dropped)", class_="unseen")
    return joined([tag("bdi", *parts, change.text[at:], class_="said"), spoken])
