"""Do synthetic images help a classifier? Three tasks, four numbers of patients, every seed.

    MEDGAN_REAL_DATA=folder python experiments/diagnosis_tables.py
    python experiments/diagnosis_tables.py --tasks liver-tumour brain-tumour
    python experiments/diagnosis_tables.py --teachers

Tasks: tumour in a liver slice (phantom), tumour in a FLAIR head slice (phantom), age group from a
T1 head slice (real IXI heads). The classifier sees 4, 8, 16 or all training subjects; generated
slices come from the task's checkpoint. That saw *all* training subjects (liver, age) or 270 heads
of another cohort (brain), so it brings in what other patients taught it; with all subjects, that
holds for the brain only. Tested on real slices of the test subjects, which no checkpoint saw;
nothing here was chosen on them. A finished cell is not run again. The result is
`results/diagnosis.json`. `--teachers` asks what the brain's samples stand in for: a classifier that
learned from the 270 heads themselves; `results/diagnosis_teachers.json`.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from recipes.projects import brain_parts, flair, phantom_heads  # quiets TensorFlow

# isort: split
import keras
import numpy as np

from medgan_utils import evaluation
from medgan_utils.data import Slices
from medgan_utils.models import load_generator
from recipes.liver_split import phantom_splits
from tools.record import finished, record

RESULT = Path(__file__).parent / "results" / "diagnosis.json"
TEACHERS = RESULT.with_name("diagnosis_teachers.json")
SIZES, SEEDS = (4, 8, 16, None), (0, 1, 2)  # None: all training subjects
SETTINGS = dict(steps=400, generated=1000, repeats=500)
REAL, CLASSICAL, GAN, BOTH, ONLY = (
    "real",
    "real + classical",
    "real + synthetic",
    "real + synthetic + classical",
    "synthetic only",
)
ARMS = (REAL, CLASSICAL, GAN, BOTH, ONLY)
# One more run, so small that a test can repeat it.
CHECK = dict(
    task="brain-tumour",
    subjects=12,
    size=2,
    seed=0,
    settings=dict(steps=10, generated=16, repeats=10),
)


@dataclass(frozen=True)
class Task:
    """What is to be told from a slice.

    Attributes:
        parts: Makes the slices: train and test, at least.
        checkpoint: Of the conditional generator.
        names: Labels that the generator takes.
        finding: Which of them the classifier learns.
        flip: Whether classical augmentation may mirror.
    """

    parts: Callable[..., dict[str, Slices]]
    checkpoint: str
    names: tuple[str, ...]
    finding: str
    flip: bool


def flair_parts(subjects: int = 60) -> dict[str, Slices]:
    """Return the FLAIR slices of a cohort that the brain's checkpoint has not seen."""
    parts = phantom_heads(subjects, seed=0, test=0.15)
    return {name: flair(slices) for name, slices in parts.items()}


TASKS = {
    "liver-tumour": Task(phantom_splits, "liver-phantom-64", ("tumour",), "tumour", flip=False),
    "brain-tumour": Task(
        flair_parts, "brain-phantom-64", ("lesion", "level", "contrast"), "lesion", flip=True
    ),
    "age-group": Task(
        brain_parts, "brain-mri-age-64", ("age_group", "level"), "age_group", flip=True
    ),
}
slices_of = cache(lambda task, *subjects: TASKS[task].parts(*subjects))


def classical(flip: bool) -> keras.Sequential:
    """Return the augmentation everybody uses: small shifts and turns, flips where side is free."""
    black = dict(fill_mode="constant", fill_value=-1.0)
    moves = [keras.layers.RandomTranslation(0.08, 0.08, **black)]
    moves.append(keras.layers.RandomRotation(0.03, **black))
    return keras.Sequential(moves + [keras.layers.RandomFlip("horizontal")] * flip)


def draw(train: Slices, finding: str, size: int | None, seed: int) -> Slices:
    """Return the slices of `size` training subjects, half of them with the finding."""
    if size is None:
        return train
    ill = np.unique(train.subjects[train.labels[finding] == 1])
    well = np.setdiff1d(train.subjects, ill)
    random = np.random.default_rng([seed, size])
    chosen = [*random.permutation(ill)[: size // 2], *random.permutation(well)[: size // 2]]
    return train.for_subjects(chosen)


def synthesise(task: Task, train: Slices, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return generated images and findings, half and half; other labels as the patients have."""
    table = train.label_table(task.names)
    finding = table[:, task.names.index(task.finding)]
    random = np.random.default_rng(seed)
    groups = [random.choice(np.flatnonzero(finding == value), count // 2) for value in (0, 1)]
    chosen = np.concatenate(groups)
    generator = load_generator(task.checkpoint)
    z = random.standard_normal((count, generator.inputs[0].shape[-1]), dtype=np.float32)
    images = generator.predict([z, table[chosen]], batch_size=64, verbose=0)
    return images, finding[chosen]


def run_cell(
    name: str, size: int | None, seed: int, settings: dict, subjects: tuple = ()
) -> list[dict]:
    """Return one row an arm for one number of subjects and one seed."""
    task, parts = TASKS[name], slices_of(name, *subjects)
    train, test = parts["train"], parts["test"]
    few = draw(train, task.finding, size, seed)
    fake = synthesise(task, few, settings["generated"], seed)
    real = few.images, few.labels[task.finding]
    both = tuple(np.concatenate(pair) for pair in zip(real, fake, strict=True))
    keras.utils.set_random_seed(seed)  # the layers draw their seeds when they are made
    moves = classical(task.flip)
    material = {REAL: (real, None), CLASSICAL: (real, moves), GAN: (both, None)}
    material |= {BOTH: (both, moves), ONLY: (fake, None)}
    return [taught(name, arm, few, *material[arm], seed, settings, test) for arm in material]


def taught(
    name: str, arm: str, real: Slices, material: tuple, augment, seed: int, settings: dict, test
) -> dict:
    """Return the row of one classifier, trained on material (images, findings)."""
    finding = TASKS[name].finding
    keras.utils.set_random_seed(seed)
    model = evaluation.train_classifier(
        *material, steps=settings["steps"], augment=augment, seed=seed
    )
    scores = evaluation.score_classifier(
        model, test.images, test.labels[finding], test.subjects, repeats=settings["repeats"]
    )
    row = {"task": name, "arm": arm, "subjects": len(np.unique(real.subjects)), "seed": seed}
    row |= {"real_images": len(real), "findings": int(real.labels[finding].sum())}
    for key, value in scores.items():
        row[key] = [round(float(v), 4) for v in (value.value, value.low, value.high)]
    return row


def run_teachers(own: Slices, test: Slices, seed: int, settings: dict) -> list[dict]:
    """Return a row for the heads that the brain's generator learned from, and one augmented."""
    name = "brain-tumour"
    material = own.images, own.labels[TASKS[name].finding]
    keras.utils.set_random_seed(seed)
    arms = {REAL: None, CLASSICAL: classical(TASKS[name].flip)}
    return [taught(name, arm, own, material, arms[arm], seed, settings, test) for arm in arms]


def timed_cell(*cell: object) -> tuple[list[dict], float]:
    """Return the rows of `run_cell`, and the seconds it took."""
    started = time.perf_counter()
    return run_cell(*cell), time.perf_counter() - started


def run_check() -> list[dict]:
    """Return the rows of the small run that a test repeats."""
    task, size, seed, settings = (CHECK[key] for key in ("task", "size", "seed", "settings"))
    return run_cell(task, size, seed, settings, (CHECK["subjects"],))


def check_teachers() -> list[dict]:
    """Return the rows of the small run of the teachers that a test repeats."""
    parts = slices_of("brain-tumour", CHECK["subjects"])
    return run_teachers(parts["train"], parts["test"], CHECK["seed"], CHECK["settings"])


def level_alone(train: Slices, test: Slices, finding: str) -> list[float]:
    """Return the AUC, with its interval, of who knows how often each sixth of the levels has it."""
    edges = np.quantile(train.positions, np.linspace(0, 1, 7)[1:-1])
    learnt, asked = (np.digitize(slices.positions, edges) for slices in (train, test))
    shares = np.array([train.labels[finding][learnt == sixth].mean() for sixth in range(6)])
    found = evaluation.bootstrap_auc(shares[asked], test.labels[finding] == 1, test.subjects)
    return [round(float(value), 4) for value in found]


def about(name: str) -> dict:
    """Return who was tested, and what the level of a slice alone tells."""
    parts, finding = slices_of(name), TASKS[name].finding
    test = parts["test"]
    numbers = {"subjects": len(np.unique(test.subjects)), "images": len(test)}
    numbers |= {"findings": int(test.labels[finding].sum())}
    return numbers | {"level alone": level_alone(parts["train"], test, finding)}


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--tasks", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--teachers", action="store_true", help="the brain generator's own heads")
    arguments = parser.parse_args()
    if arguments.teachers:
        own, test = flair(phantom_heads()["train"]), slices_of("brain-tumour")["test"]
        rows = [row for seed in arguments.seeds for row in run_teachers(own, test, seed, SETTINGS)]
        check = CHECK | {"rows": check_teachers()}
        record(TEACHERS, rows, arguments.seeds, settings=SETTINGS, check=check)
        return 0
    rows, seconds = [], 0.0
    for task in arguments.tasks:
        for seed in arguments.seeds:
            for size in SIZES:
                cell, took = finished(timed_cell)(task, size, seed, SETTINGS)
                rows, seconds = rows + cell, seconds + took
                shown = "  ".join(f"{row['arm']} {row['AUC'][0]:.3f}" for row in cell)
                print(f"{task}, {size or 'all'} subjects, seed {seed}: {shown}", flush=True)
    record(
        RESULT,
        rows,
        arguments.seeds,
        settings=SETTINGS,
        test={task: about(task) for task in arguments.tasks},
        seconds_in_all=round(seconds),
        check=CHECK | {"rows": run_check()},
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
