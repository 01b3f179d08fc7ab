"""A volume in memory, and how it gets there from NIfTI or DICOM."""

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .files import subject_of


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
    modality: str = "T1",
    subject: str | None = None,
    index: int | None = None,
    fill_nan: float | None = None,
) -> Volume:
    """Read a NIfTI file, or a folder that holds one DICOM series, into canonical RAS.

    Args:
        path: A `.nii` or `.nii.gz` file, or a folder of DICOM files.
        modality: What was measured; "CT" is kept in HU and windowed later.
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
        from .dicom import read_series

        voxels, affine = read_series(path)
    else:
        voxels, affine = _read_nifti(path, index)
    if not np.isfinite(voxels).all():
        if fill_nan is None:
            raise ValueError(
                f"{path.name} holds {int((~np.isfinite(voxels)).sum())} voxels that are NaN or "
                f"infinite; pass fill_nan=0 to replace them, or repair the file"
            )
        voxels = np.where(np.isfinite(voxels), voxels, np.float32(fill_nan))
    return Volume(voxels, affine, modality, subject or subject_of(path), str(path))


def _read_nifti(path: Path, index: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Return canonical voxels (X, Y, Z) float32 and their affine."""
    import nibabel

    try:
        image = nibabel.load(path)
        if image.ndim == 4 and index is not None:
            image = image.slicer[..., index : index + 1 or None]
        elif image.ndim == 4 and image.shape[3] > 1:
            raise ValueError(
                f"{path.name} has 4 dimensions {image.shape}; pick one time point with index=0 "
                f"to index={image.shape[3] - 1}"
            )
        canonical = nibabel.as_closest_canonical(image)
        voxels = np.asarray(canonical.dataobj, dtype=np.float32)
    except (nibabel.filebasedimages.ImageFileError, OSError, EOFError, zlib.error) as error:
        raise ValueError(
            f"{path.name} cannot be read as NIfTI ({error}); the file is damaged or cut short: "
            f"delete it and download or copy it again"
        ) from error
    voxels = voxels[..., 0] if voxels.ndim == 4 else voxels
    if voxels.ndim != 3:
        raise ValueError(f"{path.name} has shape {image.shape}; a volume (X, Y, Z) is needed")
    return voxels, canonical.affine
