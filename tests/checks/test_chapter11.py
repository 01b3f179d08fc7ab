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
    return tf.reduce_sum(tf.where(there > 0, features, 0), 1) / tf.reduce_sum(there, 1)


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
    "NaN times 0": (
        chapter11.fuse,
        lambda f, p: (
            (f * p[:, :, None, None, None]).sum(axis=1) / p.sum(axis=1)[:, None, None, None]
        ),
    ),
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
    "nothing where none is ill": (
        chapter11.wrong,
        lambda c, i: wrong(c, i) if i.any() else (np.nan, np.nan),
    ),
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


def dice(truth, found):
    truth, found = np.asarray(truth).astype(bool), np.asarray(found).astype(bool)
    sizes = truth.sum() + found.sum()
    return 1.0 if sizes == 0 else 2 * (truth & found).sum() / sizes


def dice_in_tensorflow(truth, found):
    truth, found = tf.cast(truth, tf.float32), tf.cast(found, tf.float32)
    sizes = tf.reduce_sum(truth) + tf.reduce_sum(found)
    return tf.where(sizes > 0, 2 * tf.reduce_sum(truth * found) / tf.maximum(sizes, 1), 1.0)


def dice_by_sets(truth, found):
    one, other = ({*map(tuple, np.argwhere(np.asarray(m) > 0))} for m in (truth, found))
    return 2 * len(one & other) / (len(one) + len(other)) if one or other else 1


def jaccard(truth, found):
    truth, found = truth.astype(bool), found.astype(bool)
    return (truth & found).sum() / max(1, (truth | found).sum()) if truth.any() else 1.0


def smoothed(truth, found):
    truth, found = truth.astype(float), found.astype(float)
    return (2 * (truth * found).sum() + 1e-9) / (truth.sum() + found.sum() + 1)


def undefined(truth, found):
    truth, found = truth.astype(bool), found.astype(bool)
    with np.errstate(all="ignore"):
        return 2 * (truth & found).sum() / (truth.sum() + found.sum())


def precision(truth, found):
    truth, found = truth.astype(bool), found.astype(bool)
    return (truth & found).sum() / found.sum() if found.any() else float(not truth.any())


def one_where_nothing_is_true(truth, found):
    return dice(truth, found) if np.any(truth) else 1.0


def bytes_wrap(truth, found):
    return 2 * (truth * found).sum(dtype=np.uint8) / max(1, np.add(truth, found).sum())


@pytest.mark.parametrize("right", [dice, dice_in_tensorflow, dice_by_sets])
def test_dice(right, capsys):
    assert chapter11.dice(right), capsys.readouterr().out


@pytest.mark.parametrize(
    "mistake",
    [
        jaccard,
        smoothed,
        undefined,
        precision,
        one_where_nothing_is_true,
        bytes_wrap,
        lambda t, f: (t * f) * 2.0,
    ],
)
def test_dice_mistakes(mistake, capsys):
    assert not chapter11.dice(mistake)
    assert "✗ 11.4" in capsys.readouterr().out


def audit(labelled, painter_saw, test):
    labelled, painter_saw, test = set(labelled), set(painter_saw), set(test)
    return sorted(test & (labelled | painter_saw)), sorted(painter_saw - labelled - test)


def audit_with_numpy(labelled, painter_saw, test):
    seen = np.union1d(labelled, painter_saw)
    extra = np.setdiff1d(np.setdiff1d(painter_saw, labelled), test)
    return [np.intersect1d(seen, test), extra]


def audit_in_loops(labelled, painter_saw, test):
    leaked, borrowed = [], []
    for name in sorted({*labelled, *painter_saw}):
        if name in test:
            leaked.append(name)
        elif name not in labelled:
            borrowed.append(name)
    return leaked, borrowed


@pytest.mark.parametrize("right", [audit, audit_with_numpy, audit_in_loops])
def test_audit(right, capsys):
    assert chapter11.audit(right), capsys.readouterr().out


@pytest.mark.parametrize(
    "mistake",
    [
        lambda lab, saw, test: (sorted({*lab} & {*test}), sorted({*saw} - {*lab} - {*test})),
        lambda lab, saw, test: (sorted({*saw} & {*test}), sorted({*saw} - {*lab} - {*test})),
        lambda lab, saw, test: (sorted({*test} & {*lab, *saw}), sorted({*saw} - {*lab})),
        lambda lab, saw, test: ([t for t in test if t in (*lab, *saw)], []),
        lambda lab, saw, test: (
            [name for name in sorted(test) if name in lab or name in saw],
            audit(lab, saw, test)[1],
        ),
        lambda lab, saw, test: audit(lab, saw, test)[::-1],
        lambda lab, saw, test: sorted({*test} & {*lab, *saw}),
    ],
)
def test_audit_mistakes(mistake, capsys):
    assert not chapter11.audit(mistake)
    assert "✗ 11.5" in capsys.readouterr().out


def test_masks_and_leaks_not_answered_is_one_neutral_line(capsys):
    assert not chapter11.dice(lambda *_: ...) and not chapter11.audit(lambda *_: None)
    assert capsys.readouterr().out.count("not answered yet") == 2
