"""Differentiable augmentation in front of the discriminator.

Not data augmentation: the generator never learns to make shifted or cut images, because real and
generated images are changed alike and the gradient flows back through the change.
"""

import keras
from keras import KerasTensor, ops

from .draws import Seed

BLACK = -1.0  # what lies outside an image in [-1, 1]


@keras.saving.register_keras_serializable("medgan_utils")
class DiffAugment(keras.layers.Layer):
    """Changes each image at random, differentiably: brightness, contrast, shift, cutout.

    There is no left-right flip: where side matters it would teach the discriminator that it does
    not. Each change is off at 0.

    Source: Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training", NeurIPS
    2020, arXiv:2006.10738.

    Args:
        brightness: Largest addition to grey values, as a share of the range [-1, 1] (0 to 1).
        contrast: Largest relative change of the distance to the image's mean (0 to 1).
        shift: Largest shift along each axis, as a share of the image's side (0 to 1).
        cutout: Side of the square set to black, as a share of the image's side (0 to 1).
        seed: Seed of the layer's own `SeedGenerator`, used when `call` is handed no seed.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: A strength lies outside [0, 1].
    """

    def __init__(
        self,
        brightness: float = 0.2,
        contrast: float = 0.2,
        shift: float = 0.125,
        cutout: float = 0.0,
        seed: int | None = None,
        **kwargs,
    ):
        # Grey values and whole-pixel positions need float32, also under mixed precision.
        super().__init__(**{"dtype": "float32", **kwargs})
        self.strengths = dict(brightness=brightness, contrast=contrast, shift=shift, cutout=cutout)
        for name, value in self.strengths.items():
            if not 0 <= value <= 1:
                raise ValueError(f"{name}={value} must lie between 0 and 1")
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(
        self,
        images: KerasTensor,
        seed: KerasTensor | None = None,
        maps: KerasTensor | None = None,
    ) -> KerasTensor | tuple[KerasTensor, KerasTensor]:
        """Return changed images of the same shape, or with maps (images, maps).

        Args:
            images: Float images (B, H, W, C) in [-1, 1].
            seed: Two integers; the same seed makes the same changes. None: the layer's own.
            maps: Label maps (B, H, W) that are shifted with their images; class 0 comes in at the
                border. What is cut out of an image keeps its label.
        """
        seed = self.seed_generator if seed is None else Seed(seed)
        shape = (6, ops.shape(images)[0])
        random = keras.random.uniform(shape, -1.0, 1.0, dtype=self.compute_dtype, seed=seed)
        brightness, contrast, down, right, row, column = ops.unstack(random, 6)
        strengths = self.strengths
        if strengths["brightness"]:
            # ±1 would take black to white, so a strength is a share of the range of 2.
            images = images + _each(2 * strengths["brightness"] * brightness)
        if strengths["contrast"]:
            mean = ops.mean(images, axis=(1, 2, 3), keepdims=True)
            images = mean + (images - mean) * _each(1 + strengths["contrast"] * contrast)
        if strengths["shift"]:
            by = strengths["shift"] * down, strengths["shift"] * right
            images = _shift(images, *by, outside=BLACK)
            maps = None if maps is None else _shift_maps(maps, *by)
        if strengths["cutout"]:
            images = _cutout(images, strengths["cutout"], row, column)
        return images if maps is None else (images, maps)

    def get_config(self):
        """Return the configuration: strengths and seed."""
        return {**super().get_config(), **self.strengths, "seed": self.seed}


def _each(values: KerasTensor) -> KerasTensor:
    return ops.reshape(values, (-1, 1, 1, 1))


def _shift(
    images: KerasTensor, down: KerasTensor, right: KerasTensor, outside: float
) -> KerasTensor:
    """Shift by whole pixels; one value comes in at the border.

    Whole pixels, because interpolation would blur what D sees and hide grain from it. Two small
    matrix products an image: cheaper on a CPU than gathering pixels, also backwards.
    """
    rows = _shift_matrix(images.shape[1], down)
    columns = _shift_matrix(images.shape[2], right)
    return ops.einsum("bij,bjkc,blk->bilc", rows, images - outside, columns) + outside


def _shift_maps(maps: KerasTensor, down: KerasTensor, right: KerasTensor) -> KerasTensor:
    """Shift label maps (B, H, W): whole numbers pass the products as they are."""
    moved = _shift(ops.cast(maps, down.dtype)[..., None], down, right, outside=0.0)
    return ops.cast(ops.round(moved[..., 0]), maps.dtype)


def _shift_matrix(size: int, shift: KerasTensor) -> KerasTensor:
    """Return (B, size, size) of 0 and 1: row i reads the source at i - round(shift · size)."""
    position = ops.arange(size, dtype=shift.dtype)
    source = position[None, :] - ops.round(size * shift)[:, None]
    return ops.cast(source[:, :, None] == position[None, None, :], shift.dtype)


def _cutout(images: KerasTensor, side: float, row: KerasTensor, column: KerasTensor) -> KerasTensor:
    """Blacken a square with its centre at (row, column), each in [-1, 1] across the image."""
    outside = (
        1
        - _band(images.shape[1], side, row)[:, :, None]
        * _band(images.shape[2], side, column)[:, None, :]
    )
    return (images - BLACK) * outside[..., None] + BLACK


def _band(size: int, side: float, centre: KerasTensor) -> KerasTensor:
    """Return (B, size): 1 within half a side of the centre, else 0."""
    position = ops.linspace(-1, 1, size, dtype=centre.dtype)
    return ops.cast(ops.abs(position[None, :] - centre[:, None]) <= side, centre.dtype)
