"""Networks that draw an image from a label map, and the critic that looks at patches of a pair.

A label for a whole image is easily ignored where the finding is small. A map enters at every scale,
and the discriminator sees image and map on the same pixels.

Sources: Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", CVPR
2017, arXiv:1611.07004 (the discriminator's input); Park et al., "Semantic Image Synthesis with
Spatially-Adaptive Normalization", CVPR 2019, doi:10.1109/CVPR.2019.00244 (the map at every scale;
here it is joined to the features, which costs less than SPADE's convolutions).
"""

import keras

from .._checkpoint_files import Architecture
from .dcgan import START, checked_widths, convolution, halved, normalised, upsample
from .layers import DepthToSpace, OneHotMap, SpaceToDepth


def map_generator(
    image_size: int = 128,
    channels: int = 1,
    latent_dim: int = 64,
    widths: tuple[int, ...] | None = None,
    num_classes: int = 3,
    name: str = "generator",
) -> keras.Model:
    """Build a generator that starts from z at 4×4 and is shown the label map at each scale.

    Each stage reads the share that every class has in a pixel of its size; the last, which works at
    half size and turns channels into pixels, reads the map itself.

    Args:
        image_size: Pixels a side of image and map: 32, 64, 128 or 256.
        channels: Channels of the image.
        latent_dim: Length of the latent vector z ~ N(0, 1).
        widths: Channels of each stage from 4×4 up, one a doubling. None: `default_widths`.
        num_classes: Classes of the map, the background (0) included.
        name: Name of the model.

    Returns:
        A model from [z (B, latent_dim) float32, maps (B, image_size, image_size) int] to images
        (B, image_size, image_size, channels) in [-1, 1] (tanh).

    Raises:
        ValueError: The image size is none of these, or the number of widths does not fit it.
    """
    widths = checked_widths(image_size, widths)
    architecture = Architecture("map_generator", dict(locals()))  # for `save_generator`
    z = keras.Input((latent_dim,), name="z")
    maps = keras.Input((image_size, image_size), dtype="int32", name="maps")
    one_hot = OneHotMap(num_classes, name="one_hot")(maps)
    shares = _shares(one_hot)
    x = keras.layers.Dense(START * START * widths[0], use_bias=False, name="project")(z)
    x = keras.layers.Reshape((START, START, widths[0]), name="reshape")(x)
    x = normalised(x, True, f"stage_{START}")
    for index, width in enumerate(widths[1:], start=1):
        size = START * 2**index
        x = keras.layers.Concatenate(name=f"with_map_{size // 2}")([x, shares[size // 2]])
        x = upsample(x, width, "transposed", False, f"up_{size}")
        x = normalised(x, True, f"stage_{size}")
    folded = SpaceToDepth(2, name="folded_map")(one_hot)
    x = keras.layers.Concatenate(name="with_folded_map")([x, folded])
    x = convolution(4 * channels, 3, 1, "to_subpixels")(x)
    x = DepthToSpace(2, name="depth_to_space")(x)
    outputs = keras.layers.Activation("tanh", dtype="float32", name="image")(x)
    return architecture.noted_on(keras.Model([z, maps], outputs, name=name))


def map_discriminator(
    image_size: int = 128,
    channels: int = 1,
    widths: tuple[int, ...] | None = None,
    num_classes: int = 3,
    name: str = "discriminator",
) -> keras.Model:
    """Build a discriminator that sees an image and its label map as channels of one picture.

    Args:
        image_size: Pixels a side of image and map: 32, 64, 128 or 256.
        channels: Channels of the image.
        widths: Channels of each stage from the image down, one a halving; the first works at half
            size. None: `default_widths` from the narrow end.
        num_classes: Classes of the map, the background (0) included.
        name: Name of the model.

    Returns:
        A model from [images (B, H, W, C) float32 in [-1, 1], maps (B, H, W) int] to logits (B, 1)
        float32: positive means a real image of this map.

    Raises:
        ValueError: The image size is none of these, or the number of widths does not fit it.
    """
    widths = checked_widths(image_size, widths and widths[::-1])[::-1]
    images = keras.Input((image_size, image_size, channels), name="image")
    maps = keras.Input((image_size, image_size), dtype="int32", name="maps")
    one_hot = OneHotMap(num_classes, name="one_hot")(maps)
    x = keras.layers.Concatenate(name="image_and_map")([images, one_hot])
    x = halved(x, widths, "space-to-depth", lambda layer, name: layer)
    features = keras.layers.Flatten(name="features")(x)
    logits = keras.layers.Dense(1, name="score", dtype="float32")(features)
    return keras.Model([images, maps], logits, name=name)


def patch_discriminator(
    image_size: int = 64,
    channels: int = 1,
    condition: int = 1,
    widths: tuple[int, ...] = (16, 32, 64),
    name: str = "discriminator",
) -> keras.Model:
    """Build a PatchGAN: a logit for each patch of an image, beside what it was made from.

    It judges texture and edges, patch by patch; what the image shows as a whole is left to the
    distance from the target. With three widths a logit sees 38 pixels a side.

    Args:
        image_size: Pixels a side; a multiple of 2 to the power of the number of widths.
        channels: Channels of the images that are judged.
        condition: Channels of what they were made from, seen beside them; 0 for images alone
            (CycleGAN).
        widths: Channels of each stage, one a halving.
        name: Name of the model.

    Returns:
        A model from images (B, H, W, channels) float32 in [-1, 1], or [images, condition (B, H, W,
        condition)], to logits (B, h, w, 1) float32, h = H / 2 ** len(widths): positive means real.

    Raises:
        ValueError: The image size cannot be halved as often.
    """
    if image_size % 2 ** len(widths):
        raise ValueError(f"image_size={image_size} cannot be halved {len(widths)} times")
    x = images = inputs = keras.Input((image_size, image_size, channels), name="image")
    if condition:
        given = keras.Input((image_size, image_size, condition), name="condition")
        inputs = [images, given]
        x = keras.layers.Concatenate(name="image_and_condition")(inputs)
    x = halved(x, tuple(widths), "strided", lambda layer, name: layer)
    score = keras.layers.Conv2D(1, 3, padding="same", name="score", dtype="float32")
    return keras.Model(inputs, score(x), name=name)


def _shares(one_hot: keras.KerasTensor) -> dict[int, keras.KerasTensor]:
    """Return, for every size from half the map's to 4, the classes' shares in each pixel."""
    shares, x = {}, one_hot
    while (size := x.shape[1] // 2) >= START:
        x = shares[size] = keras.layers.AveragePooling2D(2, name=f"shares_{size}")(x)
    return shares
