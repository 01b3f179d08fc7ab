"""DiffAugment: the same for the same seed, differentiable, black at the border, off at zero."""

import numpy as np
import pytest
import tensorflow as tf

from medgan_utils.training import DiffAugment

SEED = tf.constant([3, 5])


def images(count=6, size=16):
    return tf.random.stateless_uniform((count, size, size, 1), [1, 2], -1, 1)


def off(**strengths):
    return DiffAugment(**{**dict(brightness=0, contrast=0, shift=0, cutout=0), **strengths})


def test_all_zero_changes_nothing():
    np.testing.assert_array_equal(off()(images(), seed=SEED), images())


def test_the_same_seed_makes_the_same_change_and_another_seed_another():
    layer = DiffAugment(cutout=0.3)
    np.testing.assert_array_equal(layer(images(), seed=SEED), layer(images(), seed=SEED))
    assert np.abs(layer(images(), seed=SEED) - layer(images(), seed=SEED + 1)).max() > 0.1
    assert np.abs(layer(images()) - layer(images())).max() > 0.1  # its own generator moves on


def test_shift_moves_whole_pixels_and_brings_in_black():
    before = images(64)
    after = off(shift=0.25)(before, seed=SEED).numpy()
    moved = 0
    for source, shifted in zip(before.numpy(), after, strict=True):
        candidates = [
            (np.abs(np.roll(source, (down, right), (0, 1)) - shifted) < 1e-5)
            | (np.abs(shifted + 1) < 1e-5)
            for down in range(-4, 5)
            for right in range(-4, 5)
        ]
        assert any(candidate.all() for candidate in candidates)
        moved += np.abs(source - shifted).max() > 0.1
    assert moved > 50


def test_brightness_adds_one_number_to_each_image_within_the_stated_share_of_the_range():
    added = (off(brightness=0.2)(images(200), seed=SEED) - images(200)).numpy()
    assert np.ptp(added, axis=(1, 2, 3)).max() < 1e-5
    assert 0.35 < np.abs(added).max() <= 0.4


def test_contrast_keeps_the_mean_and_scales_the_deviation():
    before, after = images(100).numpy(), off(contrast=0.5)(images(100), seed=SEED).numpy()
    np.testing.assert_allclose(after.mean((1, 2, 3)), before.mean((1, 2, 3)), atol=1e-5)
    ratio = after.std((1, 2, 3)) / before.std((1, 2, 3))
    assert ratio.min() < 0.6 and ratio.max() > 1.4 and ratio.max() <= 1.5


def test_cutout_blackens_one_square():
    cut = off(cutout=0.5)(tf.ones((100, 16, 16, 1)), seed=SEED).numpy()
    assert set(np.unique(cut)) == {-1.0, 1.0}
    assert (cut == -1).sum((1, 2, 3)).max() <= 10 * 10


def test_gradient_reaches_the_images_through_every_change():
    x = tf.Variable(images())
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(DiffAugment(cutout=0.2)(x, seed=SEED))
    gradient = tape.gradient(total, x).numpy()
    assert np.isfinite(gradient).all() and (np.abs(gradient).sum((1, 2, 3)) > 0).all()


def test_strength_outside_0_to_1_is_refused():
    with pytest.raises(ValueError, match=r"cutout=2 must lie between 0 and 1"):
        DiffAugment(cutout=2)


def test_config_round_trip():
    layer = DiffAugment(brightness=0.1, cutout=0.4, seed=9)
    twin = DiffAugment.from_config(layer.get_config())
    assert twin.strengths == layer.strengths and twin.seed == 9
