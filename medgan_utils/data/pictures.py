"""Ready-made slices: grey PNG files."""

from pathlib import Path

import numpy as np

from .intensity import scale_percentiles


def read_picture(path: Path) -> np.ndarray:
    """Read a grey image.

    Args:
        path: PNG. Eight bits are taken as they are (0 black, 255 white), more are scaled by
            percentiles.

    Returns:
        (H, W) float32 in [-1, 1].

    Raises:
        ValueError: The file is damaged or shows colours.
    """
    pixels = _read_grey(path)
    if pixels.dtype == np.uint8:
        return pixels.astype(np.float32) / 127.5 - 1
    return scale_percentiles(pixels.astype(np.float32))


def read_picture_mask(path: Path) -> np.ndarray:
    """Read a label map (H, W) uint8; a mask of 0 and 255 becomes 0 and 1."""
    pixels = _read_grey(path)
    return (pixels > 0).astype(np.uint8) if set(np.unique(pixels)) <= {0, 255} else pixels


def fit_square(pixels: np.ndarray, image_size: int) -> np.ndarray:
    """Pad to a square with the darkest value, then resample.

    Args:
        pixels: (H, W); float is smoothed before it is made smaller, integer labels stay labels.
        image_size: Pixels along each side of the result.

    Returns:
        (image_size, image_size), same type.
    """
    from skimage.transform import resize

    spare = max(pixels.shape) - np.array(pixels.shape)
    margins = [(int(extra) // 2, int(extra) - int(extra) // 2) for extra in spare]
    square = np.pad(pixels, margins, constant_values=pixels.min())
    labels = np.issubdtype(pixels.dtype, np.integer)
    resized = resize(
        square,
        (image_size, image_size),
        order=0 if labels else 1,
        anti_aliasing=not labels and image_size < len(square),
        preserve_range=True,
    )
    return resized.astype(pixels.dtype)


def _read_grey(path: Path) -> np.ndarray:
    """Return (H, W), refusing what is not grey."""
    from skimage.io import imread

    try:
        pixels = np.asarray(imread(path))
        pixels = pixels.astype(np.uint8) * 255 if pixels.dtype == bool else pixels
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(
            f"{path.name} cannot be read as PNG ({error}); the file is damaged: copy it again"
        ) from error
    if pixels.ndim == 3:
        colours = pixels[..., : 3 if pixels.shape[2] > 2 else 1]
        if (colours != colours[..., :1]).any():
            raise ValueError(
                f"{path.name} is a colour image {pixels.shape}; scans are grey: convert it, or "
                f"leave overlays and screenshots out with glob="
            )
        pixels = colours[..., 0]
    return pixels
