"""GAN, VAE and a small diffusion model: the same slices, the same seconds, the same judge.

    python experiments/rivals.py

Each trains on the same 32 × 32 phantom slices for so many seconds of its own (compilation not
counted) and is judged on subjects nobody trained on: a judge's AUC (0.5: cannot tell), precision
and recall on random features, SWD, and the seconds that a sample takes. The VAE's decoder is the
GAN's generator. The floor, other real subjects, and the training slices blurred stand beside them.
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from scipy.ndimage import gaussian_filter

from experiments.ablation import Yardstick, cohort
from medgan_utils.evaluation import judge_auc, precision_recall
from medgan_utils.evaluation.evaluate import RealSet
from medgan_utils.models import dcgan_discriminator, dcgan_generator, small_unet, vae_encoder
from medgan_utils.training import GAN, R1, VAE, DiffAugment, Diffusion, StopAfter
from tools.record import finished, record

RESULT = Path(__file__).parent / "results" / "rivals.json"
SETTINGS = dict(seconds=40.0, batch_size=16, subjects=40, shown=8)
SEEDS = (0, 1, 2)
MODELS = ("GAN", "VAE", "diffusion")


def build(name: str, seed: int) -> keras.Model:
    """Return a compiled model that has `fit` and `sample`."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    if name == "GAN":
        gan = GAN(dcgan_generator(32), dcgan_discriminator(32), ema=0.99, seed=seed)
        gan.compile(penalties=[R1(0.1)], augment=DiffAugment())
        return gan
    model = VAE(vae_encoder(), dcgan_generator(32)) if name == "VAE" else Diffusion(small_unet())
    model.compile(keras.optimizers.Adam(1e-3))
    return model


def scores(images: np.ndarray, subjects, seed: int, settings: dict) -> dict:
    """Return what the judge and the distances say of a set of images."""
    parts = cohort(settings["subjects"])
    test = parts["test"]
    real = [RealSet(parts[name].images, parts[name].subjects) for name in ("train", "test")]
    yardstick = Yardstick(test.images)
    some = images[: len(test)]
    features = [yardstick.encoder.features(one) for one in (test.images, some)]
    found = precision_recall(*features)
    return {
        "judge AUC": [
            round(float(v), 4) for v in judge_auc(*real, RealSet(images, subjects), seed)
        ],
        **{key: round(found[key], 4) for key in ("precision", "recall")},
        "SWD": round(yardstick(some)["SWD"], 4),
    }


def run(name: str, seed: int, settings: dict) -> tuple[dict, np.ndarray]:
    """Train, sample and score one model; return its row and the samples shown (n, H, W)."""
    train = cohort(settings["subjects"])["train"]
    model, clock = build(name, seed), StopAfter(settings["seconds"])
    batches = train.to_dataset(settings["batch_size"], seed)
    model.fit(batches, steps_per_epoch=10**6, verbose=0, callbacks=[clock])
    model.sample(64, seed=seed)  # compiles
    started = time.perf_counter()
    images = model.sample(256, seed=seed)
    each = (time.perf_counter() - started) / len(images)
    row = {
        "model": name,
        "seed": seed,
        "steps": clock.steps,
        "seconds": round(clock.seconds_used, 1),
        "ms a sample": round(1000 * each, 3),
        **scores(images, None, seed, settings),
    }
    return row, images[: settings["shown"], ..., 0]


def landmarks(settings: dict) -> list[dict]:
    """Return the scores of other real subjects and of blurred training slices."""
    parts = cohort(settings["subjects"])
    reference, train = parts["reference"], parts["train"]
    blurred = gaussian_filter(train.images, (0, 1, 1, 0))
    sets = {
        "floor: other real subjects": (reference.images, reference.subjects),
        "training slices, blurred": (blurred, train.subjects),
    }
    return [{"model": name, **scores(*one, 0, settings)} for name, one in sets.items()]


def main() -> None:
    """Run what is not finished, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=SETTINGS["seconds"])
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    settings = SETTINGS | {"seconds": options.seconds}
    once, rows, shown = finished(run, MODELS), [], {}
    for seed in options.seeds:
        for name in MODELS:
            row, images = once(name, seed, settings)
            rows.append(row)
            shown[f"{name}/{seed}"] = np.rint(127.5 * (np.clip(images, -1, 1) + 1)).astype("uint8")
            print(row, flush=True)
    np.savez_compressed(options.out.with_suffix(".npz"), **shown)
    results = {"rows": rows, "landmarks": landmarks(settings)}
    record(options.out, results, seeds=options.seeds, settings=settings)


if __name__ == "__main__":
    main()
