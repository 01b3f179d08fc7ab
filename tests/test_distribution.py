import warnings

import numpy as np
import pytest
from scipy.linalg import sqrtm

from medgan_utils import evaluation
from medgan_utils.evaluation import intervals


def gaussian(count, dims=8, shift=0.0, seed=0):
    return np.random.default_rng(seed).normal(size=(count, dims)) + shift


def test_fd_of_equal_sets_is_zero():
    x = gaussian(500)
    assert evaluation.fd(x, x) == pytest.approx(0, abs=1e-9)


def test_fd_of_equal_gaussians_is_near_zero_and_falls_with_more_images():
    small = evaluation.fd(gaussian(100), gaussian(100, seed=1))
    large = evaluation.fd(gaussian(20_000), gaussian(20_000, seed=1))
    assert large < 0.005 < small


def test_fd_of_shifted_and_scaled_gaussians_equals_the_closed_form():
    a, b = np.diag([1.0, 4.0, 9.0]), np.diag([4.0, 4.0, 1.0])
    shift = np.array([1.0, -2.0, 0.5])
    expected = np.sum(shift**2) + (1 - 2) ** 2 + 0 + (3 - 1) ** 2
    assert evaluation.fd_gaussians(np.zeros(3), a, shift, b) == pytest.approx(expected)
    x = gaussian(50_000, 3) @ np.sqrt(a)
    y = gaussian(50_000, 3, seed=1) @ np.sqrt(b) + shift
    assert evaluation.fd(x, y) == pytest.approx(expected, rel=0.03)


def test_fd_agrees_with_the_matrix_square_root_of_scipy():
    random = np.random.default_rng(0)
    a, b = (m @ m.T for m in random.normal(size=(2, 6, 6)))
    expected = np.trace(a + b - 2 * np.real(sqrtm(a @ b)))
    assert evaluation.fd_gaussians(np.zeros(6), a, np.zeros(6), b) == pytest.approx(expected)


def test_fd_stands_singular_covariances():
    x = np.repeat(gaussian(10), 20, axis=0)
    assert np.isfinite(evaluation.fd(x, gaussian(5, seed=1)))


def test_kid_is_unbiased_and_may_be_negative():
    draws = [
        evaluation.kernel_distance(gaussian(40, 4, seed=s), gaussian(40, 4, seed=s + 999))
        for s in range(300)
    ]
    error = np.std(draws) / np.sqrt(len(draws))
    assert abs(np.mean(draws)) < 3 * error
    assert min(draws) < 0 < max(draws)


def test_kid_of_few_and_many_images_agree_where_fd_does_not():
    pairs = [(gaussian(30, 4, 0, s), gaussian(30, 4, 1, s + 99)) for s in range(200)]
    many = gaussian(3000, 4), gaussian(3000, 4, 1, 1)
    assert np.mean([evaluation.kernel_distance(*p) for p in pairs]) == pytest.approx(
        evaluation.kernel_distance(*many), rel=0.1
    )
    assert np.mean([evaluation.fd(*p) for p in pairs]) > 1.05 * evaluation.fd(*many)


def test_kid_equals_the_sum_over_pairs():
    x, y = gaussian(5, 3), gaussian(4, 3, seed=1)

    def kernel(a, b):
        return (a @ b / 3 + 1) ** 3

    expected = (
        np.mean([kernel(x[i], x[j]) for i in range(5) for j in range(5) if i != j])
        + np.mean([kernel(y[i], y[j]) for i in range(4) for j in range(4) if i != j])
        - 2 * np.mean([kernel(a, b) for a in x for b in y])
    )
    assert evaluation.kernel_distance(x, y) == pytest.approx(expected)


def test_counts_equal_repetition_for_fd():
    x, y, counts = gaussian(20, 3), gaussian(20, 3, seed=1), np.arange(20) % 3
    assert evaluation.fd(x, y, counts) == pytest.approx(evaluation.fd(np.repeat(x, counts, 0), y))


def test_mode_drop_lowers_recall_and_not_precision():
    centres = 8 * np.eye(6)
    random = np.random.default_rng(0)

    def draw(modes):
        return centres[random.integers(modes, size=600)] + random.normal(size=(600, 6))

    real, whole, dropped = draw(6), draw(6), draw(3)
    good, bad = (evaluation.precision_recall(real, x) for x in (whole, dropped))
    assert abs(good["precision"] - bad["precision"]) < 0.05
    assert bad["recall"] < good["recall"] - 0.3
    assert bad["coverage"] < good["coverage"] - 0.3


def test_bad_samples_lower_precision_and_not_recall():
    real, good = gaussian(600, 4), gaussian(600, 4, seed=1)
    bad = good.copy()
    bad[:200] += 20
    before, after = (evaluation.precision_recall(real, x) for x in (good, bad))
    assert after["precision"] < before["precision"] - 0.25
    assert abs(after["recall"] - before["recall"]) < 0.1


def test_prdc_prints_nothing(capsys):
    evaluation.precision_recall(gaussian(50), gaussian(50, seed=1))
    assert capsys.readouterr().out == ""


def test_swd_finds_the_level_that_is_wrong():
    random = np.random.default_rng(0)
    smooth = np.repeat(np.repeat(random.normal(0, 0.3, (200, 8, 8, 1)), 8, 1), 8, 2)
    real, other = np.split(np.clip(smooth + random.normal(0, 0.1, smooth.shape), -1, 1), 2)
    noisy = np.clip(other + random.normal(0, 0.3, other.shape), -1, 1)
    real, same, wrong = (evaluation.laplacian_descriptors(x) for x in (real, other, noisy))
    floor, distance = evaluation.swd(real, same), evaluation.swd(real, wrong)
    assert floor.shape == (3,)
    assert distance[0] > 5 * floor[0]
    assert distance.argmax() == 0


def test_swd_of_shifted_descriptors_is_the_shift_in_deviations():
    x = np.random.default_rng(0).normal(size=(400, 1, 8, 4))
    assert evaluation.swd(x, x) == pytest.approx(0)
    assert evaluation.swd(x, x + 2)[0] == pytest.approx(2, rel=0.05)


def test_wrong_features_are_explained():
    with pytest.raises(ValueError, match="one encoder"):
        evaluation.fd(gaussian(10, 3), gaussian(10, 4))
    with pytest.raises(ValueError, match="at least 7"):
        evaluation.precision_recall(gaussian(5), gaussian(50))


def test_numbers_that_are_none_are_named():
    features = np.random.default_rng(0).normal(size=(20, 4))
    spoilt = features.copy()
    spoilt[3, 1] = np.nan
    for measure in (evaluation.fd, evaluation.kernel_distance, evaluation.precision_recall):
        with pytest.raises(ValueError, match="fake 3 of 20 is not finite"):
            measure(features, spoilt)
    with pytest.raises(ValueError, match="query 3 of 20 is not finite"):
        evaluation.nearest(spoilt, features)
    with pytest.raises(ValueError, match="cannot be compared"):
        evaluation.nearest(features[:0], features)
    with pytest.raises(ValueError, match="neither may be none"):
        evaluation.membership_by_logit([], [1.0])
    with pytest.raises(ValueError, match="square"):
        evaluation.radial_spectrum(np.zeros((2, 8, 6, 1)))
    assert evaluation.times_as_many(0.0, 1.0) == np.inf


def test_balls_without_radius_hold_no_copy_as_the_docstring_says():
    real = np.random.default_rng(0).normal(size=(30, 4))
    real[:11] = real[0]
    assert evaluation.precision_recall(real, real.copy())["precision"] == pytest.approx(19 / 30)


def test_a_score_leaves_the_warning_filters_as_they_were():
    features = np.random.default_rng(0).normal(size=(2, 60, 4))
    before = list(warnings.filters)
    for _ in range(5):
        evaluation.precision_recall(*features)
    assert warnings.filters == before


def test_a_draw_without_a_pair_does_not_take_the_interval_away():
    assert np.isfinite(intervals.centred_interval(1.0, [0.9, 1.1, np.nan])).all()
