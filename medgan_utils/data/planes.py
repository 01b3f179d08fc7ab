"""From DICOM data sets to planes with values and a place, and from planes to a volume.

Classic files hold one plane each, enhanced (multi-frame) files hold all. A frame's functional
groups, laid over each other, read like the header of a classic file, so both take one way.
(nibabel's MultiframeWrapper wants dimension indices and does not see missing slices; highdicom
reads enhanced files well, but brings 35 MB and a second of import for these few lines.)
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .._files import one_line

if TYPE_CHECKING:
    import pydicom

_EXPORT_AGAIN = "export the series again with its full header, or convert it with dcm2niix"
_COUNTED = (
    *("AcquisitionNumber", "TemporalPositionIdentifier", "TemporalPositionIndex"),
    *("EchoTime", "EffectiveEchoTime", "DiffusionBValue", "InstanceNumber"),
)
_NAMED = ("ImageType", "FrameType")
"""In what images of one level may differ, numbers and words; they are sorted by these."""


@dataclass(frozen=True)
class Plane:
    """One image of a series.

    Attributes:
        name: File, and frame if there are several.
        values: (rows, columns) float32 in real units; NaN where the header says padding.
        position_mm: (3,) centre of the first pixel, DICOM's axes (to the left, to the back, up).
        directions: (2, 3) unit vectors along a row and along a column.
        spacing_mm: (rows, columns): distance between rows, distance between columns.
        thickness_mm: Of the slice; None if the header does not say.
        order: Sorts the images of one level: what may tell them apart, then file and frame.
    """

    name: str
    values: np.ndarray
    position_mm: np.ndarray
    directions: np.ndarray
    spacing_mm: tuple[float, float]
    thickness_mm: float | None
    order: tuple

    @property
    def normal(self) -> np.ndarray:
        """Unit vector (3,) at a right angle to the plane."""
        return np.cross(*self.directions)


def planes_of(path: Path, file: "pydicom.Dataset") -> list[Plane]:
    """Return the planes of one file.

    Args:
        path: For the messages.
        file: With pixels.

    Raises:
        ValueError: A tag is missing, or the pixels cannot be decoded or are no grey values.
    """
    from pydicom import Dataset

    count = int(file.get("NumberOfFrames") or 1)
    groups = file.get("PerFrameFunctionalGroupsSequence") or []
    if count > 1 and len(groups) != count:
        raise ValueError(
            f"{path} has {count} frames but says where {len(groups)} of them lie; convert it to "
            f"NIfTI with dcm2niix"
        )
    frames = _pixels(path, file).reshape(count, int(file.Rows), int(file.Columns))
    planes = []
    for number, stored in enumerate(frames):
        header = Dataset()
        header.update(file)
        name = f"{path}, frame {number + 1}" if count > 1 else str(path)
        shared = file.get("SharedFunctionalGroupsSequence") or []
        for group in [*shared[:1], *groups[number : number + 1]]:
            for element in group:
                if element.VR == "SQ" and element.value:
                    header.update(element.value[0])
        planes.append(_plane(name, header, stored, number))
    return planes


def stack(folder: Path, planes: list[Plane], index: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Put planes on top of each other.

    Args:
        folder: For the messages.
        planes: In any order.
        index: Which image of each level, where there are several.

    Returns:
        Voxels (columns, rows, slices) float32; affine (4, 4) from voxel index to RAS millimetres.

    Raises:
        ValueError: The planes do not fit together, or some are missing.
    """
    _check_alike(folder, planes)
    planes = _one_a_level(folder, planes, index)
    first = planes[0]
    step = (first.thickness_mm or 0) * first.normal
    if len(planes) > 1:
        _check_heights(folder, planes)
        step = (planes[-1].position_mm - first.position_mm) / (len(planes) - 1)
    elif not first.thickness_mm:
        raise ValueError(f"{first.name} has no SliceThickness (0018,0050); {_EXPORT_AGAIN}")
    voxels = np.stack([plane.values.T for plane in planes], axis=2)
    row_mm, column_mm = first.spacing_mm
    affine = np.eye(4)
    affine[:3, :3] = np.stack(
        [first.directions[0] * column_mm, first.directions[1] * row_mm, step], axis=1
    )
    affine[:3, 3] = first.position_mm
    return voxels, np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine


def tag(name: str, header: "pydicom.Dataset", keyword: str) -> object:
    """Return what a header holds under a keyword.

    Raises:
        ValueError: It holds nothing there.
    """
    from pydicom.tag import Tag

    value = header.get(keyword)
    if value is None or value == "" or value == []:
        number = Tag(keyword)
        raise ValueError(
            f"{name} has no {keyword} ({number.group:04X},{number.element:04X}); {_EXPORT_AGAIN}"
        )
    return value


def _numbers(name: str, header: "pydicom.Dataset", keyword: str, count: int) -> np.ndarray:
    """Return so many numbers from a header."""
    value = tag(name, header, keyword)
    try:
        numbers = np.array(value, float).ravel()
    except (TypeError, ValueError):
        numbers = np.array([])
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise ValueError(
            f"{name} has {keyword} {value}; {count} numbers are needed: {_EXPORT_AGAIN}"
        )
    return numbers


def number_in(value: object) -> float:
    """Return the number that a tag holds, 0 if it holds none."""
    try:
        return float(value or 0)
    except (TypeError, ValueError):
        return 0.0


def _plane(name: str, header: "pydicom.Dataset", stored: np.ndarray, number: int) -> Plane:
    """Make a plane of stored values (rows, columns) and its header."""
    directions = _numbers(name, header, "ImageOrientationPatient", 6).reshape(2, 3)
    if not np.allclose(directions @ directions.T, np.eye(2), atol=0.01):
        raise ValueError(
            f"{name} has ImageOrientationPatient {directions.ravel().tolist()}, which are not two "
            f"unit vectors at a right angle; {_EXPORT_AGAIN}"
        )
    spacing = _numbers(name, header, "PixelSpacing", 2)
    if spacing.min() <= 0:
        raise ValueError(f"{name} has PixelSpacing {spacing.tolist()} mm; {_EXPORT_AGAIN}")
    thickness = header.get("SliceThickness") or header.get("SpacingBetweenSlices")
    return Plane(
        name=name,
        values=_values(name, header, stored),
        position_mm=_numbers(name, header, "ImagePositionPatient", 3),
        directions=directions,
        spacing_mm=tuple(spacing.tolist()),
        thickness_mm=abs(number_in(thickness)) or None,
        order=(
            *(number_in(header.get(keyword)) for keyword in _COUNTED),
            *(str(header.get(keyword) or "") for keyword in _NAMED),
            *(name.partition(",")[0], number),
        ),
    )


def _values(name: str, header: "pydicom.Dataset", stored: np.ndarray) -> np.ndarray:
    """Return real values, float32, NaN where the header says padding."""
    from pydicom.pixels import apply_modality_lut

    kept = _stored_bits(stored, header)
    if header.get("Modality") == "CT" and kept.min() >= 0 and "ModalityLUTSequence" not in header:
        for keyword in ("RescaleSlope", "RescaleIntercept"):
            tag(name, header, keyword)  # without them there are no HU
    try:
        values = np.array(apply_modality_lut(kept, header), np.float32)
        # The value of padding may lie beyond BitsStored.
        padded = _padding(stored, header) | _padding(kept, header)
    except Exception as error:  # empty or mistyped, a table cut short
        raise ValueError(
            f"{name}: RescaleSlope or PixelPaddingValue cannot be used ({one_line(error)}); "
            f"{_EXPORT_AGAIN}"
        ) from error
    if not np.isfinite(values).all() or header.get("RescaleSlope") == 0:
        raise ValueError(
            f"{name} has RescaleSlope {header.get('RescaleSlope')} or values that are no numbers; "
            f"{_EXPORT_AGAIN}"
        )
    values[padded] = np.nan
    return values


def _pixels(path: Path, file: "pydicom.Dataset") -> np.ndarray:
    """Return the stored grey values, of any shape."""
    try:
        file.pixel_array_options(correct_unused_bits=False)  # padding may lie in them
        stored = file.pixel_array
    except Exception as error:  # each decoder, and each damage, has errors of its own
        advice = "the file is damaged or cut short: copy or export it again"
        syntax = file.file_meta.get("TransferSyntaxUID")
        if syntax is not None and syntax.is_transfer_syntax and syntax.is_compressed:
            advice = (
                "install a decoder (pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg), "
                "or convert the series with dcm2niix"
            )
        raise ValueError(
            f"{path}: the pixels cannot be decoded ({one_line(error)}); {advice}"
        ) from error
    return stored


def _stored_bits(stored: np.ndarray, file: "pydicom.Dataset") -> np.ndarray:
    """Clear what lies above BitsStored: old overlays, or whatever was left there."""
    spare = stored.dtype.itemsize * 8 - int(file.get("BitsStored") or 0)
    if stored.dtype.kind not in "iu" or not 0 < spare < stored.dtype.itemsize * 8:
        return stored
    return (stored << spare) >> spare  # of signed integers, the shift back copies the sign


def _padding(stored: np.ndarray, header: "pydicom.Dataset") -> np.ndarray:
    """Mark the pixels outside the scanned circle, bool, same shape."""
    padding = header.get("PixelPaddingValue")
    if padding is None or stored.dtype.kind not in "iu":
        return np.zeros(stored.shape, bool)
    # Unsigned in the header, signed in the image (63536 for -2000): the bits are the same.
    limit = header.get("PixelPaddingRangeLimit")
    ends = np.array([padding, padding if limit is None else limit], np.int64).astype(stored.dtype)
    return (stored >= ends.min()) & (stored <= ends.max())


def _check_alike(folder: Path, planes: list[Plane]) -> None:
    """Refuse planes of different size, spacing or orientation."""
    first = planes[0]
    for plane in planes[1:]:
        same_turn = np.allclose(plane.directions, first.directions, atol=0.01)
        same_spacing = np.allclose(plane.spacing_mm, first.spacing_mm, rtol=0.01)
        if plane.values.shape != first.values.shape or not same_turn or not same_spacing:
            raise ValueError(
                f"{folder}: {Path(plane.name).name} and {Path(first.name).name} differ in size, "
                f"spacing or orientation; take localisers and other extra images out"
            )


def _one_a_level(folder: Path, planes: list[Plane], index: int | None) -> list[Plane]:
    """Sort planes along their normal, and choose one of those that lie at the same level."""
    normal = planes[0].normal
    levels: dict[float, list[Plane]] = {}
    for plane in sorted(planes, key=lambda plane: float(plane.position_mm @ normal)):
        height = float(plane.position_mm @ normal)
        close = next((h for h in reversed(levels) if abs(h - height) < 0.01), height)
        levels.setdefault(close, []).append(plane)
    counts = {len(level) for level in levels.values()}
    if len(counts) > 1:
        doubled = max(levels.values(), key=len)
        names = " and ".join(sorted(Path(plane.name).name for plane in doubled[:2]))
        raise ValueError(
            f"{folder}: slices are missing or doubled: {names} lie at one level, other levels have "
            f"fewer images; export the series again, each into a folder of its own"
        )
    count = counts.pop()
    if index is None and count > 1:
        raise ValueError(
            f"{folder} holds {count} images at each level{_differences(levels)}; pick one with "
            f"index=0 to index={count - 1} (command: --index 0), or remove the copies"
        )
    if not -count <= (index or 0) < count:
        raise ValueError(f"{folder} has {count} images a level; index={index} is none of them")
    return [sorted(level, key=lambda plane: plane.order)[index or 0] for level in levels.values()]


def _differences(levels: dict[float, list[Plane]]) -> str:
    """Say in what the images of the first level differ, in brackets, or nothing."""
    level = sorted(next(iter(levels.values())), key=lambda plane: plane.order)
    for place, keyword in enumerate(_COUNTED + _NAMED):
        values = list(dict.fromkeys(plane.order[place] for plane in level))
        said = [f"{value:g}" if keyword in _COUNTED else value for value in values[:4]]
        if len(values) > 1:
            return f" ({keyword} {', '.join(said)}{', …' * (len(values) > 4)})"
    return ""


def _check_heights(folder: Path, planes: list[Plane]) -> None:
    """Refuse missing slices, uneven distances and slices that are shifted against each other."""
    positions = np.array([plane.position_mm for plane in planes])
    heights = positions @ planes[0].normal
    gaps = np.diff(heights)
    usual = float(np.median(gaps))
    worst = int(np.argmax(np.abs(gaps - usual)))
    if abs(gaps[worst] - usual) > max(0.1 * usual, 0.11):  # positions may be rounded to 0.1 mm
        names = " and ".join(Path(plane.name).name for plane in planes[worst : worst + 2])
        raise ValueError(
            f"{folder}: slices are missing or doubled, or their distances differ: {gaps[worst]:.2f}"
            f" mm between {names}, elsewhere {usual:.2f} mm; export the whole series again"
        )
    along = positions - positions[0]
    aside = along - np.outer(along @ planes[0].normal, planes[0].normal)
    shift = float(np.linalg.norm(aside, axis=1).max())
    if shift > max(1.0, 0.01 * (heights[-1] - heights[0])):
        raise ValueError(
            f"{folder}: the slices are shifted against each other by up to {shift:.1f} mm, as with "
            f"a tilted gantry; straighten the series with dcm2niix and read its NIfTI file"
        )
