"""Does `liver-map-128` paint a tumour where its map has one? A reader of phantoms is asked.

    python experiments/map_obedience.py

A U-Net learns to outline tumours on the phantoms that the checkpoint was trained on, and is asked
about the others (`recipes/liver_split.py`: reference and test): about their slices, about what the
checkpoint paints from their maps, and about what it paints when the tumours are taken out of the
maps, which is scored against the tumours that had been there: that Dice a reader would reach who
guesses the place. A slice is called ill from 50 mm² on, as the cohort's own label is. The result is
`results/map_obedience.json`.
"""

import argparse
import sys

from medgan_utils import profiles

profiles.quiet_tensorflow()

# isort: split
import keras
import numpy as np

from experiments.segmentation import batches_of
from medgan_utils import evaluation
from medgan_utils.data.slices import Slices, join
from medgan_utils.models import load_generator, patch_discriminator, unet_generator
from medgan_utils.phantoms import ORGANS
from medgan_utils.training import DiceCrossEntropy, Segmenter, finding_channels
from recipes.liver_split import map_splits
from tools.record import ROOT, finished, record

TUMOUR, LIVER = ORGANS["tumour"], ORGANS["liver"]
WIDTHS, LEAST_MM2 = (16, 32, 64, 64), 50.0
SETTINGS = dict(subjects=80, steps=1500, batch=8, rate=1e-3)
CHECK = SETTINGS | dict(subjects=8, steps=2)
SEEDS = (0, 1)


def reader(slices: Slices, seed: int, settings: dict) -> Segmenter:
    """Train a U-Net to outline tumours on slices of phantoms (N, 128, 128, 1)."""
    keras.utils.set_random_seed(seed)
    network = unet_generator(128, widths=WIDTHS, last="logits")
    model = Segmenter(network, patch_discriminator(128), ema=0.95, seed=seed)
    model.compile(
        keras.optimizers.Adam(settings["rate"]), adversarial_weight=0.0, terms=[DiceCrossEntropy()]
    )
    targets = finding_channels(slices.masks, ((TUMOUR,),))
    random = np.random.default_rng(seed)
    ill = (slices.masks == TUMOUR).any(axis=(1, 2))
    chosen = batches_of(ill, settings["steps"] * settings["batch"], random)
    model.fit(slices.images[chosen], targets[chosen], batch_size=settings["batch"], verbose=0)
    return model


def painted(maps: np.ndarray, seed: int) -> np.ndarray:
    """Return what the checkpoint paints from label maps (N, 128, 128), each with its own latent."""
    generator = load_generator("liver-map-128")
    z = np.random.default_rng(seed).standard_normal((len(maps), 64), dtype=np.float32)
    return generator.predict([z, maps.astype(np.int32)], batch_size=32, verbose=0)


def obedience(seed: int, settings: dict) -> list[dict]:
    """Return a row a kind of slices: Dice by subject, and the share of slices called ill."""
    parts = map_splits(settings["subjects"])
    asked = join([parts["reference"], parts["test"]])
    model = reader(parts["train"], seed, settings)
    without = np.where(asked.masks == TUMOUR, LIVER, asked.masks)
    tumour, who = asked.masks == TUMOUR, asked.subjects
    smallest = LEAST_MM2 / asked.spacing_mm**2
    ill, well = tumour.sum(axis=(1, 2)) >= smallest, ~tumour.any(axis=(1, 2))
    kinds = {
        "phantoms": asked.images,
        "painted from their maps": painted(asked.masks, seed),
        "painted, tumours taken out": painted(without, seed),
    }
    rows = []
    for kind, images in kinds.items():
        found = model.translate(images)[..., 0] > 0
        called = (found.sum(axis=(1, 2)) >= smallest).astype(float)
        row = {"slices": kind, "seed": seed, "subjects": len(np.unique(who))}
        numbers = {"dice": evaluation.mean_dice(tumour, found, who)}
        for name, of in (("called, tumour there", ill), ("called, none there", well)):
            numbers[name] = evaluation.bootstrap_mean(called[of], who[of])
        rows.append(row | {k: [round(float(v), 4) for v in e] for k, e in numbers.items()})
    return rows


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    seeds = parser.parse_args().seeds
    run, rows = finished(obedience), []
    for seed in seeds:
        for row in run(seed, SETTINGS):
            rows.append(row)
            print(row, flush=True)
    check = {"settings": CHECK, "rows": obedience(0, CHECK)}
    out = ROOT / "experiments" / "results" / "map_obedience.json"
    record(out, rows, seeds, settings=SETTINGS, check=check)
    return 0


if __name__ == "__main__":
    sys.exit(main())
