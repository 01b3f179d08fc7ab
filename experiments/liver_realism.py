"""Compare the liver phantom with real CT slices: what tells them apart, and how surely?

Both sides get the same clip ([0, 255] HU, in which the real slices arrive), the same JPEG
compression and the same resampling to 64 pixels for the network. The classifiers are tested on
cases they have not seen (cross-validation by case), and the scores of a case's slices are
averaged. The course's own judge (`medgan_utils.evaluation.judge_auc`) is asked beside them, at 64
and at 128 pixels: it learns half of the cases of either side and is asked about the other half. An
AUC of 0.5 would mean that nobody can tell; 1.0 that anybody can. Run with

    MEDGAN_REAL_DATA=folder python experiments/liver_realism.py --round 1 [--montage montage.png]

where `folder/liver_ct_slices` holds slices of the Medical Segmentation Decathlon, Task03 (CC BY-SA
4.0). The montage shows some of them: whoever publishes it must say so and keep that licence.
"""

import argparse
import io
import json
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from joblib import Memory
from PIL import Image
from scipy import ndimage
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from medgan_utils.evaluation import judge_auc
from medgan_utils.evaluation.evaluate import RealSet
from tools.record import provenance, record

SLICES_EACH, JPEG_QUALITY, FOLDS = 4, 90, 4
LEAST_LIVER_PIXELS = 300
SPECTRUM_SIDE = 24
JUDGE_EPOCHS, JUDGE_SEEDS = 60, (0, 1)  # a hundred images a side: as many steps as 12 of 500


def phantom_case(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Slices of one phantom subject that show liver: images and masks (n, 256, 256) uint8."""
    from medgan_utils.phantoms import make_abdomen

    subject = make_abdomen(seed)
    area = (subject.segmentation > 0).sum(axis=(0, 1))
    rng = np.random.default_rng([seed, 99])
    planes = np.sort(rng.permutation(np.flatnonzero(area > LEAST_LIVER_PIXELS))[:SLICES_EACH])
    scanned = replace(subject, body=subject.body[:, :, planes]).scan()
    images = np.clip(np.rint(scanned), 0, 255).astype(np.uint8)
    masks = (subject.segmentation[:, :, planes] > 0).astype(np.uint8)
    return images[::-1, ::-1].T, masks[::-1, ::-1].T


def real_cases(folder: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """All real slices with enough liver: images, masks (n, 256, 256) uint8, and their cases."""
    images, masks, cases = [], [], []
    for path in sorted((folder / "images").glob("*.png")):
        mask = np.asarray(Image.open(folder / "masks" / path.name)) > 0
        if mask.sum() > LEAST_LIVER_PIXELS:
            images.append(np.asarray(Image.open(path)))
            masks.append(mask)
            cases.append(path.name.split("_")[0])
    return np.stack(images), np.stack(masks).astype(np.uint8), cases


def compressed(image: np.ndarray) -> np.ndarray:
    """The image after JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return np.asarray(Image.open(buffer))


def spectrum(image: np.ndarray, mask: np.ndarray) -> np.ndarray | None:
    """Radial noise power spectrum (12,) of a square in the liver; None if there is no room."""
    half = SPECTRUM_SIDE // 2
    room = ndimage.distance_transform_cdt(mask, "chessboard")
    row, column = np.unravel_index(room.argmax(), room.shape)
    if room[row, column] < half + 1:
        return None
    square = image[row - half : row + half, column - half : column + half].astype(float)
    square = square - ndimage.gaussian_filter(square, 6)
    window = np.hanning(SPECTRUM_SIDE)[:, None] * np.hanning(SPECTRUM_SIDE)
    power = np.abs(np.fft.fft2(square * window)) ** 2 / (window**2).sum()
    axis = np.fft.fftfreq(SPECTRUM_SIDE) * SPECTRUM_SIDE
    ring = np.rint(np.hypot(axis[:, None], axis)).astype(int)
    return np.array([power[ring == r].mean() for r in range(1, 13)])


def describe(image: np.ndarray, mask: np.ndarray) -> dict[str, np.ndarray]:
    """Feature groups of one slice, each a vector."""
    body = ndimage.binary_opening(image > 15, iterations=1)
    inside = image[image > 0]
    noise = spectrum(image, mask)
    liver = image[mask > 0]
    rows, columns = (np.flatnonzero(body.any(axis)) for axis in (1, 0))
    edges = np.hypot(*np.gradient(ndimage.gaussian_filter(image.astype(float), 1)))
    labels, pieces = ndimage.label(image > 235)
    sizes = np.bincount(labels.ravel())[1:]
    shape = [np.ptp(rows), np.ptp(columns), body.sum() ** 0.5, mask.sum() ** 0.5, pieces]
    shape += [(sizes > 20).sum(), (image > 235).sum() ** 0.5, (image == 0).mean()]
    shape += list(ndimage.center_of_mass(mask) - np.array(ndimage.center_of_mass(body)))
    return {
        "grey levels of the body": np.histogram(inside, 20, (0, 256))[0] / max(len(inside), 1),
        "grey levels of the liver": np.percentile(liver, [2, 10, 25, 50, 75, 90, 98]),
        "noise spectrum of the liver": np.log(np.full(12, np.nan) if noise is None else noise + 1),
        "edges": np.percentile(edges[image > 0], [10, 30, 50, 70, 90, 97]),
        "sizes, places and bones": np.array(shape, float),
    }


def auc_by_case(scores: np.ndarray, real: np.ndarray, cases: np.ndarray) -> float:
    """AUC over cases, the scores of a case's slices averaged."""
    names = np.unique(cases)
    means = [scores[cases == name].mean() for name in names]
    return float(roc_auc_score([real[cases == name][0] for name in names], means))


def interval(scores: np.ndarray, real: np.ndarray, cases: np.ndarray) -> list[float]:
    """95 % bootstrap interval of `auc_by_case`, cases drawn anew within each side."""
    rng, names = np.random.default_rng(0), np.unique(cases)
    means = np.array([scores[cases == name].mean() for name in names])
    side = np.array([real[cases == name][0] for name in names])
    drawn = []
    for _ in range(1000):
        pick = np.concatenate(
            [rng.choice(np.flatnonzero(side == s), (side == s).sum()) for s in (0, 1)]
        )
        drawn.append(roc_auc_score(side[pick], means[pick]))
    return [round(float(v), 3) for v in np.percentile(drawn, [2.5, 97.5])]


def cross_validated(
    fit_and_score, rows: np.ndarray, real: np.ndarray, cases: np.ndarray
) -> np.ndarray:
    """Scores of all rows by models that have not seen their cases."""
    scores = np.zeros(len(rows))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for train, test in folds.split(rows, real, cases):
        scores[test] = fit_and_score(rows[train], real[train], rows[test])
    return scores


def logistic(train: np.ndarray, labels: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Scores of a logistic regression."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=2000))
    return model.fit(train, labels).decision_function(test)


def network(train: np.ndarray, labels: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Scores of a small convolutional network (about 25 000 weights) on 64x64 images."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((64, 64, 1)), layers.RandomTranslation(0.08, 0.08, "constant")]
    )
    for channels in (16, 32, 64):
        model.add(layers.Conv2D(channels, 3, 2, "same", use_bias=False))
        model.add(layers.BatchNormalization(momentum=0.9))
        model.add(layers.ReLU())
    for layer in (layers.GlobalAveragePooling2D(), layers.Dropout(0.2), layers.Dense(1)):
        model.add(layer)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss)
    weights = {side: 0.5 / (labels == side).mean() for side in (0, 1)}
    model.fit(train, labels, 32, 40, verbose=0, class_weight=weights)
    return np.asarray(model(test, training=False))[:, 0]


def shrink(images: np.ndarray, size: int = 64) -> np.ndarray:
    """(n, 256, 256) uint8 to (n, size, size, 1) float32 in [-1, 1], block means."""
    block = images.shape[1] // size
    blocks = images.reshape(len(images), size, block, size, block).mean(axis=(2, 4))
    return (blocks / 127.5 - 1).astype(np.float32)[..., None]


def judged(images: np.ndarray, real: np.ndarray, cases: np.ndarray, size: int) -> dict:
    """AUC by case of the course's judge for each seed; half of the real cases are held out."""
    small, names = shrink(images, size), np.unique(cases[real == 1])
    phantoms = RealSet(small[real == 0], cases[real == 0])
    found = []
    for seed in JUDGE_SEEDS:
        learned = np.random.default_rng(seed).permutation(names)[: len(names) // 2]
        sides = [(real == 1) & (np.isin(cases, learned) == side) for side in (True, False)]
        sides = [RealSet(small[side], cases[side]) for side in sides]
        found.append(judge_auc(*sides, phantoms, seed, JUDGE_EPOCHS))
    found = np.round(np.array(found), 3).tolist()
    return {
        "auc": round(float(np.mean([one[0] for one in found])), 3),
        "interval": found[0][1:],
        "seeds": found,
    }


def compare(
    images: np.ndarray, masks: np.ndarray, real: np.ndarray, cases: np.ndarray, quick: bool = False
) -> dict:
    """AUC by case of network, judge and each group of features; medians of the features."""
    results = {}
    if not quick:
        scores = cross_validated(network, shrink(images), real, cases)
        results["network on 64x64 images"] = _entry(scores, real, cases)
    for size in (64,) if quick else (64, 128):
        results[f"judge on {size}x{size} images"] = judged(images, real, cases, size)
    described = [describe(image, mask) for image, mask in zip(images, masks, strict=True)]
    for group in described[0]:
        rows = np.stack([features[group] for features in described])
        whole = np.isfinite(rows).all(axis=1)
        part = (rows[whole], real[whole], cases[whole])
        results[group] = _entry(cross_validated(logistic, *part), *part[1:])
        for name, side in (("phantom", 0), ("real", 1)):
            values = np.median(rows[whole & (real == side)], axis=0)
            results[group][name] = [round(float(v), 4) for v in values]
    return results


def _entry(scores: np.ndarray, real: np.ndarray, cases: np.ndarray) -> dict:
    auc = round(auc_by_case(scores, real, cases), 3)
    return {"auc": auc, "interval": interval(scores, real, cases), "slices": len(scores)}


def draw_montage(path: str, images: np.ndarray, real: np.ndarray, cases: np.ndarray) -> None:
    """Phantom (upper rows) above real slices (lower rows), and both spectra and histograms."""
    rows = []
    for side in (0, 1):
        first = [np.flatnonzero(cases == name) for name in np.unique(cases[real == side])]
        rng = np.random.default_rng(1)
        pick = [int(rng.choice(where)) for where in first][: 18 if side == 0 else None]
        pick = pick[:: max(1, len(pick) // 18)][:18]
        starts = range(0, len(pick) - 5, 6)
        rows += [np.hstack(images[pick[start : start + 6]]) for start in starts]
    Image.fromarray(np.vstack(rows)).save(path)


def main() -> None:
    """Make the phantom, compare it, add the round to the stored table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--round", required=True, help="name of this round, for example 1")
    parser.add_argument("--subjects", type=int, default=24)
    parser.add_argument("--first-seed", type=int, default=500_000)
    parser.add_argument(
        "--quick", action="store_true", help="leave out the network and the judge at 128 pixels"
    )
    parser.add_argument("--note", default="", help="what was changed for this round")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "results/liver_realism.json"
    )
    parser.add_argument("--keep", type=Path, help="folder that keeps this round's phantom slices")
    parser.add_argument("--montage", help="where to draw phantom slices above real ones")
    arguments = parser.parse_args()
    if "MEDGAN_REAL_DATA" not in os.environ:
        sys.exit("set MEDGAN_REAL_DATA to the folder that holds liver_ct_slices/")
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.subjects)
    started = time.perf_counter()
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        case = Memory(arguments.keep, verbose=0).cache(phantom_case)
        parts = list(pool.map(case, seeds))
    print(f"{len(parts)} phantom subjects in {time.perf_counter() - started:.0f} s")
    images, masks, names = real_cases(Path(os.environ["MEDGAN_REAL_DATA"], "liver_ct_slices"))
    real = np.repeat([0, 1], [sum(len(p[0]) for p in parts), len(images)])
    cases = np.array([f"p{s}" for s, p in zip(seeds, parts, strict=True) for _ in p[0]] + names)
    images = np.concatenate([*(p[0] for p in parts), images])
    images = np.stack([compressed(image) for image in images])
    masks = np.concatenate([*(p[1] for p in parts), masks])
    if arguments.montage:
        draw_montage(arguments.montage, images, real, cases)
    results = compare(images, masks, real, cases, arguments.quick)
    for name, row in results.items():
        print(f"{name:30} AUC {row['auc']:.3f} {row['interval']}")
    rounds = json.loads(arguments.out.read_text())["results"] if arguments.out.exists() else {}
    about = {"note": arguments.note, "phantom_commit": provenance([])["commit"]}
    about |= {"phantom_subjects": len(parts), "auc": results}
    rounds[f"round {arguments.round}"] = about
    record(arguments.out, rounds, seeds=[0, *seeds])


if __name__ == "__main__":
    main()
