"""Does the generator repeat its training images? Copies score perfectly on every distance."""

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..table import Estimate
from .distribution import check_finite
from .inputs import check_range
from .intervals import bootstrap_auc, subject_codes


def nearest(
    queries: np.ndarray, references: np.ndarray, mirrored: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Find each query's nearest reference.

    Args:
        queries: Images `(N, H, W, C)` or features `(N, d)`.
        references: Images or features of the same kind, `(M, …)`.
        mirrored: The queries' mirror images (`images[:, :, ::-1]`), or those images' features,
            `(N, …)`: where they are given, a query or its mirror image counts, whichever is nearer.
            A generator that was trained on mirrored images (`to_dataset(flip=True)`) may copy one.

    Returns:
        Euclidean distances `(N,)` and indices `(N,)` into the references. Divided by the square
        root of the number of values, so that a distance between images is an RMS difference.

    Raises:
        ValueError: If queries and references differ in shape, one is empty or not finite, or there
            is not one mirror image a query.
    """
    if mirrored is not None:
        if np.shape(mirrored) != np.shape(queries):
            raise ValueError(
                f"mirror images of shape {np.shape(mirrored)} for queries of {np.shape(queries)}"
            )
        both = nearest(queries, references), nearest(mirrored, references)
        distances, indices = (np.stack(pair) for pair in zip(*both, strict=True))
        nearer = distances.argmin(axis=0), np.arange(len(queries))
        return distances[nearer], indices[nearer]
    from sklearn.metrics import pairwise_distances_argmin_min

    if np.shape(queries)[1:] != np.shape(references)[1:] or not (len(queries) and len(references)):
        raise ValueError(
            f"shapes {np.shape(queries)} and {np.shape(references)} cannot be compared"
        )
    flat = [np.asarray(x, np.float64).reshape(len(x), -1) for x in (queries, references)]
    for name, rows in zip(("query", "reference"), flat, strict=True):
        check_finite(rows, name)
    indices, _ = pairwise_distances_argmin_min(*flat)
    difference = flat[0] - flat[1][indices]
    return np.sqrt(np.mean(difference**2, axis=1)), indices


class Copying(NamedTuple):
    """Result of `copying`.

    Attributes:
        auc: 0.5 without copying, 1 when every fake is nearer to the training set than any
            held-out image is; with its interval.
        fake_ratio: d(train) / d(holdout) of every fake, `(N,)`.
        holdout_ratio: The same of every held-out image, its own subject left out, `(M,)`.
        nearest_train: Index of the nearest training image of every fake, `(N,)`.
        train_distance: Distance to it, `(N,)`.
    """

    auc: Estimate
    fake_ratio: np.ndarray
    holdout_ratio: np.ndarray
    nearest_train: np.ndarray
    train_distance: np.ndarray


def copying(
    fake: np.ndarray,
    training: np.ndarray,
    holdout: np.ndarray,
    holdout_subjects: Sequence | None = None,
    fake_subjects: Sequence | None = None,
    repeats: int = 500,
    seed: int = 0,
    mirrored: tuple[np.ndarray, np.ndarray] | None = None,
) -> Copying:
    """Compare nearest-training with nearest-holdout distances.

    Honest images, too, lie nearer to the larger training set: each held-out image, measured
    against the other held-out subjects, shows how much. The statistic is the probability that a
    fake's ratio d(train)/d(holdout) is below that of a real image that was not trained on. A ratio
    is not fooled by blur, which brings a fake nearer to everything.

    A held-out image is measured against one subject less than a fake. In simulations without
    copying that gives 0.32 instead of 0.5 with two held-out subjects and 0.46 with four; from eight
    on 0.47 to 0.50. So with fewer than eight, a low value shows nothing. The interval leaves out
    that all ratios share one hold-out set, and is too narrow for that.

    Args:
        fake: Generated images `(N, H, W, C)` or features `(N, d)`.
        training: What the generator was trained on, `(T, …)`.
        holdout: Real images of other subjects, `(M, …)`.
        holdout_subjects: Subject of each, `(M,)`; None if each is its own. At least two.
        fake_subjects: Subject of each "fake" where real images stand in for it, as in a floor;
            None for generated images, each its own.
        repeats: Bootstrap draws of the subjects of both sides.
        seed: Seed of the draws.
        mirrored: Of fakes and held-out images, the mirror images or their features, as in
            `nearest`: for a generator that was trained on mirrored images. Without them copies of
            which half are mirrored read 0.89 on heads (`experiments/mirrored_copies.py`), not 1.

    Returns:
        The statistic with its 95 % interval, and the distances behind it. NaN, with a warning,
        where held-out images are in the training set.

    Raises:
        ValueError: If there are fewer than two held-out subjects, or images are scaled otherwise
            than to [-1, 1].

    Source: after the three-sample test of Meehan et al. 2020, arXiv:2004.05675.
    """
    _check_scale(fake, training, holdout)
    codes = subject_codes(holdout_subjects, len(holdout))
    if codes.max() < 1:
        raise ValueError("one held-out subject; memorisation needs at least two")
    fake_turned, holdout_turned = mirrored or (None, None)
    fake_distance, index = nearest(fake, training, fake_turned)
    fake_ratio = _ratio(fake_distance, nearest(fake, holdout, fake_turned)[0])
    others = _nearest_other(np.asarray(holdout), codes, holdout_turned)
    holdout_distance = nearest(holdout, training)[0]
    known = int((holdout_distance == 0).sum())
    if holdout_turned is not None:
        holdout_distance = nearest(holdout, training, holdout_turned)[0]
    holdout_ratio = _ratio(holdout_distance, others)
    auc = _auc_of_two((-fake_ratio, -holdout_ratio), (fake_subjects, codes), repeats, seed)
    if known > max(2, len(holdout) // 10):  # fewer may be blank
        warnings.warn(
            f"{known} of {len(holdout)} held-out images are in the training set, so copying cannot "
            "be told: leave their subjects out of it, unless the two sets have changed places",
            stacklevel=2,
        )
        auc = Estimate(np.nan, np.nan, np.nan)
    return Copying(auc, fake_ratio, holdout_ratio, index, fake_distance)


def membership_by_distance(
    members: np.ndarray,
    non_members: np.ndarray,
    fake: np.ndarray,
    member_subjects: Sequence | None = None,
    non_member_subjects: Sequence | None = None,
    mirrored: tuple[np.ndarray, np.ndarray] | None = None,
) -> Estimate:
    """Attack a generator through its samples: members lie nearer to some sample.

    Args:
        members: Training images or features, `(N, …)`.
        non_members: Real images or features of other subjects, `(M, …)`.
        fake: Samples the attacker drew, `(K, …)`.
        member_subjects: Subject of each member.
        non_member_subjects: Subject of each non-member.
        mirrored: Of members and non-members, the mirror images or their features, as in `nearest`:
            for a generator that was trained on mirrored images.

    Returns:
        AUC of the attack with its interval over subjects. What is no leak is the AUC on a model
        that never saw the members: 0.5 only where they are as typical as the outsiders.

    Raises:
        ValueError: Images are scaled otherwise than to [-1, 1].

    Source: Chen et al. 2020 (GAN-Leaks), arXiv:1909.03935.
    """
    _check_scale(members, non_members, fake)
    sets = zip((members, non_members), mirrored or (None, None), strict=True)
    scores = [-nearest(images, fake, turned)[0] for images, turned in sets]
    return _auc_of_two(scores, (member_subjects, non_member_subjects))


def membership_by_logit(
    member_logits: np.ndarray,
    non_member_logits: np.ndarray,
    member_subjects: Sequence | None = None,
    non_member_subjects: Sequence | None = None,
) -> Estimate:
    """Attack a discriminator: it finds its own training images more real.

    Args:
        member_logits: Logits of training images, `(N,)` or `(N, 1)`.
        non_member_logits: Logits of real images of other subjects, `(M,)` or `(M, 1)`.
        member_subjects: Subject of each member.
        non_member_subjects: Subject of each non-member.

    Returns:
        AUC of the attack with its interval over subjects. What is no leak is the AUC on a model
        that never saw the members: 0.5 only where they are as typical as the outsiders.

    Raises:
        ValueError: There is more than one logit an image.

    Source: Hayes et al. 2019 (LOGAN), arXiv:1705.07663.
    """
    for one in (member_logits, non_member_logits):
        if np.size(one) != len(one):
            raise ValueError(
                f"logits of shape {np.shape(one)}; one an image is needed: average its patches"
            )
    logits = [np.ravel(x) for x in (member_logits, non_member_logits)]
    return _auc_of_two(logits, (member_subjects, non_member_subjects))


def _check_scale(*sets: np.ndarray) -> None:
    """Refuse images on another scale, where a copy would be far from its original."""
    for one in sets:
        if np.ndim(one) == 4:  # not features
            check_range(one)


def _auc_of_two(
    scores: Sequence[np.ndarray],
    subjects: Sequence[Sequence | None],
    repeats: int = 500,
    seed: int = 0,
) -> Estimate:
    """Return the AUC of two sets that share no subject, whatever their subjects are called."""
    if not all(map(len, scores)):
        raise ValueError(f"{len(scores[0])} and {len(scores[1])} images: neither may be none")
    codes = [subject_codes(names, len(one)) for names, one in zip(subjects, scores, strict=True)]
    codes[1] = codes[1] + codes[0].max() + 1
    positive = np.repeat([True, False], [len(one) for one in scores])
    return bootstrap_auc(np.concatenate(scores), positive, np.concatenate(codes), repeats, seed)


def _nearest_other(
    images: np.ndarray, subjects: np.ndarray, mirrored: np.ndarray | None
) -> np.ndarray:
    """Return each image's distance to the nearest image of another subject."""
    distances = np.empty(len(images))
    for subject in np.unique(subjects):
        own = subjects == subject
        turned = None if mirrored is None else mirrored[own]
        distances[own] = nearest(images[own], images[~own], turned)[0]
    return distances


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return numerator / np.maximum(denominator, 1e-12)
