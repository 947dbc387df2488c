"""What the page shows in drawings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rasa_token_pruning.reporting.facts import Facts
from rasa_token_pruning.reporting.fallback import Crowd
from rasa_token_pruning.reporting.markup import Markup
from rasa_token_pruning.reporting.pruning import YOURS, Level
from rasa_token_pruning.reporting.reliability import Bin
from rasa_token_pruning.reporting.svg import AGAIN, INK, LINE, MARK, RIGHT, THRESHOLD, WRONG, settings, svg_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH = 4.8  # inches: the letters are as large on a phone as in print
_LEFT, _RIGHT, _BOTTOM, _TOP, _BETWEEN = 0.62, 0.12, 0.5, 0.26, 0.5  # its margins
_BARS = 20


def trade_off(levels: Sequence[Level], chosen: str) -> Markup:
    """Accuracy against time, a point for each level."""
    figure = _figure(3.0)
    axes = figure.subplots()
    for level, marker in zip(levels, "os^vD", strict=False):
        yours = level.name == chosen
        axes.errorbar(
            level.ms,
            100 * level.accuracy,
            yerr=100 * level.error,
            color=MARK if yours else RIGHT,
            marker=marker,
            markersize=9 if yours else 7,
            linestyle="none",
            capsize=3,
            label=f"{level.name} (yours)" if yours and level.name != YOURS else level.name,
        )
    axes.legend(frameon=False, fontsize=9, loc="lower left", labelcolor=INK)
    times, shares = [level.ms for level in levels], [100 * level.accuracy for level in levels]
    errors = [100 * level.error for level in levels]
    axes.set_xlim(0, 1.12 * max(times))
    axes.set_ylim(max(0, min(np.subtract(shares, errors)) - 3), min(101, max(np.add(shares, errors)) + 3))
    _finish(axes, "milliseconds for one message", "understood rightly, %")
    words = "; ".join(f"{level.name}: {100 * level.accuracy:.1f}% in {level.ms:.2f} ms" for level in levels)
    return svg_of(figure, "trade-off", "Accuracy against time by pruning level", f"One point for each level. {words}.")


def reliability(bins: Sequence[Bin]) -> Markup:
    """How often it is right, by how sure it is."""
    figure = _figure(3.6)
    axes = figure.subplots()
    axes.plot([0, 100], [0, 100], color=AGAIN, linestyle="--", label="as sure as right")
    most = max(one.count for one in bins)
    sure, right = [100 * one.confidence for one in bins], [100 * one.right for one in bins]
    axes.plot(sure, right, color=RIGHT, linewidth=1)
    axes.scatter(sure, right, s=[12 + 150 * one.count / most for one in bins], color=RIGHT, zorder=3)
    axes.set(xlim=(0, 103), ylim=(0, 106))
    axes.legend(frameon=False, fontsize=9, loc="lower right", labelcolor=INK)
    _finish(axes, "how sure it is, %", "how often it is right, %")
    words = "; ".join(
        f"{100 * one.confidence:.0f}% sure and {100 * one.right:.0f}% right ({one.count})" for one in bins
    )
    return svg_of(
        figure,
        "reliability",
        "How often it is right, by how sure it is",
        f"One point for each range of confidence, larger where there are more messages. {words}.",
    )


def histograms(facts: Facts) -> tuple[Markup, float]:
    """How sure it is, of messages that it should answer and of others; and how wide the axis is, in points."""
    crowds = [("your examples", facts.inside)]
    if facts.outside:
        crowds.append(("should not be answered", facts.outside.crowd))
    figure = _figure(2.0 * len(crowds) + 0.5, len(crowds))
    for number, (axes, (name, crowd)) in enumerate(
        zip(figure.subplots(len(crowds), 1, squeeze=False)[:, 0], crowds, strict=True)
    ):
        _bars(axes, crowd, is_inside=number == 0)
        axes.axvline(0, color=MARK, linewidth=2, gid=f"{THRESHOLD}-{number}")
        axes.set_title(name, fontsize=10, loc="left", color=INK)
        axes.set_xlim(0, 100)
        _finish(axes, "how sure it is, %" if number == len(crowds) - 1 else "", "messages")
    width = (_WIDTH - _LEFT - _RIGHT) * 72
    drawing = svg_of(
        figure,
        "confidences",
        "How sure it is of its answers",
        "Bars count messages by confidence, from 0 to 100%: answers that would be right, answers that would be wrong, "
        "and messages that are never answered. A line marks the threshold. The table below has the numbers.",
        facts.threshold * width,
    )
    return drawing, width


def counts(crowd: Crowd) -> list[tuple[int, int, int, int]]:
    """For every bar of a histogram where it begins, in percent, and how many messages of each kind it has."""
    edges = np.linspace(0, 1, _BARS + 1).round(4)
    found = [np.histogram(part, edges)[0].tolist() for part in (crowd.right, crowd.wrong, crowd.never)]
    return [(round(100 * edges[bar]), *(part[bar] for part in found)) for bar in range(_BARS)]


def _bars(axes: Axes, crowd: Crowd, is_inside: bool) -> None:
    rows = counts(crowd)
    starts = [start for start, *_ in rows]
    floor = np.zeros(len(rows))
    kinds = [("right", RIGHT, ""), ("wrong" if is_inside else "let through", WRONG, "////"), ("never", AGAIN, "xx")]
    for column, (name, colour, hatch) in enumerate(kinds, 1):
        heights = np.array([row[column] for row in rows])
        if heights.any():
            axes.bar(
                starts, heights, 100 / _BARS, floor, align="edge", label=name, facecolor="none" if hatch else colour,
                edgecolor=colour, hatch=hatch, linewidth=0.8,
            )  # fmt: skip
        floor = floor + heights
    axes.set_ylim(0, 1.05 * max(1, floor.max()))
    axes.legend(
        frameon=False, fontsize=9, labelcolor=INK, ncol=3, loc="lower right", bbox_to_anchor=(1.02, 0.97), borderpad=0,
        columnspacing=1, handlelength=1.5,
    )  # fmt: skip


def _figure(height: float, rows: int = 1) -> Figure:
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(settings()):
        figure = Figure(figsize=(_WIDTH, height))
    each = (height - _BOTTOM - _TOP - _BETWEEN * (rows - 1)) / rows
    figure.subplots_adjust(
        _LEFT / _WIDTH, _BOTTOM / height, 1 - _RIGHT / _WIDTH, 1 - _TOP / height, hspace=_BETWEEN / each
    )
    return figure


def _finish(axes: Axes, across: str, up: str) -> None:
    axes.set_xlabel(across, color=INK)
    axes.set_ylabel(up, color=INK)
    axes.tick_params(colors=INK, labelcolor=INK)
    axes.grid(color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side not in ("top", "right"))
        spine.set_color(INK)
