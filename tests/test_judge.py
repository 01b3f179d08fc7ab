"""The judge cannot tell what is alike, and tells what is not; nobody is learned and asked about."""

import numpy as np
import pytest

from medgan_utils import evaluation
from medgan_utils.evaluation.evaluate import RealSet


def blobs(subjects, first, blur=0.0, each=6):
    """Return discs with grain, `each` a subject; `blur` takes the grain away."""
    images, names = [], []
    rows, columns = np.mgrid[:32, :32]
    for name in range(first, first + subjects):
        random = np.random.default_rng(name)
        for _ in range(each):
            row, column, radius = *random.uniform(12, 20, 2), random.uniform(6, 10)
            image = np.where((rows - row) ** 2 + (columns - column) ** 2 < radius**2, 0.5, -0.8)
            images.append(image + (1 - blur) * random.normal(0, 0.2, image.shape))
            names.append(f"s{name}")
    return RealSet(np.clip(images, -1, 1)[..., None].astype(np.float32), np.array(names))


TRAINING, HELD_OUT = blobs(20, 0), blobs(10, 100)


def test_other_subjects_of_the_same_kind_are_not_told_apart():
    floor = evaluation.judge_auc(TRAINING, HELD_OUT, blobs(20, 200), epochs=4)
    assert floor.low < 0.5 < floor.high or abs(floor.value - 0.5) < 0.12


def test_what_differs_is_told_apart_and_a_table_shows_every_seed():
    smooth = blobs(20, 300, blur=1.0)
    table = evaluation.judge_table(
        TRAINING, HELD_OUT, {"generated": RealSet(smooth.images, None)}, seeds=(0, 1), epochs=20
    )
    row = table["generated"]
    for seed in (0, 1):
        value = row[f"AUC, seed {seed}"]
        assert value.value > 0.95 and value.low <= value.value <= value.high


def test_a_set_of_one_subject_leaves_nobody_to_ask():
    with pytest.raises(ValueError, match="one subject only"):
        evaluation.judge_auc(TRAINING, HELD_OUT, blobs(1, 400))
    with pytest.raises(ValueError, match="one side is empty"):
        evaluation.train_judge(TRAINING.images, TRAINING.images[:0])


def test_a_set_scaled_otherwise_is_not_told_apart_by_that():
    others = blobs(20, 300).images
    for images in ((others + 1) / 2, np.uint8((others + 1) * 127.5)):
        with pytest.raises(ValueError, match="images range from 0 to"):
            evaluation.judge_auc(TRAINING, HELD_OUT, RealSet(images, None))
        with pytest.raises(ValueError, match="images range from 0 to"):
            evaluation.train_judge(TRAINING.images, images)


def test_a_judge_is_the_same_whoever_was_asked_before_and_stays_as_it_was():
    """Judges of one shape share a compiled network: no training may leak into the next."""
    smooth = blobs(20, 300, blur=1.0)
    first = evaluation.train_judge(TRAINING.images, smooth.images, seed=3, epochs=1)
    kept = [weight.copy() for weight in first.get_weights()]
    other = evaluation.train_judge(smooth.images, TRAINING.images, seed=4, epochs=2)
    again = evaluation.train_judge(TRAINING.images, smooth.images, seed=3, epochs=1)
    for before, now, apart, same in zip(
        kept, first.get_weights(), other.get_weights(), again.get_weights(), strict=True
    ):
        assert np.array_equal(before, now) and np.array_equal(before, same)
        assert not np.array_equal(before, apart)
