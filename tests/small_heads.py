"""Small volumes with known geometry, written to disk as the readers expect them."""

from pathlib import Path

import nibabel
import numpy as np

HALF_AXES_MM = (70.0, 90.0, 100.0)  # of the ellipsoid: right, front, up


def head(
    spacing_mm: tuple[float, float, float] = (4.0, 4.0, 4.0),
    centre_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> nibabel.Nifti1Image:
    """An ellipsoid of 500 with a brighter right half (700) and a nose in front, 0 around."""
    axes = [np.arange(-116, 117, step) for step in spacing_mm]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    x, y, z = x - centre_mm[0], y - centre_mm[1], z - centre_mm[2]
    a, b, c = HALF_AXES_MM
    inside = (x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2 <= 1
    nose = (abs(x) < 10) & (y > 80) & (y < 106) & (abs(z) < 20)
    voxels = np.where(inside, np.where(x > 0, 700, 500), np.where(nose, 600, 0))
    affine = np.diag([*spacing_mm, 1.0])
    affine[:3, 3] = -116
    return nibabel.Nifti1Image(voxels.astype(np.int16), affine)


def write(image: nibabel.Nifti1Image, path: Path, stored_as: str = "RAS") -> Path:
    """Write an image, its axes stored in another order, for example "PSR"."""
    start = nibabel.orientations.io_orientation(image.affine)
    end = nibabel.orientations.axcodes2ornt(stored_as)
    turned = image.as_reoriented(nibabel.orientations.ornt_transform(start, end))
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(turned, path)
    return path


def write_cohort(folder: Path, count: int) -> Path:
    """Write T1 heads named as in IXI, `count` of them, each a little elsewhere."""
    for number in range(1, count + 1):
        image = head(centre_mm=(0, 0, -4.0 * (number % 4)))
        write(image, folder / f"IXI{number:03d}-HH-{number}_T1.nii.gz", "PSR")
    return folder
