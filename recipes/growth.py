"""Start a training from a smaller one: the stages that both have begin with its weights.

The idea of Karras et al., "Progressive Growing of GANs", ICLR 2018, arXiv:1710.10196, without its
fading in: new stages start at random.
"""

import keras

from medgan_utils.training import GAN


def grow(gan: GAN, smaller: GAN) -> list[str]:
    """Copy both networks of a smaller GAN into a larger one, layer by layer, where they fit.

    G takes the averaged weights. Layers correspond by name, such as `up_32` or `down_8`.

    Args:
        gan: To be trained; its other layers keep their weights.
        smaller: Trained on smaller images.

    Returns:
        Names of the copied layers, first those of G.

    Raises:
        ValueError: No layer of one of the networks fits.
    """
    copied = _copy(smaller.ema_generator, gan.generator)
    _copy(smaller.ema_generator, gan.ema_generator)
    return copied + _copy(smaller.discriminator, gan.discriminator)


def _copy(source: keras.Model, target: keras.Model) -> list[str]:
    sources = {layer.name: layer for layer in source.layers if layer.weights}
    copied = []
    for layer in target.layers:
        shapes = [weight.shape for weight in layer.weights]
        like = sources.get(layer.name)
        if like is not None and [weight.shape for weight in like.weights] == shapes:
            layer.set_weights(like.get_weights())
            copied.append(layer.name)
    if not copied:
        raise ValueError(f"no layer of {source.name} fits into {target.name}")
    return copied
