"""Chapter 3's few-shot curve: do generated images help a classifier that has few patients?

    python experiments/few_shot.py

For each number of subjects and each seed a conditional GAN sees those subjects and no others. Then
the same small classifier learns to find lesions from the real slices alone, with classical
augmentation, with generated slices, and with both. All are tested on real slices of others.
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
from medgan_utils.training import GAN, DiffAugment
from tools.record import record

RESULT = Path(__file__).parent / "results" / "few_shot.json"
COHORT = dict(
    image_size=32, spacing_mm=4.0, step_mm=8.0, levels=(30.0, 94.0), fov_mm=208.0, seed=3
)  # seed 3: no setting of this script was chosen on these heads
MODALITIES = ("T1", "T2", "FLAIR")
LESION_MM2 = 300  # smaller lesions leave their slice out: neither clearly ill nor healthy
COUNTS, SEEDS = (4, 8, 16, 32), (0, 1, 2)
SETTINGS = dict(subjects=72, pool=36, gan_steps=600, generated=256, classifier_steps=400)
ARMS = ("real", "real + classical", "real + GAN", "real + GAN + classical")
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


def generate(real: data.Slices, steps: int, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Train a conditional GAN on these slices; return `count` images, half with a lesion."""
    keras.utils.set_random_seed(seed)
    networks = dcgan_generator(32, num_classes=2), dcgan_discriminator(32, num_classes=2)
    gan = GAN(*networks, seed=seed)
    gan.compile(augment=DiffAugment(), steps_per_execution=10)
    batches = real.to_dataset(32, seed=seed, label="finding")
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


def run_once(count: int, seed: int, settings: dict) -> list[dict]:
    """Return one row an arm, for `count` subjects that the seed chooses from the pool."""
    keras.backend.clear_session()
    slices = cohort(settings["subjects"])
    ill, healthy, test_subjects = split(slices, settings["pool"])
    random = np.random.default_rng([seed, count])
    chosen = [*random.permutation(ill)[: count // 2], *random.permutation(healthy)[: count // 2]]
    real, test = slices.for_subjects(chosen), slices.for_subjects(test_subjects)
    started = time.perf_counter()
    fake, fake_labels = generate(real, settings["gan_steps"], settings["generated"], seed)
    gan_seconds = time.perf_counter() - started
    finding, rows = real.labels["finding"], []
    for arm in ARMS:
        keras.utils.set_random_seed(seed)
        images, labels = real.images, finding
        if "GAN" in arm:
            images, labels = np.concatenate([images, fake]), np.append(labels, fake_labels)
        model = evaluation.train_classifier(
            images,
            labels,
            steps=settings["classifier_steps"],
            augment=classical() if "classical" in arm else None,
            seed=seed,
        )
        scores = evaluation.score_classifier(
            model, test.images, test.labels["finding"], test.subjects
        )
        rows.append(
            {"arm": arm, "subjects": count, "seed": seed, "images": len(images)}
            | {"real_images": len(real), "findings": int(finding.sum())}
            | {"auc": round(float(scores["AUC"].value), 5), "gan_seconds": round(gan_seconds, 1)}
        )
    return rows


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--counts", nargs="+", type=int, default=list(COUNTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    rows = []
    for seed in arguments.seeds:
        for count in arguments.counts:
            rows += run_once(count, seed, SETTINGS)
            shown = "  ".join(f"{row['arm']} {row['auc']:.3f}" for row in rows[-len(ARMS) :])
            print(f"{count} subjects, seed {seed}: {shown}", flush=True)
    slices = cohort(SETTINGS["subjects"])
    test = slices.for_subjects(split(slices, SETTINGS["pool"])[2])
    about = {"subjects": len(np.unique(test.subjects)), "images": len(test)}
    about["findings"] = int(test.labels["finding"].sum())
    check = CHECK | {"rows": run_once(**CHECK)}
    settings = SETTINGS | COHORT | {"lesion_mm2": LESION_MM2}
    record(arguments.out, rows, arguments.seeds, settings=settings, test=about, check=check)
    return 0


if __name__ == "__main__":
    sys.exit(main())
