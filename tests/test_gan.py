"""The GAN model: its step against one written by hand, EMA, sampling, precision, bad settings."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from medgan_utils.models import dcgan_discriminator, dcgan_generator
from medgan_utils.training import (
    GAN,
    R1,
    DiffAugment,
    GradientPenalty,
    Mismatch,
    ModeSeeking,
    Monitor,
    ResumableCheckpoint,
    losses,
)

WIDTHS = (8, 8, 4)


def tiny(seed=0, num_classes=None, **settings):
    keras.utils.set_random_seed(seed)
    generator = dcgan_generator(32, 1, 8, WIDTHS, num_classes)
    discriminator = dcgan_discriminator(32, 1, WIDTHS[::-1], num_classes)
    gan = GAN(generator, discriminator, ema=settings.pop("ema", 0.9), seed=seed)
    gan.compile(**settings)
    return gan


def real_images(count=16):
    return np.random.default_rng(0).uniform(-1, 1, (count, 32, 32, 1)).astype("float32")


def dataset(count=16, batch=8):
    return tf.data.Dataset.from_tensor_slices(real_images(count)).repeat().batch(batch)


def test_one_step_equals_the_same_step_written_by_hand():
    sgd = keras.optimizers.SGD
    gan = tiny(generator_optimizer=sgd(0.1), discriminator_optimizer=sgd(0.1), penalties=[])
    keras.utils.set_random_seed(0)
    generator, discriminator = (
        dcgan_generator(32, 1, 8, WIDTHS),
        dcgan_discriminator(32, 1, WIDTHS[::-1]),
    )
    generator.set_weights(gan.generator.get_weights())
    discriminator.set_weights(gan.discriminator.get_weights())
    loss, real = losses.get("non-saturating"), tf.constant(real_images(8))
    z = tf.random.stateless_normal((8, 8), [0, 0])
    with tf.GradientTape() as g_tape:
        fake = generator(z, training=True)
        with tf.GradientTape() as d_tape:
            value = tf.reduce_mean(
                loss.discriminator_loss(discriminator(real), discriminator(tf.stop_gradient(fake)))
            )
        variables = discriminator.trainable_variables
        for variable, gradient in zip(variables, d_tape.gradient(value, variables), strict=True):
            variable.assign_sub(0.1 * gradient)
        value = tf.reduce_mean(loss.generator_loss(discriminator(fake), None))
    variables = generator.trainable_variables
    for variable, gradient in zip(variables, g_tape.gradient(value, variables), strict=True):
        variable.assign_sub(0.1 * gradient)
    gan.train_on_batch(real)
    for network, twin in ((gan.discriminator, discriminator), (gan.generator, generator)):
        for ours, theirs in zip(network.get_weights(), twin.get_weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=2e-5)


def test_average_follows_all_weights_batch_statistics_included():
    gan = tiny(ema=0.75)
    expected = gan.generator.get_weights()
    for _ in range(3):
        gan.train_on_batch(real_images(8))
        expected = [
            0.75 * a + 0.25 * w for a, w in zip(expected, gan.generator.get_weights(), strict=True)
        ]
    names = [variable.path for variable in gan.generator.variables]
    assert any("moving_mean" in name for name in names)
    for name, ours, theirs in zip(names, gan.ema_generator.get_weights(), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6, err_msg=name)


def test_r1_is_due_every_few_steps_and_counts_that_many_times():
    gan = tiny(penalties=[R1(1.0, every=3)])
    penalties = []
    for _ in range(6):
        gan.reset_metrics()
        penalties.append(float(gan.train_on_batch(real_images(8), return_dict=True)["penalty"]))
    assert [value > 0 for value in penalties] == [True, False, False, True, False, False]


def test_two_runs_of_one_seed_agree_and_another_seed_differs():
    def weights(seed):
        gan = tiny(seed, augment=DiffAugment(cutout=0.2))
        gan.fit(dataset(), steps_per_epoch=4, epochs=1, verbose=0)
        return np.concatenate([weight.ravel() for weight in gan.ema_generator.get_weights()])

    np.testing.assert_allclose(weights(1), weights(1), atol=1e-5)
    assert np.abs(weights(1) - weights(2)).max() > 1e-3


@pytest.mark.parametrize("loss", losses.NAMES)
def test_every_loss_trains(loss):
    penalties = [GradientPenalty()] if loss == "wasserstein" else [R1()]
    gan = tiny(loss=loss, penalties=penalties)
    before = gan.generator.get_weights()
    history = gan.fit(dataset(), steps_per_epoch=2, epochs=2, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    assert any(
        np.abs(a - b).max() > 0 for a, b in zip(before, gan.generator.get_weights(), strict=True)
    )


def test_conditional_gan_trains_and_samples_with_labels():
    gan = tiny(num_classes=(2, 3))
    labels = np.stack([np.arange(16) % 2, np.arange(16) % 3], axis=1).astype("int32")
    data = tf.data.Dataset.from_tensor_slices((real_images(), labels)).repeat().batch(8)
    gan.fit(data, steps_per_epoch=2, epochs=1, verbose=0)
    assert gan.sample(5, labels[:5]).shape == (5, 32, 32, 1)
    with pytest.raises(ValueError, match="needs labels"):
        gan.sample(5)
    with pytest.raises(ValueError, match="takes no labels"):
        tiny().sample(5, labels[:5])


def test_mode_seeking_drives_samples_of_one_label_apart():
    labels = np.zeros((16, 1), "int32")
    data = tf.data.Dataset.from_tensor_slices((real_images(), labels)).repeat().batch(8)

    def spread(weight):
        gan = tiny(num_classes=1, terms=[ModeSeeking(weight)], ema=0.0)
        gan.fit(data, steps_per_epoch=15, epochs=1, verbose=0)
        return gan.sample(16, labels).std(axis=0).mean()

    assert spread(10.0) > 2 * spread(0.0)


def test_mismatched_labels_are_wrong_in_their_column_and_every_other_class_occurs():
    mismatch, seed = Mismatch(column=1), tf.constant([0, 1])
    labels = np.tile(np.array([[0, 0], [1, 4], [0, 2]], "int32"), (100, 1))
    wrong = mismatch.wrong_labels(tf.constant(labels), 5, seed).numpy()
    assert (wrong[:, 0] == labels[:, 0]).all() and (wrong[:, 1] != labels[:, 1]).all()
    for right in (0, 2, 4):
        assert set(wrong[labels[:, 1] == right, 1]) == set(range(5)) - {right}
    for kind in ("uint8", "int64", "float32"):
        again = mismatch.wrong_labels(tf.constant(labels.astype(kind)), 5, seed)
        np.testing.assert_array_equal(again, wrong)
    assert np.any(mismatch.wrong_labels(tf.constant(labels), 5, seed + 1) != wrong)


def test_mismatch_makes_the_discriminator_read_the_label():
    labels = np.arange(16, dtype="int32")[:, None] % 2
    images = np.clip(real_images() * 0.5 + 0.4 * (labels[:, None, None] - 0.5), -1, 1)
    data = tf.data.Dataset.from_tensor_slices((np.float32(images), labels)).repeat().batch(8)

    def gap(weight):
        fast = keras.optimizers.Adam(5e-3, beta_1=0.0)
        penalties = [R1(), Mismatch(weight)]
        gan = tiny(num_classes=2, penalties=penalties, discriminator_optimizer=fast)
        gan.fit(data, steps_per_epoch=60, epochs=1, verbose=0)
        right, wrong = (gan.discriminator([images, x]).numpy() for x in (labels, 1 - labels))
        return np.mean(right - wrong)

    assert gap(1.0) > gap(0.0) + 0.5


@pytest.mark.parametrize(("num_classes", "column"), [(None, 0), (1, 0), ((3, 1), 1), (3, 1)])
def test_without_a_second_class_nothing_can_be_mismatched(num_classes, column):
    with pytest.raises(ValueError, match=rf"two classes or more; column {column} of .* has [01]$"):
        tiny(num_classes=num_classes, penalties=[Mismatch(0.5, column)])
    assert tiny(num_classes=num_classes, penalties=[Mismatch(0.0, column)]).penalties == []


def test_a_wrong_number_of_classes_is_named():
    gan = tiny(num_classes=(2, 3))
    assert gan.num_classes == (2, 3)
    with pytest.raises(ValueError, match=r"shape \(4, 1\); \(4, 2\) is needed"):
        gan.sample(4, np.zeros((4, 1), int))
    with pytest.raises(ValueError, match=r"to \[1 3\]; this GAN knows \(2, 3\) classes"):
        gan.sample(2, np.array([[0, 0], [1, 3]]))
    labels = np.tile(np.array([[0, 0], [2, 2]], "int32"), (8, 1))  # the first has two classes
    data = tf.data.Dataset.from_tensor_slices((real_images(), labels)).repeat().batch(8)
    with pytest.raises(ValueError, match=r"knows \(2, 3\) classes.*num_classes="):
        gan.fit(data, steps_per_epoch=1, verbose=0)


def test_samples_depend_on_the_seed_alone_and_not_on_the_batch():
    gan = tiny()
    np.testing.assert_allclose(
        gan.sample(5, seed=1, batch_size=2), gan.sample(5, seed=1), atol=1e-6
    )
    np.testing.assert_allclose(gan.sample(gan.latents(5, 1)), gan.sample(5, seed=1), atol=1e-6)
    assert np.abs(gan.sample(5, seed=1) - gan.sample(5, seed=2)).max() > 1e-4


def test_mixed_precision_scales_the_loss_and_trains():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        gan = tiny(augment=DiffAugment())
        assert isinstance(gan.g_optimizer, keras.optimizers.LossScaleOptimizer)
        assert isinstance(gan.d_optimizer, keras.optimizers.LossScaleOptimizer)
        before = gan.discriminator.get_weights()
        history = gan.fit(dataset(), steps_per_epoch=3, epochs=1, verbose=0).history
        after = gan.discriminator.get_weights()
    finally:
        keras.config.set_dtype_policy("float32")
    assert np.isfinite(history["d_loss"]).all()
    assert any(np.abs(a - b).max() > 0 for a, b in zip(before, after, strict=True))
    assert gan.sample(2).dtype == np.float32


def test_one_training_step_at_256_pixels_with_the_gpu_settings():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        gan = GAN(dcgan_generator(256), dcgan_discriminator(256))
        gan.compile(augment=DiffAugment(cutout=0.2), penalties=[R1(every=16)])
        images = np.zeros((2, 256, 256, 1), "float32")
        logs = gan.train_on_batch(images, return_dict=True)
    finally:
        keras.config.set_dtype_policy("float32")
    assert np.isfinite(list(logs.values())).all() and int(gan.step.numpy()) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(loss="hingy"), "hingy"),
        (dict(penalties=[ModeSeeking()]), "no Penalty, such as R1"),
        (dict(penalties=[R1]), "no Penalty, such as R1"),
        (dict(terms=[R1()]), "no Term, such as ModeSeeking"),
        (dict(mode_seeking=0.1), "mode_seeking"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises((ValueError, TypeError), match=message):
        tiny(**settings)


def test_a_shared_optimiser_is_refused():
    adam = keras.optimizers.Adam()
    with pytest.raises(ValueError, match="optimiser of their own"):
        tiny(generator_optimizer=adam, discriminator_optimizer=adam)


def test_ema_outside_0_to_1_is_refused():
    with pytest.raises(ValueError, match=r"ema=1 must lie in \[0, 1\)"):
        tiny(ema=1)


def test_images_of_another_size_are_named():
    with pytest.raises(ValueError, match=r"16"):
        tiny().train_on_batch(np.zeros((4, 16, 16, 1), "float32"))


class Spoil(keras.callbacks.Callback):
    """Makes a weight of D not a number once a step is reached."""

    def __init__(self, step):
        super().__init__()
        self.at = step

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.step.numpy()) == self.at:
            bias = self.model.discriminator.get_layer("score").bias
            bias.assign(bias * np.nan)


@pytest.mark.parametrize(
    ("settings", "said"), [({}, "at step 3 "), (dict(steps_per_execution=2), "steps 3 to 4 ")]
)
def test_a_training_that_diverges_stops_names_the_step_and_keeps_the_good_state(
    tmp_path, settings, said
):
    gan, keeper = tiny(**settings), ResumableCheckpoint(tmp_path, every=1)
    scored = []
    monitor = Monitor(lambda gan: {"n": scored.append(int(gan.step.numpy())) or 0.0}, "n", every=1)
    with pytest.raises(FloatingPointError, match=f"{said}.*nan"):
        gan.fit(dataset(), steps_per_epoch=8, verbose=0, callbacks=[monitor, keeper, Spoil(2)])
    assert keeper.saved()[-1].name == "step-00000002" and scored[-1] == 2
    again = tiny(**settings)
    assert keeper.restore(again) == 2
    assert all(np.isfinite(weight).all() for weight in again.discriminator.get_weights())


def test_weights_that_end_as_no_numbers_are_seen_though_no_loss_was_taken_with_them():
    gan = tiny()
    with pytest.raises(FloatingPointError, match=r"by step 2 .*score.*not finite"):
        gan.fit(dataset(), steps_per_epoch=2, verbose=0, callbacks=[Spoil(2)])


def test_keras_terminate_on_nan_finds_a_loss():
    seen = []
    note = keras.callbacks.LambdaCallback(on_train_batch_end=lambda _, logs: seen.append(logs))
    history = tiny().fit(
        dataset(), steps_per_epoch=1, verbose=0, callbacks=[note, keras.callbacks.TerminateOnNaN()]
    )
    logs = seen[0]
    assert logs["loss"] == pytest.approx(logs["d_loss"] + logs["g_loss"] + logs["penalty"])
    assert history.history["loss"][0] == pytest.approx(logs["loss"])


def test_a_relativistic_generator_compares_real_and_fake_by_one_discriminator():
    """D before its move is not asked: with D's rate large, its logits would be far off."""
    gan = tiny(
        loss="relativistic",
        penalties=[],
        generator_optimizer=keras.optimizers.SGD(0.0),
        discriminator_optimizer=keras.optimizers.SGD(5.0),
    )
    real = tf.constant(real_images(8))
    fake = gan.generator(tf.random.stateless_normal((8, 8), [0, 0]), training=True)
    logs = gan.train_on_batch(real, return_dict=True)
    after = [gan.discriminator(images) for images in (fake, real)]
    expected = tf.reduce_mean(losses.get("relativistic").generator_loss(*after))
    assert float(logs["g_loss"]) == pytest.approx(float(expected), rel=1e-3)


def test_a_seed_that_would_not_fit_is_refused():
    with pytest.raises(ValueError, match="between 0 and 524287"):
        tiny(2**20)
