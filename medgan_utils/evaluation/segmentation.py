"""How well masks agree, subject by subject, and in which direction they err."""

from collections.abc import Sequence

import numpy as np

from ..table import Estimate
from .inputs import as_mask
from .intervals import bootstrap_mean, subject_codes


def dice_by_subject(
    truth: np.ndarray, found: np.ndarray, subjects: Sequence
) -> tuple[np.ndarray, np.ndarray]:
    """Return the Dice of each subject over all its slices together.

    A slice's own Dice is 0 or 1 where a mask is empty, and a mean over slices is ruled by those.

    Args:
        truth: Masks (N, H, W), true where the finding is: bool, or label maps, 0 elsewhere.
        found: Masks of the same shape.
        subjects: Subject of every slice, (N,).

    Returns:
        Dice in [0, 1], (subjects,), in the order of their sorted names; NaN for a subject without
        the finding (healthy), whose false alarms `false_area` counts. And the names.

    Raises:
        ValueError: The shapes differ, or a mask holds other than whole numbers from 0 on.
    """
    truth, found = _masks(truth, found)
    subject_codes(subjects, len(truth))
    names, codes = np.unique(np.asarray(subjects), return_inverse=True)
    overlap, sizes, there = (
        np.bincount(codes, per_slice, len(names))
        for per_slice in (
            (truth & found).sum((1, 2)),
            truth.sum((1, 2)) + found.sum((1, 2)),
            truth.sum((1, 2)),
        )
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(there > 0, 2 * overlap / sizes, np.nan), names


def mean_dice(
    truth: np.ndarray, found: np.ndarray, subjects: Sequence, repeats: int = 500, seed: int = 0
) -> Estimate:
    """Return the mean Dice of the subjects that have the finding, with an interval over them.

    Args:
        truth: Masks (N, H, W), as in `dice_by_subject`.
        found: Masks of the same shape.
        subjects: Subject of every slice, (N,).
        repeats: Draws of the bootstrap.
        seed: Of these draws.
    """
    return bootstrap_mean(dice_by_subject(truth, found, subjects)[0], None, repeats, seed)


def false_area(truth: np.ndarray, found: np.ndarray, subjects: Sequence) -> float:
    """Return the mean number of pixels a slice that are found in subjects without the finding.

    Args:
        truth: Masks (N, H, W).
        found: Masks of the same shape.
        subjects: Subject of every slice, (N,).

    Returns:
        The mean; NaN where nobody is without the finding.
    """
    truth, found = _masks(truth, found)
    codes = subject_codes(subjects, len(truth))
    ill = np.unique(codes[truth.any((1, 2))])
    healthy = found[~np.isin(codes, ill)]
    return float(healthy.sum((1, 2)).mean()) if len(healthy) else float("nan")


def annotation_bias(
    truth: np.ndarray,
    found: np.ndarray,
    subjects: Sequence,
    spacing_mm: float,
    small_mm2: float = 300.0,
    repeats: int = 500,
) -> dict[str, Estimate]:
    """Say in which direction masks err: size, border, place, and what is missed.

    Args:
        truth: Masks (N, H, W).
        found: Masks of the same shape.
        subjects: Subject of every slice, (N,).
        spacing_mm: Side of a pixel.
        small_mm2: Up to which area a piece counts as small: what hangs together in one slice, so
            the end of a large tumour is a small piece, too.
        repeats: Bootstrap draws of subjects.

    Returns:
        Means over the subjects with the finding, each with its interval over them: "area": found
        area / true area. "border (mm)": how far the found border lies outside of the true one,
        negative inside. "down (mm)" and "right (mm)": how far the centre lies off, on the image.
        "small found" and "large found": share of the pieces of which at least one pixel is found.

    Raises:
        ValueError: The shapes differ, or a mask holds other than whole numbers from 0 on.
    """
    from scipy.ndimage import label

    truth, found = _masks(truth, found)
    codes = subject_codes(subjects, len(truth))
    rows = []
    for code in np.unique(codes[truth.any((1, 2))]):
        mine, theirs = truth[codes == code], found[codes == code]
        row = {"area": theirs.sum() / mine.sum()} | _places(mine, theirs, spacing_mm)
        lesions = []
        for one, other in zip(mine, theirs, strict=True):
            marked, count = label(one)
            for index in range(1, count + 1):
                area = (marked == index).sum() * spacing_mm**2
                lesions.append((area <= small_mm2, other[marked == index].any()))
        for name, small in (("small found", True), ("large found", False)):
            hits = [hit for is_small, hit in lesions if is_small == small]
            row[name] = np.mean(hits) if hits else np.nan
        rows.append(row)
    if not rows:
        raise ValueError("no subject has the finding: nothing to compare (see `false_area`)")
    columns = {name: np.array([row[name] for row in rows], float) for name in rows[0]}
    return {name: bootstrap_mean(values, None, repeats) for name, values in columns.items()}


def _places(truth: np.ndarray, found: np.ndarray, spacing_mm: float) -> dict[str, float]:
    """Return border and centre of one subject's found masks against the true ones, in mm."""
    from scipy.ndimage import binary_erosion, center_of_mass, distance_transform_edt

    borders, shifts = [], []
    for one, other in zip(truth, found, strict=True):
        if not (one.any() and other.any()):
            continue
        one, other = np.pad(one, 1), np.pad(other, 1)  # a border is also where the image ends
        # Half a pixel: a border lies between pixels, their centres half a pixel from it.
        outside = distance_transform_edt(~one) - 0.5
        inside = 0.5 - distance_transform_edt(one)
        edge = other & ~binary_erosion(other)
        borders.append(np.where(one, inside, outside)[edge].mean() + 0.5)
        shifts.append(np.subtract(center_of_mass(other), center_of_mass(one)))
    if not borders:
        return dict.fromkeys(("border (mm)", "down (mm)", "right (mm)"), np.nan)
    down, right = np.mean(shifts, axis=0) * spacing_mm
    return {"border (mm)": np.mean(borders) * spacing_mm, "down (mm)": down, "right (mm)": right}


def _masks(truth: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    truth, found = as_mask(truth, "truth"), as_mask(found, "found")
    if truth.shape != found.shape or truth.ndim != 3:
        raise ValueError(f"masks {truth.shape} and {found.shape}: both must be (N, H, W)")
    return truth, found
