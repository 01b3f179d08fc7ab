"""The networks of a GAN's two rivals at 32 × 32 pixels: a VAE's encoder, and a small U-Net.

A VAE's decoder is `dcgan_generator(32)`, the same as a GAN's generator.
"""

import keras
from keras import layers

from .dcgan import convolution, halved


def vae_encoder(
    image_size: int = 32, latent_dim: int = 64, widths: tuple[int, ...] = (16, 32, 64)
) -> keras.Model:
    """Build what guesses the latent: a discriminator's stages, then means and variances.

    Args:
        image_size: Pixels a side, 32.
        latent_dim: Length of z.
        widths: Channels of each stage, one a halving down to 4 × 4.

    Returns:
        A model from images (B, H, W, 1) to (B, 2 latent_dim): means of z, then log variances.
    """
    images = keras.Input((image_size, image_size, 1), name="image")
    x = halved(images, widths, "strided", lambda layer, name: layer)
    x = layers.Dense(2 * latent_dim, name="mean_and_log_variance")(layers.Flatten()(x))
    return keras.Model(images, x, name="encoder")


def small_unet(image_size: int = 32, widths: tuple[int, ...] = (24, 48, 64)) -> keras.Model:
    """Build a U-Net that is told how noisy its image is, after Ho et al. 2020, arXiv:2006.11239.

    Args:
        image_size: Pixels a side, a multiple of 4.
        widths: Channels at full size, half and a quarter.

    Returns:
        A model from [images (B, H, W, 1), times (B, 1) in [0, 1]] to (B, H, W, 1), unbounded.
    """
    images = keras.Input((image_size, image_size, 1), name="image")
    times = keras.Input((1,), name="time")
    told = layers.Dense(64, "silu")(layers.Dense(64, "silu")(Waves()(times)))
    x, kept = convolution(widths[0], 3, 1, "first")(images), []
    for index, width in enumerate(widths[:-1]):
        x = _block(x, told, width, f"down_{index}")
        kept.append(x)
        x = convolution(width, 3, 2, f"halve_{index}")(x)
    x = _block(x, told, widths[-1], "bottom")
    for index, width in reversed(list(enumerate(widths[:-1]))):
        x = layers.UpSampling2D(interpolation="bilinear")(x)
        x = layers.Concatenate()([x, kept[index]])
        x = _block(x, told, width, f"up_{index}")
    last = layers.Conv2D(1, 3, padding="same", kernel_initializer="zeros", name="last")(x)
    return keras.Model([images, times], last, name="unet")


@keras.saving.register_keras_serializable("medgan_utils")
class Waves(layers.Layer):
    """Turns a time (B, 1) into sines and cosines of it (B, 32), slow to fast."""

    def call(self, times):
        """Return the waves."""
        waves = times * keras.ops.exp(keras.ops.linspace(0.0, 6.9, 16))[None]
        return keras.ops.concatenate([keras.ops.sin(waves), keras.ops.cos(waves)], axis=-1)


def _block(x, told, width: int, name: str):
    """Two convolutions and a way around them; the time shifts the channels between the two."""
    around = convolution(width, 1, 1, f"{name}_around")(x)
    x = layers.Activation("silu")(
        layers.GroupNormalization(4, name=f"{name}_n1")(convolution(width, 3, 1, f"{name}_c1")(x))
    )
    x = layers.Add()(
        [x, layers.Reshape((1, 1, width))(layers.Dense(width, name=f"{name}_t")(told))]
    )
    x = layers.Activation("silu")(
        layers.GroupNormalization(4, name=f"{name}_n2")(convolution(width, 3, 1, f"{name}_c2")(x))
    )
    return layers.Add()([around, x])
