"""From measured values to [-1, 1]: percentiles for MR, one named window for CT."""

import numpy as np


def scale_percentiles(
    voxels: np.ndarray,
    inside: np.ndarray | None = None,
    percentiles: tuple[float, float] = (1.0, 99.5),
) -> np.ndarray:
    """Scale arbitrary units to [-1, 1] between two percentiles, and clip what lies outside.

    MR has no absolute unit, so the scale is found anew for each volume. The lower end is taken
    from all voxels (air is black), the upper end from the body only, so that it does not depend
    on how much air lies around the head.

    Args:
        voxels: Any shape, any unit.
        inside: True within the body, same shape; by default everything.
        percentiles: Lower (of all voxels) and upper (of the body) end.

    Returns:
        float32 in [-1, 1], same shape.

    Raises:
        ValueError: The image is constant.
    """
    low = np.percentile(voxels, percentiles[0])
    high = np.percentile(voxels if inside is None else voxels[inside], percentiles[1])
    if not high > low:
        raise ValueError(f"the image is constant (all values about {low:g}): nothing to scale")
    return _between(voxels, low, high)


def window_hu(voxels: np.ndarray, window: tuple[float, float] = (-160.0, 240.0)) -> np.ndarray:
    """Map a window of Hounsfield units to [-1, 1] and clip what lies outside.

    Args:
        voxels: HU, any shape.
        window: Lower and upper end in HU. The default shows the soft tissues of the abdomen.

    Returns:
        float32 in [-1, 1], same shape.

    Raises:
        ValueError: The window is empty.
    """
    low, high = window
    if not high > low:
        raise ValueError(f"window {window} is empty; give (low, high) in HU with low < high")
    return _between(voxels, low, high)


def _between(voxels: np.ndarray, low: float, high: float) -> np.ndarray:
    """Map low to -1 and high to 1 and clip (`skimage.exposure.rescale_intensity` rounds twice)."""
    return np.clip((voxels - low) * (2 / (high - low)) - 1, -1, 1).astype(np.float32)
