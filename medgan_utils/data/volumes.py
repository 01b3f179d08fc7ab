"""A volume in memory, and how it gets there from NIfTI or DICOM."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .dicom import is_dicom, modality_in, read_series
from .files import modality_of
from .nifti import read_nifti
from .subjects import subject_of

_LABEL_TOLERANCE = 0.05
"""How far from a whole number a label may be stored."""


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
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; check the folder and the spelling")
    dicom = path.is_dir() or is_dicom(path)
    if dicom:
        voxels, affine, found = _read_dicom(path, modality, index)
    else:
        voxels, affine = _read_nifti(path, index, modality)
        found = modality_of(path)
    labels = modality == "labels"
    if not np.isfinite(voxels).all():
        if fill_nan is None:
            raise ValueError(
                f"{path} holds {int((~np.isfinite(voxels)).sum())} voxels that are NaN or "
                f"infinite; pass fill_nan=0 to replace them (command: --fill-nan 0), or repair it"
            )
        voxels = np.where(np.isfinite(voxels), voxels, np.float32(0 if labels else fill_nan))
    if labels:
        voxels = whole_labels(voxels, path).astype(np.float32)
    elif not dicom and (modality or found) != "CT" and _looks_like_ct(voxels):
        warnings.warn(
            f"{path}: the values look like HU of a CT (air at -1000), but it is read as "
            f"{modality or found}; pass modality='CT' (command: --modality CT)",
            stacklevel=2,
        )
    return Volume(voxels, affine, modality or found, subject or subject_of(path), str(path))


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


def _looks_like_ct(voxels: np.ndarray) -> bool:
    """Whether a good part of the voxels is air in HU."""
    return bool(np.mean((voxels > -1100) & (voxels < -900)) > 0.05)


def _read_nifti(
    path: Path, index: int | None, modality: str | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return canonical voxels (X, Y, Z) float32 and their affine."""
    import nibabel

    image = read_nifti(path, index, labels=modality == "labels")
    if modality != "labels" and np.allclose(image.affine, np.eye(4), atol=1e-6):
        warnings.warn(
            f"{path}: its affine is the identity, so neither spacing nor orientation is known; "
            f"they are taken as 1 mm and RAS",
            stacklevel=3,
        )
    canonical = nibabel.as_closest_canonical(image)
    return np.asarray(canonical.dataobj, np.float32), canonical.affine


def _read_dicom(
    folder: Path, modality: str | None, index: int | None
) -> tuple[np.ndarray, np.ndarray, str]:
    """Return canonical voxels (X, Y, Z) float32, their affine, and the header's modality."""
    import nibabel

    voxels, affine, found = read_series(folder, index)
    if modality is None and not found:
        found = modality_in(folder)  # which says what is missing
    units = ("CT", "PET")  # "T1" says more of an MR than its header does, but "MR" of a CT is wrong
    contradicted = modality not in (None, "labels", found) and bool({found, modality} & {*units})
    if found and contradicted:
        raise ValueError(
            f"{folder}: the header says {found}, but modality={modality!r} was asked for; leave it "
            f"out, or pass {found!r} (command: --modality {found})"
        )
    canonical = nibabel.as_closest_canonical(nibabel.Nifti1Image(voxels, affine))
    return np.asarray(canonical.dataobj, np.float32), canonical.affine, found
