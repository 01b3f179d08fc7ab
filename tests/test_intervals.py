"""Intervals cover as often as they say, on data whose answer is known."""

import keras
import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from medgan_utils import evaluation
from medgan_utils.evaluation import intervals
from medgan_utils.evaluation.intervals import subject_codes


def test_subjects_widen_the_interval():
    """Slices of one subject agree: by slice the interval is too narrow, by subject it is right."""
    random = np.random.default_rng(0)
    subjects = np.repeat(np.arange(20), 30)
    values = np.repeat(random.normal(size=20), 30) + 0.1 * random.normal(size=600)

    def mean(counts):
        return np.average(values, weights=counts)

    by_subject = [mean(c) for c in intervals.bootstrap_counts(subjects, 300)]
    by_slice = [mean(c) for c in intervals.bootstrap_counts(np.arange(600), 300)]
    half = [values[i].mean() for i in intervals.half_samples(subjects, 300)]
    expected = np.std(values[::30]) / np.sqrt(20)
    assert np.std(by_subject) == pytest.approx(expected, rel=0.15)
    assert np.std(half) == pytest.approx(expected, rel=0.15)
    assert np.std(by_slice) < expected / 3


def test_interval_of_the_mean_covers_as_often_as_it_says():
    hits = 0
    for seed in range(100):
        values = np.random.default_rng(seed).normal(size=40)
        draws = [
            np.average(values, weights=c)
            for c in intervals.bootstrap_counts(np.arange(40), 200, seed)
        ]
        interval = intervals.centred_interval(values.mean(), draws)
        hits += interval.low <= 0 <= interval.high
    assert 88 <= hits <= 99


def findings(subjects, slices=8, seed=0, spread=1.0, by_subject=False):
    """Scores that vary between subjects, 1 higher where there is a finding; truth; subjects.

    The finding is in every second slice of each subject, or in all slices of every second one.
    """
    random = np.random.default_rng(seed)
    codes = np.repeat(np.arange(subjects), slices)
    positive = (codes if by_subject else np.arange(subjects * slices)) % 2 == 1
    scores = (
        positive + random.normal(size=len(codes)) + spread * random.normal(size=subjects)[codes]
    )
    return scores, positive, codes


@pytest.mark.parametrize("by_subject", [False, True], ids=["both in each subject", "one in each"])
def test_auc_covers_as_often_as_it_says(by_subject):
    """The truth is Φ(1/√(2·(1 + 1))); 150 cohorts of 24 subjects."""
    truth, found = norm.cdf(0.5), []
    for seed in range(150):
        sample = findings(24, seed=seed, by_subject=by_subject)
        found.append(intervals.bootstrap_auc(*sample, repeats=100, seed=seed))
    hits = np.mean([one.low <= truth <= one.high for one in found])
    assert 0.88 <= hits <= 0.99
    widths = [one.high - one.low for one in found]
    assert np.mean(widths) < 1.3 * 3.92 * np.std([one.value for one in found])


def test_findings_in_the_same_subjects_are_not_drawn_apart():
    """What a subject adds to all of its slices shifts both sides; apart, the interval is twice."""
    scores, positive, codes = findings(12, seed=1, spread=2.0)
    together = intervals.bootstrap_auc(scores, positive, codes)
    apart = intervals.bootstrap_auc(scores, positive, codes + 100 * positive)
    assert together.value == apart.value
    assert apart.high - apart.low > 1.6 * (together.high - together.low)


def test_without_subjects_each_image_is_its_own():
    scores, positive, _ = findings(40, slices=1)
    expected = intervals.bootstrap_auc(scores, positive, np.arange(40))
    assert intervals.bootstrap_auc(scores, positive) == expected


@pytest.mark.parametrize("subjects", [[0] * 8, [0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 1, 1, 2, 2]])
def test_one_subject_has_no_interval(subjects):
    """All images of one subject, or all positives: nothing says how the next would differ."""
    scores, positive = np.arange(8.0), np.repeat([True, False], 4)
    found = intervals.bootstrap_auc(scores, positive, subjects)
    assert found.value == 0 and np.isnan(found.low) and np.isnan(found.high)
    assert not list(intervals.half_samples(np.zeros(5, int), 3))


def test_draws_without_one_class_are_left_out():
    found = intervals.percentile_interval(0.5, [0.4, float("nan"), 0.6])
    assert 0.4 <= found.low < found.high <= 0.6
    assert np.isnan(intervals.percentile_interval(0.5, [float("nan")]).low)


def test_auc_equals_scikit_learn_with_ties_and_counts():
    random = np.random.default_rng(0)
    positive = np.repeat([True, False], [80, 50])
    scores, counts = random.integers(0, 9, 130) + positive, random.integers(0, 4, 130)
    expected = roc_auc_score(positive, scores, sample_weight=counts)
    assert intervals.weighted_auc(scores, positive, counts) == pytest.approx(expected)
    assert intervals.weighted_auc(scores, positive) == pytest.approx(
        roc_auc_score(positive, scores)
    )
    assert np.isnan(intervals.weighted_auc(scores, positive, counts * positive))


def test_a_mean_over_images_has_the_interval_of_its_subjects():
    values, subjects = np.repeat([1.0, 2.0, 3.0, 4.0], 50), np.repeat(list("abcd"), 50)
    mean = intervals.bootstrap_mean(values, subjects)
    assert mean.value == 2.5 and mean.low < 1.8 and mean.high > 3.2
    alone = intervals.bootstrap_mean(values, None)
    assert alone.high - alone.low < (mean.high - mean.low) / 3
    assert intervals.bootstrap_mean(np.array([np.nan, 1, 1]), list("abc")).value == 1
    assert np.isnan(intervals.bootstrap_mean(np.array([np.nan]), ["a"]).value)


def test_half_a_difference_needs_four_times_the_subjects():
    assert intervals.times_as_many(2.8, 1.0) == pytest.approx(1)
    assert intervals.times_as_many(-1.4, 1.0) == pytest.approx(4)


def test_one_subject_gives_no_interval():
    scores = np.array([3.0, 2.0, -1.0, 0.0, -2.0])
    positive, who = np.array([1, 1, 0, 0, 0], bool), np.array([0, 0, 0, 1, 2])
    auc = evaluation.bootstrap_auc(scores, positive, who)
    assert auc.value == 1.0 and np.isnan([auc.low, auc.high]).all()
    model = keras.Sequential([keras.Input((1, 1, 1)), keras.layers.Flatten()])
    rates = evaluation.score_classifier(model, scores.reshape(-1, 1, 1, 1) / 3, positive, who)
    assert np.isnan(rates["sensitivity"].low) and np.isfinite(rates["specificity"].low)
    values = np.array([1.0, 2.0, np.nan, np.nan, np.nan])
    assert np.isnan(evaluation.bootstrap_mean(values, who, 50, 0).low)


@pytest.mark.parametrize(
    "subjects, said",
    [
        ([("a", "1"), ("b", "1"), ("b", "2")], "one name an image"),
        (np.array([[1], [2], [3]]), "one name an image"),
        (["a", None, "b"], "subject of image 1 is None"),
        ([1.0, 2.0, np.nan], "subject of image 2 is nan"),
        (["a", np.nan, "b"], "subject of image 1 is nan"),
        (np.array(["a", "b", np.nan], object), "subject of image 2 is nan"),
    ],
)
def test_subjects_are_one_known_name_an_image(subjects, said):
    with pytest.raises(ValueError, match=said):
        subject_codes(subjects, 3)
    with pytest.raises(ValueError, match=said):
        evaluation.bootstrap_mean(np.arange(3.0), subjects)


@pytest.mark.parametrize("positive", [[-1, 1, -1], [0, 2, 1], [0, 1, np.nan], [0, 1]])
def test_an_auc_takes_no_other_labels(positive):
    with pytest.raises(ValueError, match=r"labels hold|3 scores but 2 labels"):
        evaluation.bootstrap_auc(np.arange(3.0), positive)


def test_an_unknown_subject_of_pandas_is_named():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match="the subject of image 1 is <NA>"):
        evaluation.bootstrap_auc(np.arange(3.0), [0, 1, 1], ["a", pandas.NA, "b"])
