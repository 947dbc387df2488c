"""Figures of what was measured: readable in print, and by people who tell few colours apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours; every line has a marker and a dash of its own beside its colour.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7F7F7F", "#8B4513", "#4B0082")
MARKERS = "osD^vP*Xhp"
DASHES = ("-", "--", "-.", ":")

Points = Sequence[tuple[float, float]]


def check() -> None:
    """Whether figures can be drawn: to be asked before what is to be shown is measured.

    :raises FigureError: If matplotlib is not installed.
    """
    _plots()


def panels(
    file: Path, title: str, across: str, up: str, lines: Mapping[str, Mapping[str, Points]], note: str = ""
) -> None:
    """One panel for each entry, side by side in rows of two, and one legend.

    :param file: Where to write it; a PNG or whatever the suffix says.
    :param across: What the horizontal axis shows, with its unit.
    :param up: What the vertical axis shows, with its unit.
    :param lines: By panel and name of the line its points; a line of one point is a marker.
    :param note: A sentence below the title.
    :raises FigureError: If matplotlib is not installed.
    """
    plots = _plots()
    rows = -(-len(lines) // 2)
    columns = min(2, len(lines))
    figure, grid = plots.subplots(rows, columns, figsize=(5.2 * columns, 3.6 * rows + 1.2), squeeze=False)
    names = list(dict.fromkeys(name for panel in lines.values() for name in panel))
    for axes in grid.flat[len(lines) :]:
        axes.set_visible(False)
    for axes, (panel, found) in zip(grid.flat, lines.items(), strict=False):
        _draw(axes, found, names)
        axes.set(title=panel, xlabel=across, ylabel=up)
    handles: dict[str, Any] = {}
    for axes in grid.flat:
        handles.update(dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True)))
    figure.suptitle(title + (f"\n{note}" if note else ""), fontsize=11, wrap=True)
    height = _legend(figure, handles)
    figure.set_figheight(3.6 * rows + 0.6 + height)
    figure.tight_layout(rect=(0, height / figure.get_figheight(), 1, 1))
    figure.savefig(file, dpi=160)
    plots.close(figure)


def _legend(figure: Figure, handles: Mapping[str, Any]) -> float:
    """One legend at the bottom in as many columns as fit; how high up it reaches, in inches."""
    for columns in range(min(4, len(handles)), 0, -1):
        legend = figure.legend(handles.values(), handles.keys(), loc="lower center", ncol=columns, frameon=False)
        place = legend.get_window_extent(figure.canvas.get_renderer())
        if place.width <= figure.bbox.width or columns == 1:
            break
        legend.remove()
    return float(place.y1 / figure.dpi)


def _draw(axes: Axes, lines: Mapping[str, Points], names: Sequence[str]) -> None:
    for name, points in lines.items():
        number = names.index(name)
        across, up = zip(*points, strict=True)
        axes.plot(
            across,
            up,
            label=name,
            color=COLOURS[number % len(COLOURS)],
            marker=MARKERS[number % len(MARKERS)],
            linestyle=DASHES[number % len(DASHES)],
            linewidth=1.4,
            markersize=5,
        )
    axes.grid(alpha=0.3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


class FigureError(ImportError):
    """Figures need matplotlib."""


def _plots() -> Any:
    try:
        import matplotlib
    except ImportError as error:
        raise FigureError("A figure needs matplotlib: pip install 'rasa-token-pruning[report]'.") from error
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot
