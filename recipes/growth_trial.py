"""Does `brain-mri-128` learn faster from the networks of `brain-mri-64` than from random weights?

    MEDGAN_REAL_DATA=folder python recipes/growth_trial.py

Both starts see as many images of 128 pixels and are scored on the reference subjects; the test
subjects are not touched. The 64-pixel images that `brain-mri-64` had seen before are not counted.
Needs its run in `runs/`. The result is `recipes/results/growth_trial.json`.
"""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

from recipes.recipe import build, scorer  # first: quiets TensorFlow

# isort: split
from recipes.growth import grow
from recipes.train_generator import PROJECTS, trained
from tools.record import record

RESULT = Path(__file__).parent / "results" / "growth_trial.json"
STEPS, SEEDS, EMA_IMAGES = 500, (2026, 1), 4000  # an average that has forgotten the start by then
STARTS = ("brain-mri-64", "random")
WATCH = "FD brain-encoder-64"


def run(start: str, seed: int, parts: dict, score) -> dict:
    """Train from one start and return its row."""
    project = PROJECTS["brain-mri-128"]
    recipe, started = replace(project.recipe, seed=seed, ema_images=EMA_IMAGES), time.perf_counter()
    gan = build(recipe)
    if start != "random":
        grow(gan, trained(start))
    data = parts["train"].to_dataset(recipe.batch_size, seed=seed, flip=project.flip)
    gan.fit(data, steps_per_epoch=STEPS, verbose=0)
    seconds = round(time.perf_counter() - started)
    row = {"start": start, "seed": seed, "images": STEPS * recipe.batch_size, "seconds": seconds}
    return row | score(gan)


def main() -> int:
    """Run the command line."""
    argparse.ArgumentParser(description=__doc__.split("\n", 1)[0]).parse_args()
    parts = PROJECTS["brain-mri-128"].parts()
    score, rows = scorer(parts["reference"]), []
    for seed in SEEDS:
        for start in STARTS:
            rows.append(run(start, seed, parts, score))
            print(f"{start}, seed {seed}: {WATCH} {rows[-1][WATCH]:.2f}", flush=True)
    record(RESULT, rows, seeds=SEEDS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
