"""Does a generator paint a tumour where its map has one? A reader of phantoms is asked.

    python experiments/map_obedience.py
    python experiments/map_obedience.py --checkpoint brain-map-128

A U-Net learns to outline tumours on the phantoms that the checkpoint was trained on, and is asked
about the others (its recipe's reference and test): about their slices, about what the checkpoint
paints from their maps, and about what it paints when the tumours are taken out of the maps, which
is scored against the tumours that had been there: that Dice a reader would reach who guesses the
place. A slice is called ill from 50 mm² on, as the cohort's own label is. Where no tumour was
ordered, the pixels that are taken for one are counted by what the map has there. The results are
`results/map_obedience.json` and `results/map_obedience_brain.json`.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from medgan_utils import profiles

profiles.quiet_tensorflow()

# isort: split
import keras
import numpy as np

from experiments.segmentation import batches_of
from medgan_utils import evaluation
from medgan_utils.data.slices import Slices, join
from medgan_utils.models import load_generator, patch_discriminator, unet_generator
from medgan_utils.phantoms import BODY_TISSUES, HEAD_TISSUES
from medgan_utils.phantoms.mr_physics import LESION_TISSUES
from medgan_utils.training import DiceCrossEntropy, Segmenter, finding_channels
from recipes.liver_split import map_splits
from recipes.projects import head_maps
from tools.record import ROOT, finished, record

WIDTHS, LEAST_MM2 = (16, 32, 64, 64), 50.0
SEEDS = (0, 1)


@dataclass(frozen=True)
class Painter:
    """A checkpoint that paints from label maps, and who is asked about it.

    Attributes:
        parts: From a number of subjects to train, reference and test with their maps.
        codes: Name -> code of its maps.
        tumour: Codes of a tumour.
        host: Code of what stands in its place when it is taken out.
        settings: Of the reader.
        check: Settings small enough for a test.
        result: Name of the stored result.
    """

    parts: Callable[[int], dict[str, Slices]]
    codes: dict[str, int]
    tumour: tuple[int, ...]
    host: int
    settings: dict
    check: dict
    result: str


LIVER = dict(subjects=160, steps=1500, batch=8, rate=1e-3)
HEADS = LIVER | dict(steps=600)
PAINTERS = {
    "liver-map-128": Painter(
        lambda subjects: map_splits(subjects=subjects),
        BODY_TISSUES,
        (BODY_TISSUES["tumour"],),
        BODY_TISSUES["liver"],
        LIVER,
        LIVER | dict(subjects=8, steps=2),
        "map_obedience.json",
    ),
    "brain-map-128": Painter(
        lambda subjects: head_maps(128, subjects),
        HEAD_TISSUES,
        tuple(HEAD_TISSUES[name] for name in LESION_TISSUES),
        HEAD_TISSUES["white"],
        HEADS,
        HEADS | dict(subjects=10, steps=2),
        "map_obedience_brain.json",
    ),
}


def reader(
    slices: Slices,
    tumour: tuple[int, ...],
    seed: int,
    settings: dict,
    widths: tuple[int, ...] = WIDTHS,
) -> Segmenter:
    """Train a U-Net to outline tumours on slices of phantoms (N, 128, 128, 1)."""
    keras.utils.set_random_seed(seed)
    network = unet_generator(128, widths=widths, last="logits")
    model = Segmenter(network, patch_discriminator(128), ema=0.95, seed=seed)
    model.compile(
        keras.optimizers.Adam(settings["rate"]), adversarial_weight=0.0, terms=[DiceCrossEntropy()]
    )
    targets = finding_channels(slices.masks, (tumour,))
    random = np.random.default_rng(seed)
    ill = np.isin(slices.masks, tumour).any(axis=(1, 2))
    chosen = batches_of(ill, settings["steps"] * settings["batch"], random)
    model.fit(slices.images[chosen], targets[chosen], batch_size=settings["batch"], verbose=0)
    return model


def painted(name: str | Path, maps: np.ndarray, seed: int) -> np.ndarray:
    """Return what a checkpoint paints from label maps (N, 128, 128), each with its own latent."""
    generator = load_generator(name)
    z = np.random.default_rng(seed).standard_normal((len(maps), 64), dtype=np.float32)
    return generator.predict([z, maps.astype(np.int32)], batch_size=32, verbose=0)


def shares(found: np.ndarray, maps: np.ndarray, codes: dict[str, int]) -> dict[str, float]:
    """Return name -> share of the pixels found (N, H, W), where that is 1 % or more."""
    counts = np.bincount(maps[found], minlength=max(codes.values()) + 1) / max(found.sum(), 1)
    return {name: round(float(counts[k]), 3) for name, k in codes.items() if counts[k] >= 0.01}


def obedience(name: str, seed: int, settings: dict) -> list[dict]:
    """Return a row a kind of slices: Dice by subject, and the share of slices called ill."""
    painter = PAINTERS[name]
    parts = painter.parts(settings["subjects"])
    asked = join([parts["reference"], parts["test"]])
    model = reader(parts["train"], painter.tumour, seed, settings)
    without = np.where(np.isin(asked.masks, painter.tumour), painter.host, asked.masks)
    kinds = {
        "phantoms": asked.images,
        "painted from their maps": painted(name, asked.masks, seed),
        "painted, tumours taken out": painted(name, without, seed),
    }
    return [
        {"slices": kind, "seed": seed} | read(model, images, asked, painter)
        for kind, images in kinds.items()
    ]


def read(model: Segmenter, images: np.ndarray, asked: Slices, painter: Painter) -> dict:
    """Return what a reader finds in images (N, 128, 128, 1) of the maps of `asked`."""
    tumour, who = np.isin(asked.masks, painter.tumour), asked.subjects
    smallest = LEAST_MM2 / asked.spacing_mm**2
    ill, well = tumour.sum(axis=(1, 2)) >= smallest, ~tumour.any(axis=(1, 2))
    found = model.translate(images)[..., 0] > 0
    called = (found.sum(axis=(1, 2)) >= smallest).astype(float)
    numbers = {"dice": evaluation.mean_dice(tumour, found, who)}
    for share, of in (("called, tumour there", ill), ("called, none there", well)):
        numbers[share] = evaluation.bootstrap_mean(called[of], who[of])
    row = {"subjects": len(np.unique(who))}
    row |= {k: [round(float(v), 4) for v in e] for k, e in numbers.items()}
    row["false pixels a slice"] = round(float(found[well].sum() / max(well.sum(), 1)), 2)
    return row | {"of them on": shares(found[well], asked.masks[well], painter.codes)}


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--checkpoint", choices=list(PAINTERS), default="liver-map-128")
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    arguments = parser.parse_args()
    name, painter = arguments.checkpoint, PAINTERS[arguments.checkpoint]
    run, rows = finished(obedience), []
    for seed in arguments.seeds:
        for row in run(name, seed, painter.settings):
            rows.append(row)
            print(row, flush=True)
    check = {"settings": painter.check, "rows": obedience(name, 0, painter.check)}
    out = ROOT / "experiments" / "results" / painter.result
    record(out, rows, arguments.seeds, settings=painter.settings, check=check)
    return 0


if __name__ == "__main__":
    sys.exit(main())
