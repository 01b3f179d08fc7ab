"""Chapter 12's rows on quality: decay, batch size, bfloat16, JAX, turned images, order of moves.

    python experiments/tuning.py

The GAN and the yardstick are those of `ablation.py`, with half of its images; `plain` runs again,
since it is what the others are compared with. Beside the distances stands whether D tells the
slices that it trained on from those of other subjects: the AUC of its logits, 0.5 for a D that
cannot. The control is the same D before its first step. Whether a penalty stops D from learning
them by heart shows only once a plain D does: the *long* runs see 8 times as many images.
The runs on JAX (`pip install jax`) start from the same networks as `plain`; their batches and
latents are other draws. float16 was left out: here a step of it takes several times as long.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from medgan_utils import profiles

profiles.quiet_tensorflow()

# isort: split
import keras
import numpy as np
import tensorflow as tf
from sklearn.metrics import roc_auc_score

from experiments.ablation import SETTINGS, TRICKS, Yardstick, build, cohort, landmarks
from experiments.on_jax import train_on_jax
from medgan_utils.training import GAN
from tools.record import finished, record

RESULT = Path(__file__).parent / "results" / "tuning.json"
IMAGES, BATCH_SIZE, SEEDS, SHOWN = 16_000, 32, (0, 1, 2), 8
# One more run, with so few images and subjects that a test can repeat it.
CHECK = dict(name="rate decay", seed=0, images=256, subjects=5)


@dataclass(frozen=True)
class Change:
    """What a run changes in `ablation.py`'s plain GAN.

    Attributes:
        about: What is changed, in a few words.
        trick: Another of the ablation's tricks to start from.
        batch_size: Images a batch.
        passes: Times the images that the others see.
        faster: Factor on both learning rates.
        decay: Whether the rates fall to 0 along half a cosine.
        turned: Whether the training images are turned, mirrored and scaled at random.
        at_once: Whether G's gradient is taken before D moves.
        precision: Policy of the layers: "mixed_bfloat16" computes in 16 bits, with weights of 32.
        backend: Keras' backend: "tensorflow", or "jax" with the step of `benchmarks/jax_loop.py`.
    """

    about: str = "nothing"
    trick: str = "plain"
    batch_size: int = BATCH_SIZE
    passes: int = 1
    faster: float = 1.0
    decay: bool = False
    turned: bool = False
    at_once: bool = False
    precision: str = "float32"
    backend: str = "tensorflow"


CHANGES = {
    "plain": Change(),
    "rate decay": Change("both rates fall to 0 along a cosine", decay=True),
    "half the rate": Change("control: the mean rate of the decay, constant", faster=0.5),
    "batch 8": Change("as many images, 4 times the steps", batch_size=8),
    "batch 64": Change("as many images, half of the steps", batch_size=64),
    "turned images": Change("±15°, mirrored, scaled by ±10 %", turned=True),
    "both at once": Change("G's gradient is taken before D moves", at_once=True),
    "bfloat16": Change("computes in bfloat16", precision="mixed_bfloat16"),
    "JAX": Change("Keras on JAX, same start and step", backend="jax"),
    "L2 on weights": Change("1e-4 Σ w²", "L2 on weights"),
    "R1 penalty": Change("γ = 1, at every 4th step", "R1 penalty"),
    "plain, long": Change("8 times as many images", passes=8),
    "L2, long": Change("1e-4 Σ w², 8 times as many images", "L2 on weights", passes=8),
    "R1, long": Change("γ = 1, 8 times as many images", "R1 penalty", passes=8),
}


class AtOnce(GAN):
    """A GAN whose players move at the same time, as in the article's listing once it is mended."""

    def _move_both(self, real, labels):
        """Take both gradients from the same two networks; then move both."""
        z = self._latents(self._fakes(real))
        with tf.GradientTape() as tape:
            fake = self._generate_from(z)
            g_loss = self._mean(self.loss_function.generator_loss(self._judge_from(fake), None))
        weights = self.generator.trainable_variables
        gradients = tape.gradient(g_loss, weights)
        logs = self._move_discriminator(real, tf.stop_gradient(fake), labels)
        self.g_optimizer.apply(gradients, weights)
        self._update_average()
        return {**logs, "g_loss": g_loss}


def changed(change: Change, steps: int, seed: int) -> GAN:
    """Return the compiled GAN of one run."""
    trick = TRICKS[change.trick]
    rates = [rate * change.faster for rate in trick.rates]
    if change.decay:
        rates = [keras.optimizers.schedules.CosineDecay(rate, steps) for rate in rates]
    keras.config.set_dtype_policy(change.precision)
    try:
        return build(replace(trick, rates=tuple(rates)), seed, AtOnce if change.at_once else GAN)
    finally:
        keras.config.set_dtype_policy("float32")


def batches(change: Change, seed: int, subjects: int) -> tf.data.Dataset:
    """Return the training batches."""
    dataset = cohort(subjects)["train"].to_dataset(change.batch_size, seed=seed)
    if not change.turned:
        return dataset
    air = dict(fill_mode="constant", fill_value=-1.0)
    turn = keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal", seed=seed),
            keras.layers.RandomRotation(15 / 360, seed=seed, **air),
            keras.layers.RandomZoom(0.1, seed=seed, **air),
        ]
    )
    return dataset.map(lambda images: turn(images, training=True)).prefetch(2)


@cache
def yardstick(subjects: int) -> Yardstick:
    """Return what scores samples: the subjects of `reference`."""
    return Yardstick(cohort(subjects)["reference"].images)


def own_slices_auc(gan: GAN, subjects: int) -> float:
    """Return how well D tells the slices it trained on from those of other subjects (an AUC)."""
    parts = cohort(subjects)
    others = np.concatenate([parts[name].images for name in ("reference", "test")])
    logits = [
        gan.discriminator.predict(images, batch_size=256, verbose=0)[:, 0]
        for images in (parts["train"].images, others)
    ]
    own = np.repeat([1, 0], [len(some) for some in logits])
    return float(roc_auc_score(own, np.concatenate(logits)))


def train(name: str, seed: int, images: int, subjects: int) -> tuple[dict, np.ndarray]:
    """Run one change with one seed.

    Returns:
        Scores, AUC and seconds; and 8 samples, uint8 (8, H, W).
    """
    change = CHANGES[name]
    steps = images * change.passes // change.batch_size
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    gan = changed(change, steps, seed)
    untrained = own_slices_auc(gan, subjects)
    started = time.perf_counter()
    if change.backend == "jax":
        images_there = cohort(subjects)["train"].images
        rates = TRICKS[change.trick].rates
        train_on_jax(
            gan.generator, gan.discriminator, images_there, steps, change.batch_size, seed, *rates
        )
        gan.ema_generator.set_weights(gan.generator.get_weights())
    else:
        gan.fit(batches(change, seed, subjects), steps_per_epoch=steps, verbose=0)
    seconds = round(time.perf_counter() - started, 1)
    row = {"change": name, "seed": seed, "steps": steps, "seconds": seconds}
    count = len(cohort(subjects)["reference"])
    row |= yardstick(subjects)(gan.sample(count, seed=seed))
    row |= {"own AUC": own_slices_auc(gan, subjects), "own AUC untrained": untrained}
    samples = np.nan_to_num(gan.sample(SHOWN, seed=99)[..., 0], nan=-1.0)
    return row, np.round((samples + 1) * 127.5).astype(np.uint8)


def collect(runs: list[tuple[dict, np.ndarray]], check: dict, seeds: Sequence[int]) -> None:
    """Write the JSON of all runs, and the samples of the first seed."""
    rows, samples = zip(*runs, strict=True)
    settings = SETTINGS | {"images": IMAGES, "batch_size": BATCH_SIZE}
    changes = {name: vars(change) for name, change in CHANGES.items()}
    extra = dict(settings=settings, changes=changes, landmarks=landmarks(), check=check)
    record(RESULT, list(rows), seeds=list(seeds), **extra)
    shown = {
        row["change"]: one
        for row, one in zip(rows, samples, strict=True)
        if row["seed"] == min(seeds)
    }
    names, stacked = np.array(list(shown)), np.stack(list(shown.values()))
    np.savez_compressed(RESULT.with_suffix(".npz"), names=names, samples=stacked)


def main() -> None:
    """Run what is not finished; record once all seeds are there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--only-train", action="store_true", help="record nothing yet")
    options = parser.parse_args()
    runs = []
    for name, change in CHANGES.items():
        for seed in options.seeds:
            once = finished(train, change, SETTINGS, TRICKS[change.trick])
            runs.append(once(name, seed, IMAGES, SETTINGS["subjects"]))
            print(", ".join(f"{key} {value}" for key, value in runs[-1][0].items()), flush=True)
    if not options.only_train:
        runs.sort(key=lambda run: (list(CHANGES).index(run[0]["change"]), run[0]["seed"]))
        collect(runs, train(**CHECK)[0], options.seeds)


if __name__ == "__main__":
    main()
