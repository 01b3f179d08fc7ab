"""A CycleGAN's samples, and its translators saved one by one."""

import numpy as np
import pytest
from small_gan import X

from medgan_utils.models import patch_discriminator, save_generator, unet_generator
from medgan_utils.training import CycleGAN, SampleGrid

Y = X[:8, :16, :16]


def cycle():
    critics = [patch_discriminator(16, condition=0, widths=(4,)) for _ in range(2)]
    return CycleGAN(*(unet_generator(16, widths=(4,)) for _ in range(2)), *critics)


def test_a_cycle_gan_shows_samples_and_its_translators_can_be_saved(tmp_path):
    model = cycle()
    model.compile()
    model.fit(Y, Y, batch_size=8, verbose=0, callbacks=[SampleGrid(Y[:2], every=1)])
    save_generator(model.ema_generator.get_layer("forward"), tmp_path / "g", "card")
    assert [*tmp_path.iterdir()]


def test_critics_of_patches_of_two_sizes_and_one_network_on_both_sides():
    def unet():
        return unet_generator(16, widths=(4,))

    critics = [patch_discriminator(16, condition=0, widths=widths) for widths in ((4,), (4, 4))]
    model = CycleGAN(unet(), unet(), *critics)
    model.compile()
    logs = model.fit(Y, Y, batch_size=8, verbose=0).history
    assert np.isfinite(logs["real_logit"][0])
    same = unet()
    with pytest.raises(ValueError, match="on both sides"):
        CycleGAN(same, same, *critics)
