"""`GAN.fit` against a bare loop, a keras.io-style `train_step` and TensorFlow's tutorial loop.

    python benchmarks/training_loop.py

Same networks, batch, loss and extras, timed in turn; see `loops.py`. The keras.io style is run as
Keras compiles it by itself (XLA where it can), with XLA off, and with the penalty at every step.
"""

import argparse
import time
from pathlib import Path

from medgan_utils import profiles

profiles.quiet_tensorflow()

import numpy as np

from benchmarks.loops import (
    BATCH_SIZE,
    IMAGE_SIZE,
    BareLoop,
    KerasStyle,
    TutorialLoop,
    fit,
    new_gan,
)
from benchmarks.timing import interleaved, ratio, said, store, summary
from medgan_utils.data import Slices

BASE, BARE = "GAN.fit", "bare tf.function loop"
STEPS, ROUNDS = 20, 45
RESULT = Path(__file__).parent / "results" / "training_loop.json"


def random_slices(count: int = 1024, image_size: int = IMAGE_SIZE) -> Slices:
    """Return noise in [-1, 1]: how long a step takes does not depend on what the images show."""
    images = np.random.default_rng(0).uniform(-1, 1, (count, image_size, image_size, 1))
    positions = np.zeros(count, np.float32)
    return Slices(images.astype(np.float32), np.repeat("noise", count), positions)


def contestants() -> dict:
    """Return name -> function that takes so many steps, each with networks of its own."""
    dataset = random_slices().to_dataset(BATCH_SIZE)
    styles = {"XLA where Keras chooses": {}, "XLA off": {"jit_compile": False}}
    runs = {BASE: fit(new_gan(), dataset), BARE: BareLoop(new_gan(), dataset)}
    for name, settings in styles.items():
        model = KerasStyle(new_gan())
        model.compile(**settings)
        runs[f"keras.io style, {name}"] = fit(model, dataset)
    model = KerasStyle(new_gan(), r1_every=1)
    model.compile(jit_compile=False)
    runs["keras.io style, XLA off, R1 at every step"] = fit(model, dataset)
    return runs | {"TensorFlow tutorial's loop": TutorialLoop(new_gan(), dataset)}


def start_up(dataset) -> float:
    """Return the milliseconds by which a call of `fit` for one step exceeds that step."""
    gan = new_gan()
    run, times = fit(gan, dataset), []
    run(STEPS)
    for _ in range(9):
        started = time.perf_counter()
        gan.fit(dataset, steps_per_epoch=1, verbose=0)
        times.append(time.perf_counter() - started - run(STEPS) / STEPS)
    return round(1000 * float(np.median(times)), 1)


def main() -> None:
    """Run, print and record."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    times = interleaved(contestants(), STEPS, ROUNDS)
    rows = summary(times, BASE, BATCH_SIZE)
    results = {
        "batch_size": BATCH_SIZE,
        "image_size": IMAGE_SIZE,
        "steps_per_round": STEPS,
        "rounds": ROUNDS,
        "fit_over_bare": ratio(times[BASE], times[BARE]),
        "fit_start_up_ms": start_up(random_slices().to_dataset(BATCH_SIZE)),
    }
    store(RESULT, rows, **results)
    for row in rows:
        print(f"{row['run']}: {row['ms_per_step']} ms, {said(row['time_over_base'])} × fit")
    print(f"GAN.fit / bare: {said(results['fit_over_bare'])}")


if __name__ == "__main__":
    main()
