"""Chapter 4's ablation: one trick at a time on the same small GAN, budget and seeds.

    python experiments/ablation.py

A finished run (trick and seed) is not run again, so a stopped ablation resumes. The result is
`experiments/results/ablation.json` (scores, provenance) and `ablation.npz` (16 samples a run).
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from itertools import product
from multiprocessing import get_context
from pathlib import Path

from medgan_utils import profiles

profiles.quiet_tensorflow()

# isort: split
import keras
import numpy as np
import tensorflow as tf
from keras import layers

from medgan_utils import data, evaluation
from medgan_utils.models import dcgan_discriminator, dcgan_generator
from medgan_utils.training import GAN, R1, DiffAugment, GradientPenalty
from tools.record import finished, record

RESULTS = Path(__file__).parent / "results"
SETTINGS = dict(image_size=32, batch_size=32, steps=1000, widths=(64, 32, 16), subjects=40)
SEEDS, SHOWN, QUARTERS = (0, 1, 2), 16, 4  # the scores are taken at each quarter of the budget
# One more run, with so few steps and subjects that a test can repeat it.
CHECK = dict(name="R1 penalty", seed=0, steps=8, subjects=5)


@dataclass(frozen=True)
class Trick:
    """What a run changes in the plain GAN: Adam(5e-4, β1 = 0.5), no normalisation, no penalty.

    Attributes:
        group: Where the trick comes from: "article", "today" or "other"; "" for the plain run.
        about: What is changed, in a few words, with its strength.
        rates: Learning rates of G and D.
        clip: Largest global norm of a gradient; None for no limit.
        batch_norm: The network that gets batch normalisation: "", "G" or "D".
        noise: Where noise enters: "", "z", "layers" (of G) or "images" (in front of D).
        r1_gamma, gp_weight: γ of `R1`, λ of `GradientPenalty`; 0 for none.
        The others: as in `GAN`, `GAN.compile`, `dcgan_generator`, `dcgan_discriminator`.
    """

    group: str = ""
    about: str = "nothing"
    loss: str = "non-saturating"
    optimizer: str = "Adam"
    rates: tuple[float, float] = (5e-4, 5e-4)
    clip: float | None = None
    l1: float = 0.0
    l2: float = 0.0
    batch_norm: str = ""
    spectral_norm: bool = False
    upsampling: str = "transposed"
    noise: str = ""
    r1_gamma: float = 0.0
    gp_weight: float = 0.0
    augment: bool = False
    ema: float = 0.0


TRICKS = {
    "plain": Trick(),
    "WGAN-GP": Trick("article", "Wasserstein loss, penalty λ = 10", "wasserstein", gp_weight=10.0),
    "TTUR": Trick("article", "D learns 4 times as fast as G", rates=(2.5e-4, 1e-3)),
    "rates × 4": Trick("article", "G and D learn 4 times as fast", rates=(2e-3, 2e-3)),
    "rates ÷ 4": Trick("article", "G and D learn 4 times as slowly", rates=(1.25e-4, 1.25e-4)),
    "batch norm in G": Trick("article", "after each stage of G", batch_norm="G"),
    "batch norm in D": Trick("article", "real and fake in batches of their own", batch_norm="D"),
    "noise on z": Trick("article", "z + 0.5 ε", noise="z"),
    "gradient clipping": Trick("article", "global norm at most 1", clip=1.0),
    "R1 penalty": Trick("today", "γ = 1, at every 4th step", r1_gamma=1.0),
    "spectral norm": Trick("today", "every kernel of D", spectral_norm=True),
    "EMA": Trick("today", "mean of G's weights, decay 0.99", ema=0.99),
    "DiffAugment": Trick("today", "brightness, contrast, shift, cutout", augment=True),
    "noise per layer": Trick("today", "in G, learned strength (StyleGAN)", noise="layers"),
    "instance noise": Trick("today", "0.2 ε on real and fake before D", noise="images"),
    "resize + convolution": Trick("today", "bilinear up-sampling in G", upsampling="bilinear"),
    "L2 on weights": Trick("other", "1e-4 Σ w², G and D", l2=1e-4),
    "L1 on weights": Trick("other", "1e-5 Σ |w|, G and D", l1=1e-5),
    "AdaGrad": Trick(
        "other", "in place of Adam, rate 0.01", optimizer="Adagrad", rates=(0.01, 0.01)
    ),
    "R1 + EMA + BN in G": Trick("today", "three together", batch_norm="G", r1_gamma=1.0, ema=0.99),
}


class Noise(layers.Layer):
    """Adds Gaussian noise at every call, also outside training, since it is part of G.

    Args:
        strength: Standard deviation; the first one if it is learned.
        learned: One strength a channel, learned, and one noise map for all channels (Karras et al.
            2019, arXiv:1812.04948).
        **kwargs: Passed to `keras.layers.Layer`.
    """

    def __init__(self, strength: float, learned: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.strength, self.learned = strength, learned
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, shape):
        """Create the learned strengths."""
        if self.learned:
            start = keras.initializers.Constant(self.strength)
            self.scale = self.add_weight(shape=(shape[-1],), initializer=start, name="scale")

    def call(self, x):
        """Return x with noise."""
        shape = tf.shape(x)
        if not self.learned:
            return x + self.strength * keras.random.normal(shape, seed=self.seed_generator)
        shape = tf.concat([shape[:-1], [1]], axis=0)
        return x + self.scale * keras.random.normal(shape, seed=self.seed_generator)

    def get_config(self):
        """Return the configuration."""
        return {**super().get_config(), "strength": self.strength, "learned": self.learned}


class InstanceNoise(layers.Layer):
    """Noise on all images that D sees.

    Source: Sønderby et al., "Amortised MAP Inference for Image Super-resolution", ICLR 2017,
    arXiv:1610.04490.
    """

    def call(self, images, seed):
        """Return images with noise of standard deviation 0.2 (a tenth of the range)."""
        return images + 0.2 * tf.random.stateless_normal(tf.shape(images), seed)


def insert_after(model: keras.Model, kind: type, make: Callable) -> keras.Model:
    """Return a copy of a model with a layer `make()` after each hidden layer of a kind."""

    def call(layer, *inputs, **settings):
        outputs = layer(*inputs, **settings)
        last = outputs.shape[-1] == 1  # the image itself
        return make()(outputs) if isinstance(layer, kind) and not last else outputs

    return keras.models.clone_model(model, clone_function=_copy, call_function=call)


def _copy(layer: layers.Layer) -> layers.Layer:
    return layer.__class__.from_config(layer.get_config())


def optimizer(trick: Trick, rate: float) -> keras.optimizers.Optimizer:
    """Return the optimiser; L1 and L2 enter as gradients of their penalties on all kernels."""
    base = getattr(keras.optimizers, trick.optimizer)

    class Penalised(base):
        def update_step(self, gradient, variable, learning_rate):
            if len(variable.shape) > 1:
                gradient = gradient + 2 * trick.l2 * variable + trick.l1 * tf.sign(variable)
            super().update_step(gradient, variable, learning_rate)

    kind = Penalised if trick.l1 or trick.l2 else base
    betas = dict(beta_1=0.5, beta_2=0.99) if trick.optimizer == "Adam" else {}
    return kind(rate, global_clipnorm=trick.clip, **betas)


def build(trick: Trick, seed: int, kind: type[GAN] = GAN) -> GAN:
    """Return the compiled GAN of one run, by default one that takes the course's step."""
    size, widths = SETTINGS["image_size"], SETTINGS["widths"]
    normalised = trick.batch_norm == "G"
    generator = dcgan_generator(
        size, widths=widths, batch_norm=normalised, upsampling=trick.upsampling
    )
    discriminator = dcgan_discriminator(
        size, widths=widths[::-1], spectral_norm=trick.spectral_norm
    )
    if trick.batch_norm == "D":
        discriminator = insert_after(discriminator, layers.Conv2D, layers.BatchNormalization)
    if trick.noise == "z":
        z = keras.Input(generator.input_shape[1:])
        generator = keras.Model(z, generator(Noise(0.5)(z)))
    if trick.noise == "layers":
        stage = layers.Conv2DTranspose
        generator = insert_after(generator, stage, lambda: Noise(0.0, learned=True))
    augment = DiffAugment(cutout=0.25) if trick.augment else None
    # A vanishing R1 makes `GAN` judge real and fake apart, as batch normalisation in D expects.
    apart = trick.batch_norm == "D"
    gan = kind(generator, discriminator, ema=trick.ema, seed=seed)
    gan.compile(
        *(optimizer(trick, rate) for rate in trick.rates),
        loss=trick.loss,
        penalties=[
            R1(1e-9, every=1) if apart else R1(trick.r1_gamma),
            GradientPenalty(trick.gp_weight),
        ],
        augment=InstanceNoise() if trick.noise == "images" else augment,
    )
    return gan


class Yardstick:
    """Scores images against held-out subjects: FD and KID on random features, and SWD.

    Args:
        reference: Real images (N, H, W, C) of subjects nobody trained on.
    """

    def __init__(self, reference: np.ndarray):
        config = evaluation.EncoderConfig(reference.shape[1], 1, ("none",), (0.0,), (1.0,), seed=1)
        self.encoder, self.reference = evaluation.Encoder(config, "random"), reference
        features = self.encoder.features(reference)
        self.mean, self.deviation = features.mean(axis=0), features.std(axis=0)
        self.described = evaluation.laplacian_descriptors(reference)

    def __call__(self, images: np.ndarray) -> dict[str, float]:
        """Return FD, KID and SWD of images (N, H, W, C) in [-1, 1]; NaN for NaN pixels."""
        if not np.isfinite(images).all():
            return dict.fromkeys(("FD", "KID", "SWD"), float("nan"))
        real, fake = (
            (self.encoder.features(some) - self.mean) / self.deviation
            for some in (self.reference, images)
        )
        distances = evaluation.swd(self.described, evaluation.laplacian_descriptors(images))
        scores = evaluation.fd(real, fake), evaluation.kernel_distance(real, fake), distances.mean()
        return dict(zip(("FD", "KID", "SWD"), map(float, scores), strict=True))


@cache
def cohort(subjects: int) -> dict[str, data.Slices]:
    """Return the slices, split by subject."""
    size = SETTINGS["image_size"]
    slices = data.load_slices("brain-phantom", image_size=size, subjects=subjects)
    return slices.split({"train": 0.6, "reference": 0.2, "test": 0.2}, seed=0)


def train(name: str, seed: int, steps: int, subjects: int) -> tuple[dict, np.ndarray]:
    """Run one trick with one seed.

    Returns:
        Scores, their course over the quarters and the seconds; and 16 samples, uint8 (16, H, W).
    """
    parts = cohort(subjects)
    yardstick = Yardstick(parts["reference"].images)
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    gan = build(TRICKS[name], seed)
    count, course = len(parts["reference"]), []
    scoring = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: course.append(yardstick(gan.sample(count, seed=seed)))
    )
    started = time.perf_counter()
    gan.fit(
        parts["train"].to_dataset(SETTINGS["batch_size"], seed=seed),
        steps_per_epoch=steps // QUARTERS,
        epochs=QUARTERS,
        callbacks=[scoring],
        verbose=0,
    )
    seconds = round(time.perf_counter() - started, 1)
    row = {"trick": name, "seed": seed, "steps": steps, "subjects": subjects}
    row |= {**course[-1], "seconds": seconds}
    row["course"] = {score: [point[score] for point in course] for score in course[0]}
    samples = np.nan_to_num(gan.sample(SHOWN, seed=99)[..., 0], nan=-1.0)
    return row, np.round((samples + 1) * 127.5).astype(np.uint8)


def landmarks() -> list[dict]:
    """Score what is not a GAN: other real subjects (the floor), and reals spoilt in known ways."""
    parts = cohort(SETTINGS["subjects"])
    yardstick, count = Yardstick(parts["reference"].images), len(parts["reference"])
    test = parts["test"]
    sets = evaluation.landmarks(test.images, test.subjects, min(count, len(test)))
    return [{"set": k, "images": len(x), **yardstick(x)} for k, (x, _) in sets.items()]


def collect(runs: list[tuple[dict, np.ndarray]], out: Path, steps: int, check: dict) -> None:
    """Write the JSON and the samples of all runs."""
    rows, samples = zip(*runs, strict=True)
    settings = SETTINGS | {"steps": steps, "images_seen": steps * SETTINGS["batch_size"]}
    parts = cohort(SETTINGS["subjects"])
    settings["subjects"] = {name: len(np.unique(p.subjects)) for name, p in parts.items()}
    tricks = {row["trick"]: vars(TRICKS[row["trick"]]) for row in rows}
    seeds = sorted({row["seed"] for row in rows})
    extra = dict(settings=settings, tricks=tricks, landmarks=landmarks(), check=check)
    record(out / "ablation.json", list(rows), seeds=seeds, **extra)
    names = np.array([f"{row['trick']}/{row['seed']}" for row in rows])
    np.savez_compressed(out / "ablation.npz", names=names, samples=np.stack(samples))


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--tricks", nargs="+", choices=list(TRICKS), default=list(TRICKS))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--steps", type=int, default=SETTINGS["steps"])
    parser.add_argument("--workers", type=int, default=2, help="runs at a time, one core each")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ[name] = "1"  # for the workers: two runs side by side beat one on two cores
    subjects = SETTINGS["subjects"]
    cohort(subjects)
    seeds_first = product(arguments.seeds, arguments.tricks)
    jobs = [(name, seed, arguments.steps, subjects) for seed, name in seeds_first]
    jobs.append(tuple(CHECK.values()))
    with ProcessPoolExecutor(arguments.workers, get_context("spawn")) as pool:
        waiting = {
            pool.submit(finished(train, TRICKS[job[0]], SETTINGS), *job): job for job in jobs
        }
        for done, future in enumerate(as_completed(waiting), start=1):
            print(f"{done}/{len(jobs)} {waiting[future][0]}, seed {waiting[future][1]}", flush=True)
            if future.exception():
                pool.shutdown(cancel_futures=True)  # what is done is kept on disk
            future.result()
        runs = {job: future.result() for future, job in waiting.items()}
    *jobs, check = jobs
    ordered = [runs[job] for job in sorted(jobs, key=_order)]
    collect(ordered, arguments.out, arguments.steps, runs[check][0])
    return 0


def _order(job: tuple) -> tuple[int, int]:
    return list(TRICKS).index(job[0]), job[1]


if __name__ == "__main__":
    sys.exit(main())
