"""What scores take: images in [-1, 1], masks of whole numbers, labels of two classes."""

import numpy as np

MANY = 4  # images, of which some pixel is below 0: fewer may be bright all over
NEAR_BLACK = 0.05  # what images in [0, 1] begin with, and those of a young network hardly ever


def check_range(images: np.ndarray) -> None:
    """Refuse images (N, ...) that lie beyond [-1, 1], or several that begin at 0.

    Raises:
        ValueError: They are scaled otherwise; scores of them would mean nothing.
    """
    low, high = float(np.min(images)), float(np.max(images))
    said = f"images range from {low:.3g} to {high:.3g}"
    if not (low >= -1.001 and high <= 1.001):  # NaN fits nothing
        raise ValueError(f"{said}; scale them to [-1, 1]")
    if len(images) >= MANY and 0 <= low < min(high, NEAR_BLACK):
        raise ValueError(f"{said}, and black is -1: pass 2 * images - 1 if yours are in [0, 1]")


def as_mask(values: np.ndarray, name: str) -> np.ndarray:
    """Return where the finding is; refuse what is not 0 elsewhere, such as -1 or a logit."""
    values = np.asarray(values)
    codes = values.dtype.kind in "bu"
    if not codes and values.dtype.kind in "if":
        codes = ((values >= 0) & (values == np.floor(values))).all()  # NaN is neither
    if not codes:
        raise ValueError(
            f"{name} is {values.dtype} and not only whole numbers from 0 on, as a mask is; "
            f"logits: pass found > 0; finding_channels: pass channels > 0"
        )
    return values.astype(bool)


def to_unit(images: np.ndarray) -> np.ndarray:
    """Map images from [-1, 1] to [0, 1].

    Args:
        images: Images `(N, H, W, C)` in [-1, 1].

    Returns:
        Float64 images in [0, 1].

    Raises:
        ValueError: If the shape or the range is another.
    """
    images = np.asarray(images, np.float64)
    if images.ndim != 4:
        raise ValueError(f"images have shape {images.shape}; give (N, H, W, C)")
    check_range(images)
    return (images + 1) / 2


def of_two_classes(labels: np.ndarray, count: int, what: str = "images") -> np.ndarray:
    """Return labels `(count,)`, all of them 0 or 1.

    Raises:
        ValueError: There is another label, or not one for each of `what`.
    """
    labels = np.asarray(labels).ravel()
    if len(labels) != count:
        raise ValueError(f"{count} {what} but {len(labels)} labels; give one label each")
    if others := sorted(set(np.unique(labels).tolist()) - {0, 1}):
        raise ValueError(f"labels hold {others}; 1 for a finding and 0 for none are needed")
    return labels
