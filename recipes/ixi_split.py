"""The one split of the IXI subjects: every script that trains or scores on them calls this.

GAN-train 66, encoder-train 14, reference 15 (choice of models), test 15 (opened once), by subject.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from medgan_utils.data import Slices, load_slices

SHARES = {"train": 66 / 110, "encoder": 14 / 110, "reference": 15 / 110, "test": 15 / 110}
SEED = 2026
AGE_LIMIT = 50.0  # years


def ixi_splits(folder: str | Path, image_size: int = 64, **options) -> dict[str, Slices]:
    """Load the IXI heads with label maps, age and sex, and split them by subject.

    Args:
        folder: Holds `ixi_t1/` (T1 volumes), `ixi_seg/` (DLMUSE label maps) and
            `ixi_participants.csv`.
        image_size: Pixels along each side of a slice.
        **options: Further options of `load_slices`, such as `step_mm`; they do not change who is
            in which part.

    Returns:
        `train`, `encoder`, `reference` and `test`.

    Raises:
        FileNotFoundError: If volumes or label maps are missing.
    """
    folder = Path(folder)
    slices = load_slices(
        "ixi",
        image_size,
        folder=folder / "ixi_t1",
        masks=folder / "ixi_seg",
        participants=folder / "ixi_participants.csv",
        **options,
    )
    return slices.split(SHARES, seed=SEED)


def with_age_group(slices: Slices) -> Slices:
    """Keep the slices of known age, with the label "age_group": 0 under 50 years, 1 from 50 on."""
    known = slices.select(np.flatnonzero(np.isfinite(slices.labels["age"])))
    group = (known.labels["age"] >= AGE_LIMIT).astype(np.int64)
    return replace(known, labels=known.labels | {"age_group": group})
