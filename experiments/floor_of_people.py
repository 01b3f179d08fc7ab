"""How far below the floor a faultless generator lies: the floor's slices come from few people.

    python experiments/floor_of_people.py        # half a minute

Slices of one person are alike; each sample of a generator is a person of its own. From the features
that a checkpoint ships (`*.reference.npz`) people are drawn anew: a mean of each from a Gaussian
with the covariance between the people, and slices around it. Three sets are compared with a
reference of as many people: other people (the floor), one slice each of as many people as there are
slices (a faultless generator), and other people again (the control: 1 on average but for chance).
The result is `results/floor_of_people.json`, which chapter 7 and the glossary quote.
"""

import argparse
import sys

import numpy as np

from medgan_utils.evaluation import ReferenceFeatures, fd
from medgan_utils.models import checkpoint_names
from tools.record import ROOT, record

DRAWS = 60
RESULT = ROOT / "experiments" / "results" / "floor_of_people.json"


class People:
    """A population after the features `(N, d)` of the slices of a few people.

    Args:
        features: Features of every slice.
        subjects: Whose it is, `(N,)`.
    """

    def __init__(self, features: np.ndarray, subjects: np.ndarray):
        self.whose = np.unique(subjects, return_inverse=True)[1]
        count, people = len(features), self.whose.max() + 1
        x = np.asarray(features, np.float64)
        x = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-6)
        means = np.stack([x[self.whose == one].mean(axis=0) for one in range(people)])
        # A mean of few slices scatters more than the people do, a residual less than slices do.
        self.around = (x - means[self.whose]) * np.sqrt(count / (count - people))
        within = np.cov(self.around, rowvar=False)
        between = np.cov(means, rowvar=False) - within * people / count
        values, vectors = np.linalg.eigh(between)
        self.values = np.maximum(values, 0)
        self.root = vectors * np.sqrt(self.values)
        self.share = float(self.values.sum() / (self.values.sum() + np.trace(within)))

    def draw(self, random: np.random.Generator, alone: bool) -> np.ndarray:
        """Draw as many slices `(N, d)` as there were: of as many people, or each of one alone."""
        count = len(self.whose)
        people = count if alone else self.whose.max() + 1
        means = random.normal(size=(people, len(self.values))) @ self.root.T
        own = means if alone else means[self.whose]
        return own + self.around[random.integers(count, size=count)]


def compare(name: str, seed: int, draws: int = DRAWS) -> dict:
    """Return how the three sets of a checkpoint's population compare, over all draws."""
    reference = ReferenceFeatures.load(name)
    encoder = next(iter(reference.features))
    people = People(reference.features[encoder], reference.subjects)
    random = np.random.default_rng(seed)
    distances = []
    for _ in range(draws):
        real = people.draw(random, alone=False)
        mean, deviation = real.mean(axis=0), real.std(axis=0)
        sets = [(people.draw(random, alone) - mean) / deviation for alone in (False, True, False)]
        distances.append([fd((real - mean) / deviation, one) for one in sets])
    floor, faultless, again = np.transpose(distances)
    return {
        "checkpoint": name,
        "encoder": encoder,
        "seed": seed,
        "people": int(people.whose.max() + 1),
        "slices": len(people.whose),
        "share between people": people.share,
        "floor": float(floor.mean()),
        "faultless / floor": float(faultless.mean() / floor.mean()),
        "other people / floor": float(again.mean() / floor.mean()),
        "below its floor": float(np.mean(faultless < floor)),
    }


def main() -> int:
    """Ask every checkpoint, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    seeds = parser.parse_args().seeds
    names = checkpoint_names()
    rows = []
    for name in names:
        for seed in seeds:
            rows.append(compare(name, seed))
            print(rows[-1], flush=True)
    record(RESULT, rows, seeds, settings={"draws": DRAWS})
    return 0


if __name__ == "__main__":
    sys.exit(main())
