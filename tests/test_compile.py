"""What networks, losses, penalties and data are refused before the first step, and what is said."""

import keras
import numpy as np
import pytest
from small_gan import X, compiled, networks

from medgan_utils.models import (
    dcgan_discriminator,
    dcgan_generator,
    patch_discriminator,
    unet_generator,
)
from medgan_utils.training import GAN, L1, R1, CycleGAN, Pix2Pix, ResumableCheckpoint, losses


def translator():
    return unet_generator(16, widths=(4,)), patch_discriminator(16, widths=(4,))


def cycle():
    critics = [patch_discriminator(16, condition=0, widths=(4,)) for _ in range(2)]
    return CycleGAN(*(unet_generator(16, widths=(4,)) for _ in range(2)), *critics)


@pytest.mark.parametrize("name", ["augment", "terms", "penalties"])
def test_what_a_translation_would_not_use_is_refused(name):
    setting = {name: keras.layers.Identity() if name == "augment" else [L1(1)]}
    with pytest.raises(ValueError, match=f"takes no {name}"):
        cycle().compile(**setting)
    if name == "augment":
        with pytest.raises(ValueError, match="takes no augment"):
            Pix2Pix(*translator()).compile(**setting)


def test_weights_of_images_are_refused():
    gan = GAN(*networks())
    gan.compile()
    with pytest.raises(ValueError, match="sample_weight: every image counts the same"):
        gan.fit(X, sample_weight=np.ones(16), verbose=0)


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ([keras.layers.Dense(1, activation="sigmoid")], "the losses take logits"),
        ([keras.layers.Dense(1), keras.layers.Activation("sigmoid")], "the losses take logits"),
        ([keras.layers.Dense(2)], "one logit is needed"),
    ],
)
def test_a_discriminator_that_ends_in_no_logit_is_refused(ends, said):
    critic = keras.Sequential([keras.Input((32, 32, 1)), keras.layers.Flatten(), *ends])
    with pytest.raises(ValueError, match=said):
        GAN(dcgan_generator(32), critic)


def test_penalties_and_losses_of_another_kind_are_named():
    with pytest.raises(ValueError, match="every=inf"):
        R1(0.1, every=float("inf"))
    with pytest.raises(ValueError, match="is none of"):
        losses.get(["hinge"])
    with pytest.raises(TypeError, match="R1 stands alone"):
        compiled().compile(penalties=R1(0.1))


def test_what_is_not_compiled_says_so(tmp_path):
    made = compiled()
    keeper = ResumableCheckpoint(tmp_path)
    keeper.set_model(made)
    keeper.act(0)
    bare = GAN(dcgan_generator(32, 1, 8, (8, 4, 4)), dcgan_discriminator(32, 1, (4, 4, 8)))
    with pytest.raises(ValueError, match=r"call compile\(\) first"):
        bare.fit(np.zeros((4, 32, 32, 1), np.float32))
    with pytest.raises(ValueError, match=r"call compile\(\) first"):
        ResumableCheckpoint(tmp_path).restore(bare)
    bare.compile("adam", "adam")
    assert bare.g_optimizer is not bare.d_optimizer


@pytest.mark.parametrize("which", ["generator", "discriminator"])
def test_regularisers_are_refused_since_no_step_would_add_them(which):
    generator, discriminator = networks()
    regular = keras.layers.Dense(1, kernel_regularizer=keras.regularizers.L2(0.1))
    if which == "discriminator":
        discriminator = keras.Sequential([discriminator, regular])
    else:
        inputs = keras.Input((8,))
        dense = keras.layers.Dense(8, kernel_regularizer=keras.regularizers.L2(0.1))
        generator = keras.Model(inputs, generator(dense(inputs)))
    with pytest.raises(ValueError, match="has losses of its own"):
        GAN(generator, discriminator).compile()


@pytest.mark.parametrize("kind", ["nested", "operation", "hard"])
def test_a_sigmoid_is_found_where_it_hides(kind):
    inputs = keras.Input((32, 32, 1))
    logit = keras.layers.Dense(1)(keras.layers.Flatten()(inputs))
    if kind == "nested":
        outputs = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, "sigmoid")])(logit)
    elif kind == "operation":
        outputs = keras.ops.sigmoid(logit)
    else:
        outputs = keras.layers.Activation("hard_sigmoid")(logit)
    with pytest.raises(ValueError, match="the losses take logits"):
        GAN(dcgan_generator(32), keras.Model(inputs, outputs))
    GAN(dcgan_generator(32), keras.Model(inputs, logit))


def test_a_network_without_weights_yet_is_named():
    class Critic(keras.Model):
        def __init__(self):
            super().__init__(name="critic")
            self.last = keras.layers.Dense(1)

        def call(self, images):
            return self.last(keras.ops.reshape(images, (-1, 1024)))

    gan = GAN(networks()[0], Critic())
    with pytest.raises(ValueError, match="critic has no weights yet: call it once"):
        gan.compile()
    gan.discriminator(X[:2])
    gan.compile(penalties=[])
    gan.fit(X[:4], batch_size=4, verbose=0)
