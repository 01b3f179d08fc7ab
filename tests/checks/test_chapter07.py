"""Chapter 07's checks pass a right answer and refuse the mistakes students make."""

import numpy as np
import pytest

from medgan_utils.checks import chapter07


def window(hu, low, high):
    return np.clip(2 * (hu - low) / (high - low) - 1, -1, 1)


def split(subjects, share, seed):
    names = np.unique(subjects)
    order = np.random.default_rng(seed).permutation(names)
    return np.isin(subjects, order[: round(share * len(names))])


def fault(row, floor):
    if row["copying"] > 0.8:
        return "copies"
    if row["precision"] < 0.6 * floor["precision"]:
        return "unrealistic"
    return "collapsed" if row["recall"] < 0.5 * floor["recall"] else "none"


@pytest.mark.parametrize(
    ("check", "answer"),
    [(chapter07.window, window), (chapter07.split, split), (chapter07.fault, fault)],
)
def test_right_answers_pass(check, answer, capsys):
    assert check(answer)
    assert capsys.readouterr().out.startswith("✓")


WRONG = {
    "no clipping": (chapter07.window, lambda hu, low, high: 2 * (hu - low) / (high - low) - 1),
    "range [0, 1]": (
        chapter07.window,
        lambda hu, low, high: np.clip((hu - low) / (high - low), 0, 1),
    ),
    "scaled by each scan": (
        chapter07.window,
        lambda hu, low, high: 2 * (hu - hu.min()) / (np.ptp(hu) + 1e-9) - 1,
    ),
    "split by slice": (
        chapter07.split,
        lambda subjects, share, seed: np.random.default_rng(seed).random(len(subjects)) < share,
    ),
    "seed ignored": (chapter07.split, lambda subjects, share, seed: split(subjects, share, 0)),
    "copies unseen": (
        chapter07.fault,
        lambda row, floor: fault(dict(row, copying=0.5), floor),
    ),
    "fixed thresholds": (
        chapter07.fault,
        lambda row, floor: fault(row, dict(precision=1.1, recall=1.1)),
    ),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_wrong_answers_are_refused(name, capsys):
    check, answer = WRONG[name]
    assert not check(answer)
    assert capsys.readouterr().out.startswith("✗")
