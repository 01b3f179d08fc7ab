"""Checks of chapter 07: a window for CT, a split by patient, reading a table of scores."""

from collections.abc import Callable

import numpy as np

from .exercise import exercise, require


@exercise(
    "7.1 A window for CT",
    hint="Subtract low, divide by (high - low), stretch to [-1, 1], then clip.",
)
def window(answer: Callable[[np.ndarray, float, float], np.ndarray]) -> None:
    """Check `answer(hu, low, high)`: Hounsfield units to [-1, 1].

    Args:
        answer: Takes HU of any shape and the ends of the window; returns the same shape.
    """
    hu = np.array([[-1000.0, -160.0, 40.0], [140.0, 240.0, 900.0]])
    got = np.asarray(answer(hu, -160.0, 240.0), float)
    require(got.shape == hu.shape, f"the shape changed from {hu.shape} to {got.shape}.")
    require(got.max() <= 1 and got.min() >= -1, "air and bone lie outside [-1, 1]: clip them.")
    require(np.isclose(got[0, 2], 0), f"40 HU is the middle of the window, not {got[0, 2]:.2f}.")
    require(np.isclose(got[1, 0], 0.5), f"140 HU must give 0.5, not {got[1, 0]:.2f}.")
    alone = np.asarray(answer(hu[:, 1:2], -160.0, 240.0), float)
    require(np.allclose(alone, got[:, 1:2]), "the same HU gives another grey in another scan.")
    brain = np.asarray(answer(np.array([40.0]), 0.0, 80.0), float)
    require(np.allclose(brain, 0), "with the window [0, 80] HU, 40 HU must give 0.")


@exercise(
    "7.2 Split by patient",
    hint="Permute np.unique(subjects) with np.random.default_rng(seed), take the first ones, and "
    "ask np.isin for every slice.",
)
def split(answer: Callable[[np.ndarray, float, int], np.ndarray]) -> None:
    """Check `answer(subjects, share, seed)`: bools, True for train, by subject.

    Args:
        answer: Takes one name a slice (N,), a share of the subjects and a seed.
    """
    random = np.random.default_rng(0)
    subjects = np.repeat([f"sub-{number:02d}" for number in range(20)], random.integers(5, 30, 20))
    random.shuffle(subjects)
    chosen = np.asarray(answer(subjects, 0.7, 1))
    require(chosen.shape == subjects.shape, "one bool a slice is needed.")
    require(chosen.dtype == bool, f"bools are needed, not {chosen.dtype}.")
    both = sorted(set(subjects[chosen]) & set(subjects[~chosen]))
    require(not both, f"{len(both)} subjects are on both sides, for example {', '.join(both[:2])}.")
    count = len(set(subjects[chosen]))
    require(count == 14, f"70 % of 20 subjects are 14; {count} are in train.")
    require(np.array_equal(chosen, answer(subjects, 0.7, 1)), "the same seed gave another split.")
    others = [np.asarray(answer(subjects, 0.7, seed)) for seed in (2, 3, 4)]
    require(
        any(not np.array_equal(chosen, other) for other in others), "every seed gives one split."
    )


@exercise(
    "7.3 Read the table",
    hint="Ask in this order: copying, then precision, then recall.",
)
def fault(answer: Callable[[dict, dict], str]) -> None:
    """Check `answer(row, floor)`: what is wrong with a set of samples.

    Args:
        answer: Takes two mappings with FD, precision, recall and copying; returns a word.
    """
    floor = dict(FD=1.6, precision=0.9, recall=0.88, copying=0.52)
    cases = {
        "copies": dict(FD=1.7, precision=0.9, recall=0.95, copying=1.0),
        "collapsed": dict(FD=12.0, precision=0.68, recall=0.02, copying=0.54),
        "unrealistic": dict(FD=30.0, precision=0.1, recall=0.2, copying=0.4),
        "none": dict(FD=2.2, precision=0.86, recall=0.55, copying=0.47),
    }
    for expected, row in cases.items():
        got = answer(dict(row), dict(floor))
        require(got == expected, f"for {row} you answer {got!r} instead of {expected!r}.")
    half = dict(FD=3.0, precision=0.6, recall=0.5, copying=0.5)
    weak = dict(FD=1.6, precision=0.5, recall=0.6, copying=0.5)
    require(
        answer(half, weak) == "none",
        "compare with the floor's precision and recall, not with fixed numbers.",
    )
