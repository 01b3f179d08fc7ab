"""Policies of 16 and 64 bits: what is refused, and what comes out alike."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gan import X, networks

from medgan_utils.models import dcgan_generator
from medgan_utils.models.rivals import small_unet, vae_encoder
from medgan_utils.training import GAN, VAE, Diffusion, PrivateGAN


@pytest.fixture
def policy():
    """Sets a policy, and the usual one afterwards."""
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy("float32")


def test_the_average_of_64_bit_weights_moves_too(policy):
    policy("float64")
    gan = GAN(*networks(), ema=0.0)
    gan.compile(penalties=[])
    gan.fit(X[:8].astype("float64"), batch_size=4, verbose=0)
    for one, other in zip(gan.generator.weights, gan.ema_generator.weights, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-12)  # a + (b - a) may round


def test_weights_of_16_bits_are_refused(policy):
    policy("bfloat16")
    with pytest.raises(ValueError, match="take the policy mixed_bfloat16"):
        GAN(*networks()).compile()


def test_losses_of_32_bits_refuse_networks_of_16(policy):
    policy("mixed_float16")
    encoder, decoder = vae_encoder(32), dcgan_generator(32)
    private = PrivateGAN(*networks(), noise=1.0)
    with pytest.raises(ValueError, match="VAE computes in 32-bit"):
        VAE(encoder, decoder).compile("adam")
    policy("float32")
    with pytest.raises(ValueError, match="PrivateGAN computes in 32-bit"):
        private.compile()
    unet = Diffusion(small_unet(32))
    unet.compile("adam")


def test_an_autoencoder_made_under_16_bits_steps_as_far():
    moved = []
    for policy in ("float32", "mixed_float16"):
        keras.utils.set_random_seed(0)
        encoder, decoder = vae_encoder(32, 4, (4, 4, 4)), dcgan_generator(32, 1, 4, (4, 4, 4))
        before = decoder.get_weights()
        keras.config.set_dtype_policy(policy)
        try:
            model = VAE(encoder, decoder)
            model.compile(keras.optimizers.SGD(1e-3), run_eagerly=True)
        finally:
            keras.config.set_dtype_policy("float32")
        images = np.random.default_rng(0).uniform(-1, 1, (4, 32, 32, 1))  # float64
        tf.random.set_seed(0)
        model.train_step(tf.constant(images))
        pairs = zip(before, decoder.get_weights(), strict=True)
        moved.append(max(np.abs(a - b).max() for a, b in pairs))
    assert moved[1] == pytest.approx(moved[0], rel=0.05)


def test_a_discriminator_of_16_bits_is_refused_too(policy):
    generator = networks()[0]
    policy("bfloat16")
    discriminator = networks()[1]
    policy("float32")
    with pytest.raises(ValueError, match="weights of 16 bits"):
        GAN(generator, discriminator).compile()
