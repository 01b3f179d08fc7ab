"""Figures: grids of samples, training curves, histograms, comparisons, anatomy.

Each function returns a `matplotlib.figure.Figure` that pyplot has already let go of, so a notebook
shows it once: make the call the last line of the cell. From the middle of a cell, a loop or a
callback, use `display(figure)`. `figure.savefig("name.png", bbox_inches="tight")` keeps it.

Colours, sizes and grid are those of `course.mplstyle`, also for what a notebook draws itself; lines
differ in their dashes too.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import count

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .anatomy import montage, volume_planes
from .canvas import pixel_canvas
from .comparisons import distances, dots, finish, plain_numbers, trade_off
from .pictures import PALETTE, as_images, mosaic, png, to_uint8

__all__ = [
    "PALETTE",
    "curves",
    "distances",
    "dots",
    "grid_png",
    "histograms",
    "montage",
    "progress_png",
    "sample_grid",
    "trade_off",
    "volume_planes",
]

_DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)), (0, (1, 1)))


def sample_grid(
    images: np.ndarray,
    columns: int = 8,
    titles: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw images in rows, every pixel a whole number of screen pixels.

    Up to four a row are at least 256 screen pixels wide. Where sides and millimetres count, use
    `montage`.

    Args:
        images: `(N, H, W)`, `(N, H, W, 1)` or `(N, H, W, 3)`, values in [-1, 1].
        columns: Images a row, at most.
        titles: One short text above each image.
        title: The message of the whole figure.

    Raises:
        ValueError: The images have another shape, or `titles` another length.
    """
    pixels = to_uint8(as_images(images))
    height, width = pixels.shape[1:3]
    figure, axes = pixel_canvas([(width, height)] * len(pixels), columns, titles, title)
    for one, image in zip(axes, pixels, strict=True):
        one.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest", aspect="auto")
    return figure


def grid_png(
    images: np.ndarray, columns: int = 8, vmin: float = -1.0, vmax: float = 1.0, about: str = ""
) -> bytes:
    """Encode a grid of images as PNG without matplotlib: milliseconds, for callbacks and widgets.

    Args:
        images: `(N, H, W)`, `(N, H, W, 1)` or `(N, H, W, 3)`, values in `[vmin, vmax]`.
        columns: Images a row, at most.
        vmin: The value shown black.
        vmax: The value shown white.
        about: What it shows, kept in the file.

    Returns:
        The bytes of a PNG file, one screen pixel per image pixel.
    """
    return png(mosaic(to_uint8(as_images(images), vmin, vmax), columns), about)


def curves(
    history: Mapping[str, Sequence[float] | tuple[Sequence[float], Sequence[float]]],
    title: str | None = None,
    ylabel: str = "Loss",
    xlabel: str = "Step",
    *,
    levels: Mapping[str, float] | None = None,
    log: bool = False,
) -> Figure:
    """Draw one line per entry of a training history.

    Args:
        history: Name -> values (at x = 0, 1, …), or name -> `(x, values)`. `fit(...).history`
            fits as it is. Values that are not finite leave a gap.
        title: The message of the figure.
        ylabel: What is measured, with its unit.
        xlabel: What runs along x.
        levels: Name -> height of a horizontal line, such as the floor of a score.
        log: Logarithmic y axis.

    Raises:
        ValueError: Nothing to draw, or x and values of different lengths.
    """
    if not history:
        raise ValueError("history is empty: nothing was recorded yet")
    figure, axes = plt.subplots(layout="constrained")
    for (name, line), style in zip(history.items(), _styles(), strict=False):
        _draw_line(axes, name, *_line(name, line), style)
    for name, level in (levels or {}).items():
        _draw_level(axes, name, level)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title or "", yscale="log" if log else "linear")
    if log and np.ptp(np.log10(axes.get_ylim())) < 3:
        plain_numbers(axes.yaxis)
    axes.locator_params(axis="x", integer=True)  # half a step is not a place
    return finish(figure, axes)


def progress_png(
    history: Mapping[str, Sequence[float]], images: np.ndarray, title: str | None = None
) -> bytes:
    """Draw both losses and, beside them, samples: for `LiveLossPlot`.

    Args:
        history: `step`, `d_loss` and `g_loss`, as `LiveLossPlot` hands them over.
        images: Samples `(N, H, W, 1)` in [-1, 1].
        title: The message above the losses.

    Returns:
        The bytes of a PNG file.
    """
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10, 3.2), width_ratios=(2, 3), layout="constrained"
    )
    for name, style in zip(("d_loss", "g_loss"), _styles(), strict=False):
        left.plot(history["step"], history[name], label=name, **style)
    left.set(xlabel="Step", ylabel="Loss", title=title)
    right.imshow(plt.imread(io.BytesIO(grid_png(images))), cmap="gray")
    right.set(title=f"Samples after {history['step'][-1]:,} steps")
    right.set_axis_off()
    finish(figure, left).savefig(file := io.BytesIO(), format="png", dpi=100)
    return file.getvalue()


def histograms(
    samples: Mapping[str, np.ndarray],
    title: str | None = None,
    xlabel: str = "Value",
    *,
    bins: int = 60,
    value_range: tuple[float, float] | None = None,
) -> Figure:
    """Draw the distributions of several sets of numbers over each other, each of area 1.

    Args:
        samples: Name -> array of any shape; values that are not finite are left out.
        title: The message of the figure.
        xlabel: What is counted, with its unit.
        bins: Number of bins, the same for all.
        value_range: `(low, high)` of the bins; by default all values fit in.

    Raises:
        ValueError: There is nothing to draw, or a set has no finite value.
    """
    values = {name: np.ravel(np.asarray(array, float)) for name, array in samples.items()}
    values = {name: array[np.isfinite(array)] for name, array in values.items()}
    if not values or not all(array.size for array in values.values()):
        raise ValueError("every set needs at least one finite value to draw a histogram")
    edges = np.histogram_bin_edges(np.concatenate(list(values.values())), bins, value_range)
    figure, axes = plt.subplots(layout="constrained")
    for (name, array), style in zip(values.items(), _styles(), strict=False):
        density, _ = np.histogram(array, edges, density=True)
        axes.stairs(density, edges, fill=True, color=style["color"], alpha=0.15)
        axes.stairs(density, edges, label=name, **style)
    axes.set(xlabel=xlabel, ylabel="Density", title=title or "")
    return finish(figure, axes)


def _line(name: str, line) -> tuple[np.ndarray, np.ndarray]:
    """The x and y of one entry of a history."""
    if isinstance(line, tuple) and len(line) == 2 and np.ndim(line[0]) == 1:
        x, values = (np.asarray(part, dtype=float) for part in line)
    else:
        values = np.asarray(line, dtype=float)
        x = np.arange(len(values))
    if x.shape != values.shape:
        raise ValueError(f"{name!r} has {len(x)} x positions but {len(values)} values")
    return x, values


def _styles() -> Iterator[dict]:
    """Colour and dashes of the first line, the second, and so on: no two of 49 are alike."""
    for number in count():
        dashes = _DASHES[(number + number // len(PALETTE)) % len(_DASHES)]
        yield {"color": PALETTE[number % len(PALETTE)], "linestyle": dashes}


def _draw_line(axes: Axes, name: str, x, values, style: dict) -> None:
    """Draw one line; a single point gets a mark."""
    axes.plot(x, values, marker="o" if len(values) == 1 else None, label=name, **style)


def _draw_level(axes: Axes, name: str, level: float) -> None:
    """Draw a horizontal line with its name at the right."""
    axes.axhline(level, color="0.4", linewidth=1, linestyle=(0, (1, 2)))
    axes.annotate(
        name,
        (1.0, level),
        xycoords=("axes fraction", "data"),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
        color="0.3",
    )
