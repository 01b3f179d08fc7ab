"""A volume in memory, and how it gets there from NIfTI or DICOM."""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .files import modality_of
from .subjects import subject_of

if TYPE_CHECKING:
    import nibabel


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
        path: A `.nii` or `.nii.gz` file, or a folder of DICOM files.
        modality: What was measured; "CT" is kept in HU and windowed later. By default what a
            DICOM header or the file name says (`…_T1w.nii.gz`), else "MR".
        subject: Overrides the name read from the file name.
        index: Which time point of a 4-D file.
        fill_nan: Value that replaces NaN and infinite voxels.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, is not 3-D, or holds values that are not finite.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; check the folder and the spelling")
    if path.is_dir():
        voxels, affine, found = _read_dicom(path)
    else:
        voxels, affine = _read_nifti(path, index)
        found = modality_of(path)
    if not np.isfinite(voxels).all():
        if fill_nan is None:
            raise ValueError(
                f"{path.name} holds {int((~np.isfinite(voxels)).sum())} voxels that are NaN or "
                f"infinite; pass fill_nan=0 to replace them, or repair the file"
            )
        voxels = np.where(np.isfinite(voxels), voxels, np.float32(fill_nan))
    volume = Volume(voxels, affine, modality or found, subject or subject_of(path), str(path))
    if min(volume.spacing_mm) <= 0 or not np.isfinite(affine).all():
        raise ValueError(f"{path.name} has no usable affine (spacing {volume.spacing_mm} mm)")
    return volume


def _read_nifti(path: Path, index: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Return canonical voxels (X, Y, Z) float32 and their affine."""
    import nibabel

    try:
        image = nibabel.load(path)
        if image.get_data_dtype().kind not in "biuf":
            raise ValueError(
                f"{path.name} holds colours or complex numbers; convert it to one number a voxel"
            )
        if image.ndim == 4:
            image = _time_point(path, image, index)
        canonical = nibabel.as_closest_canonical(image)
        voxels = np.asarray(canonical.dataobj, dtype=np.float32)
    except (nibabel.filebasedimages.ImageFileError, OSError, EOFError, zlib.error) as error:
        raise ValueError(
            f"{path.name} cannot be read as NIfTI ({error}); the file is damaged or cut short: "
            f"delete it and download or copy it again"
        ) from error
    if voxels.ndim != 3:
        raise ValueError(f"{path.name} has shape {image.shape}; a volume (X, Y, Z) is needed")
    return voxels, canonical.affine


def _time_point(
    path: Path, image: "nibabel.Nifti1Image", index: int | None
) -> "nibabel.Nifti1Image":
    """Pick one volume of a 4-D image."""
    import nibabel

    count = image.shape[3]
    if index is None and count > 1:
        raise ValueError(
            f"{path.name} has 4 dimensions {image.shape}; pick one time point with index=0 to "
            f"index={count - 1}"
        )
    if not -count <= (index or 0) < count:
        raise ValueError(f"{path.name} has {count} time points; index={index} is none of them")
    return nibabel.Nifti1Image(np.asanyarray(image.dataobj[..., index or 0]), image.affine)


def _read_dicom(folder: Path) -> tuple[np.ndarray, np.ndarray, str]:
    """Return canonical voxels (X, Y, Z) float32, their affine, and DICOM's name of the modality."""
    import nibabel

    from .dicom import read_series

    voxels, affine, modality = read_series(folder)
    canonical = nibabel.as_closest_canonical(nibabel.Nifti1Image(voxels, affine))
    return np.asarray(canonical.dataobj, np.float32), canonical.affine, modality
