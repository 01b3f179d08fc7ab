"""What a recipe is, and what it builds: networks, losses, optimisers; the same on every backend.

`recipe.py` makes a GAN of it that TensorFlow trains.
"""

from dataclasses import dataclass, replace

import keras
import numpy as np

from medgan_utils.data import Slices
from medgan_utils.models import (
    dcgan_discriminator,
    dcgan_generator,
    map_discriminator,
    map_generator,
)
from medgan_utils.training import R1, DiffAugment, Mismatch, ModeSeeking

MAPS = ("label map",)  # instead of names of labels: conditioned on `Slices.masks`


@dataclass(frozen=True)
class Recipe:
    """How a GAN is built and trained; the defaults are `base`.

    Attributes:
        about: What differs from `base`.
        rate: Learning rate of both Adams (β2 = 0.99).
        beta_1: β1 of both.
        r1_gamma: γ of the R1 penalty, applied at every 4th step.
        batch_size: Images a step.
        loss: Adversarial loss.
        image_size: Pixels along each side.
        widths: Channels of G from 4×4 up; D has them in reverse.
        subpixel: Whether the last stage of G and the first of D work at half size.
        spectral_norm: Whether D's kernels are divided by their largest singular value.
        augment: Strengths of DiffAugment; None for none.
        mode_seeking: λ of the mode-seeking term; of 0.02, 0.1 and 1 the middle one was best on the
            reference phantoms of `brain-phantom-64`, where 0 gave one head a label.
        mismatch: Weight of real images whose first label is wrong, for a conditional GAN.
        projection: How a conditional D pools its features over places.
        ema_images: Decay of the averaged generator, as the images in which a weight falls to 1/e.
        warmup_images: Images in which G's rate rises from 0: for a trained G that meets a new D.
        decay_images: Images after which both rates have fallen, as a cosine, to 2 %; 0 keeps them.
        seed: Of weights, latents, augmentation and order.
    """

    about: str = "reference recipe"
    rate: float = 1e-3
    beta_1: float = 0.0
    r1_gamma: float = 0.1
    batch_size: int = 16
    loss: str = "non-saturating"
    image_size: int = 64
    widths: tuple[int, ...] = (128, 64, 32, 16)
    subpixel: bool = False
    spectral_norm: bool = False
    augment: dict | None = None
    ema_images: float = 8000
    warmup_images: int = 0
    decay_images: int = 0
    mode_seeking: float = 0.0
    mismatch: float = 0.0
    projection: str = "mean"
    seed: int = 2026

    @property
    def steps(self) -> int:
        """Steps to the end of the decay; 0 for a constant rate, which has no end of its own."""
        return self.decay_images // self.batch_size


MILD = dict(brightness=0.05, contrast=0.1, shift=0.125)
BASE = Recipe(augment=MILD)
VARIANTS = {
    "base": BASE,
    "wide": replace(BASE, about="1.5 × the channels", widths=(192, 96, 48, 24)),
    "subpixel": replace(
        BASE,
        about="2 × the channels, outermost stage at half size",
        widths=(256, 128, 64, 32),
        subpixel=True,
    ),
    "relativistic": replace(BASE, about="relativistic loss", loss="relativistic"),
    "R1 1": replace(BASE, about="R1 γ = 1", r1_gamma=1.0),
    "rate 4e-4": replace(BASE, about="learning rate 4e-4", rate=4e-4),
    "beta 0.5": replace(BASE, about="Adam β1 = 0.5", beta_1=0.5),
    "strong augment": replace(
        BASE,
        about="DiffAugment: brightness and contrast 0.2, cutout 0.25",
        augment=dict(brightness=0.2, contrast=0.2, shift=0.125, cutout=0.25),
    ),
    "no augment": replace(BASE, about="no DiffAugment", augment=None),
    "spectral norm": replace(BASE, about="spectral normalisation in D", spectral_norm=True),
    "mode seeking": replace(BASE, about="mode-seeking term, λ = 0.1", mode_seeking=0.1),
    "batch 32": replace(BASE, about="batches of 32", batch_size=32),
    "seed 1": replace(BASE, about="base with another seed", seed=1),
}


LONG = replace(
    BASE,
    about="2 × the channels, outermost stage at half size, batches of 32, mode seeking 0.1, a slow"
    " average, the rate falling to 2 %",
    widths=(256, 128, 64, 32),
    subpixel=True,
    batch_size=32,
    mode_seeking=0.1,
    ema_images=20_000,
    decay_images=2_000_000,
)
"""For a shipped checkpoint: trained to the end of its rate, not until a score looks best."""
FINE = replace(
    LONG,
    about=LONG.about + ", 128 pixels",
    image_size=128,
    widths=(*LONG.widths, 24),
    decay_images=1_000_000,
)
"""The same at 128 pixels: the networks of `LONG` with one more stage, so that they may grow."""
LABELLED = replace(
    VARIANTS["mode seeking"],
    about="mode-seeking term, λ = 0.1, a slow average, the rate falling to 2 %",
    ema_images=20_000,
    decay_images=240_000,
)
"""For phantoms and their labels: half an hour of two slow cores, to the end of its rate."""


def adam(recipe: Recipe, warmup_images: int = 0) -> keras.optimizers.Adam:
    """Return the optimiser of one network, whose rate may rise from 0 at first."""
    rate, warmup = recipe.rate, warmup_images // recipe.batch_size
    if recipe.steps:
        rising = dict(warmup_target=rate, warmup_steps=warmup) if warmup else {}
        start, falling = 0.0 if warmup else rate, recipe.steps - warmup
        rate = keras.optimizers.schedules.CosineDecay(start, falling, alpha=0.02, **rising)
    return keras.optimizers.Adam(rate, beta_1=recipe.beta_1, beta_2=0.99)


def average_decay(recipe: Recipe) -> float:
    """Return the decay of the averaged generator in one step."""
    return float(np.exp(-recipe.batch_size / recipe.ema_images))


def networks(
    recipe: Recipe, num_classes: tuple[int, ...] | None = None, maps: bool = False
) -> tuple[keras.Model, keras.Model]:
    """Return generator and discriminator of a recipe, one channel, from its seed.

    Args:
        recipe: Size, widths and options; of a GAN of label maps the outermost stages always work
            at half size.
        num_classes: Of each label that conditions them, or of the map.
        maps: Whether they are conditioned on a label map.
    """
    keras.utils.set_random_seed(recipe.seed)
    size, widths = recipe.image_size, recipe.widths
    if maps:
        shared = dict(widths=widths, num_classes=num_classes[0])
        generator = map_generator(size, **shared)
        return generator, map_discriminator(size, **shared | {"widths": widths[::-1]})
    ends = ("depth-to-space", "space-to-depth") if recipe.subpixel else ("transposed", "strided")
    generator = dcgan_generator(size, widths=widths, num_classes=num_classes, last_stage=ends[0])
    discriminator = dcgan_discriminator(
        size,
        widths=widths[::-1],
        num_classes=num_classes,
        first_stage=ends[1],
        projection=recipe.projection,
        spectral_norm=recipe.spectral_norm,
    )
    return generator, discriminator


def objectives(recipe: Recipe) -> dict:
    """Return what is minimised and seen: `loss`, `penalties`, `terms` and `augment`."""
    return {
        "loss": recipe.loss,
        "penalties": [R1(recipe.r1_gamma), Mismatch(recipe.mismatch)],
        "terms": [ModeSeeking(recipe.mode_seeking)],
        "augment": None if recipe.augment is None else DiffAugment(**recipe.augment),
    }


def conditions(slices: Slices, names: tuple[str, ...]) -> np.ndarray | None:
    """Return the labels (N, n) of these names, for `MAPS` the label maps, for none None."""
    if names == MAPS:
        return slices.masks
    return slices.label_table(names) if names else None
