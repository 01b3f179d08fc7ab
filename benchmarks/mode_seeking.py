"""How much of the mode-seeking term does a conditional GAN need? On the brain phantom's cohort.

    python benchmarks/mode_seeking.py

The recipe of `brain-phantom-64` with λ = 0, 0.02, 0.1 and 1, equal images, scored on the reference
subjects; the test subjects are not touched. Beside the distances stands the spread of a pixel over
samples of one label, next to that of real slices: near zero, z is ignored. One unconditional run
shows what the labels have to do with it. A finished run is not run again.
"""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

from recipe import BASE, ROOT, WATCH, build, scorer  # first: quiets TensorFlow

# isort: split
import numpy as np
from record import record
from train_generator import PROJECTS

from medgan_utils.data import Slices
from medgan_utils.display import plots
from medgan_utils.training import GAN, Monitor

RESULT = Path(__file__).parent / "results" / "mode_seeking.json"
STEPS, EVERY, LEAST = 4000, 1000, 16  # LEAST: real slices of a label, for its spread to count
PROJECT = PROJECTS["brain-phantom-64"]


def spread(images: np.ndarray, labels: np.ndarray) -> float:
    """Return the standard deviation of a pixel within a row of labels, over pixels and rows."""
    kinds, counts = np.unique(labels, axis=0, return_counts=True)
    chosen = [np.all(labels == kind, axis=1) for kind in kinds[counts >= LEAST]]
    return float(np.mean([images[rows].std(axis=0).mean() for rows in chosen]))


def run_one(name: str, weight: float, parts: dict[str, Slices], folder: Path) -> dict:
    """Train and score one run, unless its result is in the folder already."""
    path = folder / name.replace(" ", "-") / "result.json"
    if path.is_file():
        return json.loads(path.read_text(encoding="utf-8"))
    names = () if name == "unconditional" else PROJECT.names
    started, train = time.perf_counter(), parts["train"]
    path.parent.mkdir(parents=True, exist_ok=True)
    gan = build(replace(BASE, mode_seeking=weight), PROJECT.num_classes if names else None)
    monitor = Monitor(scorer(parts["reference"], PROJECT.encoder, names), WATCH, EVERY)
    gan.fit(
        train.to_dataset(BASE.batch_size, seed=BASE.seed, flip=True, label=names or None),
        steps_per_epoch=EVERY,
        epochs=STEPS // EVERY,
        verbose=0,
        callbacks=[monitor],
    )
    labels = train.label_table(PROJECT.names)
    row = {"run": name, "mode_seeking": weight, "scores": monitor.rows}
    row["spread within a label"] = spread(samples(gan, labels, path), labels) if names else None
    row["seconds"] = round(time.perf_counter() - started)
    path.write_text(json.dumps(row), encoding="utf-8")
    return row


def samples(gan: GAN, labels: np.ndarray, path: Path) -> np.ndarray:
    """Return a sample for every row of labels; keep a picture of the first label's."""
    images = gan.sample(len(labels), labels, seed=1)
    first = np.all(labels == labels[0], axis=1)
    path.with_suffix(".png").write_bytes(plots.grid_png(images[first][:32]))
    return images


def main() -> int:
    """Train all, print, record."""
    parts = PROJECT.parts()
    labels = parts["train"].label_table(PROJECT.names)
    real = spread(parts["train"].images, labels)
    rows = []
    for name, weight in {
        "unconditional": 0.0,
        "lambda 0": 0.0,
        "lambda 0.02": 0.02,
        "lambda 0.1": 0.1,
        "lambda 1": 1.0,
    }.items():
        rows.append(run_one(name, weight, parts, ROOT / "runs" / "mode_seeking"))
        last = rows[-1]["scores"][-1]
        numbers = {key: round(last[key], 3) for key in (WATCH, "precision", "recall")}
        print(name, numbers, rows[-1]["spread within a label"], f"real {real:.3f}", flush=True)
    settings = {"steps": STEPS, "batch_size": BASE.batch_size, "real spread within a label": real}
    record(RESULT, rows, [BASE.seed], settings=settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
