"""How many subjects, and how many contrasts, does a missing FLAIR need? And CT and PET beside MR?

    python experiments/scarcity.py subjects
    python experiments/scarcity.py six

`subjects`: FLAIR drawn from T1 alone and from T1, T2, PD and CT, by a U-Net that saw 3, 6, 12 or 24
subjects for the same number of steps, beside a regression of grey values of the same subjects.
`six`: one generator for any subset of T1, T2, FLAIR, PD, CT and FDG-PET; each is drawn from the
five others, beside the regression, and MR contrasts from MR alone, too, by the same network. Scored
inside the head on the same 8 subjects as `translation.py`'s completion, with an interval over them.
The results are `results/scarcity_*.json`.
"""

import argparse
import sys
from itertools import product

from experiments.translation import (
    CHECK,
    COHORT,
    RATE,
    RESULTS,
    SETTINGS,
    paired,
    scores,
    split,
)
from medgan_utils.evaluation import bodies, line_of_grey_values
from tools.record import finished, record

# isort: split
import numpy as np

EVERY = ("T1", "T2", "FLAIR", "PD", "CT", "PET")
MR, FLAIR = 4, EVERY.index("FLAIR")
GIVEN = {"from T1": [0], "from T1, T2, PD and CT": [0, 1, 3, 4]}
SIZES, SEEDS = (3, 6, 12, 24), (0, 1, 2)


def subjects(seed: int, settings: dict) -> list[dict]:
    """Return a row an arm, number of subjects and number of contrasts."""
    train, test = split(settings, *EVERY)
    order = np.random.default_rng(seed).permutation(np.unique(train.subjects))
    target, masks = test.images[..., [FLAIR]], bodies(test.images[..., :MR])
    rows = []
    for size, (given, channels) in product(settings["sizes"], GIVEN.items()):
        few = train.for_subjects(order[:size])
        x, y = few.images[..., channels], few.images[..., [FLAIR]]
        new = test.images[..., channels]
        model = paired(x, y, settings["steps"], settings["batch"], seed, rate=RATE)
        drawn = {
            "regression of grey values": (line_of_grey_values(x, y, new), 0.0),
            "U-Net": (model.translate(new), model.seconds),
        }
        for arm, (images, seconds) in drawn.items():
            row = {"arm": arm, "given": given, "subjects": size, "seed": seed}
            row |= scores(images, target, masks, test.subjects)
            rows.append(row | {"seconds": round(seconds, 1)})
    return rows


def six(seed: int, settings: dict) -> list[dict]:
    """Return a row an arm and missing contrast of six."""
    train, test = split(settings, *EVERY)
    x, y = train.images, test.images
    masks, who, rows = bodies(y[..., :MR]), test.subjects, []
    joint = paired(x, x, settings["steps"], settings["batch"], seed, rate=RATE)
    for missing, name in enumerate(EVERY):
        others = [k for k in range(len(EVERY)) if k != missing]
        drawn = {
            "regression of grey values": line_of_grey_values(
                x[..., others], x[..., [missing]], y[..., others]
            ),
            "one for all, five given": filled(joint, y, missing, others),
        }
        if missing < MR:
            mr = [k for k in others if k < MR]
            drawn["one for all, three MR given"] = filled(joint, y, missing, mr)
        for arm, images in drawn.items():
            row = {"arm": arm, "missing": name, "seed": seed}
            row |= scores(images, y[..., [missing]], masks, who)
            rows.append(row | {"seconds": round(joint.seconds, 1)})
    return rows


def filled(joint, images: np.ndarray, missing: int, given: list[int]) -> np.ndarray:
    """Return one contrast (N, H, W, 1) as a generator of all draws it from some."""
    there = np.isin(np.arange(images.shape[-1]), given).astype(int)
    return joint.translate(images, there)[..., [missing]]


RUNS = {"subjects": subjects, "six": six}


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("what", choices=RUNS)
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    arguments = parser.parse_args()
    settings = SETTINGS | {"sizes": SIZES}
    run, rows = finished(RUNS[arguments.what], COHORT), []
    for seed in arguments.seeds:
        for row in run(seed, settings):
            rows.append(row)
            print(row, flush=True)
    check = {"settings": CHECK | {"sizes": (2, 4)}}
    check["rows"] = RUNS[arguments.what](0, check["settings"])
    out = RESULTS / f"scarcity_{arguments.what}.json"
    record(out, rows, arguments.seeds, settings=settings | COHORT, check=check)
    return 0


if __name__ == "__main__":
    sys.exit(main())
