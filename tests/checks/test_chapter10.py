"""Chapter 10: the right answer passes; the stub and plausible wrong ones are refused."""

import numpy as np
import pytest

from medgan_utils.checks import chapter10


def stub(*_):
    return None


def window(hu, low, high):
    return np.clip(2 * (np.asarray(hu, float) - low) / (high - low) - 1, -1, 1)


def to_zero_one(hu, low, high):
    return (window(hu, low, high) + 1) / 2


def without_clip(hu, low, high):
    return 2 * (hu - low) / (high - low) - 1


def by_own_range(hu, low, high):
    clipped = np.clip(hu, low, high)
    return 2 * (clipped - clipped.min()) / max(np.ptp(clipped), 1e-9) - 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (stub, "not answered yet"),
        (to_zero_one, "should become"),
        (without_clip, "clip them"),
        (by_own_range, "ignore the range"),
    ],
)
def test_window(wrong, said, capsys):
    assert chapter10.window(window)
    assert not chapter10.window(wrong)
    assert said in capsys.readouterr().out


def mirrored(masks):
    liver = np.asarray(masks) > 0
    columns = np.arange(liver.shape[2])
    centre = (liver.sum(axis=1) * columns).sum(axis=1) / liver.sum(axis=(1, 2))
    return [int(k) for k in np.flatnonzero(centre > (liver.shape[2] - 1) / 2)]


def by_outline(masks):
    return [k for k, mask in enumerate(masks) if np.flatnonzero(mask.any(axis=0)).max() >= 8]


def without_tumour(masks):
    return mirrored(np.where(np.asarray(masks) == 1, 1, 0))[:1]


def the_others(masks):
    return [0, 3, 4]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (stub, "not answered yet"),
        (by_outline, "no mirror"),
        (the_others, "3, 7 and 8 are"),
        (without_tumour, "part of the liver"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_mirrored(wrong, said, capsys):
    assert chapter10.mirrored(mirrored)
    assert not chapter10.mirrored(wrong)
    assert said in capsys.readouterr().out


def label_spread(images, labels):
    kinds = np.unique(labels)
    return float(np.mean([images[labels == kind].std(axis=0).mean() for kind in kinds]))


def over_all(images, labels):
    return images.std(axis=0).mean()


def variance(images, labels):
    return np.mean([images[labels == kind].var(axis=0).mean() for kind in np.unique(labels)])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [(stub, "not answered yet"), (over_all, "must give 0"), (variance, "average over pixels")],
)
def test_label_spread(wrong, said, capsys):
    assert chapter10.label_spread(label_spread)
    assert not chapter10.label_spread(wrong)
    assert said in capsys.readouterr().out


def sensitivity_at(scores, labels, specificity):
    scores, labels = np.asarray(scores, float), np.asarray(labels).astype(bool)
    for threshold in [*np.unique(scores), np.inf]:
        if np.mean(scores[~labels] < threshold) >= specificity:
            return float(np.mean(scores[labels] >= threshold))


def at_one_half(scores, labels, specificity):
    return float(np.mean(scores[labels == 1] >= 0.5)) - 0.25


def with_ties_counted(scores, labels, specificity):
    value = sensitivity_at(scores, labels, specificity)
    return 1.0 if len(np.unique(scores)) == 1 else value


def one_threshold(scores, labels, specificity):
    return 0.75


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (stub, "not answered yet"),
        (at_one_half, "0.75, not"),
        (one_threshold, "0.25"),
        (with_ties_counted, "tell nothing"),
    ],
)
def test_sensitivity_at(wrong, said, capsys):
    assert chapter10.sensitivity_at(sensitivity_at)
    assert not chapter10.sensitivity_at(wrong)
    assert said in capsys.readouterr().out
