"""Train `brain-encoder-64`, the feature space of FD-enc and KID-enc, on 14 real IXI heads.

    MEDGAN_REAL_DATA=folder python recipes/train_encoder.py

where `folder` holds `ixi_t1`, `ixi_seg` and `ixi_participants.csv`. It learns to tell how far below
the vertex a slice lies and how much of each tissue it shows (DLMUSE label maps). The subjects are
used for nothing else; errors are measured on the reference subjects. Writes weights, architecture
and card to `data/checkpoints/`.
"""

import argparse
import json
import os
from pathlib import Path

from medgan_utils import profiles

profiles.quiet_tensorflow()

# isort: split
import numpy as np

from medgan_utils._paths import checkpoints_folder
from medgan_utils.data import Slices
from medgan_utils.evaluation import Encoder, train_encoder
from recipes.ixi_split import SEED, ixi_splits
from tools.record import provenance

NAME = "brain-encoder-64"
STEP_MM = 2.0
# Indices of the MUSE atlas, right and left; checked against intensity and place in the volumes.
TISSUES = {
    "fluid outside the brain": (1, 46),
    "ventricles": (4, 11, *range(49, 53)),
    "deep grey matter": (23, 30, 31, 32, 36, 37, 47, 48, *range(55, 61), 75, 76),
    "white matter": (61, 62, *range(81, 96)),
    "cortex": tuple(range(100, 208)),
    "cerebellum and brain stem": (35, *range(38, 42), 71, 72, 73),
}


def targets_of(slices: Slices) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return what the encoder learns, `(N, 7)`, and the names.

    Level in mm below the vertex; each tissue's share of the image in percent.
    """
    shares = [
        100 * np.isin(slices.masks, indices).mean(axis=(1, 2)) for indices in TISSUES.values()
    ]
    names = ("level (mm below the vertex)", *(f"{tissue} (% of the image)" for tissue in TISSUES))
    return np.stack([slices.positions, *shares], axis=1), names


def errors_of(encoder: Encoder, slices: Slices) -> dict[str, dict[str, float]]:
    """Return mean absolute error and R² of every target."""
    truth, names = targets_of(slices)
    residual = encoder.predict(slices.images) - truth
    mae = np.abs(residual).mean(axis=0)
    r2 = 1 - np.mean(residual**2, axis=0) / truth.var(axis=0)
    return {
        name: {"mean absolute error": round(float(a), 3), "R2": round(float(b), 3)}
        for name, a, b in zip(names, mae, r2, strict=True)
    }


CARD = """# brain-encoder-64

A small network ({parameters:,} weights) whose 32 features are the space of FD-enc and KID-enc.
It maps a 64 × 64 axial T1 head slice (240 mm square, [-1, 1]) to its level and to the shares of
six tissues.

- **Data**: IXI (T1, Hammersmith site), https://brain-development.org/ixi-dataset/, downsampled
  subset (2 mm) with DLMUSE label maps. Licence of the data **and of these weights**: CC BY-SA 3.0
  (https://creativecommons.org/licenses/by-sa/3.0/).
- **Subjects** ({subjects}, the encoder split, used for nothing else): {names}.
- **Slices**: {slices}, every {step_mm:g} mm from 20 to 120 mm below the vertex.
- **Command**: `{command}`; commit `{commit}`; {date}; {machine}.
- **Steps**: {steps} batches of 32, {seconds} s in all.
- **Seeds**: split {split_seed}, training {seed}.
- **Versions**: {versions}.
- **Not for**: diagnosis, measuring the tissue of patients, comparison with FID or with the
  numbers of any paper.

Errors on {count} slices of the reference subjects, whom the encoder has not seen:

| target | mean absolute error | R² |
| --- | --- | --- |
{errors}

The same on the subjects it was trained on:

| target | mean absolute error | R² |
| --- | --- | --- |
{own_errors}
"""


def rows(errors: dict[str, dict[str, float]]) -> str:
    """Return the rows of a Markdown table."""
    return "\n".join(f"| {k} | {v['mean absolute error']} | {v['R2']} |" for k, v in errors.items())


def main() -> None:
    """Train, measure, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", default=os.environ.get("MEDGAN_REAL_DATA"), help="IXI files")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=checkpoints_folder())
    options = parser.parse_args()
    if not options.folder:
        parser.error("set MEDGAN_REAL_DATA, or pass --folder")
    parts = ixi_splits(options.folder, step_mm=STEP_MM)
    own, reference = parts["encoder"], parts["reference"]
    targets, names = targets_of(own)
    encoder = train_encoder(
        own.images, targets, names, steps=options.steps, seed=options.seed, name=NAME
    )
    errors, own_errors = errors_of(encoder, reference), errors_of(encoder, own)
    print(json.dumps(errors, indent=1))
    encoder.save(options.out / NAME, shipped=True)
    made = provenance([SEED, options.seed])
    subjects = np.unique(own.subjects)
    card = CARD.format(
        parameters=encoder.network.count_params(),
        subjects=f"{len(subjects)} of {sum(len(np.unique(p.subjects)) for p in parts.values())}",
        names=", ".join(subjects),
        slices=len(own),
        step_mm=STEP_MM,
        steps=options.steps,
        split_seed=SEED,
        seed=options.seed,
        count=len(reference),
        errors=rows(errors),
        own_errors=rows(own_errors),
        **made | {"versions": ", ".join(f"{k} {v}" for k, v in made["versions"].items())},
    )
    (options.out / f"{NAME}.md").write_text(card, encoding="utf-8")


if __name__ == "__main__":
    main()
