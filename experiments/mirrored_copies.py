"""Do the shipped generators of heads copy training images, mirrored or not?

    MEDGAN_REAL_DATA=... python experiments/mirrored_copies.py        # minutes

A generator that was trained on mirrored images may copy one, and a search among the images as they
are takes half of such copies for honest. So `copying` is measured twice, in the features of the
checkpoint's encoder and with the test subjects held out: as the images are, and with their mirror
images. Asked about are samples of three seeds; other real subjects (the floor); and training images
as the generator was shown them, a random half mirrored, with a little noise: what copies read.
Membership inference from the first samples, too. The result is `results/mirrored_copies.json`,
which chapter 9 shows. Asked are the generators that learned from people.
"""

import argparse
import sys

from recipes.recipe import ROOT  # first: quiets TensorFlow

# isort: split
import numpy as np

from medgan_utils.data import Slices
from medgan_utils.evaluation import Encoder, copying, load_encoder, membership_by_distance
from medgan_utils.evaluation.evaluate import FLOOR
from medgan_utils.models import load_generator
from medgan_utils.workflow import draw
from recipes.projects import PROJECTS
from recipes.settings import conditions
from tools.record import record

RESULT = ROOT / "experiments" / "results" / "mirrored_copies.json"
CHECKPOINTS = ("brain-mri-64", "brain-mri-128", "brain-mri-age-64")  # learned from people
SEEDS = (1, 2, 3)  # of the samples
NOISE = 0.02  # standard deviation on [-1, 1], of the copies
SHOWN = "training images as shown"


def turned(images: np.ndarray) -> np.ndarray:
    """Return the mirror images."""
    return images[:, :, ::-1]


def images_of(name: str, parts: dict[str, Slices]) -> dict[str, tuple]:
    """Return name -> images and their subjects (None: each its own) of all that is asked about."""
    tested, train, others = (parts[part] for part in ("test", "train", "reference"))
    generator, labels = load_generator(name), conditions(tested, PROJECTS[name].names)
    sets = {f"samples {seed}": (draw(generator, len(tested), seed, labels), None) for seed in SEEDS}
    random = np.random.default_rng(0)
    some = train.select(np.sort(random.permutation(len(train))[: len(tested)]))
    copies = np.where(random.random(len(some))[:, None, None, None] < 0.5, 1, 0)
    copies = np.where(copies, turned(some.images), some.images)
    copies = np.clip(copies + random.normal(0, NOISE, copies.shape), -1, 1).astype(np.float32)
    return {FLOOR: (others.images, others.subjects), SHOWN: (copies, some.subjects)} | sets


def ask(name: str, encoder: Encoder, parts: dict[str, Slices]) -> list[dict]:
    """Return a row a set: both ways to look for copies, and of the first samples for members."""
    tested, train = parts["test"], parts["train"]
    held, known = encoder.features(tested.images), encoder.features(train.images)
    held_turned, known_turned = (encoder.features(turned(x.images)) for x in (tested, train))
    rows = []
    for what, (images, subjects) in images_of(name, parts).items():
        fake, fake_turned = encoder.features(images), encoder.features(turned(images))
        row = {"checkpoint": name, "set": what, "images": len(images)}
        both = {"as they are": None, "mirrored or not": (fake_turned, held_turned)}
        for way, mirrored in both.items():
            found = copying(fake, known, held, tested.subjects, subjects, mirrored=mirrored)
            row[f"copying, {way}"] = found.auc._asdict()
        if what == f"samples {SEEDS[0]}":
            asked = known, held, fake, train.subjects, tested.subjects
            row["members, as they are"] = membership_by_distance(*asked)._asdict()
            mirrored = known_turned, held_turned
            found = membership_by_distance(*asked, mirrored)
            row["members, mirrored or not"] = found._asdict()
        rows.append(row)
    return rows


def main() -> int:
    """Ask every checkpoint, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("checkpoints", nargs="*", metavar="checkpoint", help=", ".join(CHECKPOINTS))
    rows = []
    for name in parser.parse_args().checkpoints or CHECKPOINTS:
        project = PROJECTS[name]
        for row in ask(name, load_encoder(project.encoder), project.parts()):
            rows.append(row)
            print(row, flush=True)
    settings = {"noise of copies": NOISE}
    if {row["checkpoint"] for row in rows} == set(CHECKPOINTS):
        record(RESULT, rows, SEEDS, settings=settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
