"""Estimates with intervals: the subject, not the slice, is what is drawn again.

Slices of one head resemble each other, so drawing slices would make intervals far too narrow.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np


class Estimate(NamedTuple):
    """A value with the ends of its interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return self.text()

    def text(self, digits: int = 3) -> str:
        """Return value and interval with so many significant digits; NaN ends are left out."""
        value, low, high = (f"{number:.{digits}g}" for number in self)
        return value if low == "nan" else f"{value} ({low} to {high})"


def subject_codes(subjects: Sequence | np.ndarray | None, count: int) -> np.ndarray:
    """Number the subjects 0, 1, …; without subjects, each image is its own.

    Args:
        subjects: Subject of every image, `(count,)`, or None.
        count: Number of images.

    Returns:
        Anonymous integers, `(count,)`.

    Raises:
        ValueError: If there is not exactly one subject an image.
    """
    if subjects is None:
        return np.arange(count)
    if len(subjects) != count:
        raise ValueError(f"{count} images but {len(subjects)} subjects; give one subject an image")
    return np.unique(np.asarray(subjects), return_inverse=True)[1].astype(np.int32)


def bootstrap_counts(subjects: np.ndarray, repeats: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Draw subjects with replacement; yield how often each image was drawn.

    Args:
        subjects: Integer subject of every image, `(N,)`.
        repeats: Number of draws.
        seed: Seed of the draws.

    Yields:
        Integer counts, `(N,)`.
    """
    random = np.random.default_rng(seed)
    codes = subject_codes(subjects, len(subjects))
    number = codes.max() + 1
    for _ in range(repeats):
        yield np.bincount(random.integers(number, size=number), minlength=number)[codes]


def half_samples(subjects: np.ndarray, repeats: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Draw half of the subjects without replacement; yield the indices of their images.

    For statistics of nearest neighbours, where an image drawn twice would be its own neighbour.
    Half-samples vary as much as bootstrap samples do (the factor 1/m − 1/n is 1/n at m = n/2).

    Args:
        subjects: Integer subject of every image, `(N,)`.
        repeats: Number of draws.
        seed: Seed of the draws.

    Yields:
        Integer indices.
    """
    random = np.random.default_rng(seed)
    codes = subject_codes(subjects, len(subjects))
    number = codes.max() + 1
    for _ in range(repeats):
        chosen = random.permutation(number)[: max(number // 2, 1)]
        yield np.flatnonzero(np.isin(codes, chosen))


def centred_interval(
    value: float,
    replicates: Sequence[float],
    least: float = -np.inf,
    most: float = np.inf,
    confidence: float = 0.95,
) -> Estimate:
    """Put the spread of the replicates around the value.

    Repeated images bias distances between distributions upwards, so only the spread is used. Near
    the floor, where both sets are alike, it is wider than need be.

    Args:
        value: The statistic on all images.
        replicates: The statistic on the draws; without any, the ends are NaN.
        least: Smallest value the statistic can take.
        most: Largest value the statistic can take.
        confidence: Probability content of the interval.

    Returns:
        The value with its interval.
    """
    if not len(replicates):
        return Estimate(float(value), float("nan"), float("nan"))
    tail = 50 * (1 - confidence)
    spread = np.asarray(replicates, np.float64) - np.mean(replicates)
    low, high = np.percentile(spread, [tail, 100 - tail])
    low, high = np.clip([value + low, value + high], least, most)
    return Estimate(float(value), float(low), float(high))


def percentile_interval(
    value: float, replicates: Sequence[float], confidence: float = 0.95
) -> Estimate:
    """Take the interval from the replicates' percentiles; right for proportions and AUC.

    Args:
        value: The statistic on all images.
        replicates: The statistic on the draws; NaN (a draw without one class) is left out. Without
            any, the ends are NaN.
        confidence: Probability content of the interval.

    Returns:
        The value with its interval.
    """
    if not len(replicates):
        return Estimate(float(value), float("nan"), float("nan"))
    tail = 50 * (1 - confidence)
    low, high = np.nanpercentile(replicates, [tail, 100 - tail])
    return Estimate(float(value), float(low), float(high))


def weighted_auc(
    positives: np.ndarray,
    negatives: np.ndarray,
    positive_counts: np.ndarray | None = None,
    negative_counts: np.ndarray | None = None,
) -> float:
    """Return the probability that a positive scores above a negative, ties counted half.

    Args:
        positives: Scores of the positives, `(P,)`.
        negatives: Scores of the negatives, `(Q,)`.
        positive_counts: How often each positive counts, `(P,)`.
        negative_counts: How often each negative counts, `(Q,)`.

    Returns:
        Area under the ROC curve in [0, 1]; NaN if one side counts nothing.
    """
    order = np.argsort(negatives)
    counts = np.ones(len(negatives)) if negative_counts is None else negative_counts
    below = np.concatenate([[0], np.cumsum(np.asarray(counts)[order])])
    left = below[np.searchsorted(negatives[order], positives, "left")]
    right = below[np.searchsorted(negatives[order], positives, "right")]
    weights = np.ones(len(positives)) if positive_counts is None else positive_counts
    total = below[-1] * np.sum(weights)
    return float(np.sum(weights * (left + right) / 2) / total) if total else float("nan")


def bootstrap_auc(
    positives: np.ndarray,
    negatives: np.ndarray,
    positive_subjects: Sequence | None = None,
    negative_subjects: Sequence | None = None,
    repeats: int = 500,
    seed: int = 0,
) -> Estimate:
    """Return the AUC of two sets of scores with an interval over their subjects.

    Args:
        positives: Scores of the positives, `(P,)`.
        negatives: Scores of the negatives, `(Q,)`.
        positive_subjects: Subject of each positive; None if each is its own.
        negative_subjects: Subject of each negative; None if each is its own.
        repeats: Number of bootstrap draws.
        seed: Seed of the draws.

    Returns:
        AUC in [0, 1] with its 95 % interval.
    """
    positives, negatives = np.asarray(positives).ravel(), np.asarray(negatives).ravel()
    codes = subject_codes(positive_subjects, len(positives))
    others = subject_codes(negative_subjects, len(negatives))
    draws = zip(
        bootstrap_counts(codes, repeats, seed),
        bootstrap_counts(others, repeats, seed + 1),
        strict=True,
    )
    replicates = [weighted_auc(positives, negatives, *counts) for counts in draws]
    return percentile_interval(weighted_auc(positives, negatives), replicates)
