"""A volume in memory, and how it gets there from NIfTI or DICOM."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .dicom import NO_MODALITY, is_dicom, read_series
from .files import modality_of
from .names import subject_of
from .nifti import is_identity, read_nifti

if TYPE_CHECKING:
    import nibabel

RESAMPLE = {
    "mask": "resample it onto the image's grid first, with interpolation='nearest' (volumes: "
    "nilearn.image.resample_to_img)",
    "contrast": "resample it onto the other's grid first, with interpolation='continuous' "
    "(nilearn.image.resample_to_img); interpolation='nearest' is for masks",
}
"""What to do with a mask, or with another contrast, of another grid than its image."""
_LABEL_TOLERANCE = 0.05
"""How far from a whole number a label may be stored."""
_MEASURED = 1e30
"""No voxel is as far from 0."""
_FEW = 4
"""So many labels between 0 and the largest may be thin everywhere."""


@dataclass(frozen=True)
class Volume:
    """One image volume in canonical RAS: x grows to the patient's right, y to the front, z up.

    Attributes:
        voxels: Shape (X, Y, Z), float32; HU for CT, arbitrary units for MR, labels for masks.
        affine: Shape (4, 4); voxel index to millimetres.
        modality: For example "T1" or "CT".
        subject: Who was scanned; splits go by this name.
        path: The file (or DICOM folder) it was read from.
    """

    voxels: np.ndarray
    affine: np.ndarray
    modality: str
    subject: str
    path: str

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxel centres along x, y and z, in millimetres."""
        return tuple(float(size) for size in np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0)))


def read_volume(
    path: str | Path,
    modality: str | None = None,
    subject: str | None = None,
    index: int | None = None,
    fill_nan: float | None = None,
) -> Volume:
    """Read a NIfTI file, or a folder that holds one DICOM series, into canonical RAS.

    Args:
        path: A `.nii` or `.nii.gz` file (or Analyze, MGH, … as nibabel reads them), a folder of
            DICOM files, or one enhanced DICOM file.
        modality: What was measured; "CT" is kept in HU and windowed later. "labels" reads a mask:
            whole numbers from 0 on. By default what a DICOM header or the file name says
            (`…_T1w.nii.gz`), else "MR".
        subject: Overrides the name read from the file name.
        index: Which time point of a 4-D file, or of a series with several images at each level.
        fill_nan: Value that replaces NaN and infinite voxels; in a mask they become 0.

    Raises:
        FileNotFoundError: There is no such file, or the folder holds no DICOM image.
        ValueError: The file is damaged, is not 3-D, holds values that are not finite or no
            labels, or its header contradicts the modality. The message names the file.
    """
    import nibabel

    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; check the folder and the spelling")
    dicom, labels = path.is_dir() or is_dicom(path), modality == "labels"
    if dicom:
        image, found = _read_dicom(path, modality, index)
    else:
        image, found = _read_nifti(path, index, labels), modality_of(path)
    image = nibabel.as_closest_canonical(image)
    if labels and fill_nan is not None:
        fill_nan = 0
    voxels = without_nan(np.asarray(image.dataobj, np.float32), path, fill_nan)
    if labels:
        voxels = sharp_labels(voxels, path).astype(np.float32)
    elif (
        not (dicom or (modality or found) == "CT")
        and np.mean((voxels > -1100) & (voxels < -900)) > 0.05  # a good part is air in HU
    ):
        warnings.warn(
            f"{path}: the values look like HU of a CT (air at -1000), but it is read as "
            f"{modality or found}; pass modality='CT' (command: --modality CT)",
            stacklevel=2,
        )
    if (modality or found) == "CT" and voxels.min() > -500:
        warnings.warn(
            f"{path}: the lowest value is {voxels.min():g}, but air has -1000 HU; was 1024 added, "
            f"or was it scaled? Write HU into the file",
            stacklevel=2,
        )
    return Volume(voxels, image.affine, modality or found, subject or subject_of(path), str(path))


def without_nan(voxels: np.ndarray, path: Path, fill: float | None) -> np.ndarray:
    """Replace NaN and infinite voxels by a value; refuse them if there is none (ValueError).

    Beyond 1e30 nothing was measured: some tools write the largest number of float32 for nothing.
    """
    if fill is not None and not abs(fill) < _MEASURED:
        raise ValueError(f"fill_nan={fill}: give a number to put in, such as 0, of a CT -1000")
    known = np.abs(voxels) < _MEASURED  # of NaN this is false
    if known.all():
        return voxels
    if fill is None:
        raise ValueError(
            f"{path} holds {np.sum(~known)} voxels that are NaN or infinite, or beyond "
            f"{_MEASURED:g}; pass fill_nan=0 (command: --fill-nan 0), of a CT -1000, to replace "
            f"them, or repair it"
        )
    return np.where(known, voxels, np.float32(fill))


def check_shapes(
    path: Path | str, shape: tuple, mask: Path | str, mask_shape: tuple, of: str = "mask"
) -> None:
    """Refuse a mask, or what else is named in `RESAMPLE`, of another shape (ValueError)."""
    if mask_shape != shape:
        raise ValueError(
            f"{mask} has shape {mask_shape} but {'its image ' * (of == 'mask')}{path} has {shape}; "
            f"{RESAMPLE[of]}"
        )


def whole_labels(values: np.ndarray, path: str | Path) -> np.ndarray:
    """Round a label map to whole numbers and keep it in the smallest type that holds them.

    Masks that were opened as floats and saved again hold 0.99608 for 1; what is farther than 0.05
    from a whole number comes from interpolation and is no label.

    Args:
        values: Any shape.
        path: Of the file, for the message.

    Returns:
        Same shape, uint8, or the smallest unsigned type that holds the largest label.

    Raises:
        ValueError: A value is negative, no whole number, or too large to be kept exactly.
    """
    values = np.asarray(values)
    rounded = values if values.dtype.kind in "biu" else np.rint(values)
    off = ~(np.isclose(values, rounded, rtol=0, atol=_LABEL_TOLERANCE))  # NaN is off, too
    if off.any():
        raise ValueError(
            f"{path} holds {values[off][0]:g}, which is no label: labels are whole numbers. Was "
            f"it interpolated? Make it again with interpolation='nearest'"
        )
    lowest, largest = int(rounded.min(initial=0)), int(rounded.max(initial=0))
    if lowest < 0:
        raise ValueError(
            f"{path} holds the negative label {lowest}; labels count from 0 (nothing) on: set what "
            f"is not labelled to 0"
        )
    if largest >= 2**24:
        raise ValueError(f"{path} holds the label {largest}; labels end at {2**24 - 1}")
    return rounded.astype(np.min_scalar_type(largest))


def sharp_labels(values: np.ndarray, path: Path) -> np.ndarray:
    """Return `whole_labels` of a file; refuse many large ones that fill no area (ValueError).

    They are what interpolation makes of a mask of 0 and 255 along its edges.
    """
    labels = whole_labels(values, path)
    largest = int(labels.max(initial=0))
    between = (labels > 0) & (labels < largest)
    if largest < 128 or len(some := np.unique(labels[between])) <= _FEW:
        return labels
    here = labels[1:, 1:]
    inside = between[1:, 1:] & (here == labels[:-1, 1:]) & (here == labels[1:, :-1])
    if inside.sum() < 0.1 * between.sum():
        raise ValueError(
            f"{path} holds {len(some)} values between 0 and {largest} along edges, which are no "
            f"labels: it was interpolated. Make it again with interpolation='nearest', or set "
            f"what is above {largest // 2} to 1 and the rest to 0"
        )
    return labels


def _read_nifti(path: Path, index: int | None, labels: bool) -> "nibabel.Nifti1Image":
    """Read a file that may lack a place, which is said unless it is a mask."""
    image = read_nifti(path, index, labels)
    if is_identity(image.affine) and not labels:
        warnings.warn(
            f"{path}: its affine is the identity, so neither spacing nor orientation is known; "
            f"they are taken as 1 mm and RAS",
            stacklevel=3,
        )
    return image


def _read_dicom(
    folder: Path, modality: str | None, index: int | None
) -> tuple["nibabel.Nifti1Image", str]:
    """Read a series that is what was asked for; return it and the header's modality."""
    import nibabel

    voxels, affine, found = read_series(folder, index)
    if modality is None and not found:
        raise ValueError(f"{folder} {NO_MODALITY}")
    units = ("CT", "PET")  # "T1" says more of an MR than its header does, but "MR" of a CT is wrong
    contradicted = modality not in (None, "labels", found) and bool({found, modality} & {*units})
    if found and contradicted:
        raise ValueError(
            f"{folder}: the header says {found}, but modality={modality!r} was asked for; leave it "
            f"out, or pass {found!r} (command: --modality {found})"
        )
    return nibabel.Nifti1Image(voxels, affine), found
