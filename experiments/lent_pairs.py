"""Do the pairs of a shipped painter help a segmenter that has few labelled subjects?

    python experiments/lent_pairs.py --tasks brain
    MEDGAN_REAL_DATA=folder python experiments/lent_pairs.py

The tasks, subjects, seeds and steps of `segmentation.py`, with two more arms. `brain-map-128` (for
the liver `liver-map-128`) paints the label maps of 32 phantoms that it never saw; painted at 128
pixels, they are averaged to 64 and stand in half of every batch. It learned from the masks of 128
(112) others: so it is no arm of few labels, and has a place of its own. What could overturn its
gain stands beside it: those phantoms' *own* slices, which need no painter. The result is
`results/segmentation_lent.json`.
"""

import argparse
import os
import sys
import time
from functools import cache

from experiments.map_obedience import PAINTERS, painted  # quiets TensorFlow

# isort: split
import numpy as np
from skimage.transform import downscale_local_mean

from experiments import segmentation
from experiments.segmentation import SETTINGS, TASKS, draw, parts_of
from medgan_utils.data import Slices, load_slices
from medgan_utils.phantoms import BODY_TISSUES
from recipes.liver_split import CLIPPED, bodies_with_liver
from tools.record import ROOT, finished, record

PAINTED, PHANTOMS = "+ pairs of a map-128 painter", "+ phantoms of its maps"
SIZES = {"brain": (5, 10, 20), "patients": (3, 5, 10, 20, 36), "liver": (3, 6, 12)}
WINDOW = (-160.0, 240.0)  # HU of the phantoms' slices
LIVER = tuple(BODY_TISSUES[name] for name in ("liver", "liver_vessel", "tumour"))
COHORT = dict(seed=12, masks="tissues")  # not one that a painter or a chapter draws
HEADS, LENDERS = "brain-map-128", 32
CHECK = dict(
    task="brain", size=2, seed=0, lenders=2, subjects=10,
    settings=SETTINGS | dict(unet_steps=6, extra=16, repeats=10),
)  # fmt: skip


def phantoms(task: str, subjects: int) -> tuple[str, Slices, tuple[int, ...]]:
    """Return a painter's name, slices with label maps, and which codes are the finding."""
    if task == "liver":
        slices = bodies_with_liver(subjects, image_size=128, phase="venous", **COHORT)
        return "liver-map-128", slices, LIVER
    cut = dict(image_size=128, modalities=("FLAIR",), step_mm=4.0)
    slices = load_slices("brain-phantom", subjects=subjects, **cut, **COHORT)
    return HEADS, slices, PAINTERS[HEADS].tumour


@cache
def lent(task: str, count: int, seed: int, lenders: int) -> dict[str, tuple[np.ndarray, ...]]:
    """Return for each arm `count` images (N, 64, 64, 1) in [-1, 1] and masks (N, 64, 64), 1 inside.

    Half of the slices are drawn among those with the finding.

    Args:
        task: Of `TASKS`.
        count: Number of slices.
        seed: Of the drawing and of z.
        lenders: Number of phantoms; the painter saw none of them.
    """
    checkpoint, unseen, codes = phantoms(task, lenders)
    ill = np.isin(unseen.masks, codes).any(axis=(1, 2))
    random = np.random.default_rng(seed)
    chosen = random.integers(len(ill), size=count)
    chosen[1::2] = random.choice(np.flatnonzero(ill), size=len(chosen[1::2]))
    maps = unseen.masks[chosen]
    images = {PAINTED: painted(checkpoint, maps, seed), PHANTOMS: unseen.images[chosen]}
    masks = downscale_local_mean(np.isin(maps, codes).astype(float), (1, 2, 2)) >= 0.5
    return {
        arm: (as_the_task_has_it(task, each), masks.astype(np.uint8))
        for arm, each in images.items()
    }


def as_the_task_has_it(task: str, images: np.ndarray) -> np.ndarray:
    """Average images (N, 128, 128, 1) to 64 pixels; CT in the window of the real slices."""
    if task == "liver":
        low, high = WINDOW
        hu = np.clip(low + (images + 1) / 2 * (high - low), *CLIPPED)
        images = 2 * (hu - CLIPPED[0]) / (CLIPPED[1] - CLIPPED[0]) - 1
    return downscale_local_mean(images, (1, 2, 2, 1)).astype(np.float32)


def run_cell(
    task: str, size: int, seed: int, settings: dict, lenders: int, subjects: int | None = None
) -> list[dict]:
    """Return one row an arm for one number of labelled subjects and one seed."""
    about, parts = TASKS[task], parts_of(task, subjects)
    findings, test = tuple(about.findings.values()), parts["test"]
    few, rows = draw(parts["pool"], about.codes, size, seed), []
    for arm, extra in lent(task, settings["extra"], seed, lenders).items():
        started = time.perf_counter()
        model = segmentation.train_segmenter(few.images, few.masks, extra, findings, seed, settings)
        found = model.translate(test.images) > 0
        row = {"task": task, "subjects": len(np.unique(few.subjects)), "seed": seed, "arm": arm}
        row |= segmentation.scores(about, test, found, settings)
        rows.append(row | {"seconds": round(time.perf_counter() - started, 1)})
    return rows


def run_check() -> list[dict]:
    """Return the rows of the small run that a test repeats."""
    return run_cell(**CHECK)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--tasks", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(segmentation.SEEDS))
    arguments = parser.parse_args()
    if {"patients", "liver"} & {*arguments.tasks} and "MEDGAN_REAL_DATA" not in os.environ:
        parser.error("set MEDGAN_REAL_DATA to the folder of real images (CONTRIBUTING.md)")
    rows = []
    for task in arguments.tasks:
        for seed in arguments.seeds:
            for size in SIZES[task]:
                cell = finished(run_cell)(task, size, seed, SETTINGS, LENDERS)
                rows += cell
                first = next(iter(TASKS[task].findings))
                shown = "  ".join(f"{row['arm']} {row[f'Dice {first}'][0]:.3f}" for row in cell)
                print(f"{task}, {size} subjects, seed {seed}: {shown}", flush=True)
    check = CHECK | {"rows": run_check()}
    out = ROOT / "experiments" / "results" / "segmentation_lent.json"
    record(out, rows, arguments.seeds, settings=SETTINGS, check=check)
    return 0


if __name__ == "__main__":
    sys.exit(main())
