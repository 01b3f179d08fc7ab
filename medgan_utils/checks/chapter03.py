"""Checks of chapter 03: modes of a ring, vanishing gradients, erased lesions, membership."""

from collections.abc import Callable

import numpy as np

from .exercise import exercise, require


@exercise(
    "3.1 Count the modes",
    hint="Give each point to its nearest centre, keep it only if it lies within the radius, count "
    "per centre, and call a centre found from 1 % of *all* points on.",
)
def count_modes(answer: Callable[[np.ndarray, np.ndarray, float], int]) -> None:
    """Check `answer(points, centres, radius)`: how many centres have at least 1 % of the points.

    Args:
        answer: Takes points (N, 2), centres (K, 2) and a radius; returns 0 to K.
    """
    angles = 2 * np.pi * np.arange(8) / 8
    centres = 2 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    require(
        answer(centres.repeat(25, axis=0), centres, 0.2) == 8, "25 points on each centre are 8."
    )
    one = centres[[3]].repeat(200, axis=0)
    require(answer(one, centres, 0.2) == 1, "200 points on one centre are one mode.")
    between = (centres + np.roll(centres, 1, axis=0)).repeat(25, axis=0) / 2
    found = answer(between, centres, 0.2)
    require(found == 0, f"points half-way between two centres are no mode, but you find {found}.")
    stray = np.concatenate([one, centres[[5]]])
    require(
        answer(stray, centres, 0.2) == 1,
        "one stray point among 201 makes a mode in your count; 1 % of the points are needed.",
    )
    spread = np.concatenate([centres[:2].repeat(98, axis=0), centres[2:4].repeat(2, axis=0)])
    require(
        answer(spread, centres, 0.2) == 4, "2 points of 200 are 1 %: from 1 % on a mode counts."
    )


@exercise(
    "3.2 How hard is G pushed?",
    hint="The derivative of -softplus(l) is -σ(l), that of softplus(-l) is -σ(-l). Take sizes.",
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
    "3.3 Was the lesion erased?",
    hint="Contrast = mean inside the lesion minus mean around it, with sign. Divide the contrast "
    "after by the contrast before, image by image, and average last.",
)
def kept_contrast(answer: Callable[..., float]) -> None:
    """Check `answer(before, after, lesion, around)`: the share of a lesion's contrast that is left.

    Args:
        answer: Takes two batches of images (N, H, W) and two of boolean masks (N, H, W); returns
            the mean over the images of contrast after / contrast before.
    """
    random = np.random.default_rng(3)
    lesion, around = np.zeros((2, 2, 12, 12), bool)
    lesion[:, 4:7, 4:7], around[:, 2:9, 2:9] = True, True
    lesion[1, 4, 4] = False
    around &= ~lesion
    before = 0.1 * random.normal(size=(2, 12, 12))
    before[0][lesion[0]] += 1.0
    before[1][lesion[1]] -= 0.5
    require(np.isclose(answer(before, before, lesion, around), 1), "unchanged images keep 1.")
    brighter = answer(before, before + 0.3, lesion, around)
    require(
        np.isclose(brighter, 1),
        f"an image that is 0.3 brighter everywhere keeps its contrast; you say {brighter:.2f}.",
    )
    after = before.copy()
    after[0][lesion[0]] -= 2.0
    flipped = _contrast(after, lesion, around) / _contrast(before, lesion, around)
    given = float(answer(before, after, lesion, around))
    require(
        not np.isclose(given, np.abs(flipped).mean()),
        "a bright lesion that turned dark counts as kept in your answer: mind the sign.",
    )
    require(np.isclose(given, flipped.mean()), f"{given:.3f} instead of {flipped.mean():.3f}.")


@exercise(
    "3.4 Score an attack",
    hint="Compare every member with every outsider: 1 if the member's score is higher, ½ if equal. "
    "members[:, None] > outsiders[None, :] gives all pairs at once.",
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
    tied = float(answer(np.zeros(4), np.zeros(6)))
    require(
        np.isclose(tied, 0.5),
        f"equal scores tell the attacker nothing, so they must give 0.5; you say {tied:.2f}.",
    )


def _contrast(images: np.ndarray, lesion: np.ndarray, around: np.ndarray) -> np.ndarray:
    pairs = zip(images, lesion, around, strict=True)
    return np.array([image[inside].mean() - image[near].mean() for image, inside, near in pairs])
