"""What half of the weights are worth: a generator pruned, with fine-tuning and without.

    python experiments/pruning.py

Each seed trains a GAN on the brain phantom, 32 × 32, and goes on from that state in several ways:
as it was, pruned to half, and pruned to a quarter, for equal numbers of steps; and pruned to half
without more steps. The control is a generator with fewer channels, trained from the start for all
steps, that has about as many weights as the pruned one keeps. Judged on subjects nobody trained on.
"""

import argparse
import tempfile
from pathlib import Path

from medgan_utils import profiles

profiles.quiet_tensorflow()

# isort: split
import keras
import numpy as np

from experiments.ablation import Yardstick, cohort
from medgan_utils.evaluation import judge_auc
from medgan_utils.evaluation.evaluate import RealSet
from medgan_utils.models import dcgan_discriminator, dcgan_generator, export_generator
from medgan_utils.training import GAN, R1, DiffAugment, KeepPruned, ResumableCheckpoint, prune
from tools.record import finished, record

RESULT = Path(__file__).parent / "results" / "pruning.json"
SETTINGS = dict(steps=4000, more=2000, batch_size=16, subjects=40)
WIDE, NARROW = (64, 32, 16), (38, 19, 9)  # 106,752 and 53,344 weights in kernels
SEEDS = (0, 1, 2)
# Name -> (share of the kernels that goes, whether more steps follow)
WAYS = {
    "all weights": (0.0, True),
    "half, fine-tuned": (0.5, True),
    "a quarter, fine-tuned": (0.75, True),
    "half, not fine-tuned": (0.5, False),
}
CONTROL = "fewer channels"


def build(widths: tuple[int, ...], seed: int) -> GAN:
    """Return a GAN whose generator has these widths; the discriminator is always the same."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    gan = GAN(dcgan_generator(32, widths=widths), dcgan_discriminator(32), ema=0.995, seed=seed)
    gan.compile(penalties=[R1(0.1)], augment=DiffAugment())
    return gan


def train(gan: GAN, steps: int, seed: int, settings: dict, callbacks: list) -> None:
    """Go on for so many steps."""
    start = int(gan.step.numpy())
    data = cohort(settings["subjects"])["train"].to_dataset(settings["batch_size"], seed, start)
    gan.fit(data, steps_per_epoch=steps, verbose=0, callbacks=callbacks)


def scored(name: str, gan: GAN, seed: int, settings: dict) -> dict:
    """Return distances, the judge's AUC, and the size of a LiteRT file of 16 bits."""
    parts = cohort(settings["subjects"])
    images = gan.sample(2 * len(parts["reference"]), seed=seed)
    real = [RealSet(parts[name].images, parts[name].subjects) for name in ("train", "test")]
    auc = judge_auc(*real, RealSet(images, None), seed)
    kernels = [w.numpy() for w in gan.ema_generator.weights if w.name == "kernel"]
    with tempfile.TemporaryDirectory() as folder:
        table = export_generator(gan.ema_generator, folder, ("litert-float16",), 1, 1)
    return {
        "way": name,
        "seed": seed,
        "weights": int(sum(np.count_nonzero(kernel) for kernel in kernels)),
        "KB gzipped": round(table["litert-float16"]["KB gzipped"], 1),
        **Yardstick(parts["test"].images)(images[: len(parts["test"])]),
        "judge AUC": list(auc),
    }


def run(seed: int, settings: dict) -> list[dict]:
    """Train once, go on in every way, and train the control; return a row for each."""
    rows, whole = [], settings["steps"] + settings["more"]
    with tempfile.TemporaryDirectory() as folder:
        keeper = ResumableCheckpoint(folder, settings["steps"])
        train(build(WIDE, seed), settings["steps"], seed, settings, [keeper])
        for name, (share, more) in WAYS.items():
            gan = build(WIDE, seed)
            keeper.restore(gan)
            if more:
                masks = prune(gan.generator, share)
                train(gan, settings["more"], seed, settings, [KeepPruned(masks)])
            else:
                prune(gan.ema_generator, share)
            rows.append(scored(name, gan, seed, settings))
    control = build(NARROW, seed)
    train(control, whole, seed, settings, [])
    return [*rows, scored(CONTROL, control, seed, settings)]


def main() -> None:
    """Run what is not finished, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=SETTINGS["steps"])
    parser.add_argument("--more", type=int, default=SETTINGS["more"], help="steps after pruning")
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    settings = SETTINGS | {"steps": options.steps, "more": options.more}
    once = finished(run, WIDE, NARROW, WAYS)
    rows = [row for seed in options.seeds for row in once(seed, settings)]
    for row in rows:
        print(", ".join(f"{name} {value}" for name, value in row.items()))
    record(options.out, rows, seeds=options.seeds, settings=settings)


if __name__ == "__main__":
    main()
