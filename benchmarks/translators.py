"""What chapter 11's networks cost: weights, a training step, peak memory, an image.

    python benchmarks/translators.py

64 × 64 pixels and batches of 8, each in a fresh process; `label map` is the recipe of
`liver-map-128` at its 128 pixels and batches of 32. Memory is the peak of the process less what it
held when TensorFlow and the course were loaded. Nothing depends on what an image shows, so they are
noise.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from medgan_utils import profiles

profiles.quiet_tensorflow()

# isort: split
import keras
import numpy as np
import psutil
import tensorflow as tf

from benchmarks.timing import store
from experiments.translation import features
from medgan_utils.models import fusion_generator, patch_discriminator, unet_generator
from medgan_utils.training import (
    L1,
    CycleGAN,
    JointPix2Pix,
    Pix2Pix,
    Segmenter,
    finding_channels,
    map_channels,
)
from recipes.projects import PROJECTS
from recipes.recipe import build
from tools.record import ROOT

RESULT = Path(__file__).parent / "results" / "translators.json"
SIZE, BATCH, ROUNDS, STEPS = 64, 8, 9, 5
CLASSES, FINDINGS = 5, ((1, 2, 3, 4),)
random = np.random.default_rng(0)


def images(channels: int) -> np.ndarray:
    """Return a batch of noise (8, 64, 64, channels)."""
    return random.uniform(-1, 1, (BATCH, SIZE, SIZE, channels)).astype(np.float32)


def maps() -> np.ndarray:
    """Return a batch of label maps (8, 64, 64)."""
    return random.integers(0, CLASSES, (BATCH, SIZE, SIZE))


def pix2pix(weight: float, inputs: int = 1, outputs: int = 1, terms: tuple = ()) -> tuple:
    """Return a model of pairs and a batch; of several contrasts, any of which may be missing."""
    network = fusion_generator if outputs > 1 else unet_generator
    critic = patch_discriminator(SIZE, outputs, inputs)
    model = Pix2Pix(network(SIZE, inputs, outputs), critic)
    model.compile(adversarial_weight=weight, terms=[L1(100.0), *terms])
    x = images(inputs)
    return model, (x, x if outputs > 1 else images(outputs)), model.translate


def cycle() -> tuple:
    """Return a CycleGAN and a batch of both piles."""
    critics = [patch_discriminator(SIZE, condition=0) for _ in range(2)]
    model = CycleGAN(unet_generator(SIZE), unet_generator(SIZE), *critics)
    model.compile()
    return model, (images(1), images(1)), model.translate


def segmenter(weight: float) -> tuple:
    """Return a segmenter, with a critic of masks or without, and a batch."""
    model = Segmenter(unet_generator(SIZE, last="logits"), patch_discriminator(SIZE))
    model.compile(adversarial_weight=weight)
    return model, (images(1), finding_channels(maps(), FINDINGS)), model.translate


def joint() -> tuple:
    """Return a painter with its reader, and a batch of maps and images."""
    channels = CLASSES + 1  # and one of noise
    painter = unet_generator(SIZE, channels=channels)
    critic = patch_discriminator(SIZE, condition=channels)
    model = JointPix2Pix(painter, critic, unet_generator(SIZE, last="logits"))
    model.compile(findings=FINDINGS)
    return model, (map_channels(maps(), CLASSES), images(1)), model.translate


def label_map() -> tuple:
    """Return the GAN of `liver-map-128` and a batch as large as its recipe's."""
    project = PROJECTS["liver-map-128"]
    gan, recipe = build(project.recipe, project.num_classes, project.names), project.recipe
    shape = (recipe.batch_size, recipe.image_size, recipe.image_size)
    labels = random.integers(0, project.num_classes[0], shape).astype(np.int32)
    real = random.uniform(-1, 1, (*shape, 1)).astype(np.float32)
    return gan, (real, labels), lambda x: gan.sample(len(x), labels[: len(x)])


NETWORKS: dict[str, Callable[[], tuple]] = {
    "U-Net, L1": lambda: pix2pix(0.0),
    "Pix2Pix, L1 + adversarial": lambda: pix2pix(1.0),
    "Pix2Pix, L1 + features": lambda: pix2pix(0.0, terms=(features(),)),
    "one for all of four contrasts": lambda: pix2pix(0.0, 4, 4),
    "CycleGAN": cycle,
    "segmenter": lambda: segmenter(0.0),
    "segmenter with a critic": lambda: segmenter(0.05),
    "painter and reader, jointly": joint,
    "label map, 128 × 128": label_map,
}


def measured(name: str) -> dict:
    """Measure one network in this process."""
    before = psutil.Process().memory_info().rss
    model, batch, make = NETWORKS[name]()
    endless = batch_of(batch)
    model.fit(endless, steps_per_epoch=3, verbose=0)  # compiles
    step = median_seconds(lambda: model.fit(endless, steps_per_epoch=STEPS, verbose=0)) / STEPS
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    image = median_seconds(lambda: make(batch[0])) / len(make(batch[0]))
    reader = getattr(model, "segmenter", None)
    return {
        "network": name, "batch": len(batch[0]),
        "generators": weights(model.generator, reader), "critics": weights(model.discriminator),
        "ms_a_step": round(1000 * step, 1), "peak_mb": round((peak - before) / 1e6),
        "ms_an_image": round(1000 * image, 2),
    }  # fmt: skip


def median_seconds(call: Callable[[], object]) -> float:
    """Return the median seconds of a call."""
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds))


def batch_of(batch: tuple[np.ndarray, np.ndarray]) -> tf.data.Dataset:
    """Return the batch, again and again."""
    return tf.data.Dataset.from_tensors(batch).repeat()


def weights(*networks: keras.Model | None) -> int:
    """Return how many weights of these networks are trained."""
    each = [v for one in networks if one is not None for v in one.trainable_variables]
    return sum(int(np.prod(variable.shape)) for variable in each)


def main() -> None:
    """Run, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--child", choices=NETWORKS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(measured(arguments.child)))
        return
    rows = []
    for name in NETWORKS:
        command = [sys.executable, __file__, "--child", name]
        child = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
        rows.append(json.loads(child.stdout.splitlines()[-1]))
        print(rows[-1], flush=True)
    store(RESULT, rows, rounds=ROUNDS, steps_per_round=STEPS)


if __name__ == "__main__":
    main()
