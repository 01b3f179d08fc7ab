"""How often an interval called 95 % holds the true AUC, by the number of test subjects.

    python experiments/interval_coverage.py        # about two minutes

Scores of slices are drawn whose true AUC is known: every subject has 26 slices and a mean of its
own, an ill one shows a finding on 10 of them, and a finding raises the score. `bootstrap_auc`,
which draws the subjects again, is asked for the interval of each draw. The result is
`results/interval_coverage.json`, which chapters 7 and 10 quote.
"""

import argparse
import sys

import numpy as np
from scipy.stats import norm

from medgan_utils.evaluation import bootstrap_auc
from tools.record import ROOT, record

SLICES, WITH_FINDING = 26, 10
BETWEEN, WITHIN, RAISED = 0.7, 1.0, 0.955  # standard deviations, and what a finding adds
TRUE_AUC = float(norm.cdf(RAISED / np.sqrt(2 * (BETWEEN**2 + WITHIN**2))))
DESIGNS = {"4, all ill": (4, 4), "6, 3 of them ill": (6, 3), "9, 5 of them ill": (9, 5),
           "16, 8 of them ill": (16, 8), "60, 30 of them ill": (60, 30)}  # fmt: skip
SETTINGS = dict(draws=400, repeats=200)
RESULT = ROOT / "experiments" / "results" / "interval_coverage.json"


def scores_of(subjects: int, ill: int, random: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Draw scores, findings and subjects of all slices, `(subjects * SLICES,)` each."""
    who = np.repeat(np.arange(subjects), SLICES)
    positive = (who < ill) & (np.tile(np.arange(SLICES), subjects) < WITH_FINDING)
    own = random.normal(0, BETWEEN, subjects)[who]
    return own + random.normal(0, WITHIN, len(who)) + RAISED * positive, positive, who


def coverage(design: str, seed: int, draws: int, repeats: int) -> dict:
    """Return how many of the intervals hold the true AUC, and how wide they are."""
    random = np.random.default_rng(seed)
    found = [bootstrap_auc(*scores_of(*DESIGNS[design], random), repeats) for _ in range(draws)]
    held = [one.low <= TRUE_AUC <= one.high for one in found]
    width = float(np.mean([one.high - one.low for one in found]))
    return {"test subjects": design, "seed": seed, "held": float(np.mean(held)), "width": width}


def main() -> int:
    """Ask every design, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    seeds = parser.parse_args().seeds
    rows = []
    for design in DESIGNS:
        for seed in seeds:
            rows.append(coverage(design, seed, **SETTINGS))
            print(rows[-1], flush=True)
    record(RESULT, rows, seeds, settings=SETTINGS | {"true AUC": TRUE_AUC})
    return 0


if __name__ == "__main__":
    sys.exit(main())
