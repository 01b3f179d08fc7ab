"""Distances between the distribution of real images and that of generated ones.

All work on features `(N, d)` of some encoder. The Fréchet distance here is not the FID: that name
belongs to one Inception network trained on photographs, and its numbers cannot be compared.
"""

import contextlib
import io
import warnings

import numpy as np

NEIGHBOURS = 5
"""Which nearest neighbour sets the radius of a ball in `precision_recall`."""
LEVELS, PATCHES, PATCH_SIZE, PROJECTIONS = 3, 8, 7, 16
"""Of `laplacian_descriptors`: patches an image and level, their side in pixels, directions."""


def fd_gaussians(
    mean: np.ndarray, covariance: np.ndarray, other_mean: np.ndarray, other_covariance: np.ndarray
) -> float:
    """Return the squared Fréchet (2-Wasserstein) distance of two Gaussians.

    |m₁ − m₂|² + tr(C₁ + C₂ − 2 (C₁½ C₂ C₁½)½), by symmetric eigenvalues in float64.

    Args:
        mean: Mean of the first, `(d,)`.
        covariance: Covariance of the first, `(d, d)`.
        other_mean: Mean of the second, `(d,)`.
        other_covariance: Covariance of the second, `(d, d)`.

    Returns:
        The distance, at least 0, in squared units of the features.

    Source: Dowson and Landau 1982, doi:10.1016/0047-259X(82)90077-X.
    """
    values, vectors = np.linalg.eigh(np.asarray(covariance, np.float64))
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    middle = np.linalg.eigvalsh(root @ other_covariance @ root)
    trace = np.trace(covariance) + np.trace(other_covariance)
    shift = np.sum((np.asarray(mean, np.float64) - other_mean) ** 2)
    return float(max(shift + trace - 2 * np.sqrt(np.maximum(middle, 0)).sum(), 0))


def fd(
    real: np.ndarray,
    fake: np.ndarray,
    real_counts: np.ndarray | None = None,
    fake_counts: np.ndarray | None = None,
) -> float:
    """Return the Fréchet distance of two sets of features, each taken for a Gaussian.

    It is biased upwards with few images: compare sets of the same size, beside the floor.

    Args:
        real: Features `(N, d)`.
        fake: Features `(M, d)`.
        real_counts: How often each real image counts, `(N,)` (bootstrap).
        fake_counts: How often each fake image counts, `(M,)` (bootstrap).

    Returns:
        The squared distance, at least 0.

    Raises:
        ValueError: If the features do not match or are not finite, or a set holds fewer than two
            images.

    Source: Heusel et al. 2017, arXiv:1706.08500 (there on Inception features).
    """
    _check(real, fake)
    moments = []
    for features, counts in ((real, real_counts), (fake, fake_counts)):
        features = np.asarray(features, np.float64)
        mean = np.average(features, axis=0, weights=counts)
        moments += [mean, np.atleast_2d(np.cov(features, rowvar=False, fweights=counts))]
    return fd_gaussians(*moments)


class KernelDistance:
    """Kernel (Inception) distance: the unbiased squared MMD with kernel (x·y/d + 1)³.

    The kernel matrices are computed once, so that bootstrap draws are cheap.

    Args:
        real: Features `(N, d)`.
        fake: Features `(M, d)`.

    Raises:
        ValueError: If the features do not match or a set holds fewer than two images.

    Source: Bińkowski et al. 2018, arXiv:1801.01401.
    """

    def __init__(self, real: np.ndarray, fake: np.ndarray):
        from sklearn.metrics.pairwise import polynomial_kernel

        _check(real, fake)
        real, fake = np.asarray(real, np.float64), np.asarray(fake, np.float64)
        self.within_real, self.within_fake, self.between = (
            polynomial_kernel(a, b, degree=3, coef0=1)  # its γ is 1/d
            for a, b in ((real, real), (fake, fake), (real, fake))
        )

    def __call__(
        self, real_counts: np.ndarray | None = None, fake_counts: np.ndarray | None = None
    ) -> float:
        """Return the distance; it may be negative, since its mean is 0 for equal distributions.

        Args:
            real_counts: How often each real image counts, `(N,)` (bootstrap).
            fake_counts: How often each fake image counts, `(M,)` (bootstrap).
        """
        shape = self.between.shape
        v = np.ones(shape[0]) if real_counts is None else np.asarray(real_counts, np.float64)
        w = np.ones(shape[1]) if fake_counts is None else np.asarray(fake_counts, np.float64)
        between = v @ self.between @ w / (v.sum() * w.sum())
        return float(_off_diagonal(self.within_real, v) + _off_diagonal(self.within_fake, w)) - (
            2 * float(between)
        )


def kernel_distance(real: np.ndarray, fake: np.ndarray) -> float:
    """Return the unbiased kernel distance of two sets of features (see `KernelDistance`).

    Args:
        real: Features `(N, d)`.
        fake: Features `(M, d)`.

    Returns:
        Squared distance; 0 on average for equal distributions, so it may be negative.
    """
    return KernelDistance(real, fake)()


def precision_recall(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    """Return precision, recall, density and coverage.

    Precision and density ask whether fakes lie among the reals, recall and coverage whether all
    reals are reached. Balls reach to the fifth nearest neighbour. Copies of real images score
    perfectly on all four, unless more than five reals are equal: no image lies strictly within a
    ball without radius.

    Args:
        real: Features `(N, d)`.
        fake: Features `(M, d)`.

    Returns:
        `precision`, `recall`, `coverage` in [0, 1]; `density` at least 0, about 1 for equal sets.

    Raises:
        ValueError: If a set holds too few images for so many neighbours.

    Source: Kynkäänniemi et al. 2019, arXiv:1904.06991; Naeem et al. 2020, arXiv:2002.09797.
    """
    from prdc import compute_prdc

    _check(real, fake, least=NEIGHBOURS + 2)
    # It prints, and its threads leave the process with other warning filters than it had.
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = compute_prdc(np.asarray(real), np.asarray(fake), nearest_k=NEIGHBOURS)
    return {name: float(score) for name, score in scores.items()}


def laplacian_descriptors(images: np.ndarray, seed: int = 0) -> np.ndarray:
    """Describe images by randomly projected patches of their Laplacian pyramids.

    Level 0 holds the finest detail, the last level what is left after blurring. With the same
    seed, descriptors of different image sets can be compared.

    Args:
        images: Images `(N, H, W, C)` in [-1, 1].
        seed: Seed of positions and directions.

    Returns:
        Descriptors `(N, levels, patches, projections)` float32.

    Raises:
        ValueError: If the coarsest level is smaller than a patch, or an image is not finite.
    """
    check_finite(images, "image")
    random = np.random.default_rng(seed)
    directions = random.normal(size=(PATCH_SIZE**2 * images.shape[-1], PROJECTIONS))
    directions /= np.linalg.norm(directions, axis=0)
    described = []
    for level in _pyramid(images, LEVELS):
        room = np.array(level.shape[1:3]) - PATCH_SIZE + 1
        if room.min() < 1:
            raise ValueError(f"{LEVELS} levels of {images.shape[1:3]} leave {level.shape[1:3]}")
        corners = random.integers(room, size=(len(images), PATCHES, 2))
        windows = np.lib.stride_tricks.sliding_window_view(level, (PATCH_SIZE,) * 2, axis=(1, 2))
        chosen = windows[np.arange(len(images))[:, None], corners[..., 0], corners[..., 1]]
        described.append(chosen.reshape(len(images), PATCHES, -1) @ directions)
    return np.stack(described, axis=1).astype(np.float32)


def swd(
    real: np.ndarray,
    fake: np.ndarray,
    real_counts: np.ndarray | None = None,
    fake_counts: np.ndarray | None = None,
) -> np.ndarray:
    """Return the sliced Wasserstein distance of every pyramid level.

    Mean |difference of quantiles| over the projections, in units of the reals' deviation.

    Args:
        real: Descriptors `(N, levels, patches, projections)` of `laplacian_descriptors`.
        fake: Descriptors `(M, levels, patches, projections)` made with the same seed.
        real_counts: How often each real image counts, `(N,)` (bootstrap).
        fake_counts: How often each fake image counts, `(M,)` (bootstrap).

    Returns:
        Distances `(levels,)`, at least 0.

    Source: Rabin et al. 2011, doi:10.1007/978-3-642-24785-9_37; on Laplacian levels as in Karras
        et al. 2018, arXiv:1710.10196.
    """
    grid = (np.arange(128) + 0.5) / 128
    quantiles = []
    for descriptors, counts in ((real, real_counts), (fake, fake_counts)):
        if counts is not None:
            descriptors = np.repeat(descriptors, counts, axis=0)
        pooled = np.moveaxis(np.asarray(descriptors, np.float32), 1, 0)
        pooled = np.sort(pooled.reshape(len(pooled), -1, pooled.shape[-1]), axis=1)
        quantiles.append(pooled[:, (grid * pooled.shape[1]).astype(int)])
    scale = np.maximum(quantiles[0].std(axis=1), 1e-6)
    return np.mean(np.abs(quantiles[0] - quantiles[1]).mean(axis=1) / scale, axis=-1)


def _pyramid(images: np.ndarray, levels: int) -> list[np.ndarray]:
    from scipy.ndimage import gaussian_filter

    details, current = [], np.asarray(images, np.float32)
    for _ in range(levels - 1):
        blurred = gaussian_filter(current, sigma=(0, 1, 1, 0))
        details.append(current - blurred)
        current = blurred[:, ::2, ::2]
    return [*details, current]


def _off_diagonal(kernel: np.ndarray, counts: np.ndarray) -> float:
    total = counts @ kernel @ counts - counts**2 @ np.diag(kernel)
    return total / (counts.sum() ** 2 - (counts**2).sum())


def _check(real: np.ndarray, fake: np.ndarray, least: int = 2) -> None:
    shapes = np.shape(real), np.shape(fake)
    if any(len(shape) != 2 for shape in shapes) or shapes[0][1] != shapes[1][1]:
        raise ValueError(f"features have shapes {shapes}; give (N, d) and (M, d), one encoder")
    if min(shapes[0][0], shapes[1][0]) < least:
        raise ValueError(f"sets of {shapes[0][0]} and {shapes[1][0]}; give at least {least} images")
    check_finite(np.asarray(real), "real image")
    check_finite(np.asarray(fake), "fake")


def check_finite(rows: np.ndarray, name: str) -> None:
    """Refuse rows `(N, …)` of which one holds NaN or infinity.

    Raises:
        ValueError: The message names the first of them, as `name` and its index.
    """
    finite = np.isfinite(rows).all(axis=tuple(range(1, np.ndim(rows))))
    if not finite.all():
        raise ValueError(f"{name} {int(np.argmin(finite))} of {len(rows)} is not finite")
