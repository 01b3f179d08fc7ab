"""Numbers that describe images one by one or in pairs; none of them compares distributions."""

from collections.abc import Mapping

import numpy as np

PAIRS = 500  # of `diversity`
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


def foreground_masks(images: np.ndarray) -> np.ndarray:
    """Find the bright part of each image by Otsu's threshold.

    Args:
        images: Images `(N, H, W, C)` in [-1, 1].

    Returns:
        Boolean masks `(N, H, W)`.

    Source: Otsu 1979, doi:10.1109/TSMC.1979.4310076.
    """
    from skimage.filters import threshold_otsu

    grey = to_unit(images).mean(axis=-1)
    return np.stack([image > threshold_otsu(image) for image in grey])


def noise_sigma(images: np.ndarray) -> np.ndarray:
    """Estimate the standard deviation of the noise in each image, without a mask.

    A difference of two Laplacians cancels smooth structure; fine texture counts as noise, so
    read it as an upper bound.

    Args:
        images: Images `(N, H, W, C)` in [-1, 1].

    Returns:
        Standard deviations `(N,)` on the scale [0, 1].

    Source: Immerkær 1996, doi:10.1006/cviu.1996.0060.
    """
    from scipy.ndimage import convolve

    grey = to_unit(images).mean(axis=-1)
    kernel = np.array([[[1, -2, 1], [-2, 4, -2], [1, -2, 1]]], np.float64)
    filtered = convolve(grey, kernel)[:, 1:-1, 1:-1]
    return np.sqrt(np.pi / 2) / 6 * np.abs(filtered).mean(axis=(1, 2))


def contrast(images: np.ndarray, masks: np.ndarray | None = None) -> np.ndarray:
    """Measure RMS contrast: the standard deviation of intensity inside the mask.

    Args:
        images: Images `(N, H, W, C)` in [-1, 1].
        masks: Masks `(N, H, W)`; Otsu's foreground if None.

    Returns:
        Contrast `(N,)` on the scale [0, 1].

    Source: Peli 1990, doi:10.1364/JOSAA.7.002032.
    """
    grey = to_unit(images).mean(axis=-1)
    masks = foreground_masks(images) if masks is None else _masks_of(grey, masks)
    return np.array([_spread(image[mask]) for image, mask in zip(grey, masks, strict=True)])


def snr(images: np.ndarray, masks: np.ndarray | None = None) -> np.ndarray:
    """Measure signal-to-noise: mean intensity inside the mask over the noise's deviation.

    Args:
        images: Images `(N, H, W, C)` in [-1, 1].
        masks: Masks `(N, H, W)`; Otsu's foreground if None.

    Returns:
        Ratios `(N,)`; NaN where a mask is empty.
    """
    masks = foreground_masks(images) if masks is None else masks
    return _means(images, masks) / np.maximum(noise_sigma(images), 1e-6)


def cnr(images: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Measure contrast-to-noise between two regions, for example a lesion and its surroundings.

    Args:
        images: Images `(N, H, W, C)` in [-1, 1].
        first: Masks of the first region `(N, H, W)`.
        second: Masks of the second region `(N, H, W)`.

    Returns:
        Absolute ratios `(N,)`; NaN where a mask is empty.
    """
    difference = np.abs(_means(images, first) - _means(images, second))
    return difference / np.maximum(noise_sigma(images), 1e-6)


def tissue_masks(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Part each image's foreground into its darker and brighter tissue by Otsu's threshold.

    In a T1-weighted head these are roughly grey matter against white matter and fat.

    Args:
        images: Images `(N, H, W, C)` in [-1, 1].

    Returns:
        Boolean masks of the darker and of the brighter tissue, each `(N, H, W)`.
    """
    from skimage.filters import threshold_otsu

    masks = foreground_masks(images)
    grey = to_unit(images).mean(axis=-1)
    bright = np.zeros_like(masks)
    for index, (image, mask) in enumerate(zip(grey, masks, strict=True)):
        if mask.any() and np.ptp(image[mask]) > 0:
            bright[index] = mask & (image > threshold_otsu(image[mask]))
    return masks & ~bright, bright


def psnr(images: np.ndarray, references: np.ndarray, masks: np.ndarray | None = None) -> np.ndarray:
    """Measure peak signal-to-noise against paired references.

    Args:
        images: Images `(N, H, W, C)` in [-1, 1].
        references: What they should have been, same shape and range.
        masks: Where to look, `(N, H, W)` bool; everywhere if None. Air is easy: it lifts the
            number of a picture by what nobody looks at.

    Returns:
        Decibels `(N,)`; infinite for equal images, NaN where a mask is empty.
    """
    _check_pairs(images, references)
    squares = (to_unit(references) - to_unit(images)) ** 2
    with np.errstate(divide="ignore"):
        return -10 * np.log10(_inside(squares.mean(axis=-1), masks))


def _check_pairs(images: np.ndarray, references: np.ndarray) -> None:
    """Refuse pairs of different shapes: NumPy would repeat one side."""
    if np.shape(images) != np.shape(references):
        raise ValueError(
            f"images {np.shape(images)} and references {np.shape(references)} are no pairs"
        )


def ssim(images: np.ndarray, references: np.ndarray, masks: np.ndarray | None = None) -> np.ndarray:
    """Measure structural similarity against paired references.

    Args:
        images: Images `(N, H, W, C)` in [-1, 1].
        references: What they should have been, same shape and range.
        masks: Where the map of similarities is averaged, `(N, H, W)` bool; if None over all that
            is not within a filter's radius of the edge.

    Returns:
        SSIM `(N,)`, 1 for equal images; NaN where a mask is empty.

    Source: Wang et al. 2004, doi:10.1109/TIP.2003.819861. (Covariances are those of samples, as
    scikit-image takes them; the paper's differ in the sixth digit.)
    """
    from skimage.metrics import structural_similarity

    _check_pairs(images, references)
    options = dict(data_range=1, channel_axis=-1, gaussian_weights=True)
    pairs = zip(to_unit(images), to_unit(references), strict=True)
    if masks is None:
        return np.array([structural_similarity(a, b, **options) for a, b in pairs])
    maps = [structural_similarity(a, b, full=True, **options)[1].mean(axis=-1) for a, b in pairs]
    return _inside(np.stack(maps), masks)


def ms_ssim(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Measure multi-scale structural similarity of pairs, with as many scales as fit.

    TensorFlow's five default scales need 161 pixels; 64 pixels take three (weights renormalised).

    Args:
        images: Images `(N, H, W, C)` in [-1, 1].
        others: Their partners, same shape and range.

    Returns:
        MS-SSIM `(N,)`, 1 for equal images.

    Raises:
        ValueError: If the images are smaller than the 11-pixel filter, or of other shapes.

    Source: Wang et al. 2003, doi:10.1109/ACSSC.2003.1292216.
    """
    import tensorflow as tf

    _check_pairs(images, others)
    smallest = min(np.shape(images)[1:3])
    if smallest < 11:
        raise ValueError(f"images are {smallest} pixels wide; MS-SSIM needs at least 11")
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
    weights = weights[: min(5, int(np.log2((smallest - 1) / 10)) + 1)]
    first, second = (tf.constant(to_unit(x), tf.float32) for x in (images, others))
    scores = tf.image.ssim_multiscale(first, second, 1.0, tuple(weights / weights.sum()))
    return scores.numpy()


def spread_within(images: np.ndarray, labels: np.ndarray) -> float:
    """Return the standard deviation of a pixel within one label, averaged: 0 if z changes nothing.

    Args:
        images: Images (N, H, W, C).
        labels: A label for each, (N,).
    """
    labels = np.asarray(labels).ravel()
    return float(np.mean([images[labels == one].std(axis=0).mean() for one in np.unique(labels)]))


def diversity(images: np.ndarray) -> float:
    """Return the mean MS-SSIM between random pairs of samples: lower is more diverse.

    Compare it with the same number of real images; noise lowers it too.

    Args:
        images: At least two images `(N, H, W, C)` in [-1, 1].

    Returns:
        Mean MS-SSIM.

    Raises:
        ValueError: There are fewer than two images.

    Source: Odena et al. 2017 (AC-GAN), arXiv:1610.09585.
    """
    if len(images) < 2:
        raise ValueError(f"diversity compares images with each other; {len(images)} is too few")
    random = np.random.default_rng(0)
    first = random.integers(len(images), size=PAIRS)
    second = (first + random.integers(1, len(images), size=PAIRS)) % len(images)
    return float(ms_ssim(images[first], images[second]).mean())


def describe(images: np.ndarray) -> Mapping[str, float]:
    """Summarise what single images look like; medians over the images.

    Args:
        images: Images `(N, H, W, C)` in [-1, 1].

    Returns:
        Contrast, noise, SNR, CNR of the two tissues of `tissue_masks`, and MS-SSIM between
        samples.
    """
    dark, bright = tissue_masks(images)
    return {
        "contrast": float(np.nanmedian(contrast(images, dark | bright))),
        "noise": float(np.median(noise_sigma(images))),
        "SNR": float(np.nanmedian(snr(images, dark | bright))),
        "CNR": float(np.nanmedian(cnr(images, dark, bright))),
        "MS-SSIM between samples": diversity(images),
    }


def _inside(values: np.ndarray, masks: np.ndarray | None) -> np.ndarray:
    """Average maps (N, H, W), each inside its mask."""
    if masks is None:
        return values.mean(axis=(1, 2))
    masks = _masks_of(values, masks)
    sizes = masks.sum(axis=(1, 2))
    totals = (values * masks).sum(axis=(1, 2))
    return np.where(sizes > 0, totals / np.maximum(sizes, 1), np.nan)


def _masks_of(values: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Return the masks of maps (N, H, W) as booleans of their shape, or refuse them."""
    masks = as_mask(masks, "masks")
    if masks.shape != values.shape:
        raise ValueError(f"masks have shape {masks.shape}; {values.shape} is needed: (N, H, W)")
    return masks


def _means(images: np.ndarray, masks: np.ndarray) -> np.ndarray:
    return _inside(to_unit(images).mean(axis=-1), masks)


def _spread(values: np.ndarray) -> float:
    return float(values.std()) if values.size else float("nan")
