"""Matplotlib figures laid out in whole screen pixels, so that images stay crisp."""

from collections.abc import Sequence
from textwrap import fill

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

DPI = 100
WIDTH = 900  # pixels: about what a notebook's cell is wide
LARGEST = 288  # pixels of one image's side when there is room
_GAP = 4
_LINE = 18  # height of a line of 9 point text
_TITLE_LINE = 22  # height of a line of 11 point text


def whole_scale(width: float, columns: int) -> int:
    """How many screen pixels one image pixel gets, a whole number and at least 1."""
    return max(1, min(round(WIDTH / (columns * width)), int(LARGEST // width)))


def pixel_canvas(
    sizes: Sequence[tuple[float, float]],
    columns: int,
    titles: Sequence[str] | None = None,
    title: str | None = None,
    scale: float | None = None,
) -> tuple[Figure, list[Axes]]:
    """Make an empty figure with one frameless axes per image.

    Args:
        sizes: `(width, height)` of every image, in image pixels.
        columns: Images a row, at most.
        titles: One short text above each image.
        title: Text above all of them, wrapped to the figure's width.
        scale: Screen pixels per image pixel; the largest whole number that fits by default.

    Raises:
        ValueError: There are not as many titles as images, or fewer than one column.
    """
    if titles is not None and len(titles) != len(sizes):
        raise ValueError(f"{len(sizes)} images need {len(sizes)} titles, got {len(titles)}")
    if columns < 1:
        raise ValueError(f"columns must be at least 1, got {columns}")
    columns = min(columns, len(sizes))
    scale = scale or whole_scale(max(width for width, _ in sizes), columns)
    boxes = [(max(1, round(w * scale)), max(1, round(h * scale))) for w, h in sizes]
    rows = [boxes[start : start + columns] for start in range(0, len(boxes), columns)]
    above = _LINE * (1 + max(text.count("\n") for text in titles)) if titles else 0
    width = max(sum(w for w, _ in row) + _GAP * (len(row) - 1) for row in rows)
    heading = fill(title, max(20, width // 8)) if title else ""
    top = (_TITLE_LINE * (1 + heading.count("\n")) + 4) if title else 0
    height = top + sum(max(h for _, h in row) + above for row in rows) + _GAP * (len(rows) - 1)

    figure = plt.figure(figsize=(width / DPI, height / DPI), dpi=DPI)
    axes, y = [], height - top
    for row in rows:
        x, bottom = 0, y - above - max(h for _, h in row)
        for w, h in row:
            axes.append(figure.add_axes((x / width, bottom / height, w / width, h / height)))
            x += w + _GAP
        y = bottom - _GAP
    _label(figure, axes, titles, heading, 1 - 2 / height)
    return figure, axes


def _label(figure: Figure, axes: list[Axes], titles, heading: str, top: float) -> None:
    """Switch the frames off, write the titles, and let pyplot forget the figure."""
    for one, text in zip(axes, titles or [""] * len(axes), strict=True):
        one.set_axis_off()
        one.set_title(text, fontsize=9, pad=3)
    if heading:
        figure.text(0.5, top, heading, ha="center", va="top", fontsize=11)
    plt.close(figure)
