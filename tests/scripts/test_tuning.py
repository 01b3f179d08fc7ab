"""Chapter 12's experiment: what it changes is changed, and nothing else."""

from importlib.util import find_spec

import keras
import numpy as np
import pytest
import tensorflow as tf

from experiments import ablation, on_jax, tuning
from medgan_utils.data import Slices


@pytest.fixture
def small(monkeypatch):
    """A cohort of noise in place of heads."""
    random = np.random.default_rng(0)

    def slices(names):
        images = random.uniform(-1, 1, (12 * len(names), 32, 32, 1)).astype(np.float32)
        return Slices(
            images, np.repeat(names, 12), np.tile(np.arange(12, dtype=np.float32), len(names))
        )

    parts = {"train": slices(["a", "b"]), "reference": slices(["c"]), "test": slices(["d"])}
    monkeypatch.setattr(tuning, "cohort", lambda subjects: parts)
    tuning.yardstick.cache_clear()
    yield parts
    tuning.yardstick.cache_clear()


def test_a_rate_that_decays_ends_at_nothing():
    gan = tuning.changed(tuning.CHANGES["rate decay"], 10, 0)
    rate = gan.g_optimizer._learning_rate
    assert float(rate(0)) == pytest.approx(5e-4) and float(rate(10)) == pytest.approx(0, abs=1e-9)
    half = tuning.changed(tuning.CHANGES["half the rate"], 10, 0)
    assert float(half.d_optimizer.learning_rate) == pytest.approx(2.5e-4)


def test_16_bits_are_for_computing_and_the_weights_keep_32():
    gan = tuning.changed(tuning.CHANGES["bfloat16"], 10, 0)
    layer = next(x for x in gan.ema_generator.layers if x.weights)
    assert (layer.compute_dtype, layer.variable_dtype) == ("bfloat16", "float32")
    assert tuning.changed(tuning.CHANGES["plain"], 10, 0).generator.compute_dtype == "float32"


def test_turned_images_stay_in_range_and_the_others_are_as_they_are(small):
    plain = next(iter(tuning.batches(tuning.CHANGES["plain"], 0, 2)))
    turned = next(iter(tuning.batches(tuning.CHANGES["turned images"], 0, 2)))
    assert plain.shape == turned.shape and np.abs(plain - turned).max() > 0.1
    assert np.abs(turned).max() <= 1


def test_at_once_g_moves_by_the_gradient_of_the_unmoved_d():
    def moved(kind):
        keras.utils.set_random_seed(0)
        gan = ablation.build(ablation.TRICKS["plain"], 0, kind)
        gan.compile(keras.optimizers.SGD(1.0), keras.optimizers.SGD(1.0), penalties=[])
        gan._move_both(tf.zeros((4, 32, 32, 1)), None)
        return gan

    keras.utils.set_random_seed(0)
    before = ablation.build(ablation.TRICKS["plain"], 0)
    with tf.GradientTape() as tape:
        fake = before.generator(before._latents(4), training=True)
        loss = tf.reduce_mean(tf.nn.softplus(-before.discriminator(fake)))
    weights = before.generator.trainable_variables
    expected = [w - g for w, g in zip(weights, tape.gradient(loss, weights), strict=True)]
    differences = {}
    for kind in (tuning.AtOnce, tuning.GAN):
        found = moved(kind).generator.trainable_variables
        pairs = zip(found, expected, strict=True)
        differences[kind] = max(float(tf.reduce_max(tf.abs(a - b))) for a, b in pairs)
    assert differences[tuning.AtOnce] < 1e-5 < differences[tuning.GAN]


def test_a_run_says_how_well_d_knows_its_own(small):
    row, samples = tuning.train("both at once", 0, 64, 2)
    assert row["steps"] == 2 and samples.shape == (8, 32, 32)
    assert 0 <= row["own AUC"] <= 1 and row["FD"] > 0


@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed: pip install jax")
def test_on_jax_the_same_networks_are_trained_and_come_back(small):
    gan = tuning.changed(tuning.CHANGES["JAX"], 4, 0)
    networks = {"G": gan.generator, "D": gan.discriminator}
    before = {name: network.get_weights() for name, network in networks.items()}
    on_jax.train_on_jax(*networks.values(), small["train"].images, 4, 8, 0, 5e-4, 5e-4)
    for name, network in networks.items():
        pairs = list(zip(before[name], network.get_weights(), strict=True))
        moved = max(np.abs(old - new).max() for old, new in pairs)
        assert 1e-4 < moved <= 4 * 5e-4 * 3, name  # Adam moves a weight by about the rate a step
        assert all(np.isfinite(new).all() for _, new in pairs)
    row, _ = tuning.train("JAX", 0, 64, 2)
    assert row["steps"] == 2 and row["FD"] > 0


def test_without_jax_the_way_out_is_named(monkeypatch):
    monkeypatch.setattr(on_jax, "find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match="pip install jax"):
        on_jax.train_on_jax(None, None, np.zeros((2, 32, 32, 1)), 1, 1, 0, 1e-3, 1e-3)
