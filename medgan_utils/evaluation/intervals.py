"""Estimates with intervals: the subject, not the slice, is what is drawn again.

Slices of one head resemble each other, so drawing slices would make intervals far too narrow.

With few subjects a percentile interval is itself too narrow: over eight it covers about 88 %
instead of 95 %, and over three it is the range of the three, since each extreme is drawn three
times with probability 1/27. Say how many there are.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from ..table import Estimate
from .inputs import of_two_classes

TAILS = (2.5, 97.5)
"""Percentiles at the ends of an interval."""


def subject_codes(subjects: Sequence | np.ndarray | None, count: int) -> np.ndarray:
    """Number the subjects 0, 1, …; without subjects, each image is its own.

    Args:
        subjects: Subject of every image, `(count,)`, or None. One name each: join site and number.
        count: Number of images.

    Returns:
        Anonymous integers, `(count,)`.

    Raises:
        ValueError: If there is not exactly one subject an image, or one is unknown (None, NaN).
    """
    if subjects is None:
        return np.arange(count)
    if len(subjects) != count:
        raise ValueError(f"{count} images but {len(subjects)} subjects; give one subject an image")
    names = np.asarray(subjects)
    if names.shape != (count,):
        raise ValueError(
            f"subjects have shape {names.shape}; {(count,)} is needed, one name an image: join the "
            'parts of a name, for example f"{site}/{number}"'
        )
    for index, one in enumerate(subjects):  # as they were given: text of them hides NaN
        if _unknown(one):
            raise ValueError(f"the subject of image {index} is {one}")
    return np.unique(names, return_inverse=True)[1].astype(np.int32)


def _unknown(subject: object) -> bool:
    """Whether a name is None or NaN; pandas' NA answers no question at all."""
    try:
        return subject is None or bool(subject != subject)
    except TypeError:
        return True


def bootstrap_counts(subjects: np.ndarray, repeats: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Draw subjects with replacement; yield how often each image was drawn.

    One subject tells nothing about others: there is nothing to draw then.

    Args:
        subjects: Integer subject of every image, `(N,)`.
        repeats: Number of draws.
        seed: Seed of the draws.

    Yields:
        Integer counts, `(N,)`; nothing for a single subject.
    """
    random = np.random.default_rng(seed)
    codes = subject_codes(subjects, len(subjects))
    number = codes.max() + 1
    for _ in range(repeats if number > 1 else 0):
        yield np.bincount(random.integers(number, size=number), minlength=number)[codes]


def half_samples(subjects: np.ndarray, repeats: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Draw half of the subjects without replacement; yield the indices of their images.

    For statistics of nearest neighbours, where an image drawn twice would be its own neighbour.
    Half-samples vary as much as bootstrap samples do (the factor 1/m − 1/n is 1/n at m = n/2); of
    an odd number of subjects a little more (by 7 % of the interval with 15, by a fifth with 5).

    Args:
        subjects: Integer subject of every image, `(N,)`.
        repeats: Number of draws.
        seed: Seed of the draws.

    Yields:
        Integer indices; nothing for a single subject.
    """
    random = np.random.default_rng(seed)
    codes = subject_codes(subjects, len(subjects))
    number = codes.max() + 1
    for _ in range(repeats if number > 1 else 0):
        yield np.flatnonzero(np.isin(codes, random.permutation(number)[: number // 2]))


def centred_interval(
    value: float,
    replicates: Sequence[float],
    least: float = -np.inf,
    most: float = np.inf,
) -> Estimate:
    """Put the spread of the replicates around the value.

    Repeated images bias distances between distributions upwards, so only the spread is used. Near
    the floor, where both sets are alike, it is wider than need be.

    Args:
        value: The statistic on all images.
        replicates: The statistic on the draws; NaN (a draw of too few images) is left out. Without
            any, the ends are NaN.
        least: Smallest value the statistic can take.
        most: Largest value the statistic can take.

    Returns:
        The value with its 95 % interval.
    """
    replicates = np.asarray(replicates, np.float64)
    replicates = replicates[np.isfinite(replicates)]
    if not len(replicates):
        return Estimate(float(value), float("nan"), float("nan"))
    spread = replicates - np.mean(replicates)
    low, high = np.percentile(spread, TAILS)
    low, high = np.clip([value + low, value + high], least, most)
    return Estimate(float(value), float(low), float(high))


def percentile_interval(value: float, replicates: Sequence[float]) -> Estimate:
    """Take the interval from the replicates' percentiles: for proportions and AUC.

    At 0 and 1 all replicates are alike, and the interval has no width: see `score_classifier`.

    Args:
        value: The statistic on all images.
        replicates: The statistic on the draws; NaN (a draw without one class) is left out. Without
            any, the ends are NaN.

    Returns:
        The value with its 95 % interval.
    """
    replicates = np.asarray(replicates, np.float64)
    replicates = replicates[np.isfinite(replicates)]
    if not len(replicates):
        return Estimate(float(value), float("nan"), float("nan"))
    low, high = np.percentile(replicates, TAILS)
    return Estimate(float(value), float(low), float(high))


def times_as_many(difference: float, error: float) -> float:
    """Return how many times as many subjects a difference needs: 2.8 standard errors wide.

    Such a difference is found with a power of 80 % at the 5 % level (1.96 + 0.84).

    Args:
        difference: As it is seen now.
        error: Its standard error, now.

    Returns:
        The factor; infinite for a difference of 0.
    """
    return float((2.8 * error / difference) ** 2) if difference else float("inf")


def bootstrap_mean(
    values: np.ndarray, subjects: Sequence | np.ndarray | None, repeats: int = 500, seed: int = 0
) -> Estimate:
    """Return the mean over images with an interval over subjects.

    Args:
        values: One number an image, `(N,)`; what is not finite is left out.
        subjects: Subject of every image; None if each is its own.
        repeats: Number of bootstrap draws.
        seed: Seed of the draws.

    Returns:
        The mean with its 95 % interval; NaN where no value is finite.
    """
    values = np.asarray(values, np.float64)
    kept = np.isfinite(values)
    if not kept.any():
        return Estimate(float("nan"), float("nan"), float("nan"))
    codes = subject_codes(subjects, len(values))[kept]
    counts = bootstrap_counts(codes, repeats, seed)
    replicates = [values[kept] @ count / count.sum() for count in counts]
    return percentile_interval(values[kept].mean(), replicates)


def weighted_auc(
    scores: np.ndarray, positive: np.ndarray, counts: np.ndarray | None = None
) -> float:
    """Return the probability that a positive scores above a negative, ties counted half.

    The same as scikit-learn's `roc_auc_score(positive, scores, sample_weight=counts)`, in a
    fortieth of its time, for a bootstrap of hundreds of draws.

    Args:
        scores: Score of every image, `(N,)`.
        positive: Whether it is a positive, `(N,)` boolean.
        counts: How often each image counts, `(N,)`; once if None.

    Returns:
        Area under the ROC curve in [0, 1]; NaN if one side counts nothing.
    """
    counts = np.ones(len(scores)) if counts is None else np.asarray(counts)
    negatives, weights = scores[~positive], counts[positive]
    order = np.argsort(negatives)
    below = np.concatenate([[0], np.cumsum(counts[~positive][order])])
    left = below[np.searchsorted(negatives[order], scores[positive], "left")]
    right = below[np.searchsorted(negatives[order], scores[positive], "right")]
    total = below[-1] * np.sum(weights)
    return float(np.sum(weights * (left + right) / 2) / total) if total else float("nan")


def bootstrap_auc(
    scores: np.ndarray,
    positive: np.ndarray,
    subjects: Sequence | np.ndarray | None = None,
    repeats: int = 500,
    seed: int = 0,
) -> Estimate:
    """Return the AUC with an interval over subjects (cluster bootstrap).

    A subject is drawn with all its images, positive and negative. Where nobody has both, the
    positives' subjects and the negatives' are two samples, and each is drawn by itself.

    Args:
        scores: Score of every image, `(N,)`.
        positive: Whether it is a positive, `(N,)`: True or 1 if so, False or 0 if not.
        subjects: Subject of every image; None if each is its own.
        repeats: Number of bootstrap draws.
        seed: Seed of the draws.

    Returns:
        AUC in [0, 1] with its 95 % interval; its ends are NaN where a single subject stands for
        a whole side. At 0 and 1 all draws are alike: an interval without width says nothing of how
        few subjects there are.

    Source: Field and Welsh 2007, doi:10.1111/j.1467-9868.2007.00593.x.
    """
    scores = np.asarray(scores).ravel()
    positive = of_two_classes(positive, len(scores), "scores").astype(bool)
    if np.isnan(scores).any():
        raise ValueError(f"{np.isnan(scores).sum()} of {len(scores)} scores are NaN: no AUC")
    codes = subject_codes(subjects, len(scores))
    alone = min(len(np.unique(codes[side])) for side in (positive, ~positive)) < 2
    draws = [] if alone else _draws_of_sides(codes, positive, repeats, seed)
    replicates = [weighted_auc(scores, positive, counts) for counts in draws]
    return percentile_interval(weighted_auc(scores, positive), replicates)


def _draws_of_sides(
    codes: np.ndarray, positive: np.ndarray, repeats: int, seed: int
) -> Iterator[np.ndarray]:
    """Yield how often each image was drawn: sides together if somebody is on both, else apart."""
    if len(np.intersect1d(codes[positive], codes[~positive])):
        yield from bootstrap_counts(codes, repeats, seed)
        return
    sides = (positive, seed), (~positive, seed + 1)
    drawn = (bootstrap_counts(codes[side], repeats, start) for side, start in sides)
    for counts_positive, counts_negative in zip(*drawn, strict=False):
        counts = np.empty(len(codes), int)
        counts[positive], counts[~positive] = counts_positive, counts_negative
        yield counts
