"""Chapter 07's checks pass a right answer and refuse the mistakes students make."""

import numpy as np
import pytest
import tensorflow as tf

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


def dicom_linear(hu, low, high):
    """The window of DICOM PS3.3 C.11.2.1.2.1, stretched to [-1, 1]."""
    centre, width = (low + high) / 2, high - low
    y = (hu - (centre - 0.5)) / (width - 1) + 0.5
    return np.clip(2 * y - 1, -1, 1)


def in_place(hu, low, high):
    hu -= low
    hu *= 2 / (high - low)
    hu -= 1
    return np.clip(hu, -1, 1, out=hu)


def tensor_window(hu, low, high):
    return tf.clip_by_value(tf.constant(2 * (hu - low) / (high - low) - 1), -1.0, 1.0)


def split_of_a_list(subjects, share, seed):
    return list(split(subjects, share, seed))


RIGHT = {
    "window": (chapter07.window, window),
    "DICOM's LINEAR window": (chapter07.window, dicom_linear),
    "in place": (chapter07.window, in_place),
    "a tensor": (chapter07.window, tensor_window),
    "split": (chapter07.split, split),
    "split as a list": (chapter07.split, split_of_a_list),
    "fault": (chapter07.fault, fault),
}


@pytest.mark.parametrize(("check", "answer"), RIGHT.values(), ids=RIGHT)
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
    "twice as steep": (
        chapter07.window,
        lambda hu, low, high: np.clip(4 * (hu - low) / (high - low) - 2, -1, 1),
    ),
    "the window's ends fixed": (chapter07.window, lambda hu, low, high: window(hu, -160, 240)),
    "split by order of appearance": (
        chapter07.split,
        lambda subjects, share, seed: np.isin(
            subjects,
            np.random.default_rng(seed).permutation(list(dict.fromkeys(subjects)))[
                : round(share * len(set(subjects)))
            ],
        ),
    ),
    "rounded down": (
        chapter07.split,
        lambda subjects, share, seed: np.isin(
            subjects,
            np.random.default_rng(seed).permutation(np.unique(subjects))[
                : int(share * len(np.unique(subjects)))
            ],
        ),
    ),
    "rounded up": (
        chapter07.split,
        lambda subjects, share, seed: np.isin(
            subjects,
            np.random.default_rng(seed).permutation(np.unique(subjects))[
                : int(np.ceil(share * len(np.unique(subjects))))
            ],
        ),
    ),
    "share of the slices": (
        chapter07.split,
        lambda subjects, share, seed: np.isin(
            subjects, np.random.default_rng(seed).permutation(subjects)[: len(subjects) // 2]
        ),
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
    "the distance alone": (
        chapter07.fault,
        lambda row, floor: "none" if row["FD"] < 2 * floor["FD"] else "unrealistic",
    ),
    "copies asked last": (
        chapter07.fault,
        lambda row, floor: (
            fault(dict(row, copying=0), floor)
            if fault(dict(row, copying=0), floor) != "none"
            else fault(row, floor)
        ),
    ),
    "half of the floor's precision": (
        chapter07.fault,
        lambda row, floor: fault(row, dict(floor, precision=0.5 / 0.6 * floor["precision"])),
    ),
    "copies from 0.9 on": (
        chapter07.fault,
        lambda row, floor: fault(dict(row, copying=row["copying"] - 0.1), floor),
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
