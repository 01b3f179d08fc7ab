"""Small abdominal CT volumes with known geometry, written as LiTS and the Decathlon write them."""

import nibabel
import numpy as np

SPACING_MM = (4.0, 4.0, 5.0)
AFFINE = np.diag([*SPACING_MM, 1.0])
AFFINE[:3, 3] = -100


def body(liver_hu: float = 100.0) -> tuple[np.ndarray, np.ndarray]:
    """HU and labels (64, 48, 40) in RAS: liver on the right, spine behind, lungs above."""
    x, y, z = np.meshgrid(*(np.arange(n) for n in (64, 48, 40)), indexing="ij")
    voxels = np.full(x.shape, -1000.0, np.float32)
    trunk = ((x - 32) / 28) ** 2 + ((y - 24) / 19) ** 2 < 1
    voxels[trunk] = 40
    inside = ((x - 32) / 24) ** 2 + ((y - 24) / 15) ** 2 < 1
    voxels[inside & (z > 32)] = -850
    voxels[(abs(x - 32) < 4) & (abs(y - 9) < 3)] = 500
    liver = ((x - 43) / 10) ** 2 + ((y - 28) / 9) ** 2 + ((z - 22) / 11) ** 2 < 1
    tumour = ((x - 45) ** 2 + (y - 26) ** 2 + (z - 20) ** 2) < 12
    voxels[liver] = liver_hu
    voxels[tumour] = liver_hu - 40
    labels = liver.astype(np.uint8)
    labels[tumour] = 2
    rng = np.random.default_rng(0)
    return voxels + rng.normal(0, 5, x.shape).astype(np.float32), labels


def write_case(
    folder,
    image_name: str,
    mask_name: str,
    liver_hu: float = 100.0,
    affine: np.ndarray = AFFINE,
    mask_affine: np.ndarray | None = None,
    order: tuple[int, int, int] = (1, 1, 1),
) -> None:
    """Write one case; `order` -1 stores an axis backwards without saying so in the affine."""
    voxels, labels = body(liver_hu)
    turn = tuple(slice(None, None, step) for step in order)
    for name, content, where in (
        (image_name, voxels.astype(np.int16), affine),
        (mask_name, labels, affine if mask_affine is None else mask_affine),
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(content[turn], where), path)
