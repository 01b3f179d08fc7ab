"""Figures that compare sets or arms: a mark for each, its interval, and landmarks beside them."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure

from .pictures import PALETTE

_MARKS = "osD^vPX"
_LEVELS = (":", "--", "-.")


def distances(
    scores: Iterable[Mapping], columns: Sequence[str], landmarks: Collection[str]
) -> Figure:
    """Draw columns of an evaluation: a mark and its interval for every set, beside the floor.

    Args:
        scores: Rows with the set's name in their first entry and `(value, low, high)` in `columns`;
            the first row is the floor.
        columns: What to draw, a panel each, on logarithmic axes; lower is better. What is 0 or
            less, as an unbiased estimate may be, is an arrowhead at the least positive value.
        landmarks: Names of the sets of real images: green squares; others are orange dots.

    Returns:
        The figure.
    """
    rows = list(scores)[::-1]
    names = [next(iter(row.values())) for row in rows]
    size = (10.0, 0.8 + 0.3 * len(rows))
    figure, panels = plt.subplots(
        1, len(columns), figsize=size, sharey=True, squeeze=False, layout="constrained"
    )
    for axes, column in zip(panels[0], columns, strict=True):
        least = min((v for row in rows for v in row[column] if v > 0), default=1.0)
        for y, (name, row) in enumerate(zip(names, rows, strict=True)):
            value, low, high = row[column]
            colour, mark = (PALETTE[2], "s") if name in landmarks else (PALETTE[1], "o")
            axes.plot([low, high], [y, y], color=colour, linewidth=2)
            axes.plot(max(value, least), y, mark if value > 0 else "<", color=colour)
        floor, better = rows[-1][column][0], "lower is better"
        if floor > 0:
            axes.axvline(floor, color="0.4", linewidth=1, linestyle=":")
        else:
            better += ", floor 0 or less"
        axes.set(xscale="log", xlabel=f"{column} ({better})")
        axes.set_yticks(range(len(rows)), names)
        plain_numbers(axes.xaxis)
        finish(figure, axes)
    figure.suptitle("Real images (green squares) and fakes (orange dots); dotted: the floor")
    return figure


def trade_off(
    points: Mapping[str, tuple[float, float]],
    xlabel: str,
    ylabel: str,
    floor: float | None = None,
    title: str | None = None,
) -> Figure:
    """Draw methods as points between two measures, each with its name.

    Args:
        points: Name -> (x, y).
        xlabel: What x measures, with its unit and its better end.
        ylabel: What y measures, with its unit and its better end.
        floor: Height of a dotted line: a landmark of y.
        title: The message of the figure.
    """
    figure, axes = plt.subplots(layout="constrained")
    for number, (name, (x, y)) in enumerate(points.items()):
        lap, place = divmod(number, len(PALETTE))  # no two of 49 have colour and mark in common
        mark = _MARKS[(place + lap) % len(_MARKS)]
        axes.plot(x, y, mark, color=PALETTE[place], markersize=8, label=name)
    if floor is not None:
        axes.axhline(floor, color="0.4", linewidth=1, linestyle=":")
    axes.margins(0.12)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title or "")
    return finish(figure, axes)


def dots(
    rows: Iterable[Mapping],
    by: str,
    columns: Mapping[str, str],
    levels: Mapping[str, float | Sequence[float]] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw every run as a dot in the row of its arm: no seed hides behind a mean.

    The mean of several runs is an upright orange stroke.

    Args:
        rows: One mapping a run.
        by: The entry that names its arm; arms stand in the order in which they come.
        columns: Entry -> label of its axis, a panel each. A value is a number, or
            `(value, low, high)`, whose interval is drawn too; a run without the entry has no dot.
            A run whose value is not finite is a cross at the left edge, and its arm has no mean.
        levels: Entry -> where upright lines stand, such as chance or a floor: the first dotted,
            the second dashed, the third both. What they are belongs into the label.
        title: The message of the figure.

    Raises:
        ValueError: There is no run, or there are more than three levels.
    """
    rows = list(rows)
    if not rows:
        raise ValueError("there is no run to draw")
    arms = list(dict.fromkeys(row[by] for row in rows))
    size = (min(max(8.0, 5.0 * len(columns)), 11.0), 1.2 + 0.36 * len(arms))
    figure, panels = plt.subplots(
        1, len(columns), figsize=size, sharey=True, squeeze=False, layout="constrained"
    )
    for axes, (column, label) in zip(panels[0], columns.items(), strict=True):
        for y, arm in enumerate(arms):
            _arm(axes, y, [r[column] for r in rows if r[by] == arm and r.get(column) is not None])
        stands = np.atleast_1d((levels or {}).get(column, ()))
        if len(stands) > len(_LEVELS):
            raise ValueError(f"{column!r} has {len(stands)} levels; lines differ for three")
        for level, dashes in zip(stands, _LEVELS, strict=False):
            axes.axvline(level, color="0.4", linewidth=1, linestyle=dashes)
        axes.set(xlabel=label, ylim=(len(arms) - 0.5, -0.5))
        axes.set_yticks(range(len(arms)), arms)
        finish(figure, axes)
    figure.suptitle(title or "")
    return figure


def plain_numbers(axis: Axis) -> None:
    """Label a logarithmic axis of few decades with 1, 2, 5, 10, … instead of powers."""
    axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(ticker.NullFormatter())


def finish(figure: Figure, axes: Axes) -> Figure:
    """A quiet grid, a legend where there are names, and no second copy of the figure."""
    axes.grid()
    if axes.get_legend_handles_labels()[0]:
        axes.legend()
    plt.close(figure)
    return figure


def _arm(axes: Axes, y: int, values: list) -> None:
    """The runs of one arm, a little apart, and their mean."""
    triples = np.array([(v, v, v) if np.ndim(v) == 0 else tuple(v)[:3] for v in values], float)
    for run, (middle, low, high) in enumerate(triples.reshape(-1, 3)):
        place = y + 0.4 * ((run + 0.5) / len(triples) - 0.5)
        if not np.isfinite(middle):
            edge = axes.get_yaxis_transform()
            axes.plot(0.01, place, "x", color=PALETTE[1], transform=edge, clip_on=False)
            continue
        axes.plot([low, high], [place, place], color=PALETTE[0], alpha=0.3, linewidth=3)
        axes.plot(middle, place, "o", color=PALETTE[0], alpha=0.8)
    if len(triples) > 1 and np.isfinite(triples[:, 0]).all():
        axes.plot(triples[:, 0].mean(), y, "|", color=PALETTE[1], markersize=16, markeredgewidth=2)
