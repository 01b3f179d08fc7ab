"""Which recipe trains the brain DCGAN best? Variants on equal budgets, on reference subjects.

    MEDGAN_REAL_DATA=folder python recipes/recipe.py
    MEDGAN_REAL_DATA=folder python recipes/recipe.py --variants base wide

Each variant changes one thing in `base`, sees as many images, and is scored four times on the
reference subjects; the test subjects are not touched. A finished variant is not run again. The
result is `recipes/results/recipe.json`.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from medgan_utils import profiles

profiles.quiet_tensorflow()

import keras
import numpy as np

from medgan_utils.data import Slices
from medgan_utils.display import plots
from medgan_utils.evaluation import load_encoder, reference_features, score
from medgan_utils.models import dcgan_discriminator, dcgan_generator
from medgan_utils.training import (
    GAN,
    R1,
    DiffAugment,
    Mismatch,
    ModeSeeking,
    Monitor,
    SampleGrid,
)
from recipes.ixi_split import ixi_splits
from tools.record import finished, record

ROOT = Path(__file__).resolve().parents[1]
RESULT = Path(__file__).parent / "results" / "recipe.json"
IMAGES, SCORES = 96_000, 4  # seen by each variant, and how often each is scored
WATCH = "FD brain-encoder-64"


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
    widths=(256, 192, 96, 48, 24),
    decay_images=1_000_000,
)
"""The same at 128 pixels."""


def adam(recipe: Recipe) -> keras.optimizers.Adam:
    """Return the optimiser of one network."""
    rate = recipe.rate
    if recipe.steps:
        rate = keras.optimizers.schedules.CosineDecay(rate, recipe.steps, alpha=0.02)
    return keras.optimizers.Adam(rate, beta_1=recipe.beta_1, beta_2=0.99)


def build(recipe: Recipe, num_classes: tuple[int, ...] | None = None) -> GAN:
    """Return the compiled GAN of a recipe, one channel."""
    keras.utils.set_random_seed(recipe.seed)
    ends = ("depth-to-space", "space-to-depth") if recipe.subpixel else ("transposed", "strided")
    generator = dcgan_generator(
        recipe.image_size, widths=recipe.widths, num_classes=num_classes, last_stage=ends[0]
    )
    discriminator = dcgan_discriminator(
        recipe.image_size,
        widths=recipe.widths[::-1],
        num_classes=num_classes,
        first_stage=ends[1],
        projection=recipe.projection,
        spectral_norm=recipe.spectral_norm,
    )
    decay = float(np.exp(-recipe.batch_size / recipe.ema_images))
    gan = GAN(generator, discriminator, ema=decay, seed=recipe.seed)
    gan.compile(
        adam(recipe),
        adam(recipe),
        loss=recipe.loss,
        penalties=[R1(recipe.r1_gamma), Mismatch(recipe.mismatch)],
        terms=[ModeSeeking(recipe.mode_seeking)],
        augment=None if recipe.augment is None else DiffAugment(**recipe.augment),
    )
    return gan


def scorer(
    reference: Slices, encoder: str = "brain-encoder-64", names: tuple[str, ...] = ()
) -> Callable[[GAN], dict[str, float]]:
    """Return the function that scores a GAN against real images, with as many samples.

    Args:
        reference: Real slices that nothing was trained on.
        encoder: Whose features are compared.
        names: Labels that condition the GAN: samples get the labels of the reference.
    """
    encoders = {encoder: load_encoder(encoder)}
    real = reference_features(reference.images, encoders, reference.subjects)
    labels = reference.label_table(names) if names else None

    def evaluate(gan: GAN) -> dict[str, float]:
        fakes = reference_features(gan.sample(len(reference), labels, seed=1), encoders)
        row = score(fakes, real, repeats=0)
        return {name: getattr(value, "value", value) for name, value in row.items()}

    return evaluate


def run_variant(name: str, parts: dict[str, Slices], folder: Path) -> dict:
    """Train and score one variant; its samples are drawn into a folder of its name."""
    recipe, started, busy = VARIANTS[name], time.perf_counter(), time.process_time()
    gan = build(recipe)
    every = IMAGES // recipe.batch_size // SCORES
    monitor = Monitor(scorer(parts["reference"]), WATCH, every)
    grid = SampleGrid(gan.latents(64), plots.grid_png, every=every, folder=folder / name)
    gan.fit(
        parts["train"].to_dataset(recipe.batch_size, seed=recipe.seed, flip=True),
        steps_per_epoch=every,
        epochs=SCORES,
        verbose=0,
        callbacks=[monitor, grid],
    )
    return {
        "variant": name,
        **asdict(recipe),
        "images": IMAGES,
        "seconds": round(time.perf_counter() - started),
        "cpu_seconds": round(time.process_time() - busy),
        "scores": monitor.rows,
    }


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    arguments = parser.parse_args()
    if "MEDGAN_REAL_DATA" not in os.environ:
        sys.exit("set MEDGAN_REAL_DATA to the folder with ixi_t1/, ixi_seg/ and participants")
    parts = ixi_splits(os.environ["MEDGAN_REAL_DATA"])
    rows = []
    for name in arguments.variants:
        run = finished(run_variant, VARIANTS[name], IMAGES, SCORES)
        rows.append(run(name, parts, ROOT / "runs" / "recipe"))
        last = rows[-1]["scores"][-1]
        print(f"{name}: {WATCH} {last[WATCH]:.2f}, SWD {last['SWD']:.4f}", flush=True)
        record(RESULT, rows, seeds=sorted({row["seed"] for row in rows}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
