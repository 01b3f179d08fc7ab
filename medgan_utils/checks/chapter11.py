"""Checks of chapter 11: fuse what is there, count what is wrong, measure inside a mask."""

from collections.abc import Callable

import numpy as np

from .exercise import exercise, require


@exercise(
    "11.1 Average what is there",
    hint="A missing contrast must leave both the sum and the count; NaN times 0 is still NaN.",
)
def fuse(answer: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> None:
    """Check `answer(features, presence)`: the mean over the contrasts that are present.

    Args:
        answer: Takes features (B, M, H, W, C) and presence (B, M); returns (B, H, W, C).
    """
    features = np.random.default_rng(0).normal(size=(4, 3, 2, 5, 2))
    presence = np.array([[1, 1, 1], [1, 0, 1], [0, 1, 0], [0, 1, 1]])
    means = np.stack([f[p == 1].mean(axis=0) for f, p in zip(features, presence, strict=True)])
    got = np.asarray(answer(features.copy(), presence.copy()))
    require(got.shape == means.shape, f"the shape is {got.shape}; (B, H, W, C) is needed.")
    require(np.allclose(got[0], means[0]), "where all are there, it is the plain mean over M.")
    require(
        np.allclose(got[2], means[2]), "where one is there, its features must come out unchanged."
    )
    require(np.allclose(got, means), "where some are missing, the mean is not that of the others.")
    changed = np.where(presence[:, :, None, None, None] == 1, features, 1e3)
    require(
        np.allclose(np.asarray(answer(changed, presence)), means),
        "what a missing contrast holds changes the result.",
    )
    floats = np.asarray(answer(features.astype("float32"), presence.astype("float32")))
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
    require(np.isposinf(answer(outside, truth, mask)), "what lies outside the mask counts.")
    image = truth + np.where(mask, random.normal(0, 0.1, mask.shape), 0)
    expected = 10 * np.log10(4 / np.mean((image - truth)[mask] ** 2))
    require(
        np.isclose(answer(image, truth, mask), expected), "errors of different size: square first."
    )


def _pair(values: object) -> tuple[float, float]:
    values = tuple(float(value) for value in values)
    require(len(values) == 2, f"two numbers are needed, not {len(values)}.")
    return values
