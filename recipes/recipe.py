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
from dataclasses import asdict
from pathlib import Path

from medgan_utils import profiles

profiles.quiet_tensorflow()

from medgan_utils.data import Slices
from medgan_utils.display import plots
from medgan_utils.evaluation import load_encoder, reference_features, score
from medgan_utils.training import GAN, Monitor, SampleGrid
from recipes.ixi_split import ixi_splits
from recipes.settings import (
    MAPS,
    VARIANTS,
    Recipe,
    adam,
    average_decay,
    conditions,
    networks,
    objectives,
)
from tools.record import finished, record

ROOT = Path(__file__).resolve().parents[1]
RESULT = Path(__file__).parent / "results" / "recipe.json"
IMAGES, SCORES = 96_000, 4  # seen by each variant, and how often each is scored
WATCH = "FD brain-encoder-64"


def build(
    recipe: Recipe, num_classes: tuple[int, ...] | None = None, names: tuple[str, ...] = ()
) -> GAN:
    """Return the compiled GAN of a recipe, one channel, conditioned on labels of these names."""
    generator, discriminator = networks(recipe, num_classes, maps=names == MAPS)
    decay = average_decay(recipe)
    gan = GAN(generator, discriminator, ema=decay, seed=recipe.seed)
    gan.compile(adam(recipe, recipe.warmup_images), adam(recipe), **objectives(recipe))
    return gan


def scorer(
    reference: Slices, encoder: str = "brain-encoder-64", names: tuple[str, ...] = ()
) -> Callable[[GAN], dict[str, float]]:
    """Return the function that scores a GAN against real images, with as many samples.

    Args:
        reference: Real slices that nothing was trained on.
        encoder: Whose features are compared.
        names: Labels that condition the GAN, or `MAPS`: samples get those of the reference.
    """
    encoders = {encoder: load_encoder(encoder)}
    real = reference_features(reference.images, encoders, reference.subjects)
    labels = conditions(reference, names)

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
