"""Checks of chapter 9: splits by patient, grey scales, paths through latent space, neighbours."""

from collections.abc import Callable

import numpy as np

from .exercise import exercise, require


@exercise(
    "9.1 Find the patients on both sides of a split",
    hint="A patient leaks when the name stands in both arrays: think of sets.",
)
def shared_subjects(answer: Callable) -> None:
    """The answer maps two arrays of names to the sorted list of names in both."""
    more = [f"sub-{number}" for number in (44, 31, 52, 29, 38, 60)]  # no set is sorted by luck
    first = np.array(["sub-05", "sub-01", "sub-07", "sub-02", "sub-02", *more])
    second = np.array(["sub-05", "sub-07", "sub-03", "sub-02", "sub-07", *more])
    found = answer(first, second)
    found = list(found)
    require(len(found) == len(set(found)), "a name is listed twice; list each patient once.")
    both = {"sub-02", "sub-05", "sub-07", *more}
    require(set(found) == both, f"{sorted(both)} are in both; you found {found}")
    require(found == sorted(found), "the names are right; sort them.")
    require(list(answer(first, np.array(["sub-99"]))) == [], "no patient in both must give [].")


@exercise(
    "9.2 Scale a volume to [-1, 1]",
    hint="Map the low percentile to -1 and the high one to +1, then clip what lies outside.",
)
def scale(answer: Callable) -> None:
    """The answer maps voxels and two percentiles to [-1, 1]."""
    voxels = np.random.default_rng(0).gamma(2, 100, (8, 9, 10)).astype(np.float32)
    voxels[:3] = 0  # air
    voxels[0, 0, 0] = 1e6  # one hot voxel, as MR has them
    voxels[3, 0, 0] = -1e3  # and one that interpolation left below air
    scaled = answer(voxels.copy(), 1, 99)
    scaled = np.asarray(scaled)
    require(scaled.shape == voxels.shape, f"the shape changed to {scaled.shape}.")
    require(scaled.min() >= -1 and scaled.max() <= 1, "values lie outside [-1, 1]: clip them.")
    require(scaled.min() < -0.99, "the darkest voxels should reach -1, not 0: use the whole range.")
    low, high = np.percentile(voxels, [1, 99])
    expected = np.clip(2 * (voxels - low) / (high - low) - 1, -1, 1)
    gap = np.abs(scaled - expected).max()
    require(gap < 1e-3, f"values differ by up to {gap:.3f} from the scaling by percentiles.")
    low, high = np.percentile(voxels, [45, 90])
    others = np.clip(2 * (voxels - low) / (high - low) - 1, -1, 1)
    gap = np.abs(np.asarray(answer(voxels.copy(), 45, 90)) - others).max()
    require(gap < 1e-3, "with percentiles of 45 and 90 the result is that of others.")


@exercise(
    "9.3 Walk from one head to another",
    hint="Which angle lies between the ends? A point of the arc keeps their length and has turned "
    "by t of that angle; no straight line does.",
)
def interpolate(answer: Callable) -> None:
    """The answer maps z0, z1 and t to a latent vector on the arc between them."""
    random = np.random.default_rng(1)
    start, end = random.standard_normal((2, 64))
    end += 0.6 * start  # no right angle
    end *= np.linalg.norm(start) / np.linalg.norm(end)
    for t, expected in ((0.0, start), (1.0, end)):
        require(
            np.allclose(answer(start.copy(), end.copy(), t), expected, atol=1e-5),
            f"t={t} must give an end.",
        )
    middle = np.asarray(answer(start.copy(), end.copy(), 0.5))
    ratio = np.linalg.norm(middle) / np.linalg.norm(start)
    require(0.95 < ratio < 1.05, f"half way the vector has {ratio:.0%} of the length of its ends.")
    whole = np.arccos(start @ end / np.linalg.norm(start) ** 2)
    for t in (0.25, 0.5, 0.8):
        found = np.asarray(answer(start.copy(), end.copy(), t))
        right = (np.sin((1 - t) * whole) * start + np.sin(t * whole) * end) / np.sin(whole)
        require(
            np.allclose(found, right, atol=1e-3),
            f"the walk is not even: at t={t} it must have turned by {t:.0%} of the angle, at full "
            "length.",
        )


@exercise(
    "9.4 Is it a copy?",
    hint="Which distance has every image, fake or held out, to the training set? Then it is one "
    "number against many.",
)
def copy_score(answer: Callable) -> None:
    """The answer maps fake, training and held-out images to the share of held-out further away."""
    random = np.random.default_rng(2)
    training = random.integers(-64, 65, (20, 8, 8)) / 64
    held_out = random.integers(-64, 65, (10, 8, 8)) / 64
    copy = training[3] + 0.01 * random.standard_normal((8, 8))
    require(
        abs(float(answer(copy, training, held_out)) - 1) < 1e-6,
        "a copy of a training image is nearer to it than every held-out image is: the share is 1.",
    )
    far = np.full((8, 8), 3.0)
    require(
        abs(float(answer(far, training, held_out))) < 1e-6,
        "an image far from all training images: no held-out image is further away, the share is 0.",
    )
    for image, why in (
        (held_out[0] * 0.9, "the root of the summed squares, to the nearest"),
        (held_out[0], "equally far is not further"),
    ):
        expected, got = _share(image, training, held_out), float(answer(image, training, held_out))
        require(
            abs(got - expected) < 1e-6,
            f"for another image the share is {expected}, not {got}: {why}.",
        )


def _share(fake: np.ndarray, training: np.ndarray, held_out: np.ndarray) -> float:
    def distance(image: np.ndarray) -> float:
        return float(np.min(np.linalg.norm((training - image).reshape(len(training), -1), axis=1)))

    return float(np.mean([distance(image) > distance(fake) for image in held_out]))
