"""Checks of chapter 03: modes of a ring, vanishing gradients, erased lesions, membership."""

from collections.abc import Callable

import numpy as np

from .exercise import exercise, one_number, require


@exercise(
    "3.1 How even is the ring?",
    hint="Which points count at all, for which centre, and a share of what are they?",
)
def unevenness(answer: Callable[[np.ndarray, np.ndarray, float], float]) -> None:
    """Check `answer(points, centres, radius)`: KL divergence of the centres' shares from even ones.

    Args:
        answer: Takes points (N, 2), centres (K, 2) and a radius; returns 0 to log K.
    """
    angles = 2 * np.pi * np.arange(8) / 8
    centres = 2 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    counted = [
        ("25 points on each of 8 centres", np.full(8, 25), 0.0),
        ("200 points on one of 8 centres", np.eye(8, dtype=int)[3] * 200, np.log(8)),
        ("100 points on each of 4 of 8 centres", np.repeat([100, 0], 4), np.log(2)),
        ("90 and 10 points on two of 8 centres", np.array([90, 10, *[0] * 6]), 1.7544),
    ]
    for what, counts, right in counted:
        given = one_number(answer(centres.repeat(counts, axis=0), centres, 0.2))
        require(np.isclose(given, right, atol=1e-3), f"{what}: {right:.3f}, not {given:.3f}.")
    far = np.concatenate([centres.repeat(25, axis=0), np.full((100, 2), 9.0)])
    given = one_number(answer(far, centres, 0.2))
    require(np.isclose(given, 0, atol=1e-6), f"points far from all centres made it {given:.3f}.")
    between = (centres + np.roll(centres, 1, axis=0)).repeat(5, axis=0) / 2
    given = one_number(answer(between, centres, 0.2))
    require(np.isclose(given, np.log(8)), f"no point near a centre: log 8, not {given:.3f}.")
    near = centres[[0, 0, 1]] + [0.25, 0.0]
    given, right = one_number(answer(near, centres, 0.3)), np.log(8) - 0.636514
    require(
        np.isclose(given, right, atol=1e-4), f"shares of 2/3 and 1/3: {right:.4f}, not {given:.4f}."
    )
    _who_counts(answer, centres)


def _who_counts(answer: Callable, centres: np.ndarray) -> None:
    """Points near two centres, on the edge of the radius, and on one of three centres."""
    third = 0.6 * centres[[0]] + 0.4 * centres[[1]]
    given = one_number(answer(third, centres, 1.0))
    require(
        np.isclose(given, np.log(8), atol=1e-4),
        f"one point within the radius of two centres is the nearer one's alone: {np.log(8):.3f}, "
        f"not {given:.3f}.",
    )
    three = np.eye(3, 2) * 3
    given = one_number(answer(three[[1, 1]], three, 0.2))
    require(
        np.isclose(given, np.log(3), atol=1e-4),
        f"all points on one of three centres: log 3, not {given:.3f}.",
    )
    two = np.array([[2.0, 0.0], [0.0, 2.0]])
    slanted = np.array([[2.15, 0.15], [2.13, 0.13], [0.0, 2.0]])
    given = one_number(answer(slanted, two, 0.2))
    require(
        np.isclose(given, 0, atol=1e-4),
        f"one point within 0.2 of each of two centres, by the straight line: 0, not {given:.4f}.",
    )
    edge = np.concatenate([centres[[0, 2]], centres[[0]] + [0.25, 0.0]])  # exact in binary
    given = one_number(answer(edge, centres, 0.25))
    require(
        np.isclose(given, np.log(4), atol=1e-4),
        f"a point at exactly the radius is dropped: {np.log(4):.3f}, not {given:.3f}.",
    )


@exercise(
    "3.2 How hard is G pushed?",
    hint="Derive softplus first; then mind the sign inside and the sign outside of each loss.",
)
def generator_push(answer: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]) -> None:
    """Check `answer(logits)`: |dL_G/dlogit| of the saturating and of the non-saturating loss.

    Args:
        answer: Takes logits (N,) of fakes; returns the two sizes, each (N,), saturating first.
    """
    logits = np.array([-6.0, -1.0, 0.0, 2.0])
    saturating, other = (np.asarray(part, float) for part in answer(logits.copy()))
    right = 1 / (1 + np.exp(-logits))
    require(
        saturating.shape == other.shape == logits.shape,
        f"for {logits.shape} logits you return {saturating.shape} and {other.shape}.",
    )
    require(
        not (np.allclose(saturating, 1 - right) and np.allclose(other, right)),
        "the two are swapped: when D is sure (logit -6) the *saturating* loss must hardly push.",
    )
    require(
        not (np.allclose(saturating, -right) or np.allclose(other, right - 1)),
        "a size is not negative.",
    )
    require(np.allclose(saturating, right), f"saturating: {saturating} for logits {logits}.")
    require(np.allclose(other, 1 - right), f"non-saturating: {other} for logits {logits}.")


@exercise(
    "3.3 How many lesions were erased?",
    hint="Decide lesion by lesion, each by its own contrast, before you average anything.",
)
def erased(answer: Callable[..., float]) -> None:
    """Check `answer(before, after, lesion, around)`: the share of erased lesions.

    Args:
        answer: Takes two batches of images (N, H, W) and two of boolean masks (N, H, W); returns
            the share of lesions that kept less than half of their contrast, with sign.
    """
    random = np.random.default_rng(3)
    lesion, around = np.zeros((2, 4, 12, 12), bool)
    for number, (row, column) in enumerate(((2, 2), (2, 7), (7, 2), (7, 7))):  # places of their own
        lesion[number, row : row + 3, column : column + 3] = True
        around[number, row - 2 : row + 4, column - 2 : column + 4] = True
    lesion[1, 2, 7] = False
    around &= ~lesion
    before = 0.02 * random.normal(size=(4, 12, 12))
    for number, size in enumerate((1.0, -0.5, 0.8, 0.6)):
        before[number][lesion[number]] += size
    _share(answer(before, before, lesion, around), 0, "unchanged images erase none")
    brighter = answer(before, before + 0.7, lesion, around)
    _share(brighter, 0, "an image that is brighter everywhere keeps its contrast")
    elsewhere = before + 20.0 * ~(lesion | around)
    share = answer(before, elsewhere, lesion, around)
    _share(share, 0, "what is bright far from a lesion is not around it")
    turned = before.copy()
    turned[0][lesion[0]] -= 2.0
    _share(answer(before, turned, lesion, around), 0.25, "a bright lesion that turned dark is gone")
    dark = before.copy()
    dark[1][lesion[1]] += 0.4
    _share(answer(before, dark, lesion, around), 0.25, "a dark lesion that faded is gone, too")
    uneven = before.copy()
    uneven[0][lesion[0]] += 3.0
    uneven[2][lesion[2]] -= 0.7
    uneven[3][lesion[3]] -= 0.2
    _share(answer(before, uneven, lesion, around), 0.25, "one stronger lesion hides no erased one")
    spotty = before.copy()
    cells = np.argwhere(lesion[0])[:4]  # of nine pixels
    spotty[0][tuple(cells.T)] -= 2.0
    why = "four of its nine pixels turned dark, and in the mean hardly anything of it is left"
    _share(answer(before, spotty, lesion, around), 0.25, why)
    near_half, size = before.copy(), (before[0][lesion[0]] - before[0][around[0]].mean()).mean()
    for left, right in ((0.45, 0.25), (0.55, 0)):
        near_half[0][lesion[0]] = before[0][lesion[0]] - (1 - left) * size
        share = answer(before, near_half, lesion, around)
        _share(share, right, f"of the first lesion's contrast {left:.0%} is left")


def _share(given: float, right: float, why: str) -> None:
    """Refuse a share that is not the right one, and say what it should be."""
    given = float(given)
    require(np.isclose(given, right), f"{why}: the share is {right:g}, not {given:.3g}.")


@exercise(
    "3.4 Score an attack",
    hint="How many pairs of a member and an outsider are there, and what is an even one worth?",
)
def attack_auc(answer: Callable[[np.ndarray, np.ndarray], float]) -> None:
    """Check `answer(members, outsiders)`: the chance that a member scores above an outsider.

    Args:
        answer: Takes two arrays of scores, (N,) and (M,); returns a number in [0, 1].
    """
    random = np.random.default_rng(4)
    members, outsiders = random.normal(0.5, 1, 30), random.normal(0, 1, 50)
    right = float(np.mean(members[:, None] > outsiders))
    given = float(answer(members, outsiders))
    require(
        not np.isclose(given, 1 - right), "that is the chance that the *outsider* scores higher."
    )
    require(np.isclose(given, right), f"{given:.4f} instead of {right:.4f}.")
    some, others = np.array([0.0, 1.0, 1.0, 2.0]), np.array([1.0, 1.0, 0.0])
    given = float(answer(some, others))
    require(np.isclose(given, 7.5 / 12), f"with some equal scores {given:.4f}, not {7.5 / 12:.4f}.")
    low = float(answer(np.array([0.0, 1.0]), np.array([2.0, 3.0, 1.0])))
    require(np.isclose(low, 0.5 / 6), f"members below outsiders give {0.5 / 6:.3f}, not {low:.3f}.")
    tied = float(answer(np.zeros(4), np.zeros(6)))
    require(
        np.isclose(tied, 0.5),
        f"equal scores tell the attacker nothing, so they must give 0.5; you say {tied:.2f}.",
    )
