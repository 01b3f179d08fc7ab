"""The training step as a share of the matrix-product rate that this machine reaches.

    python benchmarks/matrix_rate.py

Counts the multiplications and additions of both networks' convolutions and dense layers, times
each part of a step alone, and divides by the rate of one large float32 matrix product.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from medgan_utils import profiles

profiles.quiet_tensorflow()

import keras
import numpy as np
import tensorflow as tf

from benchmarks.loops import BATCH_SIZE, EVERY, IMAGE_SIZE, BareLoop, new_gan, squared_slope
from benchmarks.timing import store
from benchmarks.training_loop import random_slices
from medgan_utils.models import layer_operations
from medgan_utils.training import GAN

RESULT = Path(__file__).parent / "results" / "matrix_rate.json"
SIDE = 2048  # of the matrix product
ROUNDS = 15


def forward_flops(network: keras.Model) -> tuple[int, int]:
    """Return the floating-point operations of one image, and those of the first layer alone."""
    counts = list(layer_operations(network).values())
    return sum(counts), counts[0]


def parts_of(gan: GAN) -> dict[str, tuple[Callable[[], object], int]]:
    """Return name -> (what is timed, its operations; 0 where no network runs).

    Backwards costs two forwards, one for the inputs' gradient and one for the weights'; the first
    layer needs no gradient of its input unless the generator learns through it.
    """
    images = tf.constant(random_slices(2 * BATCH_SIZE).images)
    z = tf.random.stateless_normal((BATCH_SIZE, gan.latent_dim), [0, 0])
    (g, g_first), (d, d_first) = map(forward_flops, (gan.generator, gan.discriminator))
    grads = [tf.ones_like(weight) * 1e-3 for weight in gan.generator.trainable_variables]
    d_grads = [tf.ones_like(weight) * 1e-3 for weight in gan.discriminator.trainable_variables]

    def g_forward():
        return gan.generator(z, training=True)

    def g_learns():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(gan.discriminator(gan.generator(z, training=True)))
        return tape.gradient(loss, gan.generator.trainable_variables)

    def d_forward():
        return gan.discriminator(images, training=True)

    def d_learns():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(gan.discriminator(images, training=True))
        return tape.gradient(loss, gan.discriminator.trainable_variables)

    def penalty():
        with tf.GradientTape() as tape:
            loss = squared_slope(gan.discriminator, images[:BATCH_SIZE])
        return tape.gradient(loss, gan.discriminator.trainable_variables)

    def optimisers():
        gan.g_optimizer.apply(grads, gan.generator.trainable_variables)
        gan.d_optimizer.apply(d_grads, gan.discriminator.trainable_variables)

    def augment():
        return gan.augment(images, seed=[1, 2])

    g_step = BATCH_SIZE * (3 * g - g_first + 2 * d)
    d_step = 2 * BATCH_SIZE * (3 * d - d_first)
    return {
        "G forward": (g_forward, BATCH_SIZE * g),
        "G forward, D, and back to G's weights": (g_learns, g_step),
        "D forward on real and fake": (d_forward, 2 * BATCH_SIZE * d),
        "D forward and back": (d_learns, d_step),
        f"R1 alone (every {EVERY}th step)": (penalty, 0),
        "both Adams": (optimisers, 0),
        "averaged generator": (gan._update_average, 0),
        "DiffAugment of real and fake": (augment, 0),
    }


def milliseconds(function: Callable[[], object]) -> float:
    """Return the median time of a call of the compiled function."""
    compiled = tf.function(function)
    times = []
    for _ in range(ROUNDS + 3):
        started = time.perf_counter()
        compiled()
        times.append(1000 * (time.perf_counter() - started))
    return float(np.median(times[3:]))


def whole_step(parts: dict, peak: float) -> dict[str, float]:
    """Time the bare step without extras; return milliseconds, operations and share of `peak`."""
    gan, dataset = new_gan(r1=False, augment=False), random_slices().to_dataset(BATCH_SIZE)
    loop, times = BareLoop(gan, dataset, ema=False), []
    loop(5)
    for _ in range(ROUNDS):
        started = time.perf_counter()
        loop(5)
        times.append(200 * (time.perf_counter() - started))
    took = float(np.median(times))
    flops = parts["G forward, D, and back to G's weights"][1] + parts["D forward and back"][1]
    share = round(flops / took / 1e6 / peak, 3)
    return {"ms": round(took, 2), "million_operations": flops // 10**6, "share_of_peak": share}


def main() -> None:
    """Run, print and record."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    matrix = tf.random.stateless_normal((SIDE, SIDE), [0, 0])
    peak = 2 * SIDE**3 / milliseconds(lambda: matrix @ matrix) / 1e6
    parts = parts_of(new_gan())
    rows = []
    for name, (function, flops) in parts.items():
        took = milliseconds(function)
        rate = flops / took / 1e6
        rows.append({"part": name, "ms": round(took, 2), "million_operations": flops // 10**6})
        rows[-1] |= {"gigaflops": round(rate, 1), "share_of_peak": round(rate / peak, 3)}
    results = {
        "matrix_side": SIDE,
        "matrix_gigaflops": round(peak, 1),
        "batch_size": BATCH_SIZE,
        "image_size": IMAGE_SIZE,
        "step_without_extras": whole_step(parts, peak),
    }
    store(RESULT, rows, **results)
    for row in rows:
        print(row)
    print(f"matrix product {peak:.0f} GFLOP/s; step {results['step_without_extras']}")


if __name__ == "__main__":
    main()
