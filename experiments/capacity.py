"""More complex networks against overfitting? GANs of three sizes on few subjects, and one helped.

    python experiments/capacity.py

The same GAN at a quarter, one and four times the weights between the stages of both networks (half
and twice the channels; 0.36 and 3.1 times of all that is counted), trained on the same few
phantom heads for the same steps, without help; and at one times with R1 and DiffAugment. Judged on
subjects nobody trained on: SWD (lower is better), copying (0.5 none, 1 copies) and how well the
discriminator's logits tell members from others (0.5: not at all). Controls: the floor, other real
subjects; and D before any training, whose logits can know nobody.
"""

import argparse
import time
from pathlib import Path

from medgan_utils import profiles

profiles.quiet_tensorflow()

# isort: split
import keras
import numpy as np

from experiments.ablation import Yardstick, cohort
from medgan_utils import data, evaluation
from medgan_utils.models import dcgan_discriminator, dcgan_generator
from medgan_utils.training import GAN, R1, DiffAugment
from tools.record import finished, record

RESULT = Path(__file__).parent / "results" / "capacity.json"
SETTINGS = dict(steps=300, batch_size=16, subjects=40, members=10)
SEEDS = (0, 1, 2)
# Name -> (widths of G from 4 × 4 up, D's the other way round; whether it is helped)
SIZES = {
    "a quarter": ((32, 16, 8), False),
    "one": ((64, 32, 16), False),
    "four times": ((128, 64, 32), False),
    "one, R1 and DiffAugment": ((64, 32, 16), True),
}


def parts(settings: dict) -> tuple[data.Slices, data.Slices]:
    """Return the members and, of other subjects, the test slices."""
    split = cohort(settings["subjects"])
    few = np.unique(split["train"].subjects)[: settings["members"]]
    return split["train"].for_subjects(list(few)), split["test"]


def build(widths: tuple[int, ...], helped: bool, seed: int) -> GAN:
    """Return the compiled GAN of one run."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    networks = dcgan_generator(32, widths=widths), dcgan_discriminator(32, widths=widths[::-1])
    gan = GAN(*networks, ema=0.99, seed=seed)
    gan.compile(penalties=[R1(0.1)] if helped else [], augment=DiffAugment() if helped else None)
    return gan


def leak(gan: GAN, members: data.Slices, others: data.Slices) -> list[float]:
    """Return the AUC of the attack by D's logits with its interval."""
    sets = members, others
    logits = [gan.discriminator.predict(one.images, verbose=0).ravel() for one in sets]
    found = evaluation.membership_by_logit(*logits, *(one.subjects for one in sets))
    return [round(float(value), 4) for value in found]


def run(name: str, seed: int, settings: dict) -> dict:
    """Train and score one GAN."""
    members, others = parts(settings)
    gan = build(*SIZES[name], seed)
    before = leak(gan, members, others)
    started = time.perf_counter()
    batches = members.to_dataset(settings["batch_size"], seed)
    gan.fit(batches, steps_per_epoch=settings["steps"], verbose=0)
    seconds = time.perf_counter() - started
    fake = gan.sample(len(others), seed=seed)
    copied = evaluation.copying(fake, members.images, others.images, others.subjects)
    networks = gan.generator, gan.discriminator
    return {
        "capacity": name,
        "seed": seed,
        "weights": sum(network.count_params() for network in networks),
        "SWD": round(Yardstick(others.images)(fake)["SWD"], 4),
        "copying": [round(float(value), 4) for value in copied.auc],
        "attack": leak(gan, members, others),
        "attack before training": before,
        "seconds": round(seconds, 1),
    }


def floor(settings: dict) -> float:
    """Return the SWD of other real subjects."""
    _, others = parts(settings)
    real = cohort(settings["subjects"])["reference"].images
    return round(Yardstick(others.images)(real)["SWD"], 4)


def main() -> None:
    """Run what is not finished, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=SETTINGS["steps"])
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    settings = SETTINGS | {"steps": options.steps}
    once, rows = finished(run, SIZES), []
    for seed in options.seeds:
        for name in SIZES:
            rows.append(once(name, seed, settings))
            print(rows[-1], flush=True)
    results = {"rows": rows, "floor": floor(settings)}
    record(options.out, results, seeds=options.seeds, settings=settings)


if __name__ == "__main__":
    main()
