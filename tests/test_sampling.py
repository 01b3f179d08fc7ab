"""What `GAN.sample` takes, and refuses."""

import numpy as np
import pytest
from small_gan import compiled


def test_samples_are_asked_for_by_a_number_or_by_latents():
    gan = compiled()
    for asked in (0, -1, 2.5):
        with pytest.raises(ValueError, match="whole number from 1"):
            gan.sample(asked)
    with pytest.raises(ValueError, match=r"latents have shape \(8,\); \(N, 8\) is needed"):
        gan.sample(np.zeros(8, np.float32))
    with pytest.raises(ValueError, match="batch_size=0"):
        gan.sample(2, batch_size=0)
