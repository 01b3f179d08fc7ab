"""The one split of the liver cohorts: every script that trains or scores on them calls this.

The phantom is split by subject, the real slices by case: a share of the cases is the encoder's and
is shown to no GAN. The encoder's phantoms are a cohort of their own.
"""

from pathlib import Path

import numpy as np

from medgan_utils.data import Slices, load_slices
from medgan_utils.phantoms import BODY_TISSUES

SEED, MATRIX, STEP_MM = 2026, 128, 5.0
CLIPPED = (0.0, 255.0)  # HU in which the real slices arrive
MAP_CLASSES = tuple(sorted(BODY_TISSUES, key=BODY_TISSUES.get))  # of the label maps, air 0 first
PHANTOM_SHARES = {"train": 0.7, "reference": 0.15, "test": 0.15}
REAL_SHARES = {"train": 0.58, "encoder": 0.14, "reference": 0.14, "test": 0.14}


def phantom_splits(subjects: int = 80) -> dict[str, Slices]:
    """Return liver slices of the phantom in [-160, 240] HU, by subject: train, reference, test."""
    return bodies_with_liver(subjects, seed=0).split(PHANTOM_SHARES, seed=SEED)


def map_splits(image_size: int = 128, subjects: int = 160) -> dict[str, Slices]:
    """Return liver slices of the phantom in venous phase with their label maps, by subject.

    [-160, 240] HU; masks hold the numbers of `MAP_CLASSES`.
    """
    cut = dict(image_size=image_size, phase="venous", masks="tissues")
    slices = bodies_with_liver(subjects, seed=0, **cut)
    return slices.split(PHANTOM_SHARES, seed=SEED)


def encoder_phantoms(subjects: int = 80) -> list[Slices]:
    """Return liver slices of other phantoms, in the usual window and in that of the real slices."""
    return [
        bodies_with_liver(subjects, seed=1),
        bodies_with_liver(subjects, seed=1, window=CLIPPED),
    ]


def real_splits(folder: str | Path, image_size: int = 64) -> dict[str, Slices]:
    """Return the real slices by case: train, encoder, reference, test; the same for each size."""
    return real_slices(folder, image_size).split(REAL_SHARES, seed=SEED)


def real_slices(folder: str | Path, image_size: int = 64) -> Slices:
    """Return CT slices of patients with a mask of the liver, its tumours included.

    Args:
        folder: Holds `liver_ct_slices/images` and `masks`: Medical Segmentation Decathlon, Task03,
            CC BY-SA 4.0; grey is HU clipped to [0, 255], the spacing is not known.
        image_size: Pixels along each side; the files have 256.
    """
    folder = Path(folder, "liver_ct_slices")
    return load_slices(
        "folder",
        image_size,
        folder=folder / "images",
        masks=folder / "masks",
        modality="CT",
        anatomy="body",
        subject_pattern=r"(case\d+)",
    )


def bodies_with_liver(subjects: int, seed: int, image_size: int = 64, **options) -> Slices:
    """Return the slices of a cohort of phantoms that show the liver."""
    cohort = dict(subjects=subjects, seed=seed, matrix=max(MATRIX, image_size))
    slices = load_slices("liver-phantom", image_size, step_mm=STEP_MM, **cohort, **options)
    return slices.select(np.flatnonzero(slices.labels["liver"] == 1))
