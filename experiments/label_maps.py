"""Does `liver-map-128` put a tumour where the label map has one, and none where it has none?

    python experiments/label_maps.py

A U-Net learns livers and tumours on the training phantoms of `recipes/liver_split.py:
map_splits()`, their slices and maps. It is then asked about the test subjects: their own slices,
the slices that the generator paints of their maps, of the same maps without the tumours, and of
maps of healthy slices to which tumours were moved. The controls are what it finds in the subjects'
own healthy slices, and the Dice when each map is compared with another slice's painting. A
finished seed is not run again.
The result is `results/label_maps.json`.
"""

import argparse
from pathlib import Path

from medgan_utils import profiles

profiles.quiet_tensorflow()

# isort: split
import keras
import numpy as np

from medgan_utils.data import Slices, moved_findings
from medgan_utils.evaluation import mean_dice
from medgan_utils.models import load_generator, patch_discriminator, unet_generator
from medgan_utils.phantoms import ORGANS
from medgan_utils.training import DiceCrossEntropy, Pix2Pix, finding_channels
from recipes.liver_split import map_splits
from tools.record import finished, record

RESULT = Path(__file__).parent / "results" / "label_maps.json"
NAME = "liver-map-128"
LIVER, TUMOUR = ORGANS["liver"], ORGANS["tumour"]
SEEDS = (0, 1, 2)
# `least`: pixels of a tumour that is asked about, and of a finding that counts.
SETTINGS = dict(subjects=80, steps=5000, batch_size=8, widths=(16, 32, 64), least=4, repeats=500)
FINDINGS = [
    (LIVER, TUMOUR),
    (TUMOUR,),
]  # the liver with its tumours is learned, too: it shows where
CALL = 250  # steps between draws of new slices
# So small that a test can run it.
CHECK = SETTINGS | dict(subjects=8, steps=2, batch_size=4, repeats=10)


def segmenter(train: Slices, seed: int, settings: dict) -> Pix2Pix:
    """Train a U-Net to outline livers and tumours; half of what it is shown has a tumour."""
    keras.utils.set_random_seed(seed)
    critic = patch_discriminator(128, len(FINDINGS), widths=(8, 8, 8))  # unheard, at weight 0
    network = unet_generator(128, outputs=len(FINDINGS), widths=settings["widths"])
    model = Pix2Pix(network, critic, ema=0.99)
    falling = keras.optimizers.schedules.CosineDecay(2e-3, settings["steps"], alpha=0.02)
    adams = (keras.optimizers.Adam(rate, beta_2=0.99) for rate in (falling, 4e-4))
    model.compile(*adams, adversarial_weight=0.0, terms=[DiceCrossEntropy()])
    random = np.random.default_rng(seed)
    ill = (train.masks == TUMOUR).any((1, 2))
    halves = [np.flatnonzero(group) for group in (ill, ~ill)]
    for start in range(0, settings["steps"], CALL):
        count = min(CALL, settings["steps"] - start) * settings["batch_size"]
        chosen = np.stack([random.choice(half, count // 2) for half in halves], axis=1).ravel()
        targets = finding_channels(train.masks[chosen], FINDINGS)
        model.fit(train.images[chosen], targets, batch_size=settings["batch_size"], verbose=0)
    return model


def painted(generator: keras.Model, maps: np.ndarray, seed: int) -> np.ndarray:
    """Return one slice (N, 128, 128, 1) of each label map."""
    shape = (len(maps), generator.inputs[0].shape[-1])
    z = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    return generator.predict([z, maps], batch_size=32, verbose=0)


def questions(test: Slices, least: int, seed: int) -> dict[str, tuple]:
    """Return for each row maps, subjects and, where they are not painted, the slices themselves."""
    maps = test.masks.astype(np.int32)
    size = (maps == TUMOUR).sum((1, 2))
    ill, well = test.select(size >= least), test.select(size == 0)
    without = np.where(ill.masks == TUMOUR, LIVER, ill.masks)
    asked = np.isin(np.arange(len(maps)), np.flatnonzero((size >= least) | (size == 0)))
    moved, bases, _ = moved_findings(
        maps[asked], [TUMOUR], len(ill), inside=[LIVER], depth=3.0, seed=seed
    )
    return {
        "tumour: own slices": (ill.masks, ill.subjects, ill.images),
        "tumour: painted of their maps": (ill.masks, ill.subjects, None),
        "tumour: painted of maps with a moved tumour": (moved, test.subjects[asked][bases], None),
        "none: own healthy slices": (well.masks, well.subjects, well.images),
        "none: painted of maps of healthy slices": (well.masks, well.subjects, None),
        "none: painted of the maps without their tumours": (without, ill.subjects, None),
    }


def grey_step(images: np.ndarray, maps: np.ndarray) -> float:
    """Return the mean of tumour minus liver in HU, over slices with both."""
    both = (maps == TUMOUR).any((1, 2)) & (maps == LIVER).any((1, 2))
    steps = [
        image[..., 0][m == TUMOUR].mean() - image[..., 0][m == LIVER].mean()
        for image, m in zip(images[both], maps[both], strict=True)
    ]
    return 200 * float(np.mean(steps))  # [-1, 1] is a window of 400 HU


def answers(model: Pix2Pix, images, maps, subjects, settings: dict) -> dict:
    """Return Dice where the maps have tumours, else the share of slices with false ones."""
    found = model.translate(images)[..., FINDINGS.index((TUMOUR,))] > 0
    truth = maps == TUMOUR
    if not truth.any():
        return {"positive slices": float((found.sum((1, 2)) >= settings["least"]).mean())}
    dice = mean_dice(truth, found, subjects, settings["repeats"])
    turned = mean_dice(truth, np.roll(found, 1, axis=0), subjects, settings["repeats"])
    return {
        "Dice": [dice.value, dice.low, dice.high],
        "Dice, another slice's": turned.value,
        "step (HU)": grey_step(images, maps),
    }


def run(generator: keras.Model, seed: int, settings: dict) -> list[dict]:
    """Train a segmenter and ask every question; return a row for each."""
    parts = map_splits(settings["subjects"])
    model, rows = segmenter(parts["train"], seed, settings), []
    asked = questions(parts["test"], settings["least"], seed)
    for name, (maps, subjects, images) in asked.items():
        if images is None:
            images = painted(generator, maps.astype(np.int32), seed)
        answer = answers(model, images, maps, subjects, settings)
        rows.append({"slices": name, "seed": seed, "number": len(maps)} | answer)
    return rows


def main() -> None:
    """Run, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=SETTINGS["steps"], help="of the segmenter")
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    settings = SETTINGS | {"steps": options.steps}
    generator, rows = load_generator(NAME), []
    for seed in options.seeds:
        rows += finished(run, NAME, ignore=["generator"])(generator, seed, settings)
        for row in rows[-6:]:
            print(", ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    record(options.out, rows, seeds=options.seeds, settings=settings, checkpoint=NAME)


if __name__ == "__main__":
    main()
