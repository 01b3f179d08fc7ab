"""A variational autoencoder: the same generator as a GAN's, learned by looking at pixels.

Source: Kingma & Welling, "Auto-Encoding Variational Bayes", ICLR 2014, arXiv:1312.6114; the noise
of the pixels is fitted as it goes (Rybkin et al. 2021, arXiv:2006.13202), so that nothing is tuned.
"""

import keras
import numpy as np
import tensorflow as tf

from .image_model import ImageModel


class VAE(ImageModel):
    """Encodes an image as a cloud of latents, decodes one of them, and pays for both.

    Example::

        vae = VAE(vae_encoder(32), dcgan_generator(32))
        vae.compile("adam")
        vae.fit(dataset, steps_per_epoch=500)
        images = vae.sample(16)

    Args:
        encoder: From images (B, H, W, C) to means and log variances of z (B, 2 latent_dim).
        decoder: From z (B, latent_dim) to images in [-1, 1].
    """

    def __init__(self, encoder: keras.Model, decoder: keras.Model):
        shape = encoder.inputs[0].shape[1:]
        super().__init__((encoder, decoder), shape, ("pixels", "latent", "loss"), "vae")
        self.encoder, self.decoder = encoder, decoder

    def train_step(self, images):
        """Take one step; `pixels` and `latent` are the two halves of the loss, a nat an image."""
        images = tf.cast(images, tf.float32)
        with tf.GradientTape() as tape:
            mean, log_variance = tf.split(self.encoder(images, training=True), 2, axis=-1)
            z = mean + tf.exp(log_variance / 2) * tf.random.normal(tf.shape(mean))
            error = tf.reduce_mean((self.decoder(z, training=True) - images) ** 2)
            count = tf.cast(tf.size(images[0]), tf.float32)
            # A Gaussian of the best variance, which is the error itself.
            pixels = 0.5 * count * tf.math.log(error)
            cloud = tf.exp(log_variance) + mean**2 - 1 - log_variance
            latent = 0.5 * tf.reduce_mean(tf.reduce_sum(cloud, axis=-1))
            loss = pixels + latent
        return self.move(tape, loss, pixels=pixels, latent=latent)

    def sample(self, count: int, seed: int = 0) -> np.ndarray:
        """Return images (count, H, W, C) in [-1, 1], decoded from z ~ N(0, 1)."""
        shape = (count, self.decoder.inputs[0].shape[-1])
        z = np.random.default_rng(seed).standard_normal(shape, np.float32)
        return self.decoder.predict(z, batch_size=64, verbose=0)
