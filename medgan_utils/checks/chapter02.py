"""Checks of chapter 02: orientation, grey levels of CT, artefacts, a split by patient."""

from collections.abc import Callable, Mapping

import numpy as np
from scipy.spatial.transform import Rotation

from .exercise import exercise, require

ARTEFACTS = {"A": "noise", "B": "motion", "C": "bias field"}


@exercise(
    "2.1 Read the orientation",
    hint="For which axis is each column about, what does its largest entry say, and what its sign?",
)
def orientation(answer: Callable[[np.ndarray], str]) -> None:
    """Check `answer(affine) -> code`.

    Args:
        answer: Takes an affine (4, 4) to RAS millimetres; returns three letters such as "LPS".
    """
    for code, columns in {
        "RAS": ((0, 2.0), (1, 2.0), (2, 3.0)),
        "LAS": ((0, -2.0), (1, 2.0), (2, 3.0)),
        "PSR": ((1, -1.0), (2, 1.5), (0, 1.0)),
        "LPI": ((0, -1.0), (1, -0.8), (2, -5.0)),
    }.items():
        affine = np.eye(4)
        affine[:3, :3] = 0.05
        for column, (row, size) in enumerate(columns):
            affine[row, column] = size
        said = answer(affine)
        require(isinstance(said, str), "return three letters as text, for example 'RAS'.")
        require(said == said.upper(), f"write the letters large: {said.upper()!r}, not {said!r}.")
        opposite = said.translate(str.maketrans("RLAPSI", "LRPAIS"))
        require(opposite != code, f"you say {said} for {code}: every direction is reversed.")
        require(said == code, f"an affine that stores {code} is called {said}.")
    turned = Rotation.from_euler("xyz", [20, 30, -25], degrees=True).as_matrix()
    for code, directions in {
        "RAS": turned * 0.4,
        "PSR": turned[:, [1, 2, 0]] * [-0.4, 0.4, 0.45],
    }.items():
        affine = np.eye(4)
        affine[:3, :3] = directions
        said = answer(affine)
        require(said == code, f"voxels of 0.4 mm, turned by 20 to 30°: {code}, not {said!r}.")


@exercise(
    "2.2 From stored numbers to grey",
    hint="Two steps: what does a stored number mean in HU, and where in the window does that lie?",
)
def ct_grey(answer: Callable[[np.ndarray, float, float, float, float], np.ndarray]) -> None:
    """Check `answer(stored, slope, intercept, centre, width) -> grey`.

    Args:
        answer: Takes stored integers of any shape, the rescale slope and intercept, and a window
            in HU; returns greys in [0, 1] of the same shape.
    """
    stored = np.array([[0, 900, 1024], [1064, 1124, 3000]], np.uint16)
    for slope, intercept, centre, width in (
        (1.0, -1024.0, 40.0, 400.0),
        (2.0, -2000.0, 50.0, 150.0),
        (0.35, -300.0, 40.0, 100.0),
    ):
        grey = np.asarray(answer(stored, slope, intercept, centre, width), float)
        require(grey.shape == stored.shape, f"the result has shape {grey.shape}.")
        require(grey.min() >= 0 and grey.max() <= 1, "greys leave [0, 1]: clip them.")
        unscaled = np.clip((stored - (centre - width / 2)) / width, 0, 1)
        hu = slope * stored.astype(float) + intercept
        right = np.clip((hu - (centre - width / 2)) / width, 0, 1)
        # DICOM's LINEAR (PS3.3 C.11.2.1.2.1) ends half a unit beside the plain window.
        linear = np.clip((hu - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)
        require(not np.allclose(grey, unscaled), "slope and intercept are not used.")
        plain = stored.astype(float)
        stretched = (plain - plain.min()) / np.ptp(plain)
        require(not np.allclose(grey, stretched), "that is stretching from minimum to maximum.")
        near = np.abs(grey - right).max() < 1 / width
        fits = any(np.allclose(grey, one, atol=1e-5) for one in (right, linear))
        require(fits or not near, "nearly: is something rounded on the way?")
        require(fits, f"greys {grey.round(3)}: some are wrong.")
        alone = np.asarray(answer(stored[:1, 1:2], slope, intercept, centre, width), float)
        require(np.allclose(alone, grey[:1, 1:2]), "one number alone gets another grey.")


@exercise(
    "2.3 Name the artefact",
    hint="Which of them differs from pixel to pixel, which is smooth, and which repeats edges?",
)
def name_artefacts(answer: Mapping[str, str]) -> None:
    """Check a dictionary from the letters of the figure to "noise", "bias field" or "motion"."""
    require(set(answer) == set(ARTEFACTS), "name A, B and C, and nothing else.")
    given = {letter: str(name).strip().lower() for letter, name in answer.items()}
    unknown = sorted(set(given.values()) - set(ARTEFACTS.values()))
    require(not unknown, f"{unknown} is none of noise, bias field and motion.")
    wrong = [letter for letter, name in ARTEFACTS.items() if given[letter] != name]
    require(not wrong, f"look again at {', '.join(wrong)}.")


@exercise(
    "2.4 Split by patient",
    hint="Whom do you draw, slices or patients, and from what does the draw follow?",
)
def patient_split(answer: Callable[[np.ndarray, float, int], np.ndarray]) -> None:
    """Check `answer(subjects, share, seed) -> is_test`.

    Args:
        answer: Takes the subject of each slice (N,), the share of subjects to test on and a seed;
            returns bool (N,).
    """
    subjects = np.repeat([f"p{i:02d}" for i in range(20)], np.arange(3, 23))
    subjects = np.random.default_rng(0).permutation(subjects)  # slices come in any order
    for share in (0.25, 0.5):
        is_test = np.asarray(answer(subjects, share, 0))
        require(is_test.shape == subjects.shape and is_test.dtype == bool, "return bool (N,).")
        both = set(subjects[is_test]) & set(subjects[~is_test])
        require(not both, f"{len(both)} patients are on both sides.")
        count = len(set(subjects[is_test]))
        require(count == share * 20, f"{count} of 20 patients are tested on, not {share:.0%}.")
    others = [np.asarray(answer(subjects, 0.5, seed)) for seed in range(4)]
    require(any((one != others[0]).any() for one in others), "the seed changes nothing.")
    names = np.unique(subjects)
    runs = [np.flatnonzero(np.diff(np.isin(names, subjects[one]), prepend=0)) for one in others]
    scattered = any(len(changes) > 3 for changes in runs)
    require(scattered, "the names tested on follow each other in the list: draw them at random.")
    many = np.repeat([f"p{i:03d}" for i in range(200)], 2)
    first, turned = (set(few[np.asarray(answer(few.copy(), 0.5, 0))]) for few in (many, many[::-1]))
    require(
        first == turned, "the order of the slices decides; a set has none: sort the names first."
    )
    again = np.asarray(answer(subjects, 0.5, 0))
    require((again == others[0]).all(), "the same seed gave other patients.")
