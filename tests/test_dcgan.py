"""Shapes, ranges, labels and SeFa directions of the networks."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gan import WIDTHS

from medgan_utils import workflow
from medgan_utils.models import dcgan_discriminator, dcgan_generator
from medgan_utils.models.dcgan import default_widths

NARROW = {32: (8, 8, 4), 64: (8, 8, 4, 4), 128: (8, 8, 4, 4, 4), 256: (8, 8, 4, 4, 4, 4)}


@pytest.mark.parametrize("size", [32, 64, 128, 256])
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes_and_ranges_at_every_size(size, channels):
    generator = dcgan_generator(size, channels, 8, NARROW[size])
    discriminator = dcgan_discriminator(size, channels, NARROW[size][::-1])
    images = generator(tf.random.normal((2, 8)) * 50)
    assert images.shape == (2, size, size, channels)
    assert np.abs(images).max() <= 1
    logits = discriminator(images)
    assert logits.shape == (2, 1) and np.isfinite(logits).all()


@pytest.mark.parametrize(
    "options",
    [
        dict(upsampling="bilinear"),
        dict(last_stage="depth-to-space", output="clipped-tanh"),
        dict(batch_norm=False),
    ],
)
def test_generator_options_keep_the_shape(options):
    generator = dcgan_generator(32, 2, 8, NARROW[32], **options)
    assert generator(tf.zeros((3, 8))).shape == (3, 32, 32, 2)


@pytest.mark.parametrize(
    "options",
    [dict(first_stage="space-to-depth"), dict(spectral_norm=True)],
)
def test_discriminator_options_keep_the_shape(options):
    discriminator = dcgan_discriminator(32, 2, NARROW[32][::-1], **options)
    assert discriminator(tf.zeros((3, 32, 32, 2))).shape == (3, 1)


@pytest.mark.parametrize("num_classes", [3, (2, 5)])
def test_labels_change_image_and_logit(num_classes):
    keras.utils.set_random_seed(1)  # a fresh logit lies near 0, and so may its change
    count = 1 if isinstance(num_classes, int) else len(num_classes)
    generator = dcgan_generator(32, 1, 8, NARROW[32], num_classes)
    discriminator = dcgan_discriminator(32, 1, NARROW[32][::-1], num_classes)
    z = tf.random.normal((1, 8))
    zeros, ones = tf.zeros((1, count), tf.int32), tf.ones((1, count), tf.int32)
    images = generator([z, zeros]), generator([z, ones])
    assert np.abs(images[0] - images[1]).max() > 1e-4
    logits = discriminator([images[0], zeros]), discriminator([images[0], ones])
    assert abs(float(logits[0][0, 0]) - float(logits[1][0, 0])) > 1e-6


def test_each_label_column_has_an_effect_of_its_own():
    generator = dcgan_generator(32, 1, 8, NARROW[32], (2, 5))
    z = tf.random.normal((1, 8))
    images = [
        np.asarray(generator([z, tf.constant([label])])) for label in ([0, 0], [1, 0], [0, 4])
    ]
    assert np.abs(images[0] - images[1]).max() > 1e-4
    assert np.abs(images[0] - images[2]).max() > 1e-4


@pytest.mark.parametrize(("projection", "over_places"), [("mean", np.mean), ("max", np.max)])
def test_labels_meet_the_mean_or_the_maximum_of_the_features(projection, over_places):
    discriminator = dcgan_discriminator(32, 1, NARROW[32][::-1], 2, projection=projection)
    layers = ("down_4_leaky_relu", "pooled")
    outputs = [discriminator.get_layer(name).output for name in layers]
    images = np.random.default_rng(0).uniform(-1, 1, (3, 32, 32, 1)).astype("float32")
    features, pooled = keras.Model(discriminator.inputs[0], outputs)(images)
    expected = over_places(np.asarray(features), axis=(1, 2))
    np.testing.assert_allclose(pooled, expected, rtol=1e-5, atol=1e-6)


def test_no_batch_normalisation_in_the_discriminator():
    kinds = {type(layer) for layer in dcgan_discriminator(64).layers}
    assert keras.layers.BatchNormalization not in kinds


def test_default_widths_halve_as_the_size_doubles():
    assert default_widths(64) == (128, 64, 32, 16)
    assert default_widths(256) == (256, 256, 128, 64, 32, 16)


@pytest.mark.parametrize("size", [0, 16, 48, 100, 512])
def test_other_sizes_are_refused(size):
    with pytest.raises(ValueError, match="32, 64, 128, 256"):
        dcgan_generator(size)


def test_wrong_number_of_widths_and_unknown_options_are_refused():
    with pytest.raises(ValueError, match="take 4 widths"):
        dcgan_generator(64, widths=(8, 8))
    with pytest.raises(ValueError, match="upsampling='nearest'"):
        dcgan_generator(64, upsampling="nearest")
    with pytest.raises(ValueError, match="first_stage"):
        dcgan_discriminator(64, first_stage="pool")
    with pytest.raises(ValueError, match="projection='sum'"):
        dcgan_discriminator(64, num_classes=2, projection="sum")


def test_a_number_of_classes_may_come_from_numpy():
    labels = np.array([0, 2])
    model = dcgan_generator(32, latent_dim=8, widths=WIDTHS, num_classes=labels.max() + 1)
    assert len(model.inputs) == 2


def test_an_unknown_label_is_not_the_last_class():
    generator = dcgan_generator(32, latent_dim=8, num_classes=3, widths=(4, 4, 4))
    z = np.zeros((1, 8), np.float32)
    assert generator([z, np.array([[2]])]).shape == (1, 32, 32, 1)
    with pytest.raises(Exception, match="is not in"):  # TensorFlow's own, on a CPU
        generator([z, np.array([[-1]])])
    for label in (-1, 3):
        with pytest.raises(ValueError, match="must lie between 0 and 2"):
            workflow.draw(generator, 2, 0, np.array([label]))
