"""The one split of the IXI subjects: every script that trains or scores on them calls this.

GAN-train 66, encoder-train 14, reference 15 (choice of models), test 15 (opened once), by subject.
"""

from pathlib import Path

from medgan_utils.data import Slices, load_slices

SHARES = {"train": 66 / 110, "encoder": 14 / 110, "reference": 15 / 110, "test": 15 / 110}
SEED = 2026


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
