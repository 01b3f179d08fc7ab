"""Chapter 3's few-shot curve: do generated images help a classifier that has few patients?

    python experiments/few_shot.py

For each number of subjects and each seed two conditional GANs see those subjects and no others: a
plain one, and one with three helps for its label. Then the same small classifier learns to find
lesions from the real slices alone, with classical augmentation, with the generated slices of
either GAN, and with both. All are tested on real slices of others. A classifier of all the pool's
slices tells how well each GAN obeys its label. A finished run is not run again.
"""

import argparse
import sys
import time
from functools import cache
from pathlib import Path

from medgan_utils import profiles

profiles.quiet_tensorflow()

import keras
import numpy as np
from keras import layers

from medgan_utils import data, evaluation
from medgan_utils.models import dcgan_discriminator, dcgan_generator
from medgan_utils.phantoms import VERSION
from medgan_utils.training import GAN, R1, DiffAugment, Mismatch, ModeSeeking
from recipes.projects import balanced
from tools.record import finished, record

RESULT = Path(__file__).parent / "results" / "few_shot.json"
COHORT = dict(
    image_size=32, spacing_mm=4.0, step_mm=8.0, levels=(30.0, 94.0), fov_mm=208.0, seed=3
)  # seed 3: no setting of this script was chosen on these heads
MODALITIES = ("T1", "T2", "FLAIR")
LESION_MM2 = 300  # smaller lesions leave their slice out: neither clearly ill nor healthy
COUNTS, SEEDS = (4, 8, 16, 32), (0, 1, 2)
SETTINGS = dict(subjects=72, pool=36, gan_steps=600, generated=256, classifier_steps=400)
PLAIN, HELPED = "GAN", "obeying GAN"
GANS = (PLAIN, HELPED)
ARMS = (
    "real",
    "real + classical",
    *(f"real + {gan}{more}" for gan in GANS for more in ("", " + classical")),
)
# One more run, so small that a test can repeat it.
CHECK = dict(
    count=4,
    seed=0,
    settings=dict(subjects=12, pool=6, gan_steps=10, generated=16, classifier_steps=20),
)


@cache
def cohort(subjects: int) -> data.Slices:
    """Return FLAIR slices with the label "finding": a lesion of at least LESION_MM2, or none."""
    slices = data.load_slices(
        "brain-phantom", subjects=subjects, modalities=MODALITIES, cache=True, **COHORT
    )
    slices = slices.select(slices.labels["contrast"] == MODALITIES.index("FLAIR"))
    area_mm2 = (slices.masks > 0).sum(axis=(1, 2)) * slices.spacing_mm**2
    slices.labels["finding"] = (area_mm2 >= LESION_MM2).astype(np.int64)
    return slices.select((area_mm2 == 0) | (area_mm2 >= LESION_MM2))


def split(slices: data.Slices, pool: int) -> tuple[list[str], list[str], list[str]]:
    """Return the ill and the healthy half of the pool, and the test subjects."""
    random = np.random.default_rng(0)
    ill = np.unique(slices.subjects[slices.labels["finding"] == 1])
    healthy = np.setdiff1d(slices.subjects, ill)
    if min(len(ill), len(healthy)) <= pool // 2:
        raise ValueError(f"{len(ill)} ill and {len(healthy)} healthy subjects; pool={pool}")
    ill, healthy = random.permutation(ill), random.permutation(healthy)
    test = [*ill[pool // 2 :], *healthy[pool // 2 :]]
    return list(ill[: pool // 2]), list(healthy[: pool // 2]), test


def generate(
    real: data.Slices, helped: bool, steps: int, count: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Train a conditional GAN on these slices; return `count` images, half with a lesion.

    With help the discriminator also sees real slices under the wrong label and pools its
    projection by the maximum, findings are shown half of the time, and a mode-seeking term keeps
    a label from becoming one picture (what each does: `conditional.py`).
    """
    keras.utils.set_random_seed(seed)
    pooled = "max" if helped else "mean"
    networks = (
        dcgan_generator(32, num_classes=2),
        dcgan_discriminator(32, num_classes=2, projection=pooled),
    )
    gan = GAN(*networks, seed=seed)
    adams = [keras.optimizers.Adam(1e-3, beta_1=0.0, beta_2=0.99) for _ in networks]
    help_terms = dict(penalties=[R1(), Mismatch(1.0)], terms=[ModeSeeking(0.1)])
    settings = help_terms if helped else dict(penalties=[R1()])
    gan.compile(*adams, augment=DiffAugment(), steps_per_execution=10, **settings)
    batches = balanced(real, "finding" if helped else None).to_dataset(
        32, seed=seed, label="finding"
    )
    gan.fit(batches, steps_per_epoch=steps, verbose=0)
    labels = np.arange(count) % 2
    return gan.sample(count, labels[:, None], seed=seed), labels


def classical() -> keras.Sequential:
    """Return the augmentation everybody uses: flips, small shifts, small turns."""
    black = dict(fill_mode="constant", fill_value=-1.0)
    return keras.Sequential(
        [
            layers.RandomFlip("horizontal"),
            layers.RandomTranslation(0.1, 0.1, **black),
            layers.RandomRotation(0.03, **black),
        ]
    )


@cache
def pool_judge(subjects: int, pool: int, steps: int) -> keras.Model:
    """Return a classifier of all the pool's slices: it tells whether a GAN obeys its label."""
    slices = cohort(subjects)
    ill, healthy, _ = split(slices, pool)
    real = slices.for_subjects([*ill, *healthy])
    return evaluation.train_classifier(
        real.images, real.labels["finding"], steps=2 * steps, augment=classical(), seed=0
    )


def auc(model: keras.Model, images: np.ndarray, labels: np.ndarray, subjects=None) -> float:
    """Return the AUC of a classifier of findings."""
    scores = evaluation.score_classifier(model, images, labels, subjects, repeats=2)
    return round(float(scores["AUC"].value), 5)


def material(real: data.Slices, made: dict, arm: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the images and findings that an arm learns from, real ones and those it adds."""
    images, labels = real.images, real.labels["finding"]
    name = arm.removeprefix("real + ").removesuffix(" + classical")
    if name not in made:
        return images, labels
    added, asked = made[name]
    return np.concatenate([images, added]), np.append(labels, asked)


def run_once(count: int, seed: int, settings: dict) -> list[dict]:
    """Return one row an arm, for `count` subjects that the seed chooses from the pool."""
    keras.backend.clear_session()
    slices = cohort(settings["subjects"])
    ill, healthy, test_subjects = split(slices, settings["pool"])
    random = np.random.default_rng([seed, count])
    chosen = [*random.permutation(ill)[: count // 2], *random.permutation(healthy)[: count // 2]]
    real, test = slices.for_subjects(chosen), slices.for_subjects(test_subjects)
    about = {"subjects": count, "seed": seed, "real_images": len(real)}
    about["findings"] = int(real.labels["finding"].sum())
    judge = pool_judge(settings["subjects"], settings["pool"], settings["classifier_steps"])
    made, rows, sizes = {}, [], (settings["gan_steps"], settings["generated"])
    for name in GANS:
        started = time.perf_counter()
        made[name] = generate(real, name == HELPED, *sizes, seed)
        row = {"gan": name, "obeys": auc(judge, *made[name])}
        rows.append(row | about | {"seconds": round(time.perf_counter() - started, 1)})
    for arm in ARMS:
        keras.utils.set_random_seed(seed)
        images, labels = material(real, made, arm)
        model = evaluation.train_classifier(
            images,
            labels,
            steps=settings["classifier_steps"],
            augment=classical() if "classical" in arm else None,
            seed=seed,
        )
        found = auc(model, test.images, test.labels["finding"], test.subjects)
        rows.append({"arm": arm, "images": len(images), "auc": found} | about)
    return rows


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--counts", nargs="+", type=int, default=list(COUNTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    rows, gans = [], []
    for seed in arguments.seeds:
        for count in arguments.counts:
            made = finished(run_once, COHORT, VERSION)(count, seed, SETTINGS)
            rows += [row for row in made if "arm" in row]
            gans += [row for row in made if "gan" in row]
            shown = "  ".join(f"{row['arm']} {row['auc']:.3f}" for row in rows[-len(ARMS) :])
            print(f"{count} subjects, seed {seed}: {shown}", flush=True)
    slices = cohort(SETTINGS["subjects"])
    test = slices.for_subjects(split(slices, SETTINGS["pool"])[2])
    about = {"subjects": len(np.unique(test.subjects)), "images": len(test)}
    about["findings"] = int(test.labels["finding"].sum())
    check = CHECK | {"rows": run_once(**CHECK)}
    settings = SETTINGS | COHORT | {"lesion_mm2": LESION_MM2}
    seeds = arguments.seeds
    record(arguments.out, rows, seeds, settings=settings, test=about, gans=gans, check=check)
    return 0


if __name__ == "__main__":
    sys.exit(main())
