"""What `inspect` says of a folder before anything is made of it, and the contact sheet it draws."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

import numpy as np

from . import run_folder
from ._files import check_place, written_whole
from .data import AxialCut, axial_slices
from .data.loading import check_cut
from .data.patients import ALIKE
from .data.sources.folder import Survey, survey
from .data.sources.item import Item, Picture
from .data.sources.people import few
from .data.subjects import LAYOUT

ROWS, COLUMNS = 6, 8
"""Of the contact sheet: subjects, spread over all, and slices of each, from first to last."""
RULES = {
    "subject_pattern": "the pattern you gave",
    "PatientID": "DICOM's PatientID",
    "known name": "names as known data sets have them",
    "folder": "the folder they lie in",
    "file name": "the file's name, a guess",
    LAYOUT: "how folders are nested, a guess",
    ALIKE: "PatientIDs that look alike, a guess",
}


@dataclass(frozen=True)
class Look:
    """What reading one subject showed.

    Attributes:
        images: (COLUMNS, H, W) in [-1, 1], black where there are fewer.
        slices: How many the file that was read gives; of pictures, how many there are.
        modality: For example "T1".
        grid: Size and spacing in words.
        ends: Smallest and largest value.
        doubts: What looks wrong.
    """

    images: np.ndarray
    slices: int
    modality: str
    grid: str
    ends: tuple[float, float]
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
        FileExistsError: `out` is a file that this package did not draw.
    """
    if out.suffix.lower() != ".png":
        raise ValueError(f"--out {out} must end in .png")
    from .display.pictures import refuse_other_picture

    refuse_other_picture(out)
    check_place(out)
    given = {name: value for name, value in reading.items() if value is not None}
    cut, at_reading = (
        {name: given.pop(name) for name in names if name in given}
        for names in (("anatomy", "window", "levels", "fov_mm"), ("index", "fill_nan"))
    )
    axial, found = AxialCut(image_size, **cut), survey(folder, **given)
    _say_what_was_found(found)
    check_cut(found.items, cut)
    items = [replace(item, **at_reading) for item in found.items]
    looks = _looks(items, axial, found.folder)
    if not looks:
        raise ValueError("none of the files that were tried can be used")
    _say_what_was_read(looks, axial)
    _draw(looks, out)


def _say_what_was_found(found: Survey) -> None:
    """Print files and subjects, who named them, and what is passed over."""
    subjects, images = len(found.subjects), len(found.items)
    masks = sum(item.mask is not None for item in found.items)
    with_masks = f" ({masks} with a mask)" if masks else ""
    print(f"{found.folder}: {_count(images, 'image')}{with_masks} of {_count(subjects, 'subject')}")
    rules = ", ".join(f"{RULES.get(rule, rule)} ({count})" for rule, count in found.rules.items())
    print(f"  subjects: {few(found.subjects)}; by {rules}")
    if not found.understood:
        print("            if one person counts more than once, or several as one, show where the "
              "name stands: --subject-pattern")  # fmt: skip
    for reason, paths in found.passed_over.items():
        print(f"  passed over: {len(paths)} {reason} ({few([path.name for path in paths])})")
    for fault in found.faults.values():
        print(f"  cannot be used: {fault}")
    if subjects < run_folder.TO_EVALUATE:
        enough = "enough" if subjects >= run_folder.TO_TRAIN else "too few"
        print(f"  {enough} for `train`, which needs {run_folder.TO_TRAIN} subjects; too few for "
              f"`evaluate`, which needs about {run_folder.TO_EVALUATE}")  # fmt: skip


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"


def _looks(items: list[Item], axial: AxialCut, folder: Path) -> dict[str, Look]:
    """Read a few files, of as many subjects as can be; say which cannot be used.

    Of subjects with several files each next one shows its next file, so that all contrasts come up.
    """
    by_subject: dict[str, list[Item]] = {}
    for item in items:
        by_subject.setdefault(item.subject, []).append(item)
    pictures = isinstance(items[0], Picture)
    chosen = _spread(list(by_subject.items()), ROWS)
    if len(by_subject) < ROWS and not pictures:
        files = _of_every_contrast(items)
        chosen = [(str(item.path.relative_to(folder)), [item]) for item in files]
    looks = {}
    for turn, (name, some) in enumerate(chosen):
        try:
            looks[name] = (
                _look_at_pictures(some, axial)
                if pictures
                else _look_at_volume(some[turn % len(some)], axial)
            )
        except (ValueError, FileNotFoundError) as error:
            print(f"  cannot be used: {error}")
    return looks


def _of_every_contrast(items: list[Item]) -> list[Item]:
    """Choose ROWS files of few subjects, or one of each contrast if there are more of those.

    One contrast after the other is asked for its next file, by which the subjects change, too.
    """
    by_contrast: dict[str, list[Item]] = {}
    for item in items:
        by_contrast.setdefault(item.modality, []).append(item)
    most = max(ROWS, len(by_contrast))
    begun = [some[start:] + some[:start] for start, some in enumerate(by_contrast.values())]
    in_turn = [item for items in zip_longest(*begun) for item in items if item is not None]
    return sorted(in_turn[:most], key=lambda item: item.path)


def _look_at_pictures(items: list[Item], axial: AxialCut) -> Look:
    some = [item.slices(axial, {}) for item in _spread(items, COLUMNS)]
    images = np.concatenate([slices.images for slices in some])
    ends = float(images.min()), float(images.max())
    return Look(_row(images), len(items), items[0].modality, "pictures", ends, [])


def _look_at_volume(item: Item, axial: AxialCut) -> Look:
    volume, mask = item.read()
    images, _, _ = axial_slices(volume, axial, mask)
    low, high = float(volume.voxels.min()), float(volume.voxels.max())
    doubts = []
    if low >= 0 and high <= 255 and len(values := np.unique(volume.voxels)) <= 8:
        doubts.append(
            f"{item.path.name} holds {len(values)} values only: is it a mask? (--masks, --glob)"
        )
    size = " × ".join(map(str, volume.voxels.shape))
    spacing = " × ".join(f"{step:.3g}" for step in volume.spacing_mm)
    grid = f"{size} voxels of {spacing} mm"
    return Look(_row(images), len(images), volume.modality, grid, (low, high), doubts)


def _spread(things: list, count: int) -> list:
    """Choose so many of many, from first to last."""
    chosen = np.unique(np.linspace(0, len(things) - 1, count).round().astype(int))
    return [things[index] for index in chosen]


def _row(images: np.ndarray) -> np.ndarray:
    """Return COLUMNS of the images (N, H, W, C), from first to last, as (COLUMNS, H, W)."""
    row = np.full((COLUMNS, *images.shape[1:3]), -1, np.float32)
    some = np.stack(_spread(list(images), COLUMNS))[..., 0]
    row[: len(some)] = some
    return row


def _say_what_was_read(looks: Mapping[str, Look], axial: AxialCut) -> None:
    """Print modality, grid, values and slices of the subjects that were read."""
    modalities = ", ".join(sorted({look.modality for look in looks.values()}))
    grids = sorted({look.grid for look in looks.values()})
    low = min(look.ends[0] for look in looks.values())
    high = max(look.ends[1] for look in looks.values())
    least, most = (end(look.slices for look in looks.values()) for end in (min, max))
    print(f"  read of {len(looks)}: {modalities}; values from {low:g} to {high:g}")
    print(f"  grid: {few(grids)}")
    how_many = f"{least} to {most}" if most > least else f"{most}"
    if grids != ["pictures"]:
        print(f"  cut as {axial.anatomy}, {axial.fov_mm:.0f} mm wide: {how_many} "
              f"slices a subject, {axial.image_size} × {axial.image_size} pixels")  # fmt: skip
    for doubt in (doubt for look in looks.values() for doubt in look.doubts):
        print(f"  look twice: {doubt}")


def _draw(looks: Mapping[str, Look], out: Path) -> None:
    """Write the contact sheet."""
    from .display import plots

    sheet = np.concatenate([look.images for look in looks.values()])
    with written_whole(out) as temporary:
        temporary.write_bytes(plots.grid_png(sheet, COLUMNS))
    several = len({look.modality for look in looks.values()}) > 1
    rows = (f"{name} ({look.modality})" if several else name for name, look in looks.items())
    print(f"contact sheet: {out}, a row for each of {', '.join(rows)}")
