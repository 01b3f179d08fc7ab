"""The evaluation: every distance beside its floor and its landmarks, in one table."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..table import Estimate, Table
from .distribution import KernelDistance, fd, precision_recall, swd
from .intervals import bootstrap_counts, centred_interval, half_samples, subject_codes
from .memorisation import copying
from .reference import HasFeatures, ReferenceFeatures, reference_features

FLOOR = "floor: other real subjects"
BLURRED, NOISY = "reals blurred", "reals noisy"
COLLAPSED, COPIES = "reals collapsed to ten", "training copies"
NOTES = (
    "FD and KID: features of the named encoder, divided by the reference's deviations; not FID, "
    "comparable only within one encoder and one number of images. SWD: mean over Laplacian levels. "
    "Fine detail: contrast of the finest of them, 1 in the reference. Intervals (95 %) over "
    "subjects; each generated image counts as its own. Lower is better for FD, KID and SWD, higher "
    "for precision, recall, density and coverage; the floor is what other real subjects reach, not "
    "zero. Copying: 0.5 is none, 1 is a copy of the training set."
)


class RealSet(NamedTuple):
    """Real images and whose they are.

    Attributes:
        images: Images `(N, H, W, C)` in [-1, 1].
        subjects: Subject of every image, `(N,)`.
    """

    images: np.ndarray
    subjects: np.ndarray


def landmarks(
    real_images: np.ndarray,
    subjects: Sequence | np.ndarray,
    count: int,
    training_images: np.ndarray | None = None,
    training_subjects: Sequence | np.ndarray | None = None,
    seed: int = 0,
) -> dict[str, RealSet]:
    """Make the sets that tell what a score means: the floor, and four ways to go wrong.

    Args:
        real_images: Real images `(N, H, W, C)` in [-1, 1] of subjects that are neither in the
            reference nor in the training set.
        subjects: Subject of each, `(N,)`: intervals of these rows, too, are over subjects.
        count: Images in each set: as many as the fakes.
        training_images: Images the generator was trained on; None leaves out the copies.
        training_subjects: Subject of each of them.
        seed: Seed of the choices and of the noise.

    Returns:
        Name -> `count` images with their subjects: the floor; the same blurred (σ 1 pixel), noisy
        (σ 0.1 of [0, 1]), collapsed to ten images (fewer in small sets); and copies of training
        images.

    Raises:
        ValueError: If there are fewer real images than `count`, or not one subject an image.
    """
    from scipy.ndimage import gaussian_filter

    random = np.random.default_rng(seed)
    real, whose = _choose(real_images, subjects, count, random)
    noise = 0.2 * random.normal(size=real.shape).astype(np.float32)
    ten = random.integers(min(10, count), size=count)
    sets = {
        FLOOR: RealSet(real, whose),
        BLURRED: RealSet(gaussian_filter(real, sigma=(0, 1, 1, 0)), whose),
        NOISY: RealSet(np.clip(real + noise, -1, 1), whose),
        COLLAPSED: RealSet(real[ten], whose[ten]),
    }
    if training_images is not None:
        sets[COPIES] = _choose(training_images, training_subjects, count, random)
    return sets


def evaluate(
    fakes: Mapping[str, np.ndarray] | np.ndarray,
    reference: ReferenceFeatures,
    encoders: Mapping[str, HasFeatures],
    landmark_sets: Mapping[str, RealSet] | None = None,
    training: ReferenceFeatures | None = None,
    repeats: int = 200,
    seed: int = 0,
) -> Table:
    """Score generated images against real ones, beside the floor and the landmarks.

    Args:
        fakes: Generated images `(N, H, W, C)` in [-1, 1], or name -> images (one entry a seed, all
            of one length). Each image is taken for a subject of its own.
        reference: Features of real images that nothing was trained on.
        encoders: The encoders of the reference, by name. The first of the reference also gives
            precision, recall, density and coverage (its features standardised) and copying (its
            features as they are).
        landmark_sets: Result of `landmarks` with as many images; without it the rows stored in
            the reference are used.
        training: Features of the training set; adds the column "copying", which looks for mirrored
            copies, too, where the reference was described with `mirrored=True`.
        repeats: Bootstrap draws; of SWD and the neighbours' scores 30 at most, whose ends are less
            sure (by an eighth of the width).
        seed: Seed of the draws.

    Returns:
        One row a set: floor, landmarks, fakes.

    Raises:
        ValueError: If there is no floor, the sets differ in size, or an encoder is missing.
    """
    fakes = dict(fakes) if isinstance(fakes, Mapping) else {"generated": fakes}
    if missing := set(reference.features) ^ set(encoders):
        raise ValueError(f"encoders and reference differ in {', '.join(sorted(missing))}")
    encoders = {name: encoders[name] for name in reference.features}  # the first gives "copying"
    sets = dict(landmark_sets or {}) | {name: (x, None) for name, x in fakes.items()}
    if landmark_sets and FLOOR not in landmark_sets:
        raise ValueError(f"landmark_sets has no {FLOOR!r}; make them with landmarks(...)")
    rows = [] if landmark_sets else _stored_rows(reference)
    _same_size(rows, [images for images, _ in sets.values()])
    for name, (images, subjects) in sets.items():
        mirrored = training is not None and reference.mirrored is not None
        described = reference_features(
            images, encoders, subjects, seed=reference.seed, mirrored=mirrored
        )
        rows.append({"set": name} | score(described, reference, training, repeats, seed))
    return Table(rows, notes=NOTES)


def score(
    described: ReferenceFeatures,
    reference: ReferenceFeatures,
    training: ReferenceFeatures | None = None,
    repeats: int = 200,
    seed: int = 0,
) -> dict[str, float | Estimate]:
    """Score one described set of images against the reference.

    Args:
        described: Features of the images to judge, from the same encoders and seed.
        reference: Features of real images.
        training: Features of the training set; adds the column "copying", of mirrored copies, too,
            where both sides' mirror images are described.
        repeats: Bootstrap draws; 0 gives values without intervals, quickly, for a monitor.
        seed: Seed of the draws.

    Returns:
        Column -> value or estimate.

    Raises:
        ValueError: They were described with different seeds.
    """
    if described.seed != reference.seed:
        raise ValueError(
            f"described with seed {described.seed}, the reference with {reference.seed}: patches "
            "of different places cannot be compared"
        )
    subjects = reference.subjects, described.subjects
    draws = [bootstrap_counts(codes, repeats, seed + i) for i, codes in enumerate(subjects)]
    draws = list(zip(*draws, strict=False))  # none where one side is a single subject
    row: dict = {"images": len(described)}
    scaled = {name: _scaled(name, reference, described) for name in reference.features}
    for name, sets in scaled.items():
        kernel = KernelDistance(*sets)
        replicates = [fd(*sets, *counts) for counts in draws]
        row[f"FD {name}"] = centred_interval(fd(*sets), replicates, least=0)
        row[f"KID {name}"] = centred_interval(kernel(), [kernel(*counts) for counts in draws])
    sets = [np.asarray(x.descriptors, np.float32) for x in (reference, described)]
    replicates = [swd(*sets, *counts).mean() for counts in draws[:30]]
    row["SWD"] = centred_interval(swd(*sets).mean(), replicates, least=0)
    replicates = [_fine_detail(*sets, *counts) for counts in draws]
    row["fine detail"] = centred_interval(_fine_detail(*sets), replicates, least=0)
    first = next(iter(scaled))
    row |= _neighbour_scores(*scaled[first], *subjects, min(repeats, 30), seed)
    if training is not None:
        features = [x.features[first] for x in (described, training, reference)]
        mirrored = described.mirrored, reference.mirrored
        mirrored = None if any(x is None for x in mirrored) else mirrored
        row["copying"] = copying(*features, *subjects, repeats, seed, mirrored).auc
    return row


def _stored_rows(reference: ReferenceFeatures) -> list[dict]:
    if not reference.landmarks:
        raise ValueError("no floor: give landmark_sets=landmarks(real_images, subjects, count)")
    return Table.from_plain_rows(reference.landmarks).rows


def _same_size(rows: list[dict], sets: Sequence[np.ndarray]) -> None:
    """Refuse sets that differ in size."""
    sizes = {len(images) for images in sets} | {row["images"] for row in rows}
    if len(sizes) > 1:
        raise ValueError(
            f"sets of {sorted(sizes)} images; distances depend on the number of images, so give as "
            "many fakes as the floor and landmarks have"
        )


def _scaled(
    name: str, reference: ReferenceFeatures, described: ReferenceFeatures
) -> tuple[np.ndarray, np.ndarray]:
    """Put both sets on the scale on which each feature of the reference has mean 0, deviation 1."""
    real = np.asarray(reference.features[name], np.float64)
    mean, deviation = real.mean(axis=0), np.maximum(real.std(axis=0), 1e-6)
    return (real - mean) / deviation, (described.features[name] - mean) / deviation


def _fine_detail(
    real: np.ndarray,
    fake: np.ndarray,
    real_counts: np.ndarray | None = None,
    fake_counts: np.ndarray | None = None,
) -> float:
    """Return the RMS of the fakes' finest Laplacian level over that of the reals."""
    powers = [
        np.average(np.mean(np.square(x[:, 0]), axis=(1, 2)), weights=counts)
        for x, counts in ((real, real_counts), (fake, fake_counts))
    ]
    return float(np.sqrt(powers[1] / max(powers[0], 1e-12)))


def _neighbour_scores(
    real: np.ndarray,
    fake: np.ndarray,
    real_subjects: np.ndarray,
    fake_subjects: np.ndarray,
    repeats: int,
    seed: int,
) -> dict[str, Estimate]:
    values = precision_recall(real, fake)
    halves = zip(
        half_samples(real_subjects, repeats, seed),
        half_samples(fake_subjects, repeats, seed + 1),
        strict=False,
    )
    drawn = [precision_recall(real[i], fake[j]) for i, j in halves if min(len(i), len(j)) > 6]
    intervals = {}
    for name, value in values.items():
        most = np.inf if name == "density" else 1
        spread = [draw[name] for draw in drawn]
        intervals[name] = centred_interval(value, spread, least=0, most=most)
    return intervals


def _choose(
    images: np.ndarray, subjects: Sequence | None, count: int, random: np.random.Generator
) -> RealSet:
    if subjects is None:
        raise ValueError("real images need their subjects: intervals are over subjects")
    if len(images) < count:
        raise ValueError(f"{len(images)} real images for sets of {count}; ask for fewer fakes")
    codes = subject_codes(subjects, len(images))
    chosen = random.permutation(len(images))[:count]
    return RealSet(np.asarray(images, np.float32)[chosen], codes[chosen])
