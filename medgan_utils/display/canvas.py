"""Matplotlib figures laid out in whole screen pixels, so that images stay crisp.

Importing this gives every figure of the process the course's style, those that a notebook draws
itself included.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

STYLE = Path(__file__).with_name("course.mplstyle")
plt.style.use(STYLE)

DPI = 100
WIDTH = 900  # pixels: about what a notebook's cell is wide
LARGEST = 288  # pixels of one image's side when there is room
SUBJECT = 256  # at least so many of an image that is the subject: one of few in a row
WIDEST = 1160  # pixels that such a row may take
_GAP = 4
_LINE = 18  # height of a line of 9 point text
_TITLE_LINE = 22  # height of a line of 11 point text
_LEGEND = 28  # height of the legend below the images


def whole_scale(width: float, columns: int) -> int:
    """How many screen pixels one image pixel gets, a whole number and at least 1.

    Up to four images a row are at least 256 pixels wide, where that leaves the row on the screen.
    """
    scale = max(1, min(round(WIDTH / (columns * width)), int(LARGEST // width)))
    large = math.ceil(SUBJECT / width)
    return max(scale, large) if columns * large * width <= WIDEST else scale


def pixel_canvas(
    sizes: Sequence[tuple[float, float]],
    columns: int,
    titles: Sequence[str] | None = None,
    title: str | None = None,
    scale: float | None = None,
    legend: Mapping[str, str] | None = None,
) -> tuple[Figure, list[Axes]]:
    """Make an empty figure with one frameless axes per image.

    Args:
        sizes: `(width, height)` of every image, in image pixels.
        columns: Images a row, at most.
        titles: One short text above each image.
        title: Text above all of them, wrapped to the figure's width.
        scale: Screen pixels per image pixel; the largest whole number that fits by default.
        legend: Name -> colour of the lines drawn over the images, named below all of them.

    Raises:
        ValueError: There are not as many titles as images, or fewer than one column.
    """
    if titles is not None and len(titles) != len(sizes):
        raise ValueError(f"{len(sizes)} images need {len(sizes)} titles, got {len(titles)}")
    if columns < 1:
        raise ValueError(f"columns must be at least 1, got {columns}")
    columns = min(columns, len(sizes))
    scale = scale or whole_scale(max(width for width, _ in sizes), columns)
    above = _LINE * (1 + max(text.count("\n") for text in titles)) if titles else 0
    boxes, width, height = _flow(sizes, scale, columns, above)
    heading = fill(title, max(20, width // 8)) if title else ""
    height += (_TITLE_LINE * (1 + heading.count("\n")) + 4) if title else 0
    below = _LEGEND if legend else 0
    height += below

    figure = plt.figure(figsize=(width / DPI, height / DPI), dpi=DPI)
    if heading:
        figure.text(0.5, 1 - 2 / height, heading, ha="center", va="top", fontsize=11)
    axes = []
    for (x, y, w, h), text in zip(boxes, titles or [""] * len(boxes), strict=True):
        axes.append(figure.add_axes((x / width, (y + below) / height, w / width, h / height)))
        axes[-1].set_axis_off()
        axes[-1].set_title(text, fontsize=9, pad=3)
    if legend:
        handles = [Line2D([], [], color=colour, label=name) for name, colour in legend.items()]
        places = {"loc": "lower center", "ncols": len(legend), "borderaxespad": 0.2}
        figure.legend(handles=handles, **places)
    plt.close(figure)  # or the notebook would show it a second time
    return figure, axes


def _flow(sizes, scale: float, columns: int, above: int) -> tuple[list[tuple], int, int]:
    """Lay boxes out in rows, in whole pixels from the lower left; `above` is kept for titles.

    Returns:
        `(x, y, width, height)` of every box, and the width and height of them all.
    """
    boxes = [(max(1, round(w * scale)), max(1, round(h * scale))) for w, h in sizes]
    rows = [boxes[start : start + columns] for start in range(0, len(boxes), columns)]
    placed, width, y = [], 0, 0
    for row in reversed(rows):
        x = 0
        line = []
        for w, h in row:
            line.append((x, y, w, h))
            x += w + _GAP
        placed = line + placed
        width = max(width, x - _GAP)
        y += max(h for _, h in row) + above + _GAP
    return placed, width, y - _GAP
