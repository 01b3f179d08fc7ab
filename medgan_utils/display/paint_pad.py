"""Paint on a label map and see the slice that a generator paints of it."""

import base64
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from html import escape

import ipywidgets as widgets
import numpy as np
from PIL import Image

from . import paint_surface
from .controls import announce, button, caption, control, picture, show, side_by_side, status
from .explorer import SLOW_SECONDS
from .pictures import CLASS_COLOURS, png

MAP_TITLE = (
    "Label map: drag to move or to draw; arrow keys move the spot, + and - resize it, space keeps "
    "it"
)
IMAGE_TITLE = "The slice that the generator paints of the label map"
MOVE, DRAW, ERASE = "Move the spot", "Draw", "Erase"


class PaintPad:
    """A label map with a spot that can be moved, and the generator's slice of it.

    Make it the last line of a cell to see it. The mouse (or a finger, or a pen) moves the spot or
    draws; with the keyboard arrow keys move it, + and - resize it, space keeps it; the sliders do
    the same. Where anywidget is missing, or in ipywidgets 7 (Colab), there are the sliders alone.

    Args:
        painter: Takes a label map (H, W) and a seed, and returns the painted slice (H, W, 1) in
            [-1, 1].
        label_map: The map to begin with, (H, W) whole numbers.
        classes: Code -> name of every class of the map.
        paint: Name of the class that is painted.
        inside: Name of the class on which it may be painted, or names of several: elsewhere the
            map stays as it is.
        radius: Of the spot at first, in pixels of the map.
        spacing_mm: Side of a pixel in mm, for the status line; None or NaN if it is not known.
        size: Screen pixels of the longer side of each of the two pictures.

    Attributes:
        row: Slider: where the spot's middle is.
        column: Slider.
        radius: Slider: of the spot, in pixels; 0 takes it away.
        seed: Number box: handed to the painter.
        mode: Buttons: what the mouse does.
        map_surface: The map as a touchable widget, or None where there are the sliders alone.
        seconds: Median time from a new map to its pictures, as measured when it was made.

    Raises:
        ValueError: Map and classes do not fit together, or radius or spacing is not positive.
    """

    def __init__(
        self,
        painter: Callable[[np.ndarray, int], np.ndarray],
        label_map: np.ndarray,
        classes: Mapping[int, str],
        *,
        paint: str = "tumour",
        inside: str | Sequence[str] = "liver",
        radius: float = 4.0,
        spacing_mm: float | None = None,
        size: int = 288,
    ):
        self._start = _checked_map(label_map, classes)
        codes = {name: code for code, name in classes.items()}
        within = (inside,) if isinstance(inside, str) else tuple(inside)
        if not within or not {paint, *within} <= set(codes):
            raise ValueError(f"{paint!r} and {inside!r} must be among {', '.join(codes)}")
        self._paint, self._inside = codes[paint], [codes[name] for name in within]
        inside = " and ".join(within)
        if not np.isin(self._start, self._inside).any():
            raise ValueError(f"this map has no {inside}: there is nowhere to paint {paint}")
        if not radius >= 0 or (spacing_mm is not None and spacing_mm <= 0):
            raise ValueError(f"radius={radius}, spacing_mm={spacing_mm}: neither may be below 0")
        self._names, self._size = (paint, inside), size
        self._spacing = None if spacing_mm is None or np.isnan(spacing_mm) else spacing_mm
        # What an erased spot leaves: what was there before it, if that is known.
        self._beneath = np.where(self._start == self._paint, self._inside[0], self._start)
        height, width = self._start.shape
        scale = size / max(height, width)
        self._map_size = round(scale * width), round(scale * height)
        self._colours = _colours(classes)
        self._painter = painter
        self._kept = self._start.copy()
        self._drawing = True
        self._make_controls(radius)
        controls = ("row", "column", "radius", "seed")
        self._beginning = {name: getattr(self, name).value for name in controls}
        self._make_panel()
        self.seconds = self._measure()
        self._connect(continuous=self.seconds <= SLOW_SECONDS)

    @property
    def label_map(self) -> np.ndarray:
        """The map shown, (H, W) int32: what was drawn, and the spot but for when it erases."""
        radius = 0.0 if self.mode.value == ERASE else self.radius.value
        return self.with_spot(self.row.value, self.column.value, radius)

    def with_spot(self, row: float, column: float, radius: float) -> np.ndarray:
        """Return the drawn map with a spot, (H, W) int32; radius in pixels, 0 for none."""
        near = _disc(self._kept.shape, row, column, radius)
        return np.where(near & np.isin(self._kept, self._inside), self._paint, self._kept)

    def image(self, label_map: np.ndarray | None = None) -> np.ndarray:
        """Return the painted slice of a map, (H, W, 1) in [-1, 1]; of the map shown if None."""
        label_map = self.label_map if label_map is None else np.asarray(label_map)
        return np.asarray(self._painter(label_map, self.seed.value))

    def touch(self, row: int, column: int) -> None:
        """Do what the mouse does at a pixel: move the spot, draw, or erase."""
        height, width = self._kept.shape
        row, column = int(np.clip(row, 0, height - 1)), int(np.clip(column, 0, width - 1))
        if self.mode.value == MOVE:
            return self._set(row=row, column=column)
        near = _disc(self._kept.shape, row, column, max(self.radius.value, 0.5))
        if self.mode.value == DRAW:
            self._kept[near & np.isin(self._kept, self._inside)] = self._paint
        else:
            drawn = near & (self._kept == self._paint)
            self._kept[drawn] = self._beneath[drawn]
        self._draw()

    def press(self, key: str) -> None:
        """Do what a key does: an arrow moves the spot, + and - resize it, a space keeps it."""
        moves = {
            "ArrowUp": (-1, 0),
            "ArrowDown": (1, 0),
            "ArrowLeft": (0, -1),
            "ArrowRight": (0, 1),
        }
        if key in moves:
            down, right = moves[key]
            self._set(row=self.row.value + down, column=self.column.value + right)
        elif key in ("+", "-"):
            self._set(radius=self.radius.value + (0.5 if key == "+" else -0.5))
        elif key == " ":
            self.keep()

    def keep(self) -> None:
        """Leave the spot where it is, as its button does, so that another can be placed."""
        self._kept = self.label_map
        self._draw()

    def reset(self) -> None:
        """Go back to the map of the beginning and its spot, as its button does."""
        self._kept = self._start.copy()
        self._set(**self._beginning)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self._panel)

    def _make_controls(self, radius: float) -> None:
        height, width = self._start.shape
        row, column = _middle(np.isin(self._start, self._inside))
        name = self._names[0]
        whole = dict(style={"description_width": "6em"}, layout=widgets.Layout(width="20em"))
        self.row, self.column = (
            control(widgets.IntSlider, text, f"Where the {name} is, {how}", max=end - 1, value=at,
                    **whole)
            for text, how, end, at in (
                ("Row", "from the front to the back", height, row),
                ("Column", "from the patient's right to the left", width, column),
            )
        )  # fmt: skip
        tip = f"How far the {name} reaches, in pixels; 0 takes it away"
        reach = max(12.0, radius, min(height, width) / 4)
        self.radius = control(widgets.FloatSlider, "Radius", tip, min=0.0, max=reach, step=0.5,
                              value=radius, **whole)  # fmt: skip
        tip = "Another number is other grain on the same map"
        self.seed = control(widgets.BoundedIntText, "Seed", tip, value=0, max=2**31 - 1, **whole)
        tips = [f"Dragging moves the {name}", f"Dragging draws {name}", f"Dragging erases {name}"]
        self.mode = widgets.ToggleButtons(
            options=[MOVE, DRAW, ERASE], tooltips=tips, style={"button_width": "auto"}
        )

    def _make_panel(self) -> None:
        keep = button("Keep the spot", "Leave it there and place another (space)")
        keep.on_click(lambda _: self.keep())
        reset = button("Start again", "Back to the map of the beginning")
        reset.on_click(lambda _: self.reset())
        self._status = status()
        self._image = picture(IMAGE_TITLE, self._size)
        self.map_surface = None
        if paint_surface.can_be_touched():
            self.map_surface = paint_surface.TouchSurface(
                alternative=MAP_TITLE, size=self._map_size[0], grid=list(self._start.shape)
            )
            self._map = self.map_surface
        else:
            self._map = picture("Label map", self._map_size[0])
        buttons = widgets.HBox([keep, reset])
        modes = [] if self.map_surface is None else [self.mode]
        left = [*modes, self.row, self.column, self.radius, self.seed, buttons, self._status]
        views = [caption("Label map", self._map), caption("Generated", self._image)]
        for view in views:
            view.layout.margin = "0 0 0 8px"
        self._panel = side_by_side(widgets.VBox(left), side_by_side(*views))

    def _measure(self) -> float:
        """Draw the first pictures, then time three more; the first one compiles."""
        self._draw()
        seconds = []
        for _ in range(3):
            started = time.perf_counter()
            self._draw()
            seconds.append(time.perf_counter() - started)
        return statistics.median(seconds)

    def _connect(self, continuous: bool) -> None:
        for one in (self.row, self.column, self.radius):
            one.continuous_update = continuous
        for one in (self.row, self.column, self.radius, self.seed, self.mode):
            one.observe(lambda _: self._draw(), "value")
        if self.map_surface is not None:
            self.map_surface.observe(lambda change: self._happened(change["new"]), "event")

    def _happened(self, event: list) -> None:
        """Do what was done on the surface."""
        if event[0] == "touch":
            self.touch(*event[2:4])
        else:
            self.press(event[2])

    def _set(self, **values: float) -> None:
        """Move several sliders within their ends, and draw once."""
        self._drawing = False
        for name, value in values.items():
            one = getattr(self, name)
            one.value = type(one.value)(np.clip(value, one.min, one.max))
        self._drawing = True
        self._draw()

    def _draw(self) -> None:
        if not self._drawing:
            return
        label_map = self.label_map
        coloured = Image.fromarray(self._colours[label_map])
        shown = png(coloured.resize(self._map_size, Image.Resampling.NEAREST))
        if self.map_surface is None:
            self._map.value = shown
        else:
            self._map.source = "data:image/png;base64," + base64.b64encode(shown).decode()
        show(self._image, self.image(label_map), self._size)
        self._describe(label_map)

    def _describe(self, label_map: np.ndarray) -> None:
        paint, inside = self._names
        pixels = int((label_map == self._paint).sum())
        area = f"{pixels} pixels"
        if self._spacing:
            area += f" ({pixels * self._spacing**2 / 100:.1f} cm²)"
        share = pixels / max(1, pixels + int(np.isin(label_map, self._inside).sum()))
        announce(self._status, escape(f"{paint}: {area}, {share:.0%} of {inside} and {paint}."))


def _checked_map(label_map: np.ndarray, classes: Mapping[int, str]) -> np.ndarray:
    """Return the map as int32, or raise a ValueError that says what does not fit."""
    label_map = np.asarray(label_map)
    if label_map.ndim != 2:
        raise ValueError(f"the map has shape {label_map.shape}; one map (H, W) is needed")
    if unknown := sorted(set(np.unique(label_map).tolist()) - set(classes)):
        raise ValueError(f"the map holds {unknown}, which classes does not name: {dict(classes)}")
    return label_map.astype(np.int32)


def _disc(shape: tuple[int, int], row: float, column: float, radius: float) -> np.ndarray:
    """Return which pixels (H, W) lie within a radius; none for 0."""
    down, right = np.ogrid[: shape[0], : shape[1]]
    return (down - row) ** 2 + (right - column) ** 2 < radius**2


def _middle(region: np.ndarray) -> tuple[int, int]:
    """Return the pixel of a region (H, W) that lies farthest from its border."""
    from scipy.ndimage import distance_transform_edt

    depth = distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(depth.argmax(), depth.shape)
    return int(row), int(column)


def _colours(classes: Mapping[int, str]) -> np.ndarray:
    """Return one colour a code, uint8 (codes, 3): of a finding as in all figures, others grey."""
    table = np.zeros((max(classes) + 1, 3), np.uint8)
    plain = [code for code, name in sorted(classes.items()) if name not in CLASS_COLOURS]
    for index, code in enumerate(plain):
        table[code] = round(200 * index / max(1, len(plain) - 1))
    for code, name in classes.items():
        if colour := CLASS_COLOURS.get(name):
            table[code] = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
    return table
