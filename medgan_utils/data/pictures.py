"""Ready-made slices: grey PNG and JPEG files."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .._files import one_line
from .intensity import scale_percentiles
from .nifti import FEW
from .volumes import sharp_labels

if TYPE_CHECKING:
    from PIL import Image

_COLOUR = 12
"""By how much of 255 the channels of a grey picture may differ: JPEG does not keep them equal."""
_HEADER = 300
"""So many bytes has a PNG beside its pixels, at most."""
_ORIENTATION = 0x0112
"""EXIF's number of the tag that says how a picture is to be turned."""


def read_picture(path: Path, colours: bool = False) -> np.ndarray:
    """Read a grey image as a viewer shows it.

    Args:
        path: PNG, JPEG or what else Pillow reads, with or without palette and transparency (what
            is transparent becomes black). Eight bits are taken as they are (0 black, 255 white).
            More are scaled by percentiles, since scans of 12 bits fill a part of 16.
        colours: Take colours for grey, too; by default they are refused.

    Returns:
        (H, W) float32 in [-1, 1].

    Raises:
        ValueError: The file is damaged or shows colours.
    """
    image = _open(path)
    if image.mode.startswith(("I", "F")):
        return _scale(np.asarray(image).astype(np.float32))
    image = _on_black(image)
    if image.mode != "L" and not colours and _colourfulness(image) > _COLOUR:
        raise ValueError(
            f"{path} is a colour image {image.size}; scans are grey: convert it, or take overlays "
            f"and screenshots out of the folder"
        )
    return np.asarray(image.convert("L")).astype(np.float32) / 127.5 - 1


def read_picture_mask(path: Path) -> np.ndarray:
    """Read a label map; of a palette the numbers count, not the colours.

    Returns:
        (H, W), the smallest unsigned type that holds the labels.

    Raises:
        ValueError: The file is damaged, shows colours, or its labels are blurred.
    """
    image = _open(path)
    lossy = image.format == "JPEG"
    if image.mode not in ("1", "P") and not image.mode.startswith(("I", "F")):
        image = _on_black(image)
        if image.mode != "L" and _colourfulness(image) > 0:
            raise ValueError(
                f"{path} shows colours; a mask holds a number a pixel: save it as a grey PNG"
            )
        image = image.convert("L")
    values = np.asarray(image)
    if lossy and not set(np.unique(values)) <= {0, 255}:
        raise ValueError(
            f"{path} is a JPEG, which blurs labels into each other; save the mask as PNG"
        )
    return sharp_labels(values, path)


def few_grey_values(path: Path) -> int | None:
    """Count the values of a PNG that holds a few, in areas, as outlines do; None of others.

    Only files that shrank well are decoded.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            lossless = image.format != "JPEG" and image.mode[0] in "1PLI"
            if not lossless or path.stat().st_size > _HEADER + np.prod(image.size) / 20:
                return None
            count = len(np.unique(np.asarray(image)))
    except Exception:  # a damaged file is named when it is read
        return None
    return count if count <= FEW else None


def fit_square(pixels: np.ndarray, image_size: int) -> np.ndarray:
    """Pad to a square with the darkest value (labels with 0), then resample.

    Args:
        pixels: (H, W); float is smoothed before it is made smaller, integer labels stay labels.
        image_size: Pixels along each side of the result.

    Returns:
        (image_size, image_size), same type.
    """
    from skimage.transform import resize

    labels = np.issubdtype(pixels.dtype, np.integer)
    spare = max(pixels.shape) - np.array(pixels.shape)
    margins = [(int(extra) // 2, int(extra) - int(extra) // 2) for extra in spare]
    square = np.pad(pixels, margins, constant_values=0 if labels else pixels.min())
    resized = resize(
        square,
        (image_size, image_size),
        order=0 if labels else 1,
        anti_aliasing=not labels and image_size < len(square),
        preserve_range=True,
    )
    return resized.astype(pixels.dtype)


def _open(path: Path) -> "Image.Image":
    """Decode a picture and turn it as EXIF says."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            deep = any(";16" in str(tile[3]) for tile in image.tile) and image.mode[0] not in "IF"
            image.load()
            turn = image.getexif().get(_ORIENTATION, 1)
            upright = image if turn == 1 else ImageOps.exif_transpose(image)
            upright.format = image.format
    except Exception as error:  # each format, and each damage, has errors of its own
        raise ValueError(
            f"{path} cannot be read as a picture ({one_line(error).replace(str(path), path.name)})"
            f"; the file is damaged: copy it again"
        ) from error
    if deep:
        raise ValueError(
            f"{path} has 16 bits a channel and colours or transparency, of which 8 would be lost; "
            f"save it as grey of 16 or 8 bits"
        )
    if turn != 1:
        warnings.warn(
            f"{path}: EXIF says that it is to be turned (orientation {turn}), so it is; look "
            f"whether it stands as the others do",
            stacklevel=3,
        )
    return upright


def _on_black(image: "Image.Image") -> "Image.Image":
    """Return the picture as grey ("L") or colours ("RGB"), what is transparent in black."""
    from PIL import Image

    if image.mode in ("P", "PA") or "A" in image.mode or "transparency" in image.info:
        image = image.convert("RGBA")
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        black.alpha_composite(image)
        image = black
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _colourfulness(image: "Image.Image") -> int:
    """Return the largest difference between the channels of a pixel, 0 to 255."""
    channels = np.asarray(image).astype(np.int16)
    return int((channels.max(axis=-1) - channels.min(axis=-1)).max())


def _scale(pixels: np.ndarray) -> np.ndarray:
    """Scale deep grey levels to [-1, 1]; of a picture that is nearly black, all of its range."""
    if pixels.min() == pixels.max():
        return np.full(pixels.shape, -1, np.float32)
    few = np.percentile(pixels, 1) == np.percentile(pixels, 99.5)
    return scale_percentiles(pixels, percentiles=(0, 100) if few else (1, 99.5))
