"""What does a curve through the grey values of the same pixel reach, where a straight line stands?

    MEDGAN_REAL_DATA=folder python experiments/grey_curves.py

Chapter 11 holds its translators against a linear regression of grey values. A line is a weak
control: contrasts of one tissue do not lie on lines. Here boosted trees take its place, which can
be any function of the pixel's own grey values and know nothing of its neighbours, in every stored
run that has the line: `translation.py completion`, `scarcity.py subjects` and `six`, and
`translation.py patients`; the same cohorts, splits and scores, and the line again beside. The
result is `results/grey_curves.json`.
"""

import argparse
import sys
from itertools import product

from experiments import scarcity, translation  # first: quiets TensorFlow
from experiments.translation import CHECK, COHORT, MR, RESULTS, SEEN, SETTINGS, scores
from tools.record import finished, record

# isort: split
import numpy as np

from medgan_utils.evaluation import bodies, curve_of_grey_values, line_of_grey_values
from medgan_utils.evaluation.grey_values import PIXELS

LINE, CURVE = "regression of grey values", "curve through grey values"
SEEDS = (0, 1, 2)


def both(x: np.ndarray, y: np.ndarray, new: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Return name -> images of the line and of the curve."""
    return {LINE: line_of_grey_values(x, y, new), CURVE: curve_of_grey_values(x, y, new, seed)}


def among(run: str, every: tuple[str, ...], seed: int, settings: dict) -> list[dict]:
    """Return rows for each contrast drawn from all the others."""
    contrasts = every if run == "six" else ()  # `completion` has its usual cohort
    train, test = translation.split(settings, *contrasts)
    masks, rows = bodies(test.images[..., : len(MR)]), []
    for missing, name in enumerate(every):
        others = [k for k in range(len(every)) if k != missing]
        asked, target = train.images[..., [missing]], test.images[..., [missing]]
        made = both(train.images[..., others], asked, test.images[..., others], seed)
        for arm, images in made.items():
            row = {"run": run, "arm": arm, "missing": name, "seed": seed}
            row |= scores(images, target, masks, test.subjects)
            rows.append(row | {"swd": translation.texture(images, target, masks)})
    return rows


def subjects(seed: int, settings: dict) -> list[dict]:
    """Return rows for FLAIR from T1 and from four contrasts, by the number of subjects."""
    train, test = translation.split(settings, *scarcity.EVERY)
    order = np.random.default_rng(seed).permutation(np.unique(train.subjects))
    target, masks = test.images[..., [scarcity.FLAIR]], bodies(test.images[..., : len(MR)])
    rows = []
    for size, (given, channels) in product(settings["sizes"], scarcity.GIVEN.items()):
        few = train.for_subjects(order[:size])
        x, y = few.images[..., channels], few.images[..., [scarcity.FLAIR]]
        for arm, images in both(x, y, test.images[..., channels], seed).items():
            row = {"run": "subjects", "arm": arm, "given": given, "subjects": size, "seed": seed}
            rows.append(row | scores(images, target, masks, test.subjects))
    return rows


def patients(seed: int) -> list[dict]:
    """Return rows for a third of the patients: FLAIR, and T1 after contrast."""
    slices = translation.patients_slices()
    asked = translation.third_of(slices["names"], seed)
    images, tumours, who = slices["images"], slices["tumours"][asked], slices["names"][asked]
    ill, around, rows = tumours.any(axis=(1, 2)), bodies(images[asked]), []
    for target in (SEEN.index("FLAIR"), SEEN.index("T1 after contrast")):
        others = [k for k in range(len(SEEN)) if k != target]
        x, y = images[~asked][..., others], images[~asked][..., [target]]
        for arm, made in both(x, y, images[asked][..., others], seed).items():
            row = {"run": "patients", "target": SEEN[target], "arm": arm, "seed": seed}
            row |= scores(made, images[asked][..., [target]], around, who)
            row["excess"] = translation.excess(made[ill], tumours[ill], around[ill], who[ill])
            rows.append(row)
    return rows


def simulated(seed: int, settings: dict) -> list[dict]:
    """Return the rows of all runs on phantoms."""
    rows = among("completion", MR, seed, settings) + among("six", scarcity.EVERY, seed, settings)
    return rows + subjects(seed, settings)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    arguments = parser.parse_args()
    settings, rows = SETTINGS | {"sizes": scarcity.SIZES}, []
    for seed in arguments.seeds:  # which decides about nothing where all subjects are taken
        run = simulated if seed == arguments.seeds[0] else subjects
        for row in finished(run)(seed, settings) + finished(patients)(seed):
            rows.append(row)
            print(row, flush=True)
    check = {"settings": CHECK, "rows": among("completion", MR, 0, CHECK)}
    out = RESULTS / "grey_curves.json"
    record(out, rows, arguments.seeds, settings=settings | COHORT, pixels=PIXELS, check=check)
    return 0


if __name__ == "__main__":
    sys.exit(main())
