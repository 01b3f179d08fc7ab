"""From arrays to PNG bytes: the picture half of every grid, callback and widget."""

import io
import math
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Colours of Okabe and Ito (2008), which colour-blind readers tell apart."""
MARK = PALETTE[4]  # drawn over images: outlines, cross-hairs
CLASS_COLOURS = {
    "lesion": PALETTE[4],
    "tumour": PALETTE[4],
    "core": PALETTE[4],
    "ring": PALETTE[5],
    "oedema": PALETTE[3],
    "non-enhancing tumour": PALETTE[2],
    "liver": PALETTE[5],
}
"""One colour a class, the same in every figure; a name that is not here gets one by its number."""
OUTLINES = (PALETTE[4], PALETTE[5], PALETTE[3], PALETTE[2], PALETTE[1], PALETTE[0])
GAP = 2  # white pixels between the images of a mosaic


def as_images(images: np.ndarray) -> np.ndarray:
    """Check and unify a batch of images.

    Args:
        images: `(N, H, W)`, `(N, H, W, 1)` or `(N, H, W, 3)`, any float or integer type
            (a tensor will do).

    Returns:
        float32 `(N, H, W)` for grey images, `(N, H, W, 3)` for colour.

    Raises:
        ValueError: The array is empty or has another shape; one image `(H, W, 1 or 3)` has, too.
    """
    images = given = np.asarray(images, dtype=np.float32)
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    grey = images.ndim == 3 and (given.ndim == 4 or given.shape[-1] not in (1, 3))
    colour = images.ndim == 4 and images.shape[-1] == 3
    if not (grey or colour) or images.size == 0:
        raise ValueError(
            f"expected images (N, H, W), (N, H, W, 1) or (N, H, W, 3), got shape {given.shape}; "
            "for one image pass image[None], for other channel counts pick one with images[..., k]"
        )
    return images


def to_uint8(image: np.ndarray, vmin: float = -1.0, vmax: float = 1.0) -> np.ndarray:
    """Map `[vmin, vmax]` to 0–255, clipped; what is not finite becomes 0 (black).

    Args:
        image: Any shape; MR and generated images are in `[-1, 1]`, CT may be in HU.
        vmin: The value shown black.
        vmax: The value shown white; greater than `vmin`.

    Returns:
        uint8, same shape.
    """
    if not vmin < vmax:
        raise ValueError(f"vmin must be below vmax, got vmin={vmin} and vmax={vmax}")
    grey = (np.asarray(image, dtype=np.float32) - vmin) * (255.0 / (vmax - vmin))
    grey = np.nan_to_num(grey, nan=0.0, posinf=0.0, neginf=0.0)
    return np.rint(np.clip(grey, 0.0, 255.0)).astype(np.uint8)


def mosaic(images: np.ndarray, columns: int = 8) -> np.ndarray:
    """Lay grey or colour uint8 images `(N, H, W[, 3])` out in rows, on white.

    Returns:
        uint8 `(rows * (H + gap) - gap, columns * (W + gap) - gap[, 3])`.
    """
    count, height, width = images.shape[:3]
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    shape = (rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, *images.shape[3:])
    page = np.full(shape, 255, dtype=np.uint8)
    for index, image in enumerate(images):
        top, left = index // columns * (height + GAP), index % columns * (width + GAP)
        page[top : top + height, left : left + width] = image
    return page


def png(picture: np.ndarray | Image.Image, about: str = "") -> bytes:
    """Encode a uint8 array `(H, W[, 3])` or a PIL image as PNG, fast rather than small.

    Its text says that we drew it, so that nobody reads it as a scan, and `about` what it shows.
    """
    if not isinstance(picture, Image.Image):
        picture = Image.fromarray(picture)
    buffer, text = io.BytesIO(), PngInfo()
    text.add_text("Software", "medgan_utils")
    if about:
        text.add_text("Description", about)
    picture.save(buffer, format="PNG", compress_level=1, pnginfo=text)
    return buffer.getvalue()


def refuse_other_picture(path: Path) -> None:
    """Refuse to draw over a file that this package did not draw: it may be someone's scan.

    Raises:
        FileExistsError: There is such a file.
    """
    if not path.exists():
        return
    try:
        with Image.open(path) as there:
            if there.info.get("Software") == "medgan_utils":
                return
    except (OSError, ValueError):  # no picture at all
        pass
    raise FileExistsError(f"{path} is there already and not drawn by us; name a new file")


def enlarge(image: np.ndarray, size: int) -> Image.Image:
    """Scale one image `(H, W[, 1 or 3])` in [-1, 1] to `size` screen pixels on its longer side."""
    (pixels,) = to_uint8(as_images(np.asarray(image)[None]))
    factor = size / max(pixels.shape[:2])
    height, width = (max(1, round(length * factor)) for length in pixels.shape[:2])
    return Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR)
