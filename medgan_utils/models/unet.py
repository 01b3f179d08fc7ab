"""U-Nets: an image goes in, an image or a label map of the same size comes out.

The input is folded first (2×2 pixels become channels) and unfolded at the end, so that the widest
maps are a quarter as large; the last convolution sees the features beside the input itself.

Sources: Ronneberger, Fischer, Brox, "U-Net: Convolutional Networks for Biomedical Image
Segmentation", MICCAI 2015, arXiv:1505.04597; as a generator: Isola et al., "Image-to-Image
Translation with Conditional Adversarial Networks", CVPR 2017, arXiv:1611.07004. Several
contrasts of which some may be missing: Havaei et al., "HeMIS: Hetero-Modal Image Segmentation",
MICCAI 2016, arXiv:1607.05194 (features are averaged over those present); Chartsias et al.,
"Multimodal MR Synthesis via Modality-Invariant Latent Representation", IEEE TMI 37:803-814, 2018,
doi:10.1109/TMI.2017.2764326 (their maximum is taken).
"""

import keras

from .._checkpoint_files import Architecture
from .dcgan import convolution, normalised, upsample
from .layers import DepthToSpace, FuseModalities, OneChannel, SpaceToDepth

WIDTHS = (16, 32, 64)
LAST = 8  # channels at full size in front of the last convolution


def unet_generator(
    image_size: int = 64,
    channels: int = 1,
    outputs: int = 1,
    widths: tuple[int, ...] = WIDTHS,
    *,
    last: str = "tanh",
    batch_norm: bool = True,
    name: str = "generator",
) -> keras.Model:
    """Build a U-Net: for translation and restoration (`"tanh"`), or segmentation (`"logits"`).

    Args:
        image_size: Pixels a side; a multiple of 2 to the power of the number of widths.
        channels: Channels of the input.
        outputs: Channels of the output: contrasts, or the classes of a segmentation.
        widths: Channels of each stage, from half the image's size down, one a halving.
        last: `"tanh"`: images in [-1, 1]; `"logits"`: one logit a class and pixel.
        batch_norm: Batch normalisation after each convolution (synchronised between replicas).
        name: Name of the model.

    Returns:
        A model from images (B, image_size, image_size, channels) float32 in [-1, 1] to
        (B, image_size, image_size, outputs) float32.

    Raises:
        ValueError: The image size cannot be halved as often, or `last` is none of the two.
    """
    architecture = Architecture("unet_generator", dict(locals()))  # for `save_generator`
    _check(image_size, widths)
    if last not in ("tanh", "logits"):
        raise ValueError(f"last={last!r} is none of 'tanh', 'logits'")
    images = keras.Input((image_size, image_size, channels), name="image")
    stages = _encoded(images, widths, batch_norm, "")
    x = _decoded(stages, widths, batch_norm)
    return architecture.noted_on(_finished(images, x, images, outputs, last, name))


def fusion_generator(
    image_size: int = 64,
    modalities: int = 4,
    outputs: int = 4,
    widths: tuple[int, ...] = WIDTHS,
    *,
    batch_norm: bool = True,
    name: str = "generator",
) -> keras.Model:
    """Build a generator with an encoder for each modality, any of which may be missing.

    At each scale the features of those present are averaged; one decoder goes on with the result.
    What a missing modality's channel holds has no influence.

    Args:
        image_size: Pixels a side; a multiple of 2 to the power of the number of widths.
        modalities: Channels of the input, one a modality.
        outputs: Channels of the output: all modalities, so that the missing are filled in.
        widths: Channels of each stage of an encoder, as in `unet_generator`.
        batch_norm: Batch normalisation after each convolution (synchronised between replicas).
        name: Name of the model.

    Returns:
        A model from [images (B, H, W, modalities) float32 in [-1, 1], presence (B, modalities)
        float32: 1 there, 0 missing, at least one there] to images (B, H, W, outputs) in [-1, 1].

    Raises:
        ValueError: The image size cannot be halved as often, or there is one modality only.
    """
    architecture = Architecture("fusion_generator", dict(locals()))  # for `save_generator`
    _check(image_size, widths)
    if modalities < 2:
        raise ValueError(
            f"modalities={modalities}: there is nothing to fuse; build unet_generator for one"
        )
    images = keras.Input((image_size, image_size, modalities), name="image")
    presence = keras.Input((modalities,), name="presence")
    alone = [
        OneChannel(index, name=f"modality_{index}")([images, presence])
        for index in range(modalities)
    ]
    each = [
        _encoded(image, widths, batch_norm, f"from_{index}_") for index, image in enumerate(alone)
    ]
    stages = [
        FuseModalities(name=f"fused_{depth}")([*maps, presence])
        for depth, maps in enumerate(zip(*each, strict=True))
    ]
    x = _decoded(stages, widths, batch_norm)
    seen = FuseModalities(name="fused_image")([*alone, presence])
    return architecture.noted_on(_finished([images, presence], x, seen, outputs, "tanh", name))


def _encoded(x, widths, batch_norm, prefix):
    """Return the maps of an encoder, one a width, from half the image's size down."""
    maps = []
    x = SpaceToDepth(2, name=f"{prefix}folded")(x)
    for depth, width in enumerate(widths):
        name = f"{prefix}down_{depth}"
        strides, kernel = (1, 3) if depth == 0 else (2, 4)
        x = convolution(width, kernel, strides, name, use_bias=not batch_norm)(x)
        x = normalised(x, batch_norm, name)
        x = convolution(width, 3, 1, f"{name}_more", use_bias=not batch_norm)(x)
        x = normalised(x, batch_norm, f"{name}_more")
        maps.append(x)
    return maps


def _decoded(stages, widths, batch_norm):
    """Return the features at half the image's size, after the way up past the encoder's maps."""
    x = stages[-1]
    for depth in reversed(range(len(widths) - 1)):
        name = f"up_{depth}"
        x = upsample(x, widths[depth], "transposed", not batch_norm, name)
        x = normalised(x, batch_norm, name)
        x = keras.layers.Concatenate(name=f"{name}_beside")([x, stages[depth]])
        x = convolution(widths[depth], 3, 1, f"{name}_more", use_bias=not batch_norm)(x)
        x = normalised(x, batch_norm, f"{name}_more")
    return x


def _finished(inputs, x, seen, outputs, last, name):
    """Unfold the features, put them beside the input, and return the model."""
    x = convolution(4 * LAST, 3, 1, "to_subpixels")(x)
    x = keras.layers.ReLU(name="subpixels_relu")(DepthToSpace(2, name="depth_to_space")(x))
    x = keras.layers.Concatenate(name="with_input")([x, seen])
    x = convolution(outputs, 3, 1, "to_output")(x)
    # Out in float32 also under mixed precision: losses read it.
    activation = "tanh" if last == "tanh" else "linear"
    out = keras.layers.Activation(activation, dtype="float32", name=last)(x)
    return keras.Model(inputs, out, name=name)


def _check(image_size, widths):
    if not widths or image_size % 2 ** len(widths):
        raise ValueError(
            f"image_size={image_size} cannot be halved {len(widths)} times, as widths={widths} ask"
        )
