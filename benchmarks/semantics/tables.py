"""The figures of the study in Markdown, as in ``docs/what-pruning-loses.md``."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.semantics.cells import percent, points, share, table
from benchmarks.semantics.changed_tables import (
    DEFAULT_LEVEL,
    Record,
    family,
    lost_negations,
    negation,
    readouts,
    swaps,
    verdict,
)
from benchmarks.semantics.observe import FAMILIES
from benchmarks.semantics.parts import LENGTHS, length_name


def tables(record: Record) -> str:
    """All tables, each under a line that names it."""
    return "\n\n".join(f"{title}:\n\n{make(record)}" for title, make in TABLES.items())


def cut_by_class(record: Record) -> str:
    """What is cut: shares, and how much of each class."""
    levels = record["levels"]
    head = ("class", "of the text", "of what is cut", *(f"cut by {level}" for level in levels), "words lost")
    classes = levels[DEFAULT_LEVEL]["cut"]["classes"]
    rows = []
    for name, row in classes.items():
        cuts = [percent(levels[level]["cut"]["classes"][name]["cut"]) for level in levels]
        shares = [percent(row[key]) if key in row else "" for key in ("share_of_text", "share_of_cut")]
        rows.append((name, *shares, *cuts, percent(row["lost"]) if "lost" in row else ""))
    return table(head, rows)


def messages_cut(record: Record) -> str:
    """How many messages are cut at all."""
    rows = [(level, *(f"{share:.0%}" for share in found["cut"]["messages_cut"].values()))
            for level, found in record["levels"].items()]  # fmt: skip
    return table(("preset", *record["tasks"]), rows)


def by_part(record: Record) -> str:
    """Messages as written, by what they are; the default preset."""
    of_level, (main, other) = record["levels"][DEFAULT_LEVEL], readouts(record)
    head = ("messages", "number", "unpruned", "gap", f"gap with `{other}`", "answers that change", "broken, fixed", "p")
    shown = {**of_level[main]["parts"], **_of_tasks(of_level[main])}
    further = {**of_level[other]["parts"], **_of_tasks(of_level[other])}
    rows = [
        (
            name,
            f"{row['messages']:,}",
            share(row["full"]),
            points(row["gap"]),
            points(further[name]["gap"]),
            percent(row["flips"]),
            _broken_and_fixed(row),
            f"{row['p']:.3f}",
        )
        for name, row in shown.items()
        if row["messages"]
    ]
    return table(head, rows)


def by_preset(record: Record) -> str:
    """Messages as written, by preset and read-out."""
    rows = [
        (
            level,
            f"`{readout}`",
            points(found[readout]["parts"]["all"]["gap"]),
            points(found[readout]["parts"]["cut at all"]["gap"]),
            *(points(row["all"]["gap"]) for row in found[readout]["tasks"].values()),
        )
        for level, found in record["levels"].items()
        for readout in readouts(record)
    ]
    return table(("preset", "read-out", "all messages", "those that are cut", *record["tasks"]), rows)


def by_length(record: Record) -> str:
    """Messages as written, by length and preset."""
    levels, (main, _) = record["levels"], readouts(record)
    lengths = [length_name(*ends) for ends in LENGTHS]
    rows = []
    for name, row in levels[DEFAULT_LEVEL][main]["parts"].items():
        if name in lengths and row["messages"]:
            gaps = [points(found[main]["parts"][name]["gap"]) for found in levels.values()]
            rows.append((name, f"{row['messages']:,}", share(row["full"]), *gaps))
    return table(("messages", "number", "unpruned", *(f"gap of {level}" for level in levels)), rows)


def worst_intents(record: Record) -> str:
    """The intents that lose most, by preset."""
    main, _ = readouts(record)
    rows = [
        (level, row["task"], row["intent"], f"{row['messages']}", _broken_and_fixed(row), f"{row['p_holm']:.2f}")
        for level, found in record["levels"].items()
        for row in found[main]["worst_intents"]
    ]
    return table(("preset", "task", "intent", "messages", "broken, fixed", "p (Holm)"), rows)


def taken_out(record: Record) -> str:
    """The pruned pieces taken out of the text."""
    of_level = record["levels"][DEFAULT_LEVEL]
    head = ["the encoder reads"]
    for readout in readouts(record):
        head += [f"accuracy, `{readout}`", f"gap, `{readout}`"]
    rows = [
        (name, *(cell for readout in readouts(record) for cell in _accuracy_and_gap(of_level, readout, name)))
        for name in of_level[readouts(record)[0]]["taken_out"]["rows"]
    ]
    return table(head, rows)


def confidence(record: Record) -> str:
    """Calibration error and AUROC by length; the default preset."""
    of_level = record["levels"][DEFAULT_LEVEL]
    rows = [
        (what, task, name, f"{row['messages']:,}", *_both(row), points(row["difference"]))
        for what, key in (("calibration error", "calibration"), ("out of scope, AUROC", "out_of_scope"))
        for task, lengths in of_level[key].items()
        for name, row in lengths.items()
    ]
    return table(("figure", "task", "messages", "number", "unpruned", "pruned", "difference"), rows)


TABLES: dict[str, Callable[[Record], str]] = {
    "Messages that are cut at all": messages_cut,
    "What is cut": cut_by_class,
    "Messages as written, by preset": by_preset,
    "Messages as written, by part": by_part,
    "Messages as written, by length": by_length,
    "Worst intents": worst_intents,
    "Taken out of the text": taken_out,
    **{f"Changed texts, {name}": family(name) for name in FAMILIES if name != "swap"},
    "All changed texts": verdict,
    "Other numbers and names, negated messages": swaps,
    "Negations lost": lost_negations,
    "Negations that decide": negation,
    "Confidence": confidence,
}


def _of_tasks(found: Record) -> Record:
    return {f"{task}, {part}": row for task, rows in found["tasks"].items() for part, row in rows.items()}


def _both(row: Record) -> tuple[str, str]:
    return f"{row['full']:.1f}", f"{row['pruned']:.1f}"


def _broken_and_fixed(row: Record) -> str:
    return f"{row['broken']}, {row['fixed']}"


def _accuracy_and_gap(of_level: Record, readout: str, name: str) -> tuple[str, str]:
    row = of_level[readout]["taken_out"]["rows"][name]
    return share(row["accuracy"]), points(row["gap"])
