"""Pictures of patients with one thing exchanged for the phantom's, to see what a detector fails by.

Every function takes and returns images (N, 64, 64) in [-1, 1].
"""

import numpy as np
from scipy import ndimage
from skimage.exposure import match_histograms

from medgan_utils.data import Slices

_DARK = 0.08
"""Grey value, of 0 to 1, above which a pixel is taken for the head's."""


def to_the_phantoms_median(images: np.ndarray, patients: np.ndarray, phantom: Slices) -> np.ndarray:
    """Scale a patient's slices so that the median of the head's pixels is the phantom's."""
    target = _median(phantom.images[..., 0])
    scaled = np.empty_like(images)
    for patient in np.unique(patients):
        mine = patients == patient
        grey = (images[mine] + 1) / 2
        scaled[mine] = np.clip(2 * grey * target / _median(images[mine]) - 1, -1, 1)
    return scaled


def to_the_phantoms_histogram(
    images: np.ndarray, patients: np.ndarray, phantom: Slices
) -> np.ndarray:
    """Give a patient's slices the phantom's histogram, keeping which pixel is brighter."""
    matched = np.empty_like(images)
    for patient in np.unique(patients):
        mine = patients == patient
        matched[mine] = match_histograms(images[mine], phantom.images[..., 0])
    return matched


def with_a_dark_scalp(images: np.ndarray) -> np.ndarray:
    """Make the outer three pixels (11 mm) of a head no brighter than half of its median."""
    dark = images.copy()
    for image in dark:
        body = ndimage.binary_fill_holes((image + 1) / 2 > _DARK)
        rim = body & ~ndimage.binary_erosion(body, iterations=3)
        image[rim] = np.minimum(image[rim], _median(image) - 1)
    return dark


def with_the_phantoms_tumours(
    images: np.ndarray, phantom: Slices, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Paint tumours of the phantom into slices of patients where they show none.

    A tumour keeps its shape and its brightness relative to the head's median.

    Args:
        images: (N, 64, 64) without a tumour.
        phantom: with masks.
        seed: which tumours.

    Returns:
        Images (2 N, 64, 64), as they were and painted; labels (2 N,).
    """
    ill = phantom.select((phantom.masks > 0).sum(axis=(1, 2)) >= 10)
    chosen = np.random.default_rng(seed).integers(len(ill), size=len(images))
    painted = images.copy()
    for image, index in zip(painted, chosen, strict=True):
        source = ill.images[index, ..., 0]
        inside = ndimage.gaussian_filter((ill.masks[index] > 0).astype(float), 0.5)
        inside *= ndimage.binary_fill_holes((image + 1) / 2 > _DARK)
        tumour = (source + 1) / _median(source) * _median(image) / 2
        grey = (1 - inside) * (image + 1) / 2 + inside * tumour
        image[:] = np.clip(2 * grey - 1, -1, 1)
    return np.concatenate([images, painted]), np.repeat([0, 1], len(images))


def with_blots(images: np.ndarray, masks: np.ndarray, seed: int) -> np.ndarray:
    """Paint every slice's tumour over with the grey value around it.

    A slice without a tumour is painted over where another's tumour is, so that all have a blot.

    Args:
        images: (N, 64, 64).
        masks: (N, 64, 64) boolean, empty where there is no tumour.
        seed: which of the others.

    Returns:
        Images (N, 64, 64).
    """
    ill = np.flatnonzero(masks.any(axis=(1, 2)))
    others = np.random.default_rng(seed).choice(ill, len(images))
    painted = images.copy()
    for index, image in enumerate(painted):
        tumour = masks[index if masks[index].any() else others[index]]
        blot = ndimage.binary_dilation(tumour, iterations=2)  # its rim is brighter than the brain
        head = ndimage.binary_fill_holes((image + 1) / 2 > _DARK)
        around = ndimage.binary_dilation(blot, iterations=2) & ~blot & head
        if around.any():
            image[blot & head] = np.median(image[around])
    return painted


def blurred(images: np.ndarray) -> np.ndarray:
    """Take away texture finer than about two pixels."""
    return ndimage.gaussian_filter(images, (0, 1, 1))


def same_levels(phantom: Slices, seed: int) -> Slices:
    """Keep as many slices without as with a tumour at every level, so that level tells nothing."""
    random, label = np.random.default_rng(seed), phantom.labels["lesion"]
    kept = []
    for level in np.unique(phantom.positions):
        here = phantom.positions == level
        groups = [np.flatnonzero(here & (label == value)) for value in (0, 1)]
        count = min(map(len, groups))
        kept += [random.permutation(group)[:count] for group in groups]
    return phantom.select(np.sort(np.concatenate(kept)))


def _median(images: np.ndarray) -> float:
    """Median grey value, of 0 to 1, of the pixels that are not air."""
    grey = (images + 1) / 2
    return float(np.median(grey[grey > _DARK]))
