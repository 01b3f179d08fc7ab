"""Leaf through a volume in three planes."""

from collections.abc import Sequence
from html import escape

import ipywidgets as widgets
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .controls import announce, control, picture, side_by_side, slider, status
from .pictures import MARK, png, to_uint8
from .planes import PLANES, WINDOWS, Plane, resolve_centre, resolve_window, volume_parts

_TICK = 10  # pixels, at the edges, where the other two planes cut


class SliceBrowser:
    """Axial, coronal and sagittal slices with sliders for position, window and level.

    Make it the last line of a cell to see it. Display is radiological, lettered at each side,
    in true proportions. `plots.volume_planes(volume, centre=browser.position,
    window=browser.window)` draws the same as a static figure.

    Attributes:
        sliders: Plane name -> slider of the slice shown.
        level: Slider: the value shown mid-grey.
        width: Slider: the range of values from black to white.
        preset: Dropdown of windows in common use, for CT (else None).
    """

    def __init__(
        self,
        volume: object,
        *,
        spacing_mm: float | Sequence[float] | None = None,
        window: str | tuple[float, float] | None = None,
        size: int = 288,
    ):
        """Lay out the pictures and their controls.

        Args:
            volume: An object with `.voxels` `(X, Y, Z)` in canonical RAS orientation and
                `.spacing_mm` (3,), or the array alone. If its `.modality` is "CT", values are
                HU and there is a choice of windows.
            spacing_mm: For an array: the voxel's size in mm, one number or three; 1 if left out.
            window: `(low, high)` shown black and white, or a name such as "soft tissue"; by
                default the 0.5th to 99.5th percentile.
            size: Screen pixels of the volume's longest side.

        Raises:
            ValueError: The volume is not 3-D, or the window is unknown, or a window in HU is asked
                for and the volume is no CT, or scaled to [-1, 1].
        """
        modality = str(getattr(volume, "modality", "")).upper()
        if isinstance(window, str) and modality not in ("", "CT"):
            raise ValueError(
                f"{window!r} is a window in HU, of CT; for {modality} give (low, high)"
            )
        self._voxels, self._spacing = volume_parts(volume, spacing_mm)
        extent = np.array(self._voxels.shape) * self._spacing
        self._boxes = np.maximum(1, np.rint(size * extent / extent.max())).astype(int)
        self._is_ct = modality == "CT"
        self._font = ImageFont.load_default(14)
        low, high = resolve_window(window, self._voxels)
        self._make_controls(low, high, window if isinstance(window, str) else "")
        self._make_panel()
        self._applying = False
        self._draw()
        self._connect()

    @property
    def position(self) -> tuple[int, int, int]:
        """The voxel `(i, j, k)` in which the three planes meet."""
        by_axis = {PLANES[name].axis: slider.value for name, slider in self.sliders.items()}
        return by_axis[0], by_axis[1], by_axis[2]

    @property
    def window(self) -> tuple[float, float]:
        """The values shown black and white."""
        half = self.width.value / 2
        return self.level.value - half, self.level.value + half

    def image(self, plane: str) -> np.ndarray:
        """The slice shown, uint8 `(rows, columns)` in voxels, without letters."""
        cut = PLANES[plane].cut(self._voxels, self.sliders[plane].value)
        return to_uint8(cut, *self.window)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self._panel)

    def _make_controls(self, low: float, high: float, preset: str) -> None:
        centre = resolve_centre(None, self._voxels)
        self.sliders = {
            plane.name: control(
                widgets.IntSlider,
                f"{plane.name.capitalize()} ({'xyz'[plane.axis]})",
                f"Which {plane.name} slice to show",
                value=centre[plane.axis],
                max=self._voxels.shape[plane.axis] - 1,
                layout=widgets.Layout(width=f"{max(260, self._boxes[plane.columns])}px"),
                style={"description_width": "6em"},
            )
            for plane in PLANES.values()
        }
        self._make_window_controls(low, high, preset)

    def _make_window_controls(self, low: float, high: float, preset: str) -> None:
        finite = self._voxels[np.isfinite(self._voxels)]
        reach = [low, high, float(finite.min()), float(finite.max())]
        if self._is_ct:
            reach += [edge for window in WINDOWS.values() for edge in window]
        bottom, top = min(reach), max(reach)
        step = 1.0 if high - low > 50 else (high - low) / 100
        unit = " (HU)" if self._is_ct else ""
        tip = "The value shown mid-grey"
        self.level = slider(f"Level{unit}", tip, bottom, top, step, (low + high) / 2)
        tip = "The range of values from black to white"
        self.width = slider(f"Window{unit}", tip, step, top - bottom, step, high - low)
        self.preset = None
        if self._is_ct:
            self.preset = control(
                widgets.Dropdown,
                "Preset",
                "Windows in common use for CT",
                options=[("own choice", ""), *((name, name) for name in WINDOWS)],
                value=preset,
            )

    def _make_panel(self) -> None:
        self._status = status()
        self._pictures = {
            plane.name: picture(f"{plane.name.capitalize()} slice", self._boxes[plane.columns])
            for plane in PLANES.values()
        }
        views = [widgets.VBox([self._pictures[name], self.sliders[name]]) for name in PLANES]
        windowing = [self.preset] if self.preset else []
        self._panel = widgets.VBox(
            [side_by_side(*views), side_by_side(*windowing, self.level, self.width), self._status]
        )

    def _connect(self) -> None:
        for one in self.sliders.values():
            one.observe(lambda _: self._draw(), "value")
        for one in (self.level, self.width):
            one.observe(lambda _: self._leave_preset(), "value")
        if self.preset:
            self.preset.observe(self._apply_preset, "value")

    def _apply_preset(self, change: dict) -> None:
        if change["new"]:
            low, high = WINDOWS[change["new"]]
            self._applying = True
            self.level.value, self.width.value = (low + high) / 2, high - low
            self._applying = False
            self._draw()

    def _leave_preset(self) -> None:
        """A window moved by hand is no longer the preset's."""
        if self._applying:
            return
        if self.preset:
            self.preset.value = ""
        self._draw()

    def _draw(self) -> None:
        for plane in PLANES.values():
            self._pictures[plane.name].value = png(self._view(plane))
        i, j, k = self.position
        unit = " HU" if self._is_ct else ""
        text = f"Voxel ({i}, {j}, {k}): {self._voxels[i, j, k]:.4g}{unit}"
        announce(self._status, escape(text))

    def _view(self, plane: Plane) -> Image.Image:
        """One slice at its size on the screen, with letters, and ticks where the others cut."""
        size = int(self._boxes[plane.columns]), int(self._boxes[plane.rows])
        grey = Image.fromarray(self.image(plane.name)).resize(size, Image.Resampling.BILINEAR)
        view = grey.convert("RGB")
        self._mark(ImageDraw.Draw(view), plane, size)
        return view

    def _mark(self, draw: ImageDraw.ImageDraw, plane: Plane, size: tuple[int, int]) -> None:
        shape, position, (width, height) = self._voxels.shape, self.position, size
        x = (1 - (position[plane.columns] + 0.5) / shape[plane.columns]) * width
        y = (1 - (position[plane.rows] + 0.5) / shape[plane.rows]) * height
        ticks = (
            (0, y, _TICK, y),
            (width - _TICK, y, width, y),
            (x, 0, x, _TICK),
            (x, height - _TICK, x, height),
        )
        for tick in ticks:
            draw.line(tick, fill=MARK, width=2)
        near = _TICK + 4
        places = (
            (near, height / 2, "lm"),
            (width - near, height / 2, "rm"),
            (width / 2, near, "mt"),
            (width / 2, height - near, "mb"),
        )
        style = {"font": self._font, "fill": "white", "stroke_width": 2, "stroke_fill": "black"}
        for letter, (*place, anchor) in zip(plane.letters, places, strict=True):
            draw.text(place, letter, anchor=anchor, **style)
