"""Slices and volumes drawn the way a radiologist expects: sides lettered, scale given."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from .canvas import WIDTH, pixel_canvas
from .pictures import CLASS_COLOURS, MARK, OUTLINES, as_images
from .planes import PLANES, resolve_centre, resolve_window, volume_parts

_OUTLINE = [withStroke(linewidth=2, foreground="black")]
_BARS_MM = (1, 2, 5, 10, 20, 50, 100)
_FURTHER = tuple(map(to_hex, colormaps["tab20"].colors))  # for maps of more than six classes
_LETTERED = 192  # screen pixels of an image that gets letters of its own; of smaller ones the first


def montage(
    source: object,
    columns: int = 6,
    *,
    spacing_mm: float | Sequence[float] | None = None,
    count: int = 12,
    window: str | tuple[float, float] | None = None,
    masks: np.ndarray | None = None,
    classes: Mapping[int, str] | None = None,
    titles: Sequence[str] | None = None,
    title: str | None = None,
    letters: bool = True,
) -> Figure:
    """Draw axial slices in rows, radiological: the patient's right on the image's left.

    Args:
        source: Images `(N, H, W[, 1 or 3])` or an object with such `.images`, row 0 anterior and
            column 0 the patient's right; or a volume, an object with RAS `.voxels`
            `(X, Y, Z)` and `.spacing_mm`, of which `count` slices are taken from low to high.
        columns: Images a row, at most.
        spacing_mm: Size of a pixel in mm, one number or (down, across); taken from the object if
            it has one. Without it there is no scale bar.
        count: Slices of a volume to show.
        window: `(low, high)` shown black and white, or a name such as "soft tissue" for HU. By
            default `(-1, 1)` for images, and the 0.5th to 99.5th percentile for a volume. Slices
            are scaled already, and take no name.
        masks: `(N, H, W)` integer labels drawn as outlines, 0 for none. A class has one colour in
            all images.
        classes: Name of each label, for a legend: `{1: "liver", 2: "tumour"}`; others are not
            drawn. A class of one name has one colour in all figures.
        titles: One short text above each image.
        title: The message of the figure.
        letters: Letter the sides R, L, A, P: of every image, or where they are small of the first.

    Raises:
        ValueError: Shapes do not fit, or the window is unknown.
    """
    images, spacing, window, titles = _slices(source, spacing_mm, count, window, titles)
    if masks is not None and np.shape(masks) != images.shape[:3]:
        raise ValueError(f"masks {np.shape(masks)} do not fit images {images.shape[:3]}")
    height, width = images.shape[1:3]
    down, across = spacing or (1.0, 1.0)
    sizes = [(width, height * down / across)] * len(images)
    colours = {} if masks is None else _class_colours(masks, classes)
    legend = {classes[label]: colour for label, colour in colours.items()} if classes else None
    figure, axes = pixel_canvas(sizes, columns, titles, title, legend=legend)
    for index, (one, image) in enumerate(zip(axes, images, strict=True)):
        _show(one, image, window)
        for label, colour in colours.items():
            _outline(one, masks[index] == label, colour)
        if letters and (index == 0 or one.bbox.width >= _LETTERED):
            _letter(one, PLANES["axial"].letters)
    if spacing:
        _scale_bar(axes[0], width, across)
    return figure


def volume_planes(
    volume: object,
    *,
    spacing_mm: float | Sequence[float] | None = None,
    centre: tuple[int, int, int] | None = None,
    window: str | tuple[float, float] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw the axial, coronal and sagittal plane through one voxel, in true proportions.

    Args:
        volume: An object with `.voxels` `(X, Y, Z)` in canonical RAS orientation and
            `.spacing_mm` (3,), or the array alone.
        spacing_mm: For an array: the voxel's size in mm, one number or three; 1 if left out.
        centre: The voxel `(i, j, k)` to cut through; the middle by default. Dashed lines mark it.
        window: As in `montage`; by default the 0.5th to 99.5th percentile.
        title: The message of the figure.

    Raises:
        ValueError: The array is not 3-D, or the voxel lies outside it.
    """
    voxels, spacing = volume_parts(volume, spacing_mm)
    centre = resolve_centre(centre, voxels)
    window = resolve_window(window, voxels)
    extent = np.array(voxels.shape) * spacing
    sizes = [(extent[plane.columns], extent[plane.rows]) for plane in PLANES.values()]
    scale = WIDTH / sum(width for width, _ in sizes)
    titles = [
        f"{plane.name.capitalize()}, {'xyz'[plane.axis]} = {centre[plane.axis]}"
        for plane in PLANES.values()
    ]
    figure, axes = pixel_canvas(sizes, len(sizes), titles, title, scale)
    for one, plane in zip(axes, PLANES.values(), strict=True):
        _show(one, plane.cut(voxels, centre[plane.axis]), window)
        _letter(one, plane.letters)
        line = {"color": MARK, "linewidth": 0.8, "linestyle": (0, (3, 5))}
        one.axhline(voxels.shape[plane.rows] - 1 - centre[plane.rows], 0.1, 0.9, **line)
        one.axvline(voxels.shape[plane.columns] - 1 - centre[plane.columns], 0.1, 0.9, **line)
    _scale_bar(axes[0], voxels.shape[0], spacing[0])
    return figure


def _slices(source: object, spacing_mm, count: int, window, titles):
    """Images, pixel size, window and titles of whatever `montage` was given."""
    if not hasattr(source, "voxels"):
        images = as_images(getattr(source, "images", source))
        if spacing_mm is None:
            spacing_mm = getattr(source, "spacing_mm", None)
        window = (-1.0, 1.0) if window is None else resolve_window(window, images)
        return images, _in_plane(spacing_mm), window, titles
    voxels, spacing = volume_parts(source, spacing_mm)
    top = voxels.shape[2] - 1  # the outer tenth at either end is mostly empty
    levels = np.linspace(0.1 * top, 0.9 * top, min(count, top + 1)).round().astype(int)
    images = np.stack([PLANES["axial"].cut(voxels, level) for level in levels])
    titles = titles or [f"z = {level}" for level in levels]
    return images, (spacing[1], spacing[0]), resolve_window(window, voxels), titles


def _in_plane(spacing_mm) -> tuple[float, float] | None:
    """Pixel size in mm as (down, across); of three numbers the first two are x and y."""
    if spacing_mm is None or np.isnan(spacing_mm).any():  # NaN: the source does not know
        return None
    numbers = np.ravel(np.asarray(spacing_mm, dtype=float))
    if numbers.size not in (1, 2, 3) or not (numbers > 0).all():
        raise ValueError(f"spacing_mm must be one or two positive numbers, got {spacing_mm}")
    if numbers.size == 3:
        numbers = numbers[[1, 0]]
    return float(numbers[0]), float(numbers[-1])


def _show(axes: Axes, image: np.ndarray, window: tuple[float, float]) -> None:
    low, high = window
    if image.ndim == 3:  # matplotlib takes colour in [0, 1]
        image = np.clip((image - low) / (high - low), 0, 1)
    axes.imshow(image, cmap="gray", vmin=low, vmax=high, interpolation="nearest", aspect="auto")


def _class_colours(masks: np.ndarray, classes: Mapping[int, str] | None) -> dict[int, str]:
    """The colour of each label to be outlined: by its name, else by its number; no two alike."""
    labels = [int(label) for label in classes or np.unique(masks) if label > 0]
    colours: dict[int, str] = {}
    for label in labels:
        named = CLASS_COLOURS.get((classes or {}).get(label))
        if named and named not in colours.values():
            colours[label] = named
    for label in labels:
        free = [one for one in (*OUTLINES, *_FURTHER) if one not in colours.values()]
        numbered = OUTLINES[(label - 1) % len(OUTLINES)]
        colours.setdefault(label, numbered if numbered in free or not free else free[0])
    return {label: colours[label] for label in labels}


def _outline(axes: Axes, region: np.ndarray, colour: str) -> None:
    """Draw the border of a region (H, W), where there is one."""
    if region.any():
        axes.contour(region, levels=[0.5], colors=colour, linewidths=1.2)


def _letter(axes: Axes, letters: str) -> None:
    """Write what lies at the left, right, top and bottom edge."""
    places = (
        (0.02, 0.5, "left", "center"),
        (0.98, 0.5, "right", "center"),
        (0.5, 0.98, "center", "top"),
        (0.5, 0.02, "center", "bottom"),
    )
    for letter, (x, y, across, along) in zip(letters, places, strict=True):
        axes.text(
            x,
            y,
            letter,
            transform=axes.transAxes,
            ha=across,
            va=along,
            fontsize=8,
            color="white",
            path_effects=_OUTLINE,
        )


def _scale_bar(axes: Axes, width: int, pixel_mm: float) -> None:
    """Draw a bar of a round number of mm at the lower left, up to a third of the image wide."""
    length = max((mm for mm in _BARS_MM if mm <= width * pixel_mm / 3), default=_BARS_MM[0])
    start, end = 0.04, 0.04 + length / (width * pixel_mm)
    axes.plot(
        [start, end],
        [0.05, 0.05],
        transform=axes.transAxes,
        color="white",
        linewidth=2.5,
        solid_capstyle="butt",
        path_effects=[withStroke(linewidth=4, foreground="black")],
    )
    axes.text(
        start,
        0.07,
        f"{length} mm",
        transform=axes.transAxes,
        ha="left",
        va="bottom",
        fontsize=7,
        color="white",
        path_effects=_OUTLINE,
    )
