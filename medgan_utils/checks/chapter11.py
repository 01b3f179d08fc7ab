"""Checks of chapter 11: fuse what is there, count what is wrong, measure inside a mask."""

from collections.abc import Callable

import numpy as np

from .exercise import exercise, one_number, require


@exercise(
    "11.1 Average what is there",
    hint="A missing contrast must leave both the sum and the count; NaN times 0 is still NaN.",
)
def fuse(answer: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> None:
    """Check `answer(features, presence)`: the mean over the contrasts that are present.

    Args:
        answer: Takes features (B, M, H, W, C) and presence (B, M); returns (B, H, W, C).
    """
    features = np.random.default_rng(0).normal(size=(4, 3, 2, 5, 2)).astype(np.float32)
    presence = np.array([[1, 1, 1], [1, 0, 1], [0, 1, 0], [0, 1, 1]])
    means = np.stack([f[p == 1].mean(axis=0) for f, p in zip(features, presence, strict=True)])
    got = np.asarray(answer(features.copy(), presence.copy()))
    require(got.shape == means.shape, f"the shape is {got.shape}; (B, H, W, C) is needed.")
    require(
        np.allclose(got[0], means[0], atol=1e-6),
        "where all are there, it is the plain mean over M.",
    )
    require(
        np.allclose(got[2], means[2], atol=1e-6),
        "where one is there, its features must come out unchanged.",
    )
    close = np.allclose(got, means, atol=1e-6)
    require(close, "where some are missing, the mean is not that of the others.")
    for hidden in (1e3, np.nan):
        changed = np.where(presence[:, :, None, None, None] == 1, features, np.float32(hidden))
        require(
            np.allclose(np.asarray(answer(changed, presence)), means, atol=1e-4),
            f"what a missing contrast holds, here {hidden:g}, changes the result.",
        )
    floats = np.asarray(answer(features, presence.astype("float32")))
    require(np.allclose(floats, means, atol=1e-5), "presence as floats gives another result.")


@exercise(
    "11.2 Invented and erased",
    hint="Each share has its own denominator: healthy slices for one, ill slices for the other.",
)
def wrong(answer: Callable[[np.ndarray, np.ndarray], tuple[float, float]]) -> None:
    """Check `answer(called, ill)`: shares of healthy called ill, and of ill called healthy.

    Args:
        answer: Takes two bool arrays (N,); returns (invented, erased).
    """
    called = np.array([1, 1, 0, 0, 1, 0, 0, 0, 1, 0], bool)
    ill = np.array([1, 1, 1, 1, 1, 1, 0, 0, 0, 0], bool)
    for c, i, expected in (
        (called, ill, (0.25, 0.5)),
        (~called, ill, (0.75, 0.5)),
        (ill, ill, (0.0, 0.0)),
        (called[:8], ill[:8], (0.0, 0.5)),
    ):
        got = _pair(answer(c.copy(), i.copy()))
        require(
            np.allclose(got, expected),
            f"of {(~i).sum()} healthy slices {(c & ~i).sum()} are called ill, of {i.sum()} ill "
            f"ones {(~c & i).sum()} healthy; you return {got[0]:.3g} and {got[1]:.3g}.",
        )
    one_kind = _pair(answer(called[:6], ill[:6]))
    require(
        np.isnan(one_kind[0]) and np.isclose(one_kind[1], 0.5),
        "without a healthy slice nothing can be invented: that share is NaN, no number.",
    )
    one_kind = _pair(answer(called[6:], ill[6:]))
    require(np.isnan(one_kind[1]), "without an ill slice the share of erased ones is NaN.")
    require(
        np.isclose(one_kind[0], 0.25),
        f"without an ill slice, 1 of 4 healthy ones is still invented, not {one_kind[0]:.3g}.",
    )


@exercise(
    "11.3 Truth inside a mask",
    hint="Take the mask before the mean, and think how wide [-1, 1] is.",
)
def psnr_inside(answer: Callable[[np.ndarray, np.ndarray, np.ndarray], float]) -> None:
    """Check `answer(image, truth, mask)`: PSNR over the pixels of a mask.

    Args:
        answer: Takes two images (H, W) in [-1, 1] and a bool mask (H, W); returns decibels.
    """
    random = np.random.default_rng(1)
    truth = random.uniform(-1, 0.8, (16, 16))
    mask = np.zeros((16, 16), bool)
    mask[4:12, 5:11] = True
    image = truth + np.where(mask, 0.02, 0.2)
    got = float(answer(image, truth, mask))
    require(
        not np.isclose(got, 20 * np.log10(1 / 0.02), atol=0.01),
        "the images span [-1, 1]: the range is not 1.",
    )
    require(np.isclose(got, 40.0, atol=1e-3), f"an error of 0.02 in the mask gives {got:.2f} dB.")
    outside = truth + np.where(mask, 0, 0.2)
    got = float(answer(outside, truth, mask))
    require(got > 60, "what lies outside the mask counts.")
    require(
        np.isposinf(got), f"equal inside the mask: infinity, not {got:g}; add nothing, cap nothing."
    )
    image = truth + np.where(mask, random.normal(0, 0.1, mask.shape), 0)
    expected = 10 * np.log10(4 / np.mean((image - truth)[mask] ** 2))
    require(
        np.isclose(answer(image, truth, mask), expected), "errors of different size: square first."
    )


def _pair(values: object) -> tuple[float, float]:
    values = tuple(float(value) for value in values)
    require(len(values) == 2, f"two numbers are needed, not {len(values)}.")
    return values


@exercise(
    "11.4 Dice, and the empty mask",
    hint="Look at what the sum of both sizes is when both are empty, and at what bytes do when "
    "they are added.",
)
def dice(answer: Callable[[np.ndarray, np.ndarray], float]) -> None:
    """Check `answer(truth, found)`: Dice of two masks, 1 where both are empty.

    Args:
        answer: Takes two masks of 0 and 1, of any shape and type; returns one number.
    """
    truth, found = np.zeros((2, 40, 40), np.uint8)
    truth[5:35, 5:35], found[5:35, 20:39] = 1, 1
    empty = np.zeros_like(truth)
    expected = 2 * 450 / (900 + 570)
    require(abs(one_number(answer(truth, truth)) - 1) < 1e-6, "equal masks must give 1.")
    for one, other in ((truth, empty), (empty, found)):
        got = one_number(answer(one, other))
        require(abs(got) < 1e-6, f"one empty mask must give 0, whichever it is, not {got:g}.")
    both_empty = one_number(answer(empty, empty))
    require(np.isfinite(both_empty), f"two empty masks give {both_empty}.")
    require(abs(both_empty - 1) < 1e-6, f"two empty masks agree, but give {both_empty:g}.")
    for kind in ("bool", "uint8", "float32"):
        one, other = truth.astype(kind), found.astype(kind)
        got = one_number(answer(one, other))
        require(abs(got - expected) < 1e-3, f"masks of {kind}: {got:.3f} for {expected:.3f}.")
        require(abs(one_number(answer(other, one)) - expected) < 1e-3, "it must be symmetric.")


@exercise(
    "11.5 Find the leak",
    hint="There are two ways into the training. What only the painter saw counts as well.",
)
def audit(answer: Callable[[list, list, list], tuple[list, list]]) -> None:
    """Check `answer(labelled, painter_saw, test)`: who leaked, and whose labels were borrowed.

    Args:
        answer: Takes three lists of names; returns two sorted lists without repeats.
    """
    for labelled, painter, test, leaked, borrowed in (
        (["a", "b", "b"], ["b", "a"], ["t", "u", "t"], [], []),
        (["a", "b"], ["a", "t", "t", "u"], ["u", "t", "v"], ["t", "u"], []),
        (["b", "t"], ["b"], ["t", "v"], ["t"], []),
        (["b", "a"], ["d", "a", "c", "d", "v"], ["v", "t"], ["v"], ["c", "d"]),
        (["a", "t"], ["a"], ["t", "t", "u"], ["t"], []),
        (["a", "t", "u"], ["t", "b", "v"], ["v", "t", "u"], ["t", "u", "v"], ["b"]),
        (["a"], list("zkxgqacpb"), list("pgqkv"), list("gkpq"), list("bcxz")),
    ):
        got = answer(list(labelled), list(painter), list(test))
        require(
            isinstance(got, tuple | list) and len(got) == 2, "return two lists: leaked, borrowed."
        )
        mine = [list(part) for part in got]
        for name, one, right in zip(("leaked", "borrowed"), mine, (leaked, borrowed), strict=True):
            where = f"labelled {labelled}, painter saw {painter}, test {test}: {name} is {one}"
            require(len(one) == len(set(one)), f"{where}; a name is listed twice.")
            require(set(one) == set(right), f"{where}, which is not right.")
            require(one == sorted(one), f"{where}; sort it.")
