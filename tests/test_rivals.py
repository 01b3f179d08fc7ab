"""A VAE and a diffusion model: each learns a distribution that is known, and draws from it."""

import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from medgan_utils.models import dcgan_generator, small_unet, vae_encoder
from medgan_utils.training import VAE, Diffusion, StopAfter
from medgan_utils.training.diffusion import _rates

SHAPE = (4, 4, 1)


def stripes(count):
    """Half of the images are bright on the left, half on the right, with a little noise."""
    random = np.random.default_rng(0)
    left = np.array([[0.7, 0.7, -0.7, -0.7]] * 4, np.float32)
    images = random.choice([-1, 1], (count, 1, 1)) * left + random.normal(0, 0.03, (count, 4, 4))
    return images.astype(np.float32)[..., None]


def is_stripe(images):
    sides = images[:, :, :2].mean((1, 2, 3)), images[:, :, 2:].mean((1, 2, 3))
    return np.abs(sides[0] - sides[1]) > 1.0, sides[0] > sides[1]


def small_vae():
    keras.utils.set_random_seed(0)
    encoder = keras.Sequential(
        [keras.Input(SHAPE), layers.Flatten(), layers.Dense(32, "relu"), layers.Dense(4)]
    )
    decoder = keras.Sequential(
        [keras.Input((2,)), layers.Dense(32, "relu"), layers.Dense(32, "relu"),
         layers.Dense(16, "tanh"), layers.Reshape(SHAPE)]
    )  # fmt: skip
    vae = VAE(encoder, decoder)
    vae.compile(keras.optimizers.Adam(1e-2))
    return vae


def test_a_vae_draws_what_it_has_seen():
    vae = small_vae()
    history = vae.fit(stripes(512), batch_size=64, epochs=60, verbose=0).history
    assert history["loss"][-1] < history["loss"][0] - 5
    assert history["loss"][-1] == pytest.approx(history["pixels"][-1] + history["latent"][-1])
    assert history["latent"][-1] > 0.3  # the latent is used: which side takes 0.7 nats
    good, left = is_stripe(vae.sample(200, seed=1))
    assert good.mean() > 0.6 and 0.25 < left.mean() < 0.75
    np.testing.assert_array_equal(vae.sample(3, seed=2), vae.sample(3, seed=2))


def small_diffusion():
    keras.utils.set_random_seed(0)
    images, times = keras.Input(SHAPE), keras.Input((1,))
    x = layers.Concatenate()([layers.Flatten()(images), times, times**2])
    x = layers.Dense(16)(layers.Dense(64, "silu")(layers.Dense(64, "silu")(x)))
    diffusion = Diffusion(keras.Model([images, times], layers.Reshape(SHAPE)(x)), ema=0.9)
    diffusion.compile(keras.optimizers.Adam(5e-3))
    return diffusion


def test_a_diffusion_model_draws_what_it_has_seen():
    diffusion = small_diffusion()
    diffusion.fit(stripes(512), batch_size=64, epochs=40, verbose=0)
    good, left = is_stripe(diffusion.sample(200, seed=1, steps=20))
    assert good.mean() > 0.7 and 0.25 < left.mean() < 0.75
    np.testing.assert_array_equal(diffusion.sample(3, seed=2), diffusion.sample(3, seed=2))


def test_signal_and_noise_share_the_variance_and_v_gives_the_image_back():
    times = tf.linspace(0.0, 1.0, 5)[:, None]
    signal, noise = (one.numpy() for one in _rates(times))
    np.testing.assert_allclose(signal**2 + noise**2, 1, atol=1e-6)
    assert signal[0].item() == 1 and abs(signal[-1].item()) < 1e-6
    x, epsilon = 0.3, -1.2
    mixed, v = signal * x + noise * epsilon, signal * epsilon - noise * x
    np.testing.assert_allclose(signal * mixed - noise * v, x, atol=1e-6)
    np.testing.assert_allclose(noise * mixed + signal * v, epsilon, atol=1e-6)


def test_a_network_that_sees_the_noise_exactly_is_led_to_the_image():
    """The best v for one image alone: every start ends at it."""
    image = stripes(1)
    diffusion = Diffusion(small_unet(4, (4, 4, 4)))

    def best(inputs, training=False):
        x, times = inputs
        signal, noise = (one[:, None, None] for one in _rates(times))
        epsilon = (x - signal * image) / tf.maximum(noise, 1e-6)
        return signal * epsilon - noise * image

    diffusion.ema_network = best
    np.testing.assert_allclose(
        diffusion.sample(3, steps=10), np.repeat(image, 3, axis=0), atol=1e-4
    )


def test_the_networks_have_the_shapes_that_they_say():
    encoder, unet = vae_encoder(32, 8), small_unet(32)
    assert encoder.output_shape == (None, 16) and unet.output_shape == (None, 32, 32, 1)
    out = unet([np.ones((2, 32, 32, 1), np.float32), np.ones((2, 1), np.float32)])
    assert not np.any(out)  # it starts by saying nothing
    assert VAE(encoder, dcgan_generator(32, latent_dim=8)).sample(2).shape == (2, 32, 32, 1)


def test_stop_after_a_time_not_counting_the_first_step():
    class Slow(keras.Model):
        def train_step(self, data):
            tf.py_function(lambda: time.sleep(0.02), [], [])
            return {"loss": 0.0}

    slow = Slow()
    slow.compile(run_eagerly=True)
    clock = StopAfter(0.1)
    slow.fit(np.zeros((1000, 1)), batch_size=1, verbose=0, callbacks=[clock])
    assert 3 <= clock.steps <= 8 and 0.1 <= clock.seconds_used < 0.2
    with pytest.raises(ValueError, match="above 0"):
        StopAfter(0)


def test_a_small_unet_is_loaded_after_save(tmp_path):
    small_unet(32, (4, 4)).save(tmp_path / "u.keras")
    assert keras.saving.load_model(tmp_path / "u.keras").output_shape == (None, 32, 32, 1)


@pytest.mark.parametrize("kind", ["vae", "diffusion"])
def test_the_loss_of_an_epoch_is_the_mean_of_its_batches(kind, eagerly):
    seen = []
    log = keras.callbacks.LambdaCallback(on_train_batch_end=lambda _, logs: seen.append(logs))
    model = rival(kind)
    history = model.fit(IMAGES, batch_size=4, verbose=0, callbacks=[log], shuffle=False).history
    assert len(seen) == 2 and history["loss"][0] == pytest.approx(seen[-1]["loss"])
    first, mean = seen[0]["loss"], seen[1]["loss"]  # running means
    assert first != 0 and mean != first


@pytest.mark.parametrize("kind", ["vae", "diffusion"])
def test_images_of_another_scale_are_refused_and_a_divergence_is_told(kind, eagerly):
    with pytest.raises(ValueError, match="floats from -1"):
        rival(kind).fit((127.5 * IMAGES + 127.5).astype(np.uint8), verbose=0)
    model = rival(kind)
    model.optimizer.learning_rate = np.inf
    with pytest.raises(FloatingPointError, match="diverged"):
        model.fit(IMAGES, batch_size=4, verbose=0)


IMAGES = np.random.default_rng(0).uniform(-1, 1, (8, 32, 32, 1)).astype(np.float32)


def rival(kind):
    if kind == "vae":
        model = VAE(vae_encoder(32, 4, (4, 4, 4)), dcgan_generator(32, 1, 4, (4, 4, 4)))
    else:
        model = Diffusion(small_unet(32, (4, 4)))
    model.compile("adam")
    return model
