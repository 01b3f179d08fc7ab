"""What `inspect` says of a folder before anything is made of it, and the contact sheet it draws."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import run_folder
from ._files import written_whole
from .data import AxialCut, axial_slices, read_volume
from .data.files import is_picture
from .data.loading import find_items, slices_of
from .data.sources.item import Item

ROWS, COLUMNS = 6, 8
"""Of the contact sheet: subjects, spread over all, and slices of each, from the top down."""


@dataclass(frozen=True)
class Look:
    """What reading one subject showed.

    Attributes:
        images: (COLUMNS, H, W) in [-1, 1], black where there are fewer.
        grid: Size and spacing in words.
        modality: For example "T1".
        low: Smallest value in the file.
        high: Largest.
        slices: How many it gives.
        doubts: What looks wrong.
    """

    images: np.ndarray
    grid: str
    modality: str
    low: float
    high: float
    slices: int
    doubts: list[str]


def inspect(folder: Path, out: Path, image_size: int, **reading) -> None:
    """Print what would be read from a folder, and draw some of it.

    Args:
        folder: With NIfTI, DICOM or picture files.
        out: Where the contact sheet goes, `.png`.
        image_size: Pixels a side of a slice.
        **reading: As in `fetch`.

    Raises:
        ValueError: An option does not fit, or none of the files tried can be used.
        OSError: No files, or no place to write.
    """
    if out.suffix.lower() != ".png":
        raise ValueError(f"--out {out} must end in .png")
    given = {name: value for name, value in reading.items() if value is not None}
    _, items, axial = find_items("folder", image_size, None, {"folder": folder, **given})
    by_subject: dict[str, list[Item]] = {}
    for item in items:
        by_subject.setdefault(item.subject, []).append(item)
    names = list(by_subject)
    more = ", …" if len(names) > 3 else ""
    print(f"{folder}: {len(items)} images of {len(names)} subjects: {', '.join(names[:3])}{more}")
    _say_how_far_they_go(len(names))
    spread = np.unique(np.linspace(0, len(names) - 1, ROWS).round().astype(int))
    chosen = {names[index]: by_subject[names[index]] for index in spread}
    looks = _looks(chosen, axial, given)
    if not looks:
        raise ValueError(f"none of the {len(chosen)} subjects that were tried can be read")
    _describe(looks, len(chosen), axial)
    _draw(looks, out)


def _say_how_far_they_go(subjects: int) -> None:
    if subjects < run_folder.TO_TRAIN:
        print(f"  too few: `train` needs {run_folder.TO_TRAIN} subjects, `evaluate` about 9")
    elif subjects < run_folder.TO_EVALUATE:
        print(f"  enough for `train`; `evaluate` needs about {run_folder.TO_EVALUATE} subjects")


def _looks(chosen: dict[str, list[Item]], axial: AxialCut, given: dict) -> dict[str, Look]:
    """Read one volume, or a few pictures, of each subject; say who cannot be read."""
    options = {name: given[name] for name in ("index", "fill_nan") if name in given}
    looks = {}
    for name, items in chosen.items():
        try:
            looks[name] = _look(items, axial, options)
        except ValueError as error:
            print(f"  cannot be used: {error}")
    return looks


def _look(items: list[Item], axial: AxialCut, options: dict) -> Look:
    item = items[0]
    if is_picture(item.path):
        few = [items[i] for i in np.unique(np.linspace(0, len(items) - 1, COLUMNS).astype(int))]
        images = np.concatenate([slices_of(one, axial, [], {}).images for one in few])
        ends = float(images.min()), float(images.max())
        return Look(_row(images), "pictures", item.modality, *ends, len(items), [])
    volume = read_volume(item.path, item.modality, item.subject, **options)
    low, high = float(volume.voxels.min()), float(volume.voxels.max())
    size = " × ".join(map(str, volume.voxels.shape))
    spacing = " × ".join(f"{step:.3g}" for step in volume.spacing_mm)
    doubts = []
    if low >= 0 and high <= 255 and len(values := np.unique(volume.voxels)) <= 8:
        doubts.append(f"{item.path.name} holds {len(values)} values only: is it a mask? (--masks)")
    images, _, _ = axial_slices(volume, axial)
    sides = (images[:, :, [0, -1]] > -0.95).mean()
    if sides > 0.3:
        doubts.append(
            f"{item.path.name} is wider than {axial.fov_mm:.0f} mm, its sides are cut off: if it "
            f"is no head, take --anatomy body"
        )
    grid = f"{size} voxels of {spacing} mm"
    return Look(_row(images), grid, volume.modality, low, high, len(images), doubts)


def _row(images: np.ndarray) -> np.ndarray:
    """Return COLUMNS of the images (N, H, W, C), from first to last, as (COLUMNS, H, W)."""
    row = np.full((COLUMNS, *images.shape[1:3]), -1, np.float32)
    spread = np.unique(np.linspace(0, len(images) - 1, COLUMNS).round().astype(int))
    row[: len(spread)] = images[spread, :, :, 0]
    return row


def _describe(looks: dict[str, Look], tried: int, axial: AxialCut) -> None:
    """Print modality, grid, values and slices of what was read."""
    all_of = list(looks.values())
    grids = sorted({look.grid for look in all_of})
    slices = [look.slices for look in all_of]
    print(f"  read {len(looks)} of {tried} tried: {', '.join(looks)}")
    print(f"  modality {', '.join(sorted({look.modality for look in all_of}))}; {grids[0]}")
    for grid in grids[1:]:
        print(f"           {grid}")
    low, high = min(look.low for look in all_of), max(look.high for look in all_of)
    print(f"  values from {low:g} to {high:g}")
    size = f"{axial.image_size} × {axial.image_size} pixels"
    print(f"  cut as {axial.anatomy}, {axial.fov_mm:.0f} mm wide: {min(slices)} to {max(slices)} "
          f"slices a subject of {size}")  # fmt: skip
    for doubt in dict.fromkeys(doubt for look in all_of for doubt in look.doubts):
        print(f"  look twice: {doubt}")


def _draw(looks: dict[str, Look], out: Path) -> None:
    """Write the contact sheet."""
    from .display import plots

    sheet = np.concatenate([look.images for look in looks.values()])
    out.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(out) as temporary:
        temporary.write_bytes(plots.grid_png(sheet, COLUMNS))
    print(f"contact sheet: {out}, a row a subject, from the top of the body down")
