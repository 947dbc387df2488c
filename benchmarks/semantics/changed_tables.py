"""The tables of changed texts, and of negations that decide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.semantics.cells import percent, points, share, table
from benchmarks.semantics.observe import NEGATED
from benchmarks.semantics.systems import READOUTS

DEFAULT_LEVEL = "balanced"

Record = dict[str, Any]


def readouts(record: Record) -> list[str]:
    """The read-out that the study is about, and the other."""
    return sorted(READOUTS, key=lambda readout: readout != record["setting"]["readout"])


def family(name: str) -> Callable[[Record], str]:
    """The table of a family of changed texts."""

    def made(record: Record) -> str:
        levels, (main, other) = record["levels"], readouts(record)
        of_default = levels[DEFAULT_LEVEL][main]["sets"][name]
        others = _others(levels)
        further = (f"gap with `{other}`", *(f"gap of {level}" for level in others))
        head = (name, "texts", "unpruned", "gap", "extra", *further)
        rows = [
            (
                title.partition(": ")[2] if name in ("name", "script") else title,
                f"{row['messages']:,}",
                share(row["full"]),
                points(row["gap"]),
                points(row["extra"]),
                points(levels[DEFAULT_LEVEL][other]["sets"][name][title]["gap"]),
                *(points(levels[level][main]["sets"][name][title]["gap"]) for level in others),
            )
            for title, row in of_default.items()
            if row["messages"]
        ]
        return table(head, rows)

    return made


def verdict(record: Record) -> str:
    """Of all sets of changed texts: how many intervals lie on one side of zero, and the lowest end of any.

    ``extra`` of the English names is against messages as written, of other names and scripts against English names.
    """
    rows = []
    for level, found in record["levels"].items():
        for readout in readouts(record):
            sets = _judged_sets(found[readout])
            below = sum(row["gap"]["high"] < 0 for row in sets.values())
            above = sum(row["gap"]["low"] > 0 for row in sets.values())
            beyond = [name for name, row in sets.items() if row["extra"]["high"] < 0]
            lowest = min(sets, key=lambda name: sets[name]["gap"]["low"])
            cells = f"{len(sets)}", f"{below}", f"{above}", "; ".join(beyond)
            rows.append((level, f"`{readout}`", *cells, f"{lowest}: {points(sets[lowest]['gap'])}"))
    head = ("preset", "read-out", "sets", "gap below zero", "gap above zero", "extra below zero", "lowest end of a gap")
    return table(head, rows)


def swaps(record: Record) -> str:
    """How often a message and the same with another number or name, or with a negation, get different intents."""
    levels, (main, _) = record["levels"], readouts(record)
    rows = [
        (
            title,
            f"{row['messages']:,}",
            share(row["unstable_full"]),
            *(points(found[main]["sets"]["swap"][title]["unstable"]) for found in levels.values()),
        )
        for title, row in levels[DEFAULT_LEVEL][main]["sets"]["swap"].items()
        if row["messages"]
    ]
    return table(("change", "texts", "another intent, unpruned", *(f"more with {level}" for level in levels)), rows)


def negation(record: Record) -> str:
    """The assistant in which negations decide."""
    levels, (main, other) = record["levels"], readouts(record)
    head = ["negation", "messages", "pieces cut", "words lost", "unpruned", "gap", "gap where negated"]
    head += [f"gap, `{other}`"]
    head += [f"gap of {level}" for level in _others(levels)]
    rows = []
    for kind, row in levels[DEFAULT_LEVEL][main]["negation"].items():
        alone = levels[DEFAULT_LEVEL][other]["negation"][kind]
        cells = [share(row["full"]), *(points(gap) for gap in (row["gap"], row["gap_negated"], alone["gap"]))]
        others = [points(levels[level][main]["negation"][kind]["gap"]) for level in _others(levels)]
        rows.append((kind, f"{row['messages']:,}", f"{row['cut']:.0%}", f"{row['lost']:.0%}", *cells, *others))
    return table(head, rows)


def lost_negations(record: Record) -> str:
    """The negations of data sets of which the part that negates is lost, in messages that are cut; all presets."""
    levels = record["levels"]
    rows = []
    for level, found in levels.items():
        for kind, row in found["negations"].items():
            rows.append((level, kind, f"{row['words']:,}", percent(row["lost"])))
    return table(("preset", "negation", "words", "lost"), rows)


def _judged_sets(found: Record) -> Record:
    """The sets whose texts keep their intent."""
    rows = [(name, row) for sets in found["sets"].values() for name, row in sets.items()]
    return {name: row for name, row in rows if row["messages"] and name != NEGATED}


def _others(levels: Record) -> list[str]:
    return [level for level in levels if level != DEFAULT_LEVEL]
