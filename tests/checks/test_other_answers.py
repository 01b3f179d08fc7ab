"""Answers unlike the model solution: right ones in any style pass, typical slips do not."""

import random

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from medgan_utils.checks import (
    chapter01,
    chapter02,
    chapter03,
    chapter07,
    chapter08,
    chapter09,
    chapter10,
    chapter11,
)


def walked(start, end, t):
    w = np.arccos(np.clip(start @ end / np.linalg.norm(start) / np.linalg.norm(end), -1, 1))
    return (np.sin((1 - t) * w) * start + np.sin(t * w) * end) / np.sin(w)


def in_place_and_short(start, end, t):
    start /= np.linalg.norm(start)
    end /= np.linalg.norm(end)
    return walked(start, end, t)


def in_place(start, end, t):
    length = np.linalg.norm(start)
    return in_place_and_short(start, end, t) * length


def walk_in_place(start, end, count):
    first, last = np.linalg.norm(start), np.linalg.norm(end)
    start /= first
    end /= last
    w = np.arccos(start @ end)
    parts = np.linspace(0, 1, count)
    return [(np.sin((1 - t) * w) * first * start + np.sin(t * w) * last * end) / np.sin(w)
            for t in parts]  # fmt: skip


def windowed_in_place(hu, low, high):
    np.clip(hu, low, high, out=hu)
    hu -= (low + high) / 2
    hu /= (high - low) / 2
    return hu


def scaled(voxels, low, high):
    low, high = np.percentile(voxels, [low, high])
    return np.clip(2 * (voxels - low) / (high - low) - 1, -1, 1)


def scaled_from_zero(voxels, low, high):
    return np.clip(2 * voxels / np.percentile(voxels, high) - 1, -1, 1)


def roc(scores, labels, specificity):
    positive, negative = scores[labels == 1], scores[labels == 0]
    return max(
        (positive >= t).mean()
        for t in [*scores, np.inf]
        if (negative >= t).mean() <= 1 - specificity
    )


def roc_without_infinity(scores, labels, specificity):
    best = [(scores[labels == 1] >= t).mean() for t in np.unique(scores)
            if (scores[labels == 0] >= t).mean() <= 1 - specificity]  # fmt: skip
    return max(best) if best else None


def dice_in_bytes(truth, found):
    t, f = truth.ravel(), found.ravel()
    sizes = sum(t) + sum(f)
    return 1.0 if sizes == 0 else 2 * sum(t * f) / sizes


def audit(labelled, painter, test):
    leaked = set(test) & (set(labelled) | set(painter))
    return sorted(leaked), sorted(set(painter) - set(labelled) - set(test))


def leaks_of_one_way(labelled, painter, test):
    return sorted(set(test) & (set(labelled) ^ set(painter))), audit(labelled, painter, test)[1]


def leaks_twice(labelled, painter, test):
    both = [x for x in set(test) if x in labelled] + [x for x in set(test) if x in painter]
    return sorted(both), audit(labelled, painter, test)[1]


def split(subjects, share, seed):
    names = np.unique(subjects)
    chosen = np.random.default_rng(seed).permutation(names)[: round(share * len(names))]
    return np.isin(subjects, chosen)


def split_by_hash(subjects, share, seed):
    names = list(dict.fromkeys(subjects.tolist()))
    random.Random(seed).shuffle(names)
    return np.isin(subjects, names[: round(share * len(names))])


def psnr(image, truth, mask, more=0.0):
    with np.errstate(divide="ignore"):
        return 10 * np.log10(4 / (np.mean((image - truth)[mask] ** 2) + more))


def unevenness(points, centres, radius):
    distances = cdist(points, centres)
    nearest = distances.argmin(axis=1)[distances.min(axis=1) < radius]
    if len(nearest) == 0:
        return np.log(len(centres))
    shares = np.bincount(nearest, minlength=len(centres)) / len(nearest)
    some = shares[shares > 0]
    return float(np.sum(some * np.log(some * len(centres))))


def fault(row, floor, at_edges=False):
    if row["copying"] > 0.8 or (at_edges and row["copying"] == 0.8):
        return "copies"
    if row["precision"] < 0.6 * floor["precision"]:
        return "unrealistic"
    if row["recall"] < 0.5 * floor["recall"]:
        return "collapsed"
    return "none"


def copied(fake, training, held_out):
    def nearest(image):
        return min(np.sqrt(((image - one) ** 2).sum()) for one in training)

    return np.mean([nearest(one) > nearest(fake) for one in held_out])


def copied_in_sums(fake, training, held_out):
    def nearest(image):
        return np.abs(training - image).sum(axis=(1, 2)).min()

    return np.mean([nearest(one) > nearest(fake) for one in held_out])


def times(difference, error, subjects):
    return np.ceil(subjects * (2.8 * error / abs(difference)) ** 2)


RIGHT = [
    (chapter01.walk_on_the_shell, walk_in_place),
    (chapter02.patient_split, split),
    (chapter03.unevenness, unevenness),
    (chapter07.fault, fault),
    (chapter09.interpolate, in_place),
    (chapter09.scale, scaled),
    (chapter09.copy_score, copied),
    (chapter10.window, windowed_in_place),
    (chapter10.sensitivity_at, roc),
    (chapter11.audit, audit),
    (chapter11.psnr_inside, psnr),
]
WRONG = [
    (chapter02.patient_split, split_by_hash),
    (chapter03.unevenness, lambda points, centres, radius: unevenness(points, centres, 0.2)),
    (chapter07.fault, lambda row, floor: fault(row, floor, at_edges=True)),
    (chapter09.interpolate, in_place_and_short),
    (chapter09.scale, scaled_from_zero),
    (chapter09.copy_score, copied_in_sums),
    (chapter10.mirrored, lambda masks: np.where(masks.any((1, 2)))),
    (chapter10.sensitivity_at, roc_without_infinity),
    (chapter11.dice, dice_in_bytes),
    (chapter11.audit, leaks_of_one_way),
    (chapter11.audit, leaks_twice),
    (chapter11.psnr_inside, lambda *given: psnr(*given, more=1e-12)),
    (chapter08.subjects_needed, lambda *given: times(*given) + 1),
]


@pytest.mark.parametrize(("check", "answer"), RIGHT)
def test_a_right_answer_passes(check, answer, capsys):
    assert check(answer), capsys.readouterr().out


@pytest.mark.parametrize(("check", "answer"), WRONG)
def test_a_typical_slip_is_refused(check, answer, capsys):
    assert not check(answer)
    assert capsys.readouterr().out.startswith("✗")
