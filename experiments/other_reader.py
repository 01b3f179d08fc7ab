"""Did the correction take the false tumours from every reader, or from its own kind alone?

    python experiments/other_reader.py

`recipes/correct_painter.py` made `liver-map-128` pay for what three readers found, and
`map_obedience.py` asks readers of other seeds: the same network, taught by the same bodies. Here a
reader of another kind is asked: a U-Net of other widths, taught by other bodies. It is shown the
phantoms of `map_obedience.py`, what the checkpoint paints from their maps, and what it painted
before the correction (the weights of `BEFORE`, read from git). The result is
`results/other_reader.json`.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from experiments.map_obedience import LIVER, PAINTERS, painted, read, reader  # quiets TensorFlow
from medgan_utils.data.slices import Slices, join
from recipes.liver_split import bodies_with_liver
from tools.record import ROOT, finished, record

NAME, BEFORE = "liver-map-128", "a0a67f0"
WIDTHS, SEEDS = (24, 48, 96), (0, 1)
SETTINGS = LIVER | dict(taught_by=64, bodies_seed=9)
CHECK = SETTINGS | dict(subjects=8, taught_by=2, steps=2)


def before(folder: str) -> Path:
    """Write the checkpoint as it was before the correction; return its path without suffix."""
    for suffix in (".weights.h5", ".json"):
        there = f"{BEFORE}:data/checkpoints/{NAME}{suffix}"
        kept = subprocess.run(
            ["git", "-C", str(ROOT), "show", there], check=True, capture_output=True
        )
        Path(folder, NAME + suffix).write_bytes(kept.stdout)
    return Path(folder, NAME)


def other_bodies(settings: dict) -> Slices:
    """Return liver slices with their maps of bodies that neither painter nor its readers saw."""
    cut = dict(image_size=128, phase="venous", masks="tissues")
    return bodies_with_liver(settings["taught_by"], seed=settings["bodies_seed"], **cut)


def asked_again(seed: int, settings: dict) -> list[dict]:
    """Return a row a kind of slices: Dice by subject, and the share of slices called ill."""
    painter = PAINTERS[NAME]
    parts = painter.parts(settings["subjects"])
    asked = join([parts["reference"], parts["test"]])
    model = reader(other_bodies(settings), painter.tumour, seed, settings, WIDTHS)
    kinds = {"phantoms": asked.images, "painted": painted(NAME, asked.masks, seed)}
    with tempfile.TemporaryDirectory() as folder:
        kinds["painted before the correction"] = painted(before(folder), asked.masks, seed)
    return [
        {"slices": kind, "seed": seed} | read(model, images, asked, painter)
        for kind, images in kinds.items()
    ]


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    arguments = parser.parse_args()
    run, rows = finished(asked_again), []
    for seed in arguments.seeds:
        for row in run(seed, SETTINGS):
            rows.append(row)
            print(row, flush=True)
    check = {"settings": CHECK, "rows": asked_again(0, CHECK)}
    out = ROOT / "experiments" / "results" / "other_reader.json"
    record(out, rows, arguments.seeds, settings=SETTINGS, before=BEFORE, check=check)
    return 0


if __name__ == "__main__":
    sys.exit(main())
