"""Checks of chapter 07: a window for CT, a split by patient, reading a table of scores."""

import builtins
from collections.abc import Callable
from unittest.mock import patch

import numpy as np

from .exercise import exercise, require

TOLERANCE = 0.01
"""DICOM's LINEAR window (PS3.3 C.11.2.1.2.1) ends half a unit beside the plain one."""


@exercise(
    "7.1 A window for CT",
    hint="Which grey do `low`, the middle and `high` get? And may one scan decide about another?",
)
def window(answer: Callable[[np.ndarray, float, float], np.ndarray]) -> None:
    """Check `answer(hu, low, high)`: Hounsfield units to [-1, 1].

    Args:
        answer: Takes HU of any shape and the ends of the window; returns the same shape.
    """
    hu = np.array([[-1000.0, -160.0, 40.0], [140.0, 240.0, 900.0]])
    got = _windowed(answer, hu, -160.0, 240.0)
    require(got.shape == hu.shape, f"the shape changed from {hu.shape} to {got.shape}.")
    require(got.max() <= 1 and got.min() >= -1, "air and bone lie outside [-1, 1].")
    for value, wanted in ((-160.0, -1.0), (40.0, 0.0), (140.0, 0.5), (240.0, 1.0)):
        here = got[hu == value][0]
        near = np.isclose(here, wanted, atol=TOLERANCE)
        require(near, f"{value:.0f} HU must give {wanted:g} in [-160, 240] HU, not {here:.3f}.")
    for value, wanted in ((-1000.0, -1.0), (900.0, 1.0)):
        here = got[hu == value][0]
        near = np.isclose(here, wanted, atol=TOLERANCE)
        require(near, f"{value:.0f} HU lie outside [-160, 240]: {wanted:g}, not {here:.3f}.")
    alone = _windowed(answer, hu[:, 1:2], -160.0, 240.0)
    require(np.allclose(alone, got[:, 1:2]), "the same HU gives another grey in another scan.")
    brain = _windowed(answer, np.array([20.0, 40.0]), 0.0, 80.0)
    wanted = np.array([-0.5, 0.0])
    good = np.allclose(brain, wanted, atol=3 * TOLERANCE)
    require(good, f"with the window [0, 80] HU, 20 and 40 HU must give {wanted}, not {brain}.")
    wide = _windowed(answer, np.array([-200.0, 300.0]), -1000.0, 1000.0)
    wanted = np.array([-0.2, 0.3])
    good = np.allclose(wide, wanted, atol=TOLERANCE)
    require(good, f"with [-1000, 1000] HU, -200 and 300 HU must give {wanted}, not {wide}.")


def _windowed(answer: Callable, hu: np.ndarray, low: float, high: float) -> np.ndarray:
    """Call the answer on a copy: one that works in place is right, too."""
    return np.asarray(answer(hu.copy(), low, high), float)


@exercise(
    "7.2 Split by patient",
    hint="Decide about each name once, before you look at a single slice.",
)
def split(answer: Callable[[np.ndarray, float, int], np.ndarray]) -> None:
    """Check `answer(subjects, share, seed)`: bools, True for train, by subject.

    Args:
        answer: Takes one name a slice (N,), a share of the subjects and a seed.
    """
    random = np.random.default_rng(0)
    for number, share in ((20, 0.7), (9, 0.5), (200, 0.5), (9, 0.3), (11, 0.3)):
        subjects = np.repeat(
            [f"sub-{n:02d}" for n in range(number)], random.integers(5, 30, number)
        )
        random.shuffle(subjects)
        chosen = np.asarray(answer(subjects.copy(), share, 1))
        require(chosen.shape == subjects.shape, "one bool a slice is needed.")
        require(set(np.unique(chosen)) <= {0, 1}, f"True or False, not {np.unique(chosen)[:3]}.")
        chosen = chosen.astype(bool)
        both = sorted(set(subjects[chosen]) & set(subjects[~chosen]))
        require(not both, f"{len(both)} subjects are on both sides, as {', '.join(both[:2])}.")
        count, wanted = len(set(subjects[chosen])), round(share * number)
        near = abs(count - share * number) <= 0.5 + 1e-9
        require(near, f"{share:.0%} of {number} subjects are {wanted}; {count} are in train.")
        again = np.asarray(answer(subjects.copy(), share, 1), bool)
        require(np.array_equal(chosen, again), "the same seed gave another split.")
        with patch.object(builtins, "hash", _salted):
            again = np.asarray(answer(subjects.copy(), share, 1), bool)
        require(
            np.array_equal(chosen, again),
            "the split hangs on `hash`, which Python salts anew at every start of the kernel: "
            "after a restart your test subjects would be among the training's.",
        )
        others = [np.asarray(answer(subjects.copy(), share, seed), bool) for seed in (2, 3, 4)]
        differs = any(not np.array_equal(chosen, other) for other in others)
        require(differs, "every seed gives one split.")
        turned = np.asarray(answer(subjects[::-1].copy(), share, 1), bool)
        same = set(subjects[chosen]) == set(subjects[::-1][turned])
        require(same, "the order of the slices decides who goes to train.")


@exercise(
    "7.3 Read the table",
    hint="Which faults does the text name, by which column, against what, and which looks perfect "
    "in all the others?",
)
def fault(answer: Callable[[dict, dict], str]) -> None:
    """Check `answer(row, floor)`: what is wrong with a set of samples.

    Args:
        answer: Takes two mappings with FD, precision, recall and copying; returns a word.
    """
    floor = dict(FD=1.6, precision=0.9, recall=0.88, copying=0.52)
    weak = dict(FD=1.6, precision=0.5, recall=0.6, copying=0.5)
    cases = [
        ("copies", dict(FD=1.7, precision=0.9, recall=0.95, copying=1.0), floor),
        ("copies", dict(FD=9.0, precision=0.3, recall=0.1, copying=0.85), floor),
        ("collapsed", dict(FD=12.0, precision=0.68, recall=0.02, copying=0.54), floor),
        ("collapsed", dict(FD=1.5, precision=0.86, recall=0.43, copying=0.79), floor),
        ("unrealistic", dict(FD=30.0, precision=0.1, recall=0.2, copying=0.4), floor),
        ("unrealistic", dict(FD=2.0, precision=0.53, recall=0.8, copying=0.5), floor),
        ("none", dict(FD=2.2, precision=0.86, recall=0.55, copying=0.47), floor),
        ("none", dict(FD=40.0, precision=0.55, recall=0.45, copying=0.79), floor),
        ("none", dict(FD=3.0, precision=0.6, recall=0.5, copying=0.5), weak),
        ("none", dict(FD=3.0, precision=0.31, recall=0.31, copying=0.5), weak),
        ("collapsed", dict(FD=3.0, precision=0.31, recall=0.29, copying=0.5), weak),
        ("none", dict(FD=3.0, precision=0.3, recall=0.3, copying=0.8), weak),  # all on the edge
        ("unrealistic", dict(FD=3.0, precision=0.29, recall=0.5, copying=0.5), weak),
    ]
    for expected, row, least in cases:
        got = answer(dict(row), dict(least))
        beside = f"floor {least['precision']:g} and {least['recall']:g}"
        require(got == expected, f"for {row} ({beside}) you answer {got!r}, not {expected!r}.")


def _salted(one: object, usual: Callable[[object], int] = hash) -> int:
    """Answer as `hash` may after another start of Python."""
    return usual((usual(one), "another salt"))
