"""Wrong answers that come near: none of them passes, and the same ones put right do."""

import numpy as np
import pytest
import scipy.linalg
import tensorflow as tf
from scipy.spatial.distance import cdist

from medgan_utils.checks import (
    chapter02,
    chapter03,
    chapter04,
    chapter05,
    chapter06,
    chapter07,
    chapter09,
    chapter10,
)


def letters(affine, positive):
    """Name each column by its largest row, its sign by a rule."""
    rows = np.abs(affine[:3, :3]).argmax(axis=0)
    pairs = zip(("LR", "PA", "IS"), (0, 1, 2), strict=True)
    names = {row: pair for pair, row in pairs}
    return "".join(names[row][int(positive(affine[:3, k], row))] for k, row in enumerate(rows))


def by_rounding(affine):
    found = [(r, c) for c in range(3) for r in range(3) if round(affine[r, c])]
    return "".join("LPI"[r] if affine[r, c] < 0 else "RAS"[r] for r, c in found)


def neighbours_in_the_list(subjects, share, seed):
    names = np.unique(subjects)
    return np.isin(subjects, np.roll(names, seed)[: round(share * len(names))])


def ring(metric):
    def answer(points, centres, radius):
        distances = cdist(points, centres, metric)
        nearest = distances.argmin(axis=1)[distances.min(axis=1) < radius]
        shares = np.bincount(nearest, minlength=len(centres)) / max(len(nearest), 1)
        some = shares[shares > 0]
        return (
            float(np.sum(some * np.log(some * len(centres)))) if len(some) else np.log(len(centres))
        )

    return answer


def erased_by(measure):
    def contrast(image, inside, around):
        return measure(image[inside]) - image[around].mean()

    def answer(before, after, lesion, around):
        groups = list(zip(before, after, lesion, around, strict=True))
        left = [
            contrast(b, i, a) and contrast(c, i, a) / contrast(b, i, a) for b, c, i, a in groups
        ]
        return np.mean(np.array(left) < 0.5)

    return answer


def never_below_half(members, outsiders):
    difference = members[:, None] - outsiders
    auc = np.mean(difference > 0) + 0.5 * np.mean(difference == 0)
    return max(auc, 1 - auc)


def black_bone(hu, low, high):
    return np.where((hu < low) | (hu > high), -1, 2 * (hu - low) / (high - low) - 1)


def clipped_first(hu, low, high):
    return np.clip(2 * (np.clip(hu, -160, 240) - low) / (high - low) - 1, -1, 1)


def as_they_come(first, second):
    return [name for name in dict.fromkeys(second) if name in first]


def of_tissue(voxels, low, high):
    low, high = np.percentile(voxels[voxels != 0], [low, high])
    return np.clip(2 * (voxels - low) / (high - low) - 1, -1, 1)


def from_the_minimum(voxels, low, high):
    low, high = voxels.min(), np.percentile(voxels, high)
    return np.clip(2 * (voxels - low) / (high - low) - 1, -1, 1)


def middle_of_sixteen(masks):
    columns = np.arange(masks.shape[2])
    marked = masks > 0
    return np.flatnonzero((marked * columns).sum((1, 2)) / marked.sum((1, 2)) > 7.5)


def labels_to_two(images, labels):
    return np.mean(
        [images[labels == k].std(axis=0).mean() for k in range(3) if (labels == k).any()]
    )


def nearest_quantile(scores, labels, specificity):
    negatives = scores[labels == 0]
    return np.mean(scores[labels == 1] > np.quantile(negatives, specificity, method="nearest"))


def grid_of_probabilities(scores, labels, specificity):
    for threshold in np.linspace(0, 1.01, 1000):
        if np.mean(scores[labels == 0] < threshold) >= specificity:
            return float(np.mean(scores[labels == 1] >= threshold))


def as_matrix(kernel):
    return np.reshape(kernel, (-1, np.shape(kernel)[-1]))


def in_columns(kernel, rounds=200):
    """Power iteration on vectors of shape (n, 1)."""
    matrix, v = as_matrix(kernel), np.ones((np.shape(kernel)[-1], 1))
    for _ in range(rounds):
        v = matrix.T @ (matrix @ v)
        v /= np.linalg.norm(v, 2)
    return np.linalg.norm(matrix @ v, 2)


def squared(kernel, eigenvalues):
    matrix = as_matrix(kernel)
    return np.sqrt(eigenvalues(matrix.T @ matrix).real.max())


def eigenvalues(rate, gamma, steps):
    step_d = np.array([[1, 0], [-rate / 2, 1 - rate * gamma]])
    steps_d = np.linalg.matrix_power(step_d, steps)
    return np.linalg.eigvals(np.array([[1, rate / 2], [0, 1]]) @ steps_d)


def plus_root(rate, gamma, steps):
    total, product = eigenvalues(rate, gamma, steps).sum().real, (1 - rate * gamma) ** steps
    return abs((total + np.emath.sqrt(total**2 - 4 * product)) / 2)


def r1_in_training(discriminator, images):
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = tf.reduce_sum(discriminator(images, training=True))
    return tf.reduce_mean(tf.reduce_sum(tape.gradient(logits, images) ** 2, axis=[1, 2, 3]))


def linear_above(limit):
    def softplus(t):
        return np.where(t > limit, t, np.log1p(np.exp(np.minimum(t, limit))))

    return lambda real, fake: softplus(-real) + softplus(fake)


def split_by_salt(subjects, share, seed):
    names = sorted(set(subjects.tolist()), key=lambda name: hash((seed, name)))
    return np.isin(subjects, names[: round(share * len(names))])


def one_in_an_array(p, q):
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        halves = [np.nansum(one * np.log(one / middle)) for one in (p, q)]
    return np.array([sum(halves) / 2])


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        (chapter02.orientation, lambda affine: letters(affine, lambda c, row: c.sum() > 0)),
        (chapter02.orientation, by_rounding),
        (chapter02.patient_split, neighbours_in_the_list),
        (chapter03.unevenness, ring("cityblock")),
        (chapter03.unevenness, ring("chebyshev")),
        (chapter03.erased, erased_by(np.median)),
        (chapter03.attack_auc, never_below_half),
        (chapter04.spectral_norm, lambda kernel: in_columns(kernel, rounds=5)),
        (chapter04.spectral_norm, lambda kernel: squared(kernel, np.linalg.eigvals)),
        (chapter04.spectral_norm, lambda kernel: squared(kernel, lambda m: np.linalg.eig(m)[0])),
        (chapter04.spectral_norm, lambda kernel: scipy.linalg.svdvals(as_matrix(kernel))[0]),
        (chapter04.spectral_norm, lambda kernel: tf.linalg.svd(as_matrix(kernel))[0][0]),
        (chapter05.loss_from_logits, linear_above(20)),
        (chapter05.loss_from_logits, linear_above(50)),
        (chapter05.loss_from_logits, linear_above(8)),
        (
            chapter05.losses_by_hand,
            dict(value=-0.867, discriminator_loss=0.869, generator_loss=1.205),
        ),
        (chapter07.split, split_by_salt),
        (chapter06.alternating_radius, lambda *step: abs(max(eigenvalues(*step), key=np.real))),
        (chapter06.alternating_radius, plus_root),
        (chapter07.window, black_bone),
        (chapter07.window, clipped_first),
        (chapter09.shared_subjects, as_they_come),
        (chapter09.scale, of_tissue),
        (chapter09.scale, from_the_minimum),
        (chapter10.mirrored, middle_of_sixteen),
        (chapter10.label_spread, labels_to_two),
        (chapter10.sensitivity_at, nearest_quantile),
        (chapter10.sensitivity_at, grid_of_probabilities),
    ],
)
def test_a_wrong_answer_is_refused(check, wrong, capsys):
    assert not check(wrong)
    assert capsys.readouterr().out.startswith(("✗", "○"))


def test_the_same_answers_put_right_pass():
    assert chapter03.unevenness(ring("euclidean"))
    assert chapter03.erased(erased_by(np.mean))
    assert chapter02.orientation(lambda affine: letters(affine, lambda c, row: c[row] > 0))
    assert chapter04.spectral_norm(in_columns)
    assert chapter04.r1(r1_in_training)
    assert chapter05.jensen_shannon(one_in_an_array)
    assert chapter06.alternating_radius(lambda *step: max(abs(eigenvalues(*step))))
