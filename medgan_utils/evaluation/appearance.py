"""What a radiographer sees at a glance: is the air black, is grey apart from white, is it sharp?

Distances of features are blind to grain and to a missing cortical ribbon; these numbers are not.
"""

from collections.abc import Mapping

import numpy as np

from ..table import Table
from .evaluate import RealSet
from .inputs import to_unit
from .intervals import bootstrap_mean
from .quality import foreground_masks

CORNER = 8  # pixels along each side
NOTES = (
    "Grey values from 0 to 1. Air: standard deviation outside the body, and in the four corners of "
    "8 × 8 pixels. Grey–white contrast: for T1-weighted heads, difference of the two brighter of "
    "three classes deep inside the head. Fine power: power of the upper half of the spatial "
    "frequencies, 1 in the reference. Intervals (95 %) over subjects; each generated image counts "
    "as its own."
)


def air_deviation(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Measure how even the air is: where a scanner's image is black, a generator may speckle.

    Args:
        images: Images `(N, H, W, C)` in [-1, 1] with the body in the middle.

    Returns:
        Standard deviations `(N,)` on the scale [0, 1]: outside the body (filled, with a margin of a
        sixteenth of the width; NaN where nothing is left), and in the corners. Of several channels
        the mean.
    """
    from scipy import ndimage

    unit = to_unit(images)
    margin = max(1, unit.shape[1] // 16)
    outside = np.full(len(unit), np.nan)
    for index, mask in enumerate(foreground_masks(images)):
        body = ndimage.binary_dilation(ndimage.binary_fill_holes(mask), iterations=margin)
        if not body.all():
            outside[index] = unit[index][~body].std(axis=0).mean()
    ends = np.r_[:CORNER, -CORNER:0]
    return outside, unit[:, ends][:, :, ends].std(axis=(1, 2)).mean(axis=-1)


def grey_white_contrast(images: np.ndarray) -> np.ndarray:
    """Measure the contrast of grey and white matter in T1-weighted heads, without a mask.

    Otsu's thresholds part what lies deep inside the head (a tenth of the width below the skin, so
    without scalp and fat) into fluid, grey and white; white minus grey is the contrast.

    Args:
        images: Images `(N, H, W, C)` in [-1, 1].

    Returns:
        Differences `(N,)` on the scale [0, 1]; NaN where too little lies so deep.

    Source: Liao et al. 2001 (thresholds of several classes), J. Inf. Sci. Eng. 17:713-727.
    """
    from scipy import ndimage
    from skimage.filters import threshold_multiotsu

    grey = to_unit(images).mean(axis=-1)
    depth = max(1, grey.shape[1] // 10)
    contrasts = np.full(len(grey), np.nan)
    for index, mask in enumerate(foreground_masks(images)):
        inside = ndimage.binary_erosion(ndimage.binary_fill_holes(mask), iterations=depth)
        values = grey[index][inside]
        if len(np.unique(values)) < 16 or np.count_nonzero(np.histogram(values, 256)[0]) < 3:
            continue  # too little, or saturated: no three classes
        low, high = threshold_multiotsu(values, classes=3)
        bright, middle = values[values > high], values[(values > low) & (values <= high)]
        contrasts[index] = bright.mean() - middle.mean()
    return contrasts


def radial_spectrum(images: np.ndarray) -> np.ndarray:
    """Return the power of each spatial frequency, whatever its direction.

    Args:
        images: Square images `(N, H, H, C)` in [-1, 1].

    Returns:
        Mean power `(N, H // 2)` of the rings of 1, 2, … H // 2 cycles across the image.

    Raises:
        ValueError: The images are not square.
    """
    grey = to_unit(images).mean(axis=-1)
    side = grey.shape[1]
    if grey.shape[2] != side:
        raise ValueError(
            f"images of {grey.shape[1:]} pixels: square ones have rings of frequencies"
        )
    power = np.abs(np.fft.fft2(grey)) ** 2 / side**2
    cycles = np.fft.fftfreq(side) * side
    ring = np.rint(np.hypot(cycles[:, None], cycles)).astype(int).ravel()
    flat = power.reshape(len(power), -1)
    return np.stack([flat[:, ring == r].mean(axis=1) for r in range(1, side // 2 + 1)], axis=1)


def appearance_table(
    reference: RealSet, sets: Mapping[str, RealSet], repeats: int = 200, seed: int = 0
) -> Table:
    """Describe sets of images beside the real ones of the reference.

    Args:
        reference: Real images with their subjects: the first row, and 1 of the fine power.
        sets: Name -> images and their subjects (None: each image is its own).
        repeats: Bootstrap draws.
        seed: Seed of the draws.

    Returns:
        One row a set: means over its images with intervals.
    """
    power = radial_spectrum(reference.images)
    usual = power[:, power.shape[1] // 2 :].mean()
    rows = []
    for name, one in {"reference": reference, **sets}.items():
        outside, corners = air_deviation(one.images)
        spectrum = radial_spectrum(one.images)
        columns = {
            "air": outside,
            "corners": corners,
            "grey–white contrast": grey_white_contrast(one.images),
            "fine power": spectrum[:, spectrum.shape[1] // 2 :].mean(axis=1) / usual,
        }
        means = {
            column: bootstrap_mean(values, one.subjects, repeats, seed)
            for column, values in columns.items()
        }
        rows.append({"set": name} | means)
    return Table(rows, notes=NOTES)
