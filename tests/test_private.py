"""The private discriminator: what one subject can move, how loud the noise is, what ε says."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gan import X, networks

from medgan_utils.training import R1, PrivateGAN, ResumableCheckpoint, epsilon
from medgan_utils.training.private import poisson_lots

SHAPE = (4, 4, 1)
PARAMETERS = 16 * 8 + 8 + 8 + 1


def gan(seed=0, compiled=True, **settings):
    """A GAN so small that its step costs nothing."""
    keras.utils.set_random_seed(1)
    layers = keras.layers
    generator = keras.Sequential(
        [keras.Input((3,)), layers.Dense(16, "tanh", name="out"), layers.Reshape(SHAPE)], name="g"
    )
    hidden, logit = layers.Dense(8, "leaky_relu", name="hidden"), layers.Dense(1, name="logit")
    discriminator = keras.Sequential(
        [keras.Input(SHAPE), layers.Flatten(), hidden, logit], name="d"
    )
    settings = {"noise": 1.0, "lot": 2, "images_per_subject": 2, **settings}
    made = PrivateGAN(generator, discriminator, seed=seed, **settings)
    if compiled:
        made.compile()
    return made


def images(count, seed=0):
    random = np.random.default_rng(seed)
    return random.uniform(-1, 1, (count, *SHAPE)).astype(np.float32)


SUBJECTS = np.repeat(["a", "b", "c", "d", "e"], 3)


def test_a_subject_counts_once_and_at_most_c():
    private = gan(clip_norm=0.01)
    pair = images(2)
    one, two = private._clipped_sum(pair), private._clipped_sum(np.concatenate([pair, pair[::-1]]))
    assert np.linalg.norm(one) == pytest.approx(0.01, rel=1e-4)  # cut: it was longer
    np.testing.assert_allclose(two, 2 * one, rtol=1e-4, atol=1e-8)  # two subjects, alike
    for other in range(5):  # whoever comes to a lot moves the sum by C at most
        both = np.concatenate([pair, 1.0 * images(2, other) ** 0])
        assert np.linalg.norm(private._clipped_sum(both) - one) <= 0.01 * 1.0001


def test_a_short_gradient_is_the_gradient_of_the_subjects_mean_loss():
    private = gan(clip_norm=1e6, images_per_subject=3)
    three = images(3)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.nn.softplus(-private.discriminator(three)))
    expected = tape.gradient(loss, private.discriminator.trainable_variables)
    expected = np.concatenate([np.ravel(one) for one in expected])
    np.testing.assert_allclose(private._clipped_sum(three), expected, rtol=1e-4, atol=1e-7)


def test_noise_is_as_loud_as_said_and_another_at_each_step():
    private = gan(noise=3.0, clip_norm=0.5, lot=4)
    nobody = np.zeros((0, *SHAPE), np.float32)
    draws = []
    for step in range(20):
        private.step.assign(step)
        draws.append(private._private_gradient(nobody).numpy())
    assert np.shape(draws) == (20, PARAMETERS)
    assert np.std(draws) == pytest.approx(3.0 * 0.5 / 4, rel=0.06)
    assert abs(np.corrcoef(draws[0], draws[1])[0, 1]) < 0.4
    pair = images(2)
    moved = private._private_gradient(pair) - draws[-1]
    np.testing.assert_allclose(moved, private._clipped_sum(pair) / 4, atol=1e-5)


def test_lots_are_poisson_and_functions_of_seed_and_step():
    marked = np.arange(15, dtype=np.float32).reshape(15, 1, 1, 1)
    lots = [lot.numpy().ravel() for lot in poisson_lots(marked, SUBJECTS, 0.4, 2, 7).take(300)]
    sizes = np.array([len(lot) // 2 for lot in lots])
    assert sizes.mean() == pytest.approx(5 * 0.4, abs=0.25)
    assert sizes.var() == pytest.approx(5 * 0.4 * 0.6, abs=0.35)
    assert (sizes == 0).any() and (sizes >= 4).any() and sizes.max() <= 5
    for lot in lots:
        first, second = lot.reshape(-1, 2).T
        assert (SUBJECTS[first.astype(int)] == SUBJECTS[second.astype(int)]).all()
        assert len(set(first // 3)) == len(first)  # nobody comes twice to a lot
    assert set(np.concatenate(lots)) == set(range(15))
    again = [lot.numpy().ravel() for lot in poisson_lots(marked, SUBJECTS, 0.4, 2, 7, 10).take(5)]
    assert all(np.array_equal(x, y) for x, y in zip(again, lots[10:15], strict=True))


def test_epsilon_is_that_of_the_literature_and_of_another_accountant():
    """Abadi et al. 2016, section 3.2: q = 0.01, σ = 4, δ = 1e-5 and 10,000 steps: ε = 1.26."""
    from dp_accounting import GaussianDpEvent, PoissonSampledDpEvent, SelfComposedDpEvent
    from dp_accounting.rdp import RdpAccountant

    accountant = RdpAccountant()
    step = PoissonSampledDpEvent(0.01, GaussianDpEvent(4.0))
    accountant.compose(SelfComposedDpEvent(step, 10_000))
    upper = accountant.get_epsilon(1e-5)
    assert 0.85 * upper < epsilon(4.0, 0.01, 10_000, 1e-5) <= upper <= 1.27


def test_epsilon_falls_with_noise_and_with_subjects():
    base = epsilon(4.0, 0.1, 100, 1e-3)
    assert epsilon(8.0, 0.1, 100, 1e-3) < base < epsilon(4.0, 0.2, 100, 1e-3)  # half the subjects
    assert epsilon(4.0, 0.1, 50, 1e-3) < base


def test_resumed_run_is_the_run(tmp_path):
    def train(private, steps, *callbacks):
        private.fit(images(15), SUBJECTS, steps_per_epoch=steps, verbose=0, callbacks=callbacks)
        return [
            one.numpy() for one in private.discriminator.variables + private.generator.variables
        ]

    whole = train(gan(), 6)
    keeper = ResumableCheckpoint(tmp_path, every=3)
    train(gan(), 3, keeper)
    resumed = gan()
    assert keeper.restore(resumed) == 3
    parts = train(resumed, 3)
    assert all(np.array_equal(x, y) for x, y in zip(whole, parts, strict=True))
    assert resumed.epsilon(1e-2) == pytest.approx(epsilon(1.0, 0.4, 6, 1e-2))


def test_empty_lots_train_and_only_fakes_are_logged():
    private = gan(lot=0.01)
    before = private.discriminator.get_weights()
    history = private.fit(images(15), SUBJECTS, steps_per_epoch=2, verbose=0).history
    assert set(history) == {"d_loss", "g_loss", "fake_logit", "penalty", "loss"}
    assert np.isfinite(history["loss"][-1])
    moved = zip(before, private.discriminator.get_weights(), strict=True)
    assert all((old != new).any() and np.isfinite(new).all() for old, new in moved)


def test_refusals():
    with pytest.raises(ValueError, match="R1 looks at real images"):
        gan(compiled=False).compile(penalties=[R1(0.1)])
    with pytest.raises(ValueError, match="relativistic"):
        gan(compiled=False).compile(loss="relativistic")
    made = gan()
    normal = keras.Sequential(
        [keras.Input(SHAPE), keras.layers.BatchNormalization(), keras.layers.Flatten(),
         keras.layers.Dense(1)]
    )  # fmt: skip
    with pytest.raises(ValueError, match="mixes subjects"):
        PrivateGAN(made.generator, normal, noise=1.0)
    for wrong in ({"noise": -1.0}, {"lot": 0}, {"clip_norm": 0.0}, {"images_per_subject": 0}):
        with pytest.raises(ValueError, match="must be"):
            gan(**wrong)
    with pytest.raises(ValueError, match="known after fit"):
        made.epsilon(1e-3)
    with pytest.raises(ValueError, match="need a subject each"):
        made.fit(images(15), SUBJECTS[:3], steps_per_epoch=1)
    with pytest.raises(ValueError, match="take fewer"):
        made.fit(images(3), SUBJECTS[:3], steps_per_epoch=1)
    control = gan(noise=0.0)
    control._ledger.assign([5, control.lot, 0])
    with pytest.raises(ValueError, match="noise=0 protects nobody"):
        control.epsilon(1e-3)
    with pytest.raises(ValueError, match="between 0 and 1"):
        epsilon(1.0, 1.5, 10, 1e-3)


def private(noise):
    model = PrivateGAN(*networks(), noise=noise, lot=4, images_per_subject=1)
    model.compile()
    return model


def test_epsilon_is_known_after_a_resume_and_not_of_another_noise(tmp_path):
    first = private(0.5)
    keeper = ResumableCheckpoint(tmp_path)
    first.fit(X[:8], np.arange(8), steps_per_epoch=5, verbose=0, callbacks=[keeper])
    again, other = private(0.5), private(4.0)
    assert keeper.restore(again) == keeper.restore(other) == 5
    assert again.epsilon(1e-3) == other.epsilon(1e-3) == first.epsilon(1e-3)
    with pytest.raises(ValueError, match=r"noise=0\.5 before, now .*noise=4"):
        other.fit(X[:8], np.arange(8), steps_per_epoch=1, verbose=0)


def test_steps_that_weights_forget_still_cost(tmp_path):
    gan = private(1.0)
    images, who = X[:8], np.arange(8)
    best = keras.callbacks.EarlyStopping(
        "d_loss", mode="min", patience=9, restore_best_weights=True
    )
    gan.fit(images, who, steps_per_epoch=2, epochs=4, verbose=0, callbacks=[best])
    spent = gan.epsilon(1e-3)
    fresh = private(1.0)
    fresh.fit(images, who, steps_per_epoch=8, verbose=0)
    assert spent == fresh.epsilon(1e-3)
    fresh.set_weights(private(1.0).get_weights())
    fresh._ledger.assign([8, 4, 1])
    assert int(fresh.step.numpy()) == 0 and fresh.epsilon(1e-3) == spent
    with pytest.raises(ValueError, match="set back to step 0 of 8"):
        fresh.fit(images, who, steps_per_epoch=1, verbose=0)
