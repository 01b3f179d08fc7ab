"""Train `liver-encoder-64`, the feature space for the liver: on phantoms and on 12 real cases.

    MEDGAN_REAL_DATA=folder python recipes/train_liver_encoder.py

It learns to tell from a slice how much of it is liver and tumour, where the liver lies and how
bright it is. The subjects and cases are used for nothing else; errors are measured on the reference
subjects of the phantom and the reference cases of the real slices. Writes weights, architecture and
card to `data/checkpoints`.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from medgan_utils import profiles

profiles.quiet_tensorflow()

# isort: split
import numpy as np

from medgan_utils._paths import checkpoints_folder
from medgan_utils.data import Slices
from medgan_utils.evaluation import Encoder, train_encoder
from recipes.liver_split import CLIPPED, SEED, encoder_phantoms, phantom_splits, real_splits
from tools.record import provenance

NAME, WINDOW = "liver-encoder-64", (-160.0, 240.0)
REAL_TIMES = 6  # as often as that the few real slices are shown for one phantom slice
TARGETS = (
    "liver (% of the image)",
    "tumour (% of the image)",
    "row of the liver's centre (px)",
    "column of the liver's centre (px)",
    "liver's median (HU)",
)
CARD = """# liver-encoder-64

A small network ({parameters:,} weights) whose 32 features are the space of FD-enc and KID-enc for
the liver. From a 64 × 64 axial CT slice, [-160, 240] or [0, 255] HU scaled to [-1, 1], it learned
to read the size, place and brightness of the liver and the share of tumour in it. How well it does
is below: an R² under 0 is worse than always answering the mean, and of what it does not read,
tumours above all, no distance in its features says anything.

- **Data**: {phantom_slices} slices of 80 phantom subjects (`load_slices("liver-phantom", seed=1)`,
  a cohort of their own), each in both windows; {real} slices of {cases} cases, shown {times} times
  as often, of the Medical Segmentation Decathlon, Task03 Liver (Antonelli et al. 2022,
  doi:10.1038/s41467-022-30695-9), through a public 8-bit JPEG copy. Licence of these **and of
  the weights**: CC BY-SA 4.0
  (https://creativecommons.org/licenses/by-sa/4.0/).
- **Cases** (the encoder split, used for nothing else): {names}.
- **Not known**: the masks of the real slices join tumour and liver, so the share of tumour was
  learned from phantoms alone. The real slices come without spacing.
- **Command**: `{command}`; commit `{commit}`; {date}; {machine}.
- **Steps**: {steps} batches of 32, {seconds} s in all.
- **Seeds**: splits {split_seed}, training {seed}.
- **Versions**: {versions}.
- **Not for**: diagnosis, finding tumours in patients, comparison with FID or with the numbers of
  any paper.

Errors on the reference subjects, whom the encoder has not seen: {phantom_count} phantom slices,
{real_count} real ones.

| target | phantom: mean absolute error | R² | real: mean absolute error | R² |
| --- | --- | --- | --- | --- |
{errors}
"""


def targets_of(slices: Slices, window: tuple[float, float], tumours_known: bool) -> np.ndarray:
    """Return what the encoder learns, `(N, 5)`; the tumour's share is NaN where it is not known."""
    rows, columns = np.indices(slices.masks.shape[1:])
    table = []
    for image, mask in zip(slices.images[..., 0], slices.masks > 0, strict=True):
        hu = window[0] + (image[mask] + 1) / 2 * (window[1] - window[0])
        table.append((100 * mask.mean(), 0, rows[mask].mean(), columns[mask].mean(), np.median(hu)))
    table = np.array(table)
    table[:, 1] = 100 * (slices.masks == 2).mean(axis=(1, 2)) if tumours_known else np.nan
    return table


def errors_of(encoder: Encoder, slices: Slices, truth: np.ndarray) -> list[tuple[float, float]]:
    """Return mean absolute error and R² of every target, NaN where it is not known."""
    residual = encoder.predict(slices.images) - truth
    mae = np.abs(residual).mean(axis=0)
    r2 = 1 - np.mean(residual**2, axis=0) / truth.var(axis=0)
    return list(zip(mae, r2, strict=True))


def main() -> int:
    """Train, measure, save."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=checkpoints_folder())
    options = parser.parse_args()
    if "MEDGAN_REAL_DATA" not in os.environ:
        sys.exit("set MEDGAN_REAL_DATA to the folder that holds liver_ct_slices/")
    phantom, real = phantom_splits()["reference"], real_splits(os.environ["MEDGAN_REAL_DATA"])
    usual, clipped = encoder_phantoms()
    own = [(usual, WINDOW, True), (clipped, CLIPPED, True)]
    own += REAL_TIMES * [(real["encoder"], CLIPPED, False)]
    images = np.concatenate([slices.images for slices, _, _ in own])
    targets = np.concatenate([targets_of(*part) for part in own])
    encoder = train_encoder(
        images, targets, TARGETS, steps=options.steps, seed=options.seed, name=NAME
    )
    errors = [
        errors_of(encoder, phantom, targets_of(phantom, WINDOW, True)),
        errors_of(encoder, real["reference"], targets_of(real["reference"], CLIPPED, False)),
    ]
    rows = [
        f"| {name} | "
        + " | ".join(f"{a:.2f} | {b:.2f}" for a, b in pair).replace("nan", "–")
        + " |"
        for name, *pair in zip(TARGETS, *errors, strict=True)
    ]
    print(json.dumps(rows, indent=1, ensure_ascii=False))
    encoder.save(options.out / NAME, shipped=True)
    made = provenance([SEED, options.seed])
    cases = np.unique(real["encoder"].subjects)
    card = CARD.format(
        parameters=encoder.network.count_params(),
        phantom_slices=len(usual),
        real=len(real["encoder"]),
        cases=len(cases),
        times=REAL_TIMES,
        names=", ".join(cases),
        steps=options.steps,
        split_seed=SEED,
        seed=options.seed,
        phantom_count=len(phantom),
        real_count=len(real["reference"]),
        errors="\n".join(rows),
        **made | {"versions": ", ".join(f"{k} {v}" for k, v in made["versions"].items())},
    )
    (options.out / f"{NAME}.md").write_text(card, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
