"""Reading one abdominal CT with its liver mask, and finding out when its header is wrong.

What is known to go wrong: affines that are the identity (LiTS 28 to 47: neither spacing nor
orientation is known), masks whose affine is not their image's though the voxels are, mirrored
volumes, and HU without the rescale slope or offset. What can be told from the image is repaired,
the rest is an error.
"""

from __future__ import annotations

import warnings

import nibabel
import numpy as np

from ..nifti import is_identity, read_nifti
from ..volumes import Volume, check_shapes, whole_labels, without_nan
from .item import Item

LIVER_RANGE_HU = (-50.0, 250.0)
ASSUMED_SPACING_MM = (0.72, 0.72, 1.6)
"""For volumes that do not say: a usual field of view of 370 mm, and slices of usual thickness."""

_MARGIN_MM = 15.0


def read_liver_ct(item: Item) -> tuple[Volume, Volume]:
    """Read an abdominal CT and its liver mask, cut to the liver and 15 mm above and below it.

    Args:
        item: With the mask; 0 is none, 1 liver, 2 tumour.

    Returns:
        Both in canonical RAS on one grid.

    Raises:
        ValueError: A file is damaged, the grids differ, the mask is empty or holds other labels,
            the liver lies on the patient's left, or its median HU is impossible.
    """
    image, mask = read_nifti(item.path, item.index), read_nifti(item.mask, labels=True)
    check_shapes(item.path, image.shape, item.mask, mask.shape)
    voxels, labels, affine = _canonical(item, image, mask)
    _check_labels(item, labels)
    if is_identity(image.affine):
        voxels, labels, affine = _turned_by_content(item, voxels, labels)
    _check_liver(item, voxels, labels, affine)
    filled = np.flatnonzero((labels > 0).any(axis=(0, 1)))
    margin = int(np.ceil(_MARGIN_MM / np.linalg.norm(affine[:3, 2])))
    start = max(int(filled[0]) - margin, 0)
    part = slice(start, int(filled[-1]) + margin + 1)
    affine = affine.copy()
    affine[:3, 3] += start * affine[:3, 2]
    about = (affine, "CT", item.subject)
    return (
        Volume(np.ascontiguousarray(voxels[:, :, part]), *about, str(item.path)),
        Volume(labels[:, :, part].astype(np.float32), *about, str(item.mask)),
    )


def _canonical(
    item: Item, image: nibabel.Nifti1Image, mask: nibabel.Nifti1Image
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return voxels, labels and affine in RAS.

    Where the affines differ, either the mask was stored in another order (its own affine is right)
    or its header is wrong (the voxels match). Liver is even, so the right one has the smaller
    spread of HU under the mask.
    """
    turned = nibabel.as_closest_canonical(image)
    voxels = without_nan(np.asarray(turned.dataobj), item.path, item.fill_nan)
    mask = nibabel.Nifti1Image(whole_labels(mask.dataobj, item.mask), mask.affine)
    readings = [mask, nibabel.Nifti1Image(mask.dataobj, image.affine)]
    readings = [np.asarray(nibabel.as_closest_canonical(m).dataobj) for m in readings]
    if np.allclose(mask.affine, image.affine, atol=1e-3) or np.array_equal(*readings):
        return voxels, readings[1], turned.affine
    fitting = [m for m in readings if m.shape == voxels.shape and (m > 0).any()] or readings[1:]
    middle = _middle(voxels > -300)[0]
    fitting = [m for m in fitting if _middle(m > 0)[0] > middle] or fitting
    spreads = [float(np.std(voxels[m > 0])) for m in fitting]
    labels = fitting[int(np.argmin(spreads))]
    warnings.warn(
        f"{item.mask.name}: its affine differs from its image's; it was read so that the liver "
        f"lies on the right and has the smaller spread of HU ({min(spreads):.0f})",
        stacklevel=2,
    )
    return voxels, labels, turned.affine


def _check_labels(item: Item, labels: np.ndarray) -> None:
    found = set(np.unique(labels).tolist())
    if not found <= {0, 1, 2} or found == {0}:
        raise ValueError(
            f"{item.mask.name} holds the labels {sorted(found)}; 0 none, 1 liver and 2 tumour "
            f"are needed"
        )


def _turned_by_content(
    item: Item, voxels: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Turn a volume with an identity affine by what it shows: liver, spine and lungs."""
    centre = _middle(voxels > -300)
    flips = [
        _middle(labels > 0)[0] < centre[0],
        _middle(voxels > 300)[1] > centre[1],
        _lungs_below(voxels, labels),
    ]
    turn = tuple(slice(None, None, -1 if flip else 1) for flip in flips)
    affine = np.diag([*ASSUMED_SPACING_MM, 1.0])
    affine[:3, 3] = -(np.array(voxels.shape) - 1) / 2 * ASSUMED_SPACING_MM
    warnings.warn(
        f"{item.path.name} has an identity affine, so its spacing is not known: "
        f"{ASSUMED_SPACING_MM} mm is assumed; leave such slices out with "
        f"labels['spacing_known'] == 1",
        stacklevel=2,
    )
    return voxels[turn], labels[turn], affine


def _middle(where: np.ndarray) -> np.ndarray:
    """Centre of mass, voxels; of nothing the centre of the array."""
    profiles = [where.sum(axis=others) + 1e-9 for others in ((1, 2), (0, 2), (0, 1))]
    return np.array([np.average(np.arange(len(p)), weights=p) for p in profiles])


def _lungs_below(voxels: np.ndarray, labels: np.ndarray) -> bool:
    """Whether there is more lung just below the liver (at smaller z) than just above it."""
    liver, lung = labels > 0, (voxels > -940) & (voxels < -600)
    steps = range(1, max(1, voxels.shape[2] // 20) + 1)
    above = sum(np.count_nonzero(lung[:, :, step:] & liver[:, :, :-step]) for step in steps)
    below = sum(np.count_nonzero(lung[:, :, :-step] & liver[:, :, step:]) for step in steps)
    return below > above


def _check_liver(item: Item, voxels: np.ndarray, labels: np.ndarray, affine: np.ndarray) -> None:
    """Refuse impossible HU and a liver on the wrong side."""
    median = float(np.median(voxels[labels > 0]))
    if not LIVER_RANGE_HU[0] <= median <= LIVER_RANGE_HU[1]:
        raise ValueError(
            f"{item.path.name}: the liver's median is {median:.0f}, outside {LIVER_RANGE_HU} HU: "
            f"rescale slope or offset? Stored values are often HU + 1024; write HU into the file"
        )
    liver, body = _middle(labels > 0)[0], _middle(voxels > -300)[0]
    if liver < body:
        raise ValueError(
            f"{item.path.name}: the liver lies on the patient's left; the volume is mirrored or "
            f"its affine is wrong: correct the header before you use it"
        )
