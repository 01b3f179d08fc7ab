"""What `GAN.sample` takes, and refuses."""

import keras
import numpy as np
import pytest

from medgan_utils.models import dcgan_discriminator, dcgan_generator
from medgan_utils.training import GAN


def small_gan():
    keras.utils.set_random_seed(0)
    gan = GAN(dcgan_generator(32, 1, 8, (8, 4, 4)), dcgan_discriminator(32, 1, (4, 4, 8)))
    gan.compile()
    return gan


def test_samples_are_asked_for_by_a_number_or_by_latents():
    gan = small_gan()
    for asked in (0, -1, 2.5):
        with pytest.raises(ValueError, match="whole number from 1"):
            gan.sample(asked)
    with pytest.raises(ValueError, match=r"latents have shape \(8,\); \(N, 8\) is needed"):
        gan.sample(np.zeros(8, np.float32))
    with pytest.raises(ValueError, match="batch_size=0"):
        gan.sample(2, batch_size=0)
