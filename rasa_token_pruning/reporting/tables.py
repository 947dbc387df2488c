"""Tables that can be read aloud, sorted and filtered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rasa_token_pruning.reporting.markup import Child, Markup, joined, tag


@dataclass(frozen=True)
class Cell:
    """A cell.

    :param content: What it shows.
    :param value: What it is sorted by; nothing for what it shows.
    :param numeric: Whether it stands right-aligned.
    """

    content: Child
    value: float | None = None
    numeric: bool = False


@dataclass(frozen=True)
class Row:
    """A row.

    :param cells: Its cells, of which the first names it.
    :param kind: What a choice can show alone, if the table has one.
    """

    cells: Sequence[Cell]
    kind: str | None = None


def number_cell(text: str, value: float) -> Cell:
    """A cell with a number."""
    return Cell(text, value, numeric=True)


def table(
    name: str,
    caption: str,
    heads: Sequence[str],
    rows: Iterable[Row],
    *,
    sortable: bool = False,
    kinds: Sequence[str] = (),
    find: str = "",
) -> Markup:
    """A table in a frame that scrolls by itself where it is wider than the screen.

    :param name: Its id.
    :param caption: What it shows.
    :param heads: The names of its columns.
    :param rows: At least one.
    :param sortable: Whether a click on a name sorts by that column.
    :param kinds: The kinds of rows, for a choice of what to show.
    :param find: What a search field is called; none if it is empty.
    """
    every = list(rows)
    titles = [_head(head, sortable, every[0].cells[place].numeric) for place, head in enumerate(heads)]
    body = [_row(row, heads) for row in every]
    inner = tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", *titles)),
        tag("tbody", *body),
        id=name,
        class_="sortable" if sortable else None,
    )
    frame = tag("div", inner, class_="scroll", role="region", aria_label=caption, tabindex="0")
    return joined([_tools(name, len(every), kinds, find), frame])


def _head(text: str, sortable: bool, numeric: bool) -> Markup:
    content = tag("button", text, type="button", class_="sort") if sortable else text
    return tag("th", content, scope="col", class_="number" if numeric else None)


def _cell(cell: Cell, head: str) -> Markup:
    """A cell that says its column's name, for screens too narrow for columns; the first names the row."""
    kind = "number" if cell.numeric else None
    return tag("td", cell.content, class_=kind, data_label=head, data_value=cell.value)


def _row(row: Row, heads: Sequence[str]) -> Markup:
    first, *others = row.cells
    cells = [_cell(cell, head) for cell, head in zip(others, heads[1:], strict=True)]
    return tag("tr", tag("th", first.content, scope="row"), *cells, data_kind=row.kind)


def _tools(name: str, count: int, kinds: Sequence[str], find: str) -> Markup:
    """What filters the table; shown only where scripts run."""
    tools = []
    if find:
        tools.append(tag("label", find, " ", tag("input", type="search", class_="find")))
    if kinds:
        options = [tag("option", "all", value=""), *(tag("option", kind, value=kind) for kind in kinds)]
        tools.append(tag("label", "Show ", tag("select", *options, class_="kind")))
    if not tools:
        return Markup("")
    status = tag("span", f"{count} of {count}", class_="count", role="status")
    return tag("div", *tools, status, class_="tools", data_table=name, hidden=True)
