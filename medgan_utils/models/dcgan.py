"""DCGAN generators and discriminators for 32 to 256 pixels, with or without labels.

Source: Radford, Metz, Chintala, "Unsupervised Representation Learning with Deep Convolutional
GANs", ICLR 2016, arXiv:1511.06434. What differs from the paper, and why, is taught in chapter 4.
"""

from collections.abc import Callable

import keras
import numpy as np

from .._checkpoint_files import Architecture
from .layers import DepthToSpace, LabelEmbedding, SpaceToDepth, SpectralNormalization, clipped_tanh

START = 4  # pixels a side of the first feature map of G and the last of D
NARROW, WIDE = 16, 256  # fewest and most channels of the default widths
OUTPUTS = {"tanh": "tanh", "clipped-tanh": clipped_tanh}
POOLINGS = {
    "mean": keras.layers.GlobalAveragePooling2D,
    "max": keras.layers.GlobalMaxPooling2D,
}


def default_widths(image_size: int) -> tuple[int, ...]:
    """Return one number of channels a stage, from the 4×4 map up: 128, 64, 32, 16 at 64 pixels.

    Raises:
        ValueError: `image_size` is not 32, 64, 128 or 256.
    """
    stages = int(np.log2(image_size // START)) if image_size >= START else 0
    if START * 2**stages != image_size or not 32 <= image_size <= 256:
        raise ValueError(f"image_size={image_size} is none of 32, 64, 128, 256")
    return tuple(min(WIDE, NARROW * 2**stage) for stage in reversed(range(stages)))


def dcgan_generator(
    image_size: int = 64,
    channels: int = 1,
    latent_dim: int = 64,
    widths: tuple[int, ...] | None = None,
    num_classes: int | tuple[int, ...] | None = None,
    *,
    upsampling: str = "transposed",
    last_stage: str = "transposed",
    output: str = "tanh",
    batch_norm: bool = True,
    name: str = "generator",
) -> keras.Model:
    """Build a generator: a dense layer to 4×4, then stages that double the size.

    Args:
        image_size: Pixels a side of the image: 32, 64, 128 or 256.
        channels: Channels of the image.
        latent_dim: Length of the latent vector z ~ N(0, 1).
        widths: Channels of each stage from 4×4 up, one a doubling. None: `default_widths`.
        num_classes: None; or the number of classes; or a tuple of numbers, one a label. Labels are
            embedded and joined to z.
        upsampling: `"transposed"` (4×4 kernel, stride 2) or `"bilinear"` (then a 3×3 convolution).
        last_stage: `"transposed"`: one more stage to the image; `"depth-to-space"`: a 3×3
            convolution at half size whose channels become pixels.
        output: `"tanh"`, or `"clipped-tanh"`, which also reaches -1 and 1.
        batch_norm: Batch normalisation after each stage (synchronised between replicas).
        name: Name of the model.

    Returns:
        A model from z (B, latent_dim) float32, or [z, labels (B, n) int], to images
        (B, image_size, image_size, channels) in [-1, 1].

    Raises:
        ValueError: The image size, the number of widths or an option is not one of these.
    """
    widths = checked_widths(image_size, widths)
    architecture = Architecture("dcgan_generator", dict(locals()))  # for `save_generator`
    _one_of("upsampling", upsampling, ("transposed", "bilinear"))
    _one_of("last_stage", last_stage, ("transposed", "depth-to-space"))
    _one_of("output", output, tuple(OUTPUTS))
    inputs = x = z = keras.Input((latent_dim,), name="z")
    if num_classes is not None:
        labels = keras.Input((len(_as_tuple(num_classes)),), dtype="int32", name="labels")
        inputs = [z, labels]
        x = _joined(z, embed(labels, num_classes, latent_dim // 2, "class"))
    x = keras.layers.Dense(START * START * widths[0], use_bias=not batch_norm, name="project")(x)
    x = keras.layers.Reshape((START, START, widths[0]), name="reshape")(x)
    x = normalised(x, batch_norm, "stage_4")
    for index, width in enumerate(widths[1:], start=1):
        size = START * 2**index
        x = upsample(x, width, upsampling, not batch_norm, f"up_{size}")
        x = normalised(x, batch_norm, f"stage_{size}")
    if last_stage == "transposed":
        x = upsample(x, channels, upsampling, True, f"up_{image_size}")
    else:
        x = convolution(4 * channels, 3, 1, "to_subpixels")(x)
        x = DepthToSpace(2, name="depth_to_space")(x)
    # The image leaves in float32 also under mixed precision: losses and penalties read it.
    outputs = keras.layers.Activation(OUTPUTS[output], dtype="float32", name="image")(x)
    return architecture.noted_on(keras.Model(inputs, outputs, name=name))


def dcgan_discriminator(
    image_size: int = 64,
    channels: int = 1,
    widths: tuple[int, ...] | None = None,
    num_classes: int | tuple[int, ...] | None = None,
    *,
    first_stage: str = "strided",
    projection: str = "mean",
    spectral_norm: bool = False,
    name: str = "discriminator",
) -> keras.Model:
    """Build a discriminator: stages that halve the size down to 4×4, then one logit.

    There is no batch normalisation: it would couple the images of a batch, and a penalty on the
    gradient is one of a single image (Gulrajani et al. 2017, arXiv:1704.00028).

    Args:
        image_size: Pixels a side of the image: 32, 64, 128 or 256.
        channels: Channels of the image.
        widths: Channels of each stage from the image down, one a halving. None: `default_widths`
            from the narrow end.
        num_classes: As in `dcgan_generator`. Labels enter by projection: the logit gains the inner
            product of the label's embedding with the pooled features (Miyato & Koyama 2018,
            arXiv:1802.05637).
        first_stage: `"strided"`, or `"space-to-depth"`: pixels become channels at half size first.
        projection: Over places, the `"mean"` of the features or their `"max"`: for a label that
            names a finding which may be anywhere, and which a mean would dilute.
        spectral_norm: Divide every kernel by its largest singular value.
        name: Name of the model.

    Returns:
        A model from images (B, H, W, C) float32 in [-1, 1], or [images, labels (B, n) int], to
        logits (B, 1) float32: positive means real.

    Raises:
        ValueError: The image size, the number of widths or an option is not one of these.
    """
    widths = checked_widths(image_size, widths and widths[::-1])[::-1]
    _one_of("first_stage", first_stage, ("strided", "space-to-depth"))
    _one_of("projection", projection, tuple(POOLINGS))
    wrap = SpectralNormalization if spectral_norm else lambda layer, name: layer
    images = keras.Input((image_size, image_size, channels), name="image")
    x = halved(images, widths, first_stage, wrap)
    features = keras.layers.Flatten(name="features")(x)
    logits = wrap(keras.layers.Dense(1, name="score", dtype="float32"), name="score_sn")(features)
    if num_classes is None:
        return keras.Model(images, logits, name=name)
    labels = keras.Input((len(_as_tuple(num_classes)),), dtype="int32", name="labels")
    pooled = POOLINGS[projection](name="pooled", dtype="float32")(x)
    logits = _projected(logits, pooled, embed(labels, num_classes, widths[-1], "projection_class"))
    return keras.Model([images, labels], logits, name=name)


def embed(
    labels: keras.KerasTensor, num_classes: int | tuple[int, ...], width: int, name: str
) -> list[keras.KerasTensor]:
    """Return one embedding (B, width) for each column of `labels` (B, n)."""
    return [
        LabelEmbedding(count, width, index, name=f"{name}_{index}")(labels)
        for index, count in enumerate(_as_tuple(num_classes))
    ]


def halved(
    x: keras.KerasTensor,
    widths: tuple[int, ...],
    first_stage: str,
    wrap: Callable[..., keras.layers.Layer],
) -> keras.KerasTensor:
    """Return the features (B, 4, 4, widths[-1]) of a discriminator's input (B, H, W, C).

    Args:
        x: Symbolic input of 2 ** (number of widths) * 4 pixels a side.
        widths: Channels of each stage, one a halving.
        first_stage: As in `dcgan_discriminator`.
        wrap: Called as `wrap(layer, name=...)` on each convolution, returns what is used instead.
    """
    for index, width in enumerate(widths):
        size = x.shape[1] // 2
        if index == 0 and first_stage == "space-to-depth":
            x = SpaceToDepth(2, name="space_to_depth")(x)
            layer = convolution(width, 3, 1, f"down_{size}")
        else:
            layer = convolution(width, 4, 2, f"down_{size}")
        x = wrap(layer, name=f"down_{size}_sn")(x)
        x = keras.layers.LeakyReLU(0.2, name=f"down_{size}_leaky_relu")(x)
    return x


def _joined(z, vectors):
    """Join labels to z; each has length 1, against √latent_dim of z, so that none drowns it."""
    unit = keras.layers.UnitNormalization(name="unit_labels")
    return keras.layers.Concatenate(name="z_and_labels")([z, *map(unit, vectors)])


def _projected(logits, pooled, vectors):
    """Add the inner product of each label's vector with the pooled features to the logits."""
    products = [
        keras.layers.Dot(axes=1, name=f"projection_{index}", dtype="float32")([vector, pooled])
        for index, vector in enumerate(vectors)
    ]
    return keras.layers.Add(name="logit", dtype="float32")([logits, *products])


def upsample(
    x: keras.KerasTensor, width: int, upsampling: str, use_bias: bool, name: str
) -> keras.KerasTensor:
    """Return a map of twice the size, `upsampling` as in `dcgan_generator`."""
    if upsampling == "transposed":
        return keras.layers.Conv2DTranspose(
            width, 4, strides=2, padding="same", use_bias=use_bias, name=name
        )(x)
    x = keras.layers.UpSampling2D(interpolation="bilinear", name=f"{name}_bilinear")(x)
    return convolution(width, 3, 1, name, use_bias=use_bias)(x)


def convolution(
    width: int, kernel: int, strides: int, name: str, use_bias: bool = True
) -> keras.layers.Conv2D:
    """Return a convolution that keeps the size, or divides it by the strides."""
    return keras.layers.Conv2D(
        width, kernel, strides=strides, padding="same", use_bias=use_bias, name=name
    )


def normalised(x: keras.KerasTensor, batch_norm: bool, name: str) -> keras.KerasTensor:
    """Return a stage's map after batch normalisation, where it is wanted, and ReLU."""
    if batch_norm:
        # Keras synchronises the statistics of replicas on TensorFlow alone, and raises elsewhere.
        synchronized = keras.backend.backend() == "tensorflow"
        x = keras.layers.BatchNormalization(
            momentum=0.9, synchronized=synchronized, name=f"{name}_bn"
        )(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)


def _as_tuple(num_classes):
    return (int(num_classes),) if np.ndim(num_classes) == 0 else tuple(num_classes)


def checked_widths(image_size: int, widths: tuple[int, ...] | None) -> tuple[int, ...]:
    """Return the widths, or the default ones.

    Raises:
        ValueError: There is not one a stage, or the image size is none of ours.
    """
    defaults = default_widths(image_size)
    if widths is not None and len(widths) != len(defaults):
        raise ValueError(
            f"{image_size}-pixel images take {len(defaults)} widths, one a stage; got {widths}"
        )
    return tuple(widths) if widths is not None else defaults


def _one_of(option, value, allowed):
    if value not in allowed:
        raise ValueError(f"{option}={value!r} is none of {', '.join(map(repr, allowed))}")
