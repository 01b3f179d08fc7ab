"""Chapter 11's checks pass a right answer and refuse the mistakes students make."""

import numpy as np
import pytest
import tensorflow as tf

from medgan_utils.checks import chapter11


def fuse(features, presence):
    features, there = np.asarray(features), np.asarray(presence)[:, :, None, None, None]
    return np.where(there > 0, features, 0).sum(axis=1) / there.sum(axis=1)


def fuse_in_tensorflow(features, presence):
    features = tf.cast(features, tf.float64)
    there = tf.cast(presence, tf.float64)[:, :, None, None, None]
    return tf.reduce_sum(features * there, 1) / tf.reduce_sum(there, 1)


def fuse_in_a_loop(features, presence):
    pairs = zip(features, presence, strict=True)
    return [np.mean([m for m, there in zip(f, p, strict=True) if there], axis=0) for f, p in pairs]


def wrong(called, ill):
    invented = called[~ill].mean() if (~ill).any() else float("nan")
    return invented, (~called[ill]).mean() if ill.any() else float("nan")


def wrong_by_counting(called, ill):
    healthy, sick = sum(~ill), sum(ill)
    invented = sum(called & ~ill) / healthy if healthy else np.nan
    return [invented, sum(~called & ill) / sick if sick else np.nan]


def psnr_inside(image, truth, mask):
    error = np.mean((image[mask] - truth[mask]) ** 2)
    return float("inf") if error == 0 else 10 * np.log10(4 / error)


def psnr_by_sums(image, truth, mask):
    with np.errstate(divide="ignore"):
        rmse = np.sqrt(np.sum((image - truth) ** 2 * mask) / mask.sum())
        return tf.constant(20 * np.log10(2 / rmse))


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (chapter11.fuse, fuse),
        (chapter11.fuse, fuse_in_tensorflow),
        (chapter11.fuse, fuse_in_a_loop),
        (chapter11.wrong, wrong),
        (chapter11.wrong, wrong_by_counting),
        (chapter11.psnr_inside, psnr_inside),
        (chapter11.psnr_inside, psnr_by_sums),
    ],
)
def test_right_answers_pass(check, answer, capsys):
    assert check(answer)
    assert capsys.readouterr().out.startswith("✓")


WRONG = {
    "mean over all": (chapter11.fuse, lambda f, p: f.mean(axis=1)),
    "sum": (chapter11.fuse, lambda f, p: (f * p[:, :, None, None, None]).sum(axis=1)),
    "divided by M": (chapter11.fuse, lambda f, p: (f * p[:, :, None, None, None]).mean(axis=1)),
    "over the batch": (chapter11.fuse, lambda f, p: f.mean(axis=0)),
    "maximum": (
        chapter11.fuse,
        lambda f, p: np.where(p[:, :, None, None, None] == 1, f, -np.inf).max(axis=1),
    ),
    "shares of all slices": (
        chapter11.wrong,
        lambda c, i: ((c & ~i).mean(), (~c & i).mean()),
    ),
    "the wrong way round": (chapter11.wrong, lambda c, i: wrong(c, i)[::-1]),
    "sensitivity for erased": (chapter11.wrong, lambda c, i: (c[~i].mean(), c[i].mean())),
    "0 for nobody": (chapter11.wrong, lambda c, i: tuple(np.nan_to_num(wrong(c, i)))),
    "false among called": (
        chapter11.wrong,
        lambda c, i: (1 - i[c].mean() if c.any() else np.nan, i[~c].mean()),
    ),
    "range of 1": (
        chapter11.psnr_inside,
        lambda a, b, m: psnr_inside(a, b, m) - 20 * np.log10(2),
    ),
    "everywhere": (
        chapter11.psnr_inside,
        lambda a, b, m: psnr_inside(a, b, np.ones_like(m)),
    ),
    "mean over all pixels": (
        chapter11.psnr_inside,
        lambda a, b, m: psnr_inside(np.where(m, a, b), b, np.ones_like(m)),
    ),
    "absolute errors": (
        chapter11.psnr_inside,
        lambda a, b, m: (
            20 * np.log10(2 / np.abs(a - b)[m].mean()) if (a - b)[m].any() else float("inf")
        ),
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_are_refused_with_a_hint(name, capsys):
    check, answer = WRONG[name]
    assert not check(answer)
    said = capsys.readouterr().out
    assert said.startswith("✗") and "Hint" in said


@pytest.mark.parametrize("check", [chapter11.fuse, chapter11.wrong, chapter11.psnr_inside])
def test_a_stub_is_neutral(check, capsys):
    assert not check(lambda *_: ...)
    assert "not answered yet" in capsys.readouterr().out
