"""A GAN of 32 pixels that trains in seconds, and images for it."""

import numpy as np

from medgan_utils.models import dcgan_discriminator, dcgan_generator
from medgan_utils.training import GAN

WIDTHS = (8, 8, 8)
X = np.random.default_rng(0).uniform(-1, 1, (16, 32, 32, 1)).astype("float32")


def networks():
    """Return generator and discriminator."""
    return (
        dcgan_generator(32, latent_dim=8, widths=WIDTHS),
        dcgan_discriminator(32, widths=WIDTHS),
    )


def compiled(**settings):
    """Return a compiled GAN of them."""
    gan = GAN(*networks())
    gan.compile(**settings)
    return gan
