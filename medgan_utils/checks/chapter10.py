"""Checks of chapter 10: windows, sides, collapse within a label, sensitivity at a specificity."""

from collections.abc import Callable

import numpy as np

from .exercise import exercise, require


@exercise("10.1 Window", hint="What do low, the middle and high become, and what lies outside?")
def window(answer: Callable) -> None:
    """The answer maps HU and the two ends of a window to [-1, 1]."""
    hu = np.array([-1000.0, -160.0, -60.0, 40.0, 240.0, 1000.0])
    found = answer(hu.copy(), -160, 240)
    found = np.asarray(found, float)
    require(found.shape == hu.shape, f"the shape changed to {found.shape}.")
    require(found.min() >= -1 and found.max() <= 1, "values lie outside [-1, 1]: clip them.")
    expected = np.array([-1, -1, -0.5, 0, 1, 1])
    require(
        np.allclose(found, expected, atol=1e-6),
        f"{hu.tolist()} HU should become {expected.tolist()}, not {found.round(3).tolist()}.",
    )
    alone = np.asarray(answer(hu[3:4].copy(), -160, 240), float)
    other = np.asarray(answer(hu.copy(), 0, 160), float)
    require(
        np.allclose(other, [-1, -1, -1, -0.5, 1, 1], atol=1e-6),
        f"the window 0 to 160 gives {other.round(3).tolist()}.",
    )
    require(np.allclose(alone, 0, atol=1e-6), "40 HU alone became another grey: ignore the range.")


@exercise(
    "10.2 Find the mirrored slices",
    hint="Which single number says where a liver is, with all its pixels, and what does it have "
    "where the image's middle is?",
)
def mirrored(answer: Callable) -> None:
    """The answer maps liver masks (N, H, W) to the indices of mirrored slices."""
    masks = np.zeros((9, 12, 16), np.uint8)
    masks[0, 3:9, 2:7] = 1
    masks[1, 3:9, 9:14] = 1
    masks[2, 2:10, 1:7] = 1
    masks[2, 5, 7:14] = 1  # the left lobe crosses the middle
    masks[3, 2:10, 9:15] = 2
    masks[3, 5, 2:9] = 1
    masks[4, 3:9, 1:6] = 2
    masks[5, 3:9, 1:7] = 1
    masks[5, 5, 7:16] = 1  # a thin lobe to the edge
    masks[6, 1:11, 3], masks[6, 1:8, 13] = 1, 2  # a tumour's pixel counts as one
    masks[7, 1:11, 6], masks[7, 1:8, 15] = 1, 1  # few pixels, far out
    masks[8, 3:9, 1:16] = 1  # half a pixel beyond the middle
    found = answer(masks)
    require(
        np.ndim(found) == 1, "return one flat list or array of indices (np.where gives a tuple)."
    )
    require(np.asarray(found).dtype != bool, "return the indices, not a bool for each slice.")
    found = [int(k) for k in found]
    require(2 not in found, "slice 2 is no mirror: a lobe may cross the middle; use the centre.")
    require(3 in found, "slice 3 is mirrored: a tumour (2) is part of the liver.")
    require(
        found == [1, 3, 7, 8],
        f"slices 1, 3, 7 and 8 are mirrored; you found {found}. (8 fills columns 1 to 15 of 16.)",
    )
    wider = [int(k) for k in answer(np.pad(masks, ((0, 0), (0, 0), (0, 8))))]
    require(wider == [], f"with 8 columns of air at the right none is mirrored; you found {wider}.")


@exercise(
    "10.3 Is z ignored?",
    hint="Over which images may the deviation be taken? And what is averaged first?",
)
def label_spread(answer: Callable) -> None:
    """The answer maps images and labels to the mean spread of a pixel within a label."""
    random = np.random.default_rng(0)
    labels = np.repeat([0, 2, 7], [4, 6, 8])
    collapsed = labels[:, None, None] * np.ones((18, 5, 5))
    found = answer(collapsed, labels)
    require(abs(float(found)) < 1e-9, "one picture a label must give 0, however labels differ.")
    images = collapsed + random.normal(size=collapsed.shape) * (1 + labels[:, None, None])
    expected = np.mean([images[labels == kind].std(axis=0).mean() for kind in (0, 2, 7)])
    sample = np.mean([images[labels == kind].std(axis=0, ddof=1).mean() for kind in (0, 2, 7)])
    require(
        abs(float(answer(images, labels)) - sample) > 1e-6,
        "that is the deviation with N - 1; divide by N, as NumPy does.",
    )
    require(
        abs(float(answer(images, labels)) - expected) < 1e-6,
        f"expected {expected:.4f}, found {float(answer(images, labels)):.4f}: average over pixels "
        "first, then over labels, each label once.",
    )


@exercise(
    "10.4 Sensitivity at a fixed specificity",
    hint="Try every score as a threshold, lowest first; stop at the first that is strict enough.",
)
def sensitivity_at(answer: Callable) -> None:
    """The answer maps scores, labels and a specificity to a sensitivity."""
    scores = np.array([0.1, 0.2, 0.3, 0.4, 0.9, 0.39, 0.6, 0.8, 0.95])
    labels = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1])
    found = answer(scores, labels, 0.75)
    require(
        abs(float(found) - 0.75) < 1e-9,
        f"four of five negatives lie below 0.6, and 3 of 4 positives reach it: 0.75, not {found}.",
    )
    between = float(answer(scores, labels, 0.7))
    require(
        abs(between - 0.75) < 1e-9,
        f"of five negatives 4 must lie below a threshold for a specificity of 0.7, which leaves "
        f"0.75, not {between}.",
    )
    require(abs(float(answer(scores, labels, 1.0)) - 0.25) < 1e-9, "at specificity 1 it is 0.25.")
    require(abs(float(answer(scores, labels, 0.6)) - 1) < 1e-9, "at specificity 0.6 it is 1.")
    ten = np.concatenate([np.arange(10.0), [8.5, 7.5, 9.5]]) - 5  # logits may be negative
    strict = float(answer(ten, np.repeat([0, 1], [10, 3]), 0.93))
    require(
        abs(strict - 1 / 3) < 1e-9,
        f"for a specificity of 0.93 all of ten negatives must lie below: 1 of 3, not {strict:.2f}.",
    )
    tied = answer(np.ones(6), np.array([0, 0, 0, 1, 1, 1]), 0.9)
    require(float(tied) == 0, "equal scores tell nothing: strict enough only above all of them, 0.")
