"""A small diffusion model: it learns to take noise out, and draws by doing so step by step.

Sources: Ho et al., "Denoising Diffusion Probabilistic Models", NeurIPS 2020, arXiv:2006.11239; the
cosine schedule of Nichol & Dhariwal 2021, arXiv:2102.09672, without its offset; what is predicted
is v, Salimans & Ho 2022, arXiv:2202.00512; drawn without fresh noise, Song et al. 2021 (DDIM),
arXiv:2010.02502.
"""

from itertools import pairwise

import keras
import numpy as np
import tensorflow as tf

from .image_model import ImageModel


class Diffusion(ImageModel):
    """Mixes an image with noise, `signal · x + noise · ε`, and learns to tell the two apart.

    Example::

        diffusion = Diffusion(small_unet(32))
        diffusion.compile("adam")
        diffusion.fit(dataset, steps_per_epoch=500)
        images = diffusion.sample(16, steps=25)

    Args:
        network: From [noisy images (B, H, W, C), times (B, 1) in [0, 1]] to v of that shape.
        ema: Decay a step of the averaged network, which draws. It is (1 + n) / (10 + n) after n
            steps where that is less, or the first weights would stay in the mean.
    """

    def __init__(self, network: keras.Model, ema: float = 0.995):
        shape = network.inputs[0].shape[1:]
        super().__init__((network,), shape, ("loss",), "diffusion")
        self.network, self.ema = network, ema
        self.ema_network = keras.models.clone_model(network)
        self.ema_network.set_weights(network.get_weights())
        self.step = self.add_weight(
            shape=(), dtype="int64", initializer="zeros", trainable=False, name="step"
        )

    def train_step(self, images):
        """Take one step on images noised to random times."""
        images = tf.cast(images, tf.float32)
        times = tf.random.uniform((tf.shape(images)[0], 1))
        signal, noise = (one[:, None, None] for one in _rates(times))
        epsilon = tf.random.normal(tf.shape(images))
        with tf.GradientTape() as tape:
            guess = self.network([signal * images + noise * epsilon, times], training=True)
            loss = tf.reduce_mean((guess - (signal * epsilon - noise * images)) ** 2)
        logs = self.move(tape, loss)
        taken = tf.cast(self.step.assign_add(1), tf.float32)
        decay = tf.minimum(self.ema, (1 + taken) / (10 + taken))
        for mean, one in zip(self.ema_network.weights, self.network.weights, strict=True):
            mean.assign(decay * mean + (1 - decay) * one)
        return logs

    def sample(self, count: int, seed: int = 0, steps: int = 25) -> np.ndarray:
        """Return images (count, H, W, C) in [-1, 1]: each takes `steps` calls of the network."""
        if steps < 1:
            raise ValueError(f"steps={steps}: give a whole number from 1")
        shape = (count, *self.network.inputs[0].shape[1:])
        x = tf.constant(np.random.default_rng(seed).standard_normal(shape, np.float32))
        times = np.linspace(1, 0, steps + 1, dtype=np.float32)
        for now, then in pairwise(times):
            x = self._towards(x, tf.fill((count, 1), now), tf.fill((count, 1), then))
        return np.clip(x.numpy(), -1, 1)

    @tf.function
    def _towards(self, x, now, then):
        """Take x from one time to an earlier one, along the noise that the network sees in it."""
        signal, noise = (one[:, None, None] for one in _rates(now))
        v = self.ema_network([x, now], training=False)
        image = tf.clip_by_value(signal * x - noise * v, -1.0, 1.0)
        epsilon = noise * x + signal * v
        signal, noise = (one[:, None, None] for one in _rates(then))
        return signal * image + noise * epsilon


def _rates(times):
    """Return the shares of signal and noise (B, 1) at times (B, 1): a quarter of a circle."""
    angle = times * (np.pi / 2)
    return tf.cos(angle), tf.sin(angle)
