"""What a phantom teaches about patients: tumours learned on phantom FLAIR, asked of real FLAIR.

    MEDGAN_REAL_DATA=folder python experiments/phantom_transfer.py

`folder/lgg_slices` holds 444 slices of 60 patients with a lower-grade glioma (TCGA-LGG; masks of
Buda et al. 2019, doi:10.1016/j.compbiomed.2019.05.002; CC BY-NC-SA 4.0): 239 show the tumour, the
others were drawn at the same levels. A small classifier learns "tumour in this slice?" from 60
phantom heads and is asked about all patients; one arm learns from patients. No weights are kept.

Every round of the phantom's making is written by the package as it was at its commit. The first
round is also asked with one thing exchanged at a time (`transfer_swaps`), which says what the
transfer fails by. Every detector is asked four times: about the slices as they are, with one factor
for all patients that gives their grey values the phantom's median, with a factor for each patient,
and then with the tumours blotted out. The result is `results/phantom_transfer.json`.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from functools import cache
from itertools import product
from pathlib import Path

from medgan_utils import profiles

profiles.quiet_tensorflow()

# isort: split
import keras
import numpy as np
from PIL import Image
from skimage.filters import threshold_otsu
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from experiments import transfer_swaps as swaps
from experiments.diagnosis_tables import classical
from medgan_utils import evaluation
from medgan_utils.data import Slices, scale_percentiles
from medgan_utils.data.pictures import fit_square
from medgan_utils.evaluation.intervals import bootstrap_counts, percentile_interval, weighted_auc
from medgan_utils.table import Estimate
from tools.record import finished, record

ROOT = Path(__file__).parents[1]
RESULT = Path(__file__).parent / "results" / "phantom_transfer.json"
SEEDS = (0, 1, 2)
SETTINGS = dict(subjects=60, cohort_seed=21, spacing_mm=3.0, steps=500, repeats=500)
ROUNDS = {
    "eb582ee": "as it was: dark scalp, bright cortex, tumours of one kind",
    "48e1c3f": "fast spin echoes: bright fat, less contrast of grey and white, flatter field",
    "fb31836": "gliomas of two grades, larger, in cortex and white matter",
    "644f5db": "fat three times as bright as white matter; new heads",
}
"""Commit of every round -> what it changed."""

WRITE = """
import sys
from medgan_utils.data import load_slices
load_slices("brain-phantom", 64, subjects=int(sys.argv[2]), modalities=("FLAIR",),
    seed=int(sys.argv[3]), spacing_mm=float(sys.argv[4])).save(sys.argv[1])
"""


@cache
def real_slices() -> dict[str, np.ndarray]:
    """Read the patients' FLAIR slices as `AxialCut` cuts a head.

    The channel is scaled between the percentiles of one patient's slices (1 of all pixels, 99.5 of
    the body), low-pass filtered and resampled from 256 to 64 pixels. `stored` is without the
    scaling: the grey values as the publisher's pictures have them.

    Returns:
        `images` and `stored` (N, 64, 64) float32 in [-1, 1], `masks` (N, 64, 64) bool, `labels`
        (N,) 1 with a tumour, `patients` (N,) names, `numbers` (N,) of the slices.
    """
    folder = Path(os.environ["MEDGAN_REAL_DATA"], "lgg_slices")
    paths = sorted(p for p in folder.glob("*.png") if not p.stem.endswith("_mask"))
    flair = np.stack([np.asarray(Image.open(path))[..., 1] for path in paths]).astype(np.float32)
    masks = [np.asarray(Image.open(path.with_name(f"{path.stem}_mask.png"))) for path in paths]
    names = [path.stem.rsplit("_", 2) for path in paths]
    patients = np.array([name[0] for name in names])
    images = np.empty((len(paths), 64, 64), np.float32)
    for patient in np.unique(patients):
        mine = patients == patient
        stack = flair[mine]
        body = stack > 0.5 * (threshold_otsu(stack) + stack.min())  # as in `data.body_mask`
        scaled = scale_percentiles(stack, body)
        images[mine] = [fit_square(picture, 64) for picture in scaled]
    return {
        "images": images,
        "stored": np.stack([fit_square(picture / 127.5 - 1, 64) for picture in flair]),
        "masks": np.stack([fit_square((mask > 0).astype(np.float32), 64) > 0.5 for mask in masks]),
        "labels": np.array([int(mask.any()) for mask in masks]),
        "patients": patients,
        "numbers": np.array([int(name[2].removeprefix("slice")) for name in names]),
    }


@cache
def phantom_slices(commit: str) -> Slices:
    """Return the FLAIR slices of a cohort made by the package as it was at a commit.

    They are kept in `runs/`, and not made again.
    """
    numbers = [str(SETTINGS[key]) for key in ("subjects", "cohort_seed", "spacing_mm")]
    path = ROOT / "runs" / f"flair-{'-'.join([commit, *numbers])}.npz"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory() as package:
            archive = ["git", "-C", str(ROOT), "archive", commit, "medgan_utils"]
            packed = subprocess.run(archive, check=True, stdout=subprocess.PIPE).stdout
            subprocess.run(["tar", "-x", "-C", package], check=True, input=packed)
            place = {"PYTHONPATH": package, "MEDGAN_CACHE": f"{package}/cache"}
            command = [sys.executable, "-c", WRITE, str(path), *numbers]
            subprocess.run(command, check=True, cwd=package, env=os.environ | place)
    return Slices.load(path)


def learn(images: np.ndarray, labels: np.ndarray, seed: int) -> keras.Model:
    """Train the classifier on images (N, 64, 64), with classical augmentation."""
    keras.utils.set_random_seed(seed)
    return evaluation.train_classifier(
        images[..., None], labels, SETTINGS["steps"], augment=classical(flip=True), seed=seed
    )


def ask(model: keras.Model, images: np.ndarray, labels: np.ndarray, who: np.ndarray) -> list:
    """Return the AUC and its 95 % interval over patients, rounded."""
    scores = evaluation.score_classifier(
        model, images[..., None], labels, who, repeats=SETTINGS["repeats"]
    )
    return rounded(scores["AUC"])


def rounded(estimate: Estimate) -> list[float]:
    """Return value, low and high end, four digits each."""
    return [round(float(number), 4) for number in (estimate.value, estimate.low, estimate.high)]


def fold(seed: int) -> np.ndarray:
    """Return which real slices are of the 20 patients that this seed asks: True, (N,)."""
    patients = np.random.default_rng(7).permutation(np.unique(real_slices()["patients"]))
    return np.isin(real_slices()["patients"], patients[20 * seed : 20 * seed + 20])


def ways_to_ask(phantom: Slices) -> dict[str, np.ndarray]:
    """Return the patients' slices as they are and changed, (N, 64, 64) each.

    Where the tumours are blotted out, slices without one have a blot of the same shape, so that
    the blot tells nothing.
    """
    real = real_slices()
    images, who = real["images"], real["patients"]
    scaled = swaps.to_the_phantoms_median(images, who, phantom)
    return {
        "": images,
        ", one factor": swaps.to_the_phantoms_median(images, np.zeros(len(images)), phantom),
        ", medians equal": scaled,
        ", medians equal, blots": swaps.with_blots(scaled, real["masks"], seed=0),
    }


def phantom_arm(commit: str, seed: int, shuffled: bool = False) -> dict:
    """Learn on the phantom of a commit, ask about all patients, and about the fold's 20.

    `above level` is the AUC less that of a slice's level and size, on the same patients.
    """
    real, phantom = real_slices(), phantom_slices(commit)
    labels = phantom.labels["lesion"]
    if shuffled:
        labels = np.random.default_rng(seed).permutation(labels)
    model = learn(phantom.images[..., 0], labels, seed)
    truth, who, part = real["labels"], real["patients"], fold(seed)
    row = {
        "trained on": "shuffled labels" if shuffled else "phantom",
        "commit": commit,
        "seed": seed,
        "AUC, grey values as stored": ask(model, real["stored"], truth, who),
    }
    for way, images in ways_to_ask(phantom).items():
        row[f"AUC{way}"] = ask(model, images, truth, who)
        row[f"AUC, 20 patients{way}"] = ask(model, images[part], truth[part], who[part])
        row[f"above level{way}"] = above_level(model, images)
    return row


def patients_arm(seed: int) -> dict:
    """Learn on 40 patients, ask about the other 20: as they are, and with equal medians."""
    real, part = real_slices(), fold(seed)
    ways = ways_to_ask(phantom_slices([*ROUNDS][-1]))
    row = {"trained on": "40 patients", "seed": seed}
    for way in ("", ", medians equal"):
        images = ways[way]
        model = learn(images[~part], real["labels"][~part], seed)
        asked = (images[part], real["labels"][part], real["patients"][part])
        row[f"AUC, 20 patients{way}"] = ask(model, *asked)
    return row


@cache
def level_guess() -> np.ndarray:
    """What a slice's number and area tell: logistic regression, learned on other patients, (N,)."""
    real = real_slices()
    area = (real["images"] > -0.84).mean(axis=(1, 2))
    numbers = np.column_stack([real["numbers"], real["numbers"] ** 2, area, area**2])
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    across = dict(groups=real["patients"], cv=GroupKFold(10), method="decision_function")
    return cross_val_predict(model, numbers, real["labels"], **across)


def level_arm() -> dict:
    """Return the AUC of `level_guess`."""
    real = real_slices()
    codes = np.unique(real["patients"], return_inverse=True)[1]
    auc = evaluation.bootstrap_auc(level_guess(), real["labels"] == 1, codes, SETTINGS["repeats"])
    return {"trained on": "level only", "seed": 0, "AUC": rounded(auc)}


def above_level(model: keras.Model, images: np.ndarray) -> list:
    """Return the AUC less that of `level_guess`, with an interval over the same patients."""
    truth = real_slices()["labels"] == 1
    codes = np.unique(real_slices()["patients"], return_inverse=True)[1]
    guesses = model.predict(images[..., None], verbose=0).ravel(), level_guess()

    def difference(counts: np.ndarray | None = None) -> float:
        first, second = (weighted_auc(guess, truth, counts) for guess in guesses)
        return first - second

    draws = bootstrap_counts(codes, SETTINGS["repeats"])
    return rounded(percentile_interval(difference(), [difference(counts) for counts in draws]))


def swap_rows(commit: str, seed: int) -> list[dict]:
    """Ask one detector about patients with one thing exchanged; two detectors learn otherwise."""
    real, phantom = real_slices(), phantom_slices(commit)
    images, truth, who = real["images"], real["labels"], real["patients"]
    greys, found = phantom.images[..., 0], phantom.labels["lesion"]
    well = truth == 0
    median = swaps.to_the_phantoms_median(images, who, phantom)
    usual = learn(greys, found, seed)
    asked = {
        "nothing": (usual, images, truth, who),
        "no scaling by percentiles": (usual, real["stored"], truth, who),
        "median of the head": (usual, median, truth, who),
        "histogram": (usual, swaps.to_the_phantoms_histogram(images, who, phantom), truth, who),
        "dark scalp": (usual, swaps.with_a_dark_scalp(images), truth, who),
    }
    for name, base in {"tumours": images, "tumours and median": median}.items():
        painted, labels = swaps.with_the_phantoms_tumours(base[well], phantom, seed)
        asked[name] = (usual, painted, labels, np.tile(who[well], 2))
    level = swaps.same_levels(phantom, seed)
    by_level = learn(level.images[..., 0], level.labels["lesion"], seed)
    asked["levels (in training)"] = (by_level, images, truth, who)
    smooth = learn(swaps.blurred(greys), found, seed)
    asked["texture (both blurred)"] = (smooth, swaps.blurred(images), truth, who)
    return [{"exchanged": name, "seed": seed, "AUC": ask(*row)} for name, row in asked.items()]


PARTS = ("swaps", "rounds", "controls")


def run_part(part: str, commits: tuple[str, ...] = tuple(ROUNDS)) -> list[dict]:
    """Return the rows of one part; what was finished is not run again."""
    first, *_, last = ROUNDS
    if part == "swaps":
        return finished(swap_rows, SETTINGS)(first, SEEDS[0])
    if part == "rounds":
        return [finished(phantom_arm, SETTINGS)(*each) for each in product(commits, SEEDS)]
    rows = [finished(patients_arm, SETTINGS)(seed) for seed in SEEDS]
    rows += [finished(phantom_arm, SETTINGS)(last, seed, shuffled=True) for seed in SEEDS]
    return [*rows, finished(level_arm, SETTINGS)()]


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--only", choices=PARTS, help="run this part and store nothing")
    parser.add_argument("--commits", nargs="+", default=list(ROUNDS), help="only these rounds")
    arguments = parser.parse_args()
    if only := arguments.only:
        print(*run_part(only, arguments.commits), sep="\n")
        return 0
    parts = {part: run_part(part) for part in PARTS}
    real = real_slices()
    asked = {
        "patients": len(np.unique(real["patients"])),
        "slices": len(real["labels"]),
        "tumours": int(real["labels"].sum()),
        "data": "TCGA-LGG, masks of Buda et al. 2019, CC BY-NC-SA 4.0",
    }
    about = dict(settings=SETTINGS, rounds=ROUNDS, asked=asked, swaps=parts["swaps"])
    record(RESULT, parts["rounds"] + parts["controls"], list(SEEDS), **about)
    return 0


if __name__ == "__main__":
    sys.exit(main())
