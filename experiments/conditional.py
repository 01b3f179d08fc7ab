"""What a conditional GAN needs to use both z and its labels, on the brain phantom's 270 heads.

    python experiments/conditional.py

Equal images for every run, scored on the reference subjects; the test subjects are not touched.
Two numbers stand beside the distances. *Spread* is the standard deviation of a pixel over samples
of one label: near zero, z is ignored. *Tumour AUC* is how well a classifier of real FLAIR slices
tells samples of the label "tumour" from those of "none": at 0.5 the label is ignored, and up to
0.64 may come of the level alone, which tells of tumours, too. One run has no labels; four change λ
of the mode-seeking term and nothing else; the others have λ = 0.1 and two or all of the three helps
for the label. A finished run is not run again; its row says its commit.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from recipes.recipe import ROOT, WATCH, build, scorer  # first: quiets TensorFlow

# isort: split
import numpy as np

from medgan_utils import evaluation
from medgan_utils.data import Slices
from medgan_utils.display import plots
from medgan_utils.models import load_generator
from medgan_utils.training import Monitor
from recipes.projects import LEVELS, PROJECTS, balanced, flair
from recipes.settings import BASE, VARIANTS, Recipe
from tools.record import finished, provenance, record

RESULT = Path(__file__).parent / "results" / "conditional.json"
STEPS, EVERY, LEAST = 6000, 3000, 16  # LEAST: real slices of a label, for its spread to count
PROJECT = PROJECTS["brain-phantom-64"]
MODE_SEEKING = VARIANTS["mode seeking"]
ALL = replace(MODE_SEEKING, mismatch=1.0, projection="max")
RUNS: dict[str, tuple[Recipe, bool]] = {  # recipe, and whether tumours are shown half the time
    "no labels": (BASE, False),
    "λ = 0": (BASE, False),
    "λ = 0.02": (replace(BASE, mode_seeking=0.02), False),
    "λ = 0.1": (MODE_SEEKING, False),
    "λ = 1": (replace(BASE, mode_seeking=1.0), False),
    "λ = 0.1, all three": (ALL, True),
    "without mismatch": (replace(ALL, mismatch=0.0), True),
    "without max projection": (replace(ALL, projection="mean"), True),
    "without balance": (ALL, False),
}


def spread(images: np.ndarray, labels: np.ndarray) -> float:
    """Return the standard deviation of a pixel within a row of labels, over pixels and rows."""
    kinds, counts = np.unique(labels, axis=0, return_counts=True)
    chosen = [np.all(labels == kind, axis=1) for kind in kinds[counts >= LEAST]]
    return float(np.mean([images[rows].std(axis=0).mean() for rows in chosen]))


def tumour_reader(parts: dict[str, Slices]) -> Callable[..., dict]:
    """Return the AUC of a classifier that learnt tumours from the training subjects' FLAIR."""
    train = flair(parts["train"])
    classifier = evaluation.train_classifier(train.images, train.labels["lesion"], steps=1500)

    def read(images: np.ndarray, real: Slices) -> dict:
        scores = evaluation.score_classifier(
            classifier, images, real.labels["lesion"], real.subjects
        )
        return scores["AUC"]._asdict()

    return read


def run_one(name: str, parts: dict[str, Slices], read: Callable[..., dict]) -> dict:
    """Train and score one run; its samples are drawn into a folder of its name."""
    started = time.perf_counter()
    folder = ROOT / "runs" / "conditional" / name
    folder.mkdir(parents=True, exist_ok=True)
    recipe, equally = RUNS[name]
    names = PROJECT.names if name != "no labels" else ()
    train = balanced(parts["train"], PROJECT.balance if equally else None)
    gan = build(recipe, PROJECT.num_classes if names else None)
    monitor = Monitor(scorer(parts["reference"], PROJECT.encoder, names), WATCH, EVERY)
    gan.fit(
        train.to_dataset(recipe.batch_size, seed=recipe.seed, flip=True, label=names or None),
        steps_per_epoch=EVERY,
        epochs=STEPS // EVERY,
        verbose=0,
        callbacks=[monitor],
    )
    row = {"run": name, **asdict(recipe), "balanced": equally, "scores": monitor.rows}
    if names:
        labels = parts["train"].label_table(names)
        row["spread"] = spread(gan.sample(len(labels), labels, seed=1), labels)
        real = flair(parts["reference"])
        images = gan.sample(len(real), real.label_table(names), seed=1)
        row["tumour AUC"] = read(images, real)
        (folder / "samples.png").write_bytes(plots.grid_png(images[:64]))
    row["seconds"] = round(time.perf_counter() - started)
    row["commit"] = provenance([])["commit"]
    return row


def landmarks(parts: dict[str, Slices], read: Callable[..., dict]) -> list[dict]:
    """Return a row of real slices and one of the published checkpoint."""
    labels, real = parts["train"].label_table(PROJECT.names), flair(parts["reference"])
    generator = load_generator("brain-phantom-64")
    random = np.random.default_rng(1)

    def sample(table: np.ndarray) -> np.ndarray:
        z = random.standard_normal((len(table), generator.inputs[0].shape[-1]), dtype=np.float32)
        return generator.predict([z, table], verbose=0)

    sets = {
        "real slices": (parts["train"].images, real.images),
        "the checkpoint": (sample(labels), sample(real.label_table(PROJECT.names))),
    }
    return [
        {"run": name, "spread": spread(images, labels), "tumour AUC": read(slices, real)}
        for name, (images, slices) in sets.items()
    ]


def main() -> int:
    """Train all, print, record."""
    argparse.ArgumentParser(description=__doc__.split("\n", 1)[0]).parse_args()
    parts = PROJECT.parts()
    read = tumour_reader(parts)
    rows = landmarks(parts, read)
    print(rows, flush=True)
    lesion, level = (parts["train"].labels[name] for name in ("lesion", "level"))
    shares = [round(float(lesion[level == k].mean()), 3) for k in range(LEVELS)]
    settings = {"steps": STEPS, "batch_size": BASE.batch_size}
    settings["share of training slices with a tumour, by level"] = shares
    for name in RUNS:
        run = finished(run_one, RUNS[name], PROJECT.names, STEPS, EVERY, ignore=["read"])
        rows.append(run(name, parts, read))
        last = rows[-1]["scores"][-1]
        numbers = {key: round(last[key], 3) for key in (WATCH, "precision", "recall")}
        print(name, numbers, rows[-1].get("spread"), rows[-1].get("tumour AUC"), flush=True)
        record(RESULT, rows, [BASE.seed], settings=settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
