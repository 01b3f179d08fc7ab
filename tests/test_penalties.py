"""Penalties and terms against known gradients and distances, and one that nobody foresaw."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gan import X, networks

from medgan_utils.models import (
    dcgan_discriminator,
    dcgan_generator,
    patch_discriminator,
    unet_generator,
)
from medgan_utils.training import (
    GAN,
    L1,
    R1,
    DiceCrossEntropy,
    GradientPenalty,
    Mismatch,
    ModeSeeking,
    Penalty,
    Pix2Pix,
    Term,
    input_gradient,
    losses,
    penalties,
)
from medgan_utils.training.batch import DiscriminatorBatch, GeneratorBatch

SEED = tf.constant([0, 1])


def batch_of(discriminator, real, fake, loss="non-saturating"):
    return DiscriminatorBatch(discriminator, real, fake, None, None, losses.get(loss))


def test_r1_of_a_linear_discriminator_is_its_squared_norm():
    weights = tf.constant(np.random.default_rng(0).normal(size=(12, 1)), tf.float32)
    images = tf.random.normal((5, 2, 3, 2))
    batch = batch_of(lambda x: tf.reshape(x, (-1, 12)) @ weights, images, images)
    np.testing.assert_allclose(R1()(batch, SEED), np.full(5, np.sum(weights**2)), rtol=1e-5)
    assert R1(0.3).weight == 0.15


def test_logits_that_a_gradient_brought_are_not_computed_again():
    calls = []

    def discriminator(x):
        calls.append(len(x))
        return tf.reduce_sum(x, axis=(1, 2, 3))[:, None]

    real, fake = tf.random.normal((4, 2, 2, 1)), tf.random.normal((4, 2, 2, 1))
    plain, with_r1 = (batch_of(discriminator, real, fake) for _ in range(2))
    expected = np.asarray(plain.real_logits), np.asarray(plain.fake_logits)
    assert calls == [8]
    R1()(with_r1, SEED)
    np.testing.assert_allclose(with_r1.real_logits, expected[0], rtol=1e-6)
    np.testing.assert_allclose(with_r1.fake_logits, expected[1], rtol=1e-6)
    assert calls == [8, 4, 4]


def test_gradient_penalty_is_the_squared_excess_of_the_norm_over_one():
    weights = tf.constant([[3.0], [4.0]])  # norm 5
    real, fake = tf.random.normal((4, 1, 2, 1)), tf.random.normal((4, 1, 2, 1))
    batch = batch_of(lambda x: tf.reshape(x, (-1, 2)) @ weights, real, fake)
    np.testing.assert_allclose(GradientPenalty()(batch, SEED), np.full(4, 16.0), rtol=1e-4)


def test_gradient_penalty_is_taken_between_real_and_fake():
    seen = []

    def gradient(points):
        seen.append(points)
        return points

    mix = tf.constant([0.0, 0.25, 1.0])
    penalties.gradient_penalty(gradient, tf.ones((3, 2)), tf.zeros((3, 2)), mix)
    np.testing.assert_allclose(seen[0], np.repeat(mix[:, None], 2, axis=1))


def test_gradient_penalty_has_a_derivative_where_the_gradient_is_zero():
    weight = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        penalty = penalties.gradient_penalty(
            lambda x: input_gradient(lambda y: weight * tf.reshape(y, (-1, 1)), x)[0],
            tf.ones((2, 1, 1, 1)), tf.zeros((2, 1, 1, 1)), tf.zeros((2,)),
        )  # fmt: skip
    assert np.isfinite(tape.gradient(penalty, weight))


def test_mode_seeking_is_the_ratio_of_distances_and_finite_at_a_collapse():
    images, others = np.zeros((2, 4, 4, 1), "float32"), np.zeros((2, 4, 4, 1), "float32")
    others[0] = 0.5
    z, other_z = np.zeros((2, 3), "float32"), np.full((2, 3), 2.0, "float32")
    values = penalties.mode_seeking(images, others, z, other_z).numpy()
    np.testing.assert_allclose(values, [2 / 0.501, 2 / 0.001], rtol=1e-5)


def test_the_mode_seeking_term_draws_other_latents_and_keeps_the_labels():
    asked = []

    def generate(inputs):
        asked.append(inputs)
        return tf.zeros((3, 2, 2, 1))

    z, labels = tf.zeros((3, 4)), tf.constant([[1], [0], [2]])
    batch = GeneratorBatch(generate, tf.ones((3, 2, 2, 1)), z, labels)
    values = ModeSeeking()(batch, SEED)
    (other_z, kept), distance = asked[0], np.abs(asked[0][0]).mean(axis=1)
    assert np.array_equal(kept, labels) and np.abs(other_z).min() > 0
    np.testing.assert_allclose(values, distance / 1.001, rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: R1(-1), "R1: a weight of -0.5 must be at least 0"),
        (lambda: R1(float("nan")), "must be at least 0"),
        (lambda: R1(every=0), "R1: every=0 must be a whole number from 1"),
        (lambda: GradientPenalty(every=2.5), "every=2.5 must be a whole number"),
        (lambda: ModeSeeking(-0.1), "ModeSeeking: a weight of -0.1"),
    ],
)
def test_weights_below_zero_and_odd_intervals_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


class PullTowards(Penalty):
    """Pulls D's logits of the generated images to a value: in no paper, and not known to GAN."""

    def __init__(self, value, weight, every=1):
        super().__init__(weight, every)
        self.value = value

    def __call__(self, batch, seed):
        return keras.ops.reshape((batch.fake_logits - self.value) ** 2, [-1])


class Darker(Term):
    def __call__(self, batch, seed):
        return keras.ops.mean(batch.fake, axis=(1, 2, 3))


def test_a_new_penalty_and_a_new_term_need_no_change_of_the_gan():
    images = np.random.default_rng(0).uniform(-1, 1, (8, 32, 32, 1)).astype("float32")

    def trained(**settings):
        keras.utils.set_random_seed(0)
        gan = GAN(dcgan_generator(32, 1, 8, (8, 8, 4)), dcgan_discriminator(32, 1, (4, 8, 8)))
        gan.compile(**settings)
        values = []
        for _ in range(6):
            gan.reset_metrics()
            values.append(float(gan.train_on_batch(images, return_dict=True)["penalty"]))
        return gan, values

    gan, values = trained(
        penalties=[PullTowards(3.0, 1.0, every=2), PullTowards(3.0, 0.1, every=3)],
        terms=[Darker(100.0)],
    )
    assert [value > 0 for value in values] == [True, False, True, True, True, False]
    assert values[0] > values[2] > values[3]
    plain, _ = trained(penalties=[])
    assert (
        gan.generator(gan.latents(8)).numpy().mean()
        < plain.generator(plain.latents(8)).numpy().mean()
    )


def test_a_term_that_reads_what_the_batch_has_not_is_refused_and_told_where_it_belongs():
    gan = GAN(dcgan_generator(32, 1, 8, (8, 8, 4)), dcgan_discriminator(32, 1, (4, 8, 8)))
    for term in (L1(), DiceCrossEntropy()):
        with pytest.raises(TypeError, match=f"{type(term).__name__} needs target.*Pix2Pix"):
            gan.compile(terms=[term])
    translation = Pix2Pix(unet_generator(32, widths=(4, 8)), patch_discriminator(32, widths=(4, 8)))
    with pytest.raises(TypeError, match=r"ModeSeeking needs z.*for a GAN"):
        translation.compile(terms=[ModeSeeking()])
    translation.compile(terms=[L1(), Darker(1.0)])  # one of your own that reads the images alone


def gan(**settings):
    model = GAN(*networks())
    model.compile(**settings)
    return model


def test_a_wrong_one_hot_label_is_another_class():
    shown = []

    def ask(pair):
        shown.append(pair[1])
        return tf.zeros((len(pair[0]), 1))

    labels, images = tf.eye(3), tf.constant(X[:3])
    loss = gan().loss_function
    batch = DiscriminatorBatch(ask, images, images, labels, (3,), loss)
    Mismatch()(batch, np.array([0, 1]))
    wrong = np.asarray(shown[0])
    assert (wrong.sum(axis=1) == 1).all() and not (wrong * np.eye(3)).any()


def test_a_map_that_equals_its_neighbours_is_no_mismatch():
    maps = np.zeros((4, 8, 8), "int32")
    maps[3, 2:4, 2:4] = 1

    class Batch:
        real, real_logits, num_classes = X[:4], keras.ops.zeros(4), (2,)
        labels, loss = keras.ops.convert_to_tensor(maps), losses.get("hinge")

        def logits(self, images, labels):
            return keras.ops.ones(len(images))

    values = keras.ops.convert_to_numpy(Mismatch()(Batch(), np.array([0, 1])))
    assert list(values != 0) == [True, False, False, True]


def test_mismatched_maps_work_with_a_critic_of_patches():
    maps = np.zeros((4, 32, 32), np.int32)
    maps[:2] = 1

    class Batch:
        labels, num_classes, real = tf.constant(maps), (2,), tf.zeros((4, 32, 32, 1))
        real_logits = tf.zeros((4, 8, 8, 1))
        loss = losses.get("non-saturating")

        def logits(self, images, labels):
            return tf.zeros((4, 8, 8, 1))

    values = Mismatch()(Batch(), [0, 1]).numpy()
    assert values.shape == (4,)
    np.testing.assert_allclose(values, np.log(4) * np.array([1, 0, 1, 0]), rtol=1e-5)
