"""What the strategies of chapter 12 change in the time of a training step, on this machine.

    python benchmarks/strategies.py

`GAN.fit` as the course uses it, and with one thing changed: the precision, XLA, two replicas, how
the images arrive, the size of the batch. Timed in turn. What needs settings of its own (two logical
processors, Keras on JAX) runs in a process that waits for its turn. Quality is not looked at here.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from medgan_utils import profiles

profiles.quiet_tensorflow()

import keras
import numpy as np

from benchmarks.timing import interleaved, ratio, store

STEPS, ROUNDS, BATCH_SIZE = 5, 11, 16  # of 5 steps `fit` times 4, so that R1 is due once
BASE, BARE, JAX = "GAN.fit as it is", "bare loop, no extras", "the same on Keras' JAX backend"
REPLICAS = "2 replicas (MirroredStrategy)"
NOT_TRIED = {
    "several GPUs": "no GPU here",
    "mixed precision on tensor cores": "no GPU here",
    "XLA on a GPU": "no GPU here",
}
RESULT = Path(__file__).parent / "results" / "strategies.json"


def contestants() -> dict[str, tuple[Callable[[int], float | None], int]]:
    """Return name -> (function that takes so many steps, images a step)."""
    from benchmarks.loops import BareLoop, fit, new_gan
    from benchmarks.training_loop import random_slices

    slices = random_slices()
    dataset = slices.to_dataset(BATCH_SIZE)
    xla = new_gan()
    xla.compile(penalties=xla.penalties, augment=xla.augment, jit_compile=True)
    runs = {
        BASE: fit(new_gan(), dataset),
        "mixed bfloat16": fit(in_precision("mixed_bfloat16"), dataset),
        "mixed float16": fit(in_precision("mixed_float16"), dataset),
        "XLA": fit(xla, dataset),
        REPLICAS: Remote("replicas"),
        "images gathered in turn, no prefetch": fit(new_gan(), in_turn(slices.images)),
        "images from a Python generator": fit(new_gan(), from_python(slices.images)),
        BARE: BareLoop(new_gan(r1=False, augment=False), dataset, ema=False),
    }
    if importlib.util.find_spec("jax"):
        runs[JAX] = Remote("jax")
    found = {name: (run, BATCH_SIZE) for name, run in runs.items()}
    for size in (8, 32, 64, 128):
        found[f"batches of {size}"] = (fit(new_gan(), slices.to_dataset(size)), size)
    return found


def in_precision(policy: str):
    """Return a GAN whose layers compute in 16 bits and keep their weights in 32."""
    from benchmarks.loops import new_gan

    keras.config.set_dtype_policy(policy)
    try:
        return new_gan()
    finally:
        keras.config.set_dtype_policy("float32")


def in_turn(images: np.ndarray):
    """Return endless batches that are gathered when they are asked for."""
    import tensorflow as tf

    held = tf.constant(images)

    def batch(step):
        draw = tf.random.stateless_uniform([BATCH_SIZE], [0, step], 0, len(images), tf.int64)
        return tf.gather(held, draw)

    return tf.data.Dataset.counter().map(batch)


def from_python(images: np.ndarray):
    """Return endless batches that Python joins image by image, as a hand-written loader does."""
    import tensorflow as tf

    def forever():
        random = np.random.default_rng(0)
        while True:
            yield np.stack([images[k] for k in random.integers(len(images), size=BATCH_SIZE)])

    shape = tf.TensorSpec((BATCH_SIZE, *images.shape[1:]), tf.float32)
    return tf.data.Dataset.from_generator(forever, output_signature=shape)


class Remote:
    """A contestant in a process of its own, which waits until it is asked for steps.

    Args:
        kind: What `serve` is to build there.
    """

    def __init__(self, kind: str):
        settings = os.environ | (
            {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"} if kind == "jax" else {}
        )
        code = f"from benchmarks import strategies; strategies.serve({kind!r})"
        pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.process = subprocess.Popen(
            [sys.executable, "-c", code], env=settings, text=True, **pipes
        )

    def __call__(self, steps: int) -> float:
        """Take so many steps there; return the seconds they took."""
        print(steps, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the process {self.process.args[-1]!r} ended")
        return float(answer)


def serve(kind: str) -> None:
    """In a process of its own: answer each number of steps with the seconds they took."""
    run = on_jax() if kind == "jax" else on_replicas()
    for line in sys.stdin:
        started = time.perf_counter()
        seconds = run(int(line))
        print(time.perf_counter() - started if seconds is None else seconds, flush=True)


def on_jax() -> Callable[[int], None]:
    """Return the loop of `jax_loop.py`."""
    from benchmarks import jax_loop

    images = np.random.default_rng(0).uniform(-1, 1, (1024, 64, 64, 1)).astype(np.float32)
    return jax_loop.loop(images, BATCH_SIZE)


def on_replicas() -> Callable[[int], float]:
    """Return `fit` on two logical processors, which share the cores and each batch."""
    import tensorflow as tf

    (processor,) = tf.config.list_physical_devices("CPU")
    twice = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(processor, twice)
    from benchmarks.loops import fit, new_gan
    from benchmarks.training_loop import random_slices

    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        gan = new_gan()
    return fit(gan, random_slices().to_dataset(BATCH_SIZE))


def measured(runs: dict, steps: int, rounds: int) -> list[dict]:
    """Time all in turn; return a row each, with the seconds of the first call (compilation)."""
    first = {}
    for name, (run, _) in runs.items():
        started = time.perf_counter()
        run(steps)
        first[name] = round(time.perf_counter() - started, 1)
        print(f"{name}: first call {first[name]} s", flush=True)
    times = interleaved({name: run for name, (run, _) in runs.items()}, steps, rounds)
    an_image = {name: times[name] / images for name, (_, images) in runs.items()}
    rows = []
    for name, (_, images) in runs.items():
        base = BARE if name in (BARE, JAX) else BASE
        rows.append({"run": name, "batch_size": images, "against": base})
        rows[-1] |= {"ms_per_step": round(float(np.median(times[name])), 1)}
        rows[-1] |= {"images_per_second": round(1000 / float(np.median(an_image[name])))}
        rows[-1] |= {"time_over_base": ratio(an_image[name], an_image[base])}
        rows[-1] |= {"first_call_seconds": first[name]}
        rows[-1] |= {"every_round_ms": [round(float(value), 2) for value in times[name]]}
    return rows


def main() -> None:
    """Run, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    rows = measured(contestants(), STEPS, options.rounds)
    missing = {} if any(row["run"] == JAX for row in rows) else {JAX: "JAX is not installed"}
    for row in rows:
        print(row["run"], row["ms_per_step"], "ms", row["time_over_base"])
    settings = dict(image_size=64, steps_per_round=STEPS, rounds=options.rounds)
    store(RESULT, rows, not_tried=NOT_TRIED | missing, **settings)


if __name__ == "__main__":
    main()
