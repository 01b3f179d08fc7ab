"""Numbers that describe images one by one or in pairs; none of them compares distributions."""

from collections.abc import Mapping

import numpy as np

from .inputs import as_mask, check_range, to_unit

PAIRS = 500  # of `diversity`


def _channels(images: np.ndarray) -> list[np.ndarray]:
    """Return each channel in [0, 1], (N, H, W): their mean would be less noisy than any of them."""
    return list(np.moveaxis(to_unit(images), -1, 0))


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
        Standard deviations `(N,)` on the scale [0, 1], the mean over the channels.

    Source: Immerkær 1996, doi:10.1006/cviu.1996.0060.
    """
    return np.mean([_noise(grey) for grey in _channels(images)], axis=0)


def _noise(grey: np.ndarray) -> np.ndarray:
    from scipy.ndimage import convolve

    kernel = np.array([[[1, -2, 1], [-2, 4, -2], [1, -2, 1]]], np.float64)
    filtered = convolve(grey, kernel)[:, 1:-1, 1:-1]
    return np.sqrt(np.pi / 2) / 6 * np.abs(filtered).mean(axis=(1, 2))


def contrast(images: np.ndarray, masks: np.ndarray | None = None) -> np.ndarray:
    """Measure RMS contrast: the standard deviation of intensity inside the mask.

    Args:
        images: Images `(N, H, W, C)` in [-1, 1].
        masks: Masks `(N, H, W)`; Otsu's foreground if None.

    Returns:
        Contrast `(N,)` on the scale [0, 1], the mean over the channels.

    Source: Peli 1990, doi:10.1364/JOSAA.7.002032.
    """
    channels = _channels(images)
    masks = foreground_masks(images) if masks is None else _masks_of(channels[0], masks)
    spreads = [
        [_spread(image[mask]) for image, mask in zip(grey, masks, strict=True)] for grey in channels
    ]
    return np.mean(spreads, axis=0)


def snr(images: np.ndarray, masks: np.ndarray | None = None) -> np.ndarray:
    """Measure signal-to-noise: mean intensity inside the mask over the noise's deviation.

    Args:
        images: Images `(N, H, W, C)` in [-1, 1].
        masks: Masks `(N, H, W)`; Otsu's foreground if None.

    Returns:
        Ratios `(N,)`, the mean over the channels; NaN where a mask is empty.
    """
    masks = foreground_masks(images) if masks is None else masks
    ratios = [_inside(grey, masks) / np.maximum(_noise(grey), 1e-6) for grey in _channels(images)]
    return np.mean(ratios, axis=0)


def cnr(images: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Measure contrast-to-noise between two regions, for example a lesion and its surroundings.

    Args:
        images: Images `(N, H, W, C)` in [-1, 1].
        first: Masks of the first region `(N, H, W)`.
        second: Masks of the second region `(N, H, W)`.

    Returns:
        Absolute ratios `(N,)`, the mean over the channels; NaN where a mask is empty.
    """
    ratios = [
        np.abs(_inside(grey, first) - _inside(grey, second)) / np.maximum(_noise(grey), 1e-6)
        for grey in _channels(images)
    ]
    return np.mean(ratios, axis=0)


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
        images: Images (N, H, W, C) in [-1, 1].
        labels: A label for each, (N,). A label of one image alone says nothing and is left out.

    Raises:
        ValueError: No label has two images, there are not as many labels as images, or the range
            is another.
    """
    images, labels = np.asarray(images), np.asarray(labels).ravel()
    check_range(images)
    if len(labels) != len(images):
        raise ValueError(f"{len(images)} images but {len(labels)} labels; give one label an image")
    names, counts = np.unique(labels, return_counts=True)
    several = names[counts > 1]
    if not len(several):
        raise ValueError("no label has two images: there is no spread within a label")
    return float(np.mean([images[labels == one].std(axis=0).mean() for one in several]))


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


def _spread(values: np.ndarray) -> float:
    return float(values.std()) if values.size else float("nan")
