"""Train the checkpoint `brain-mri-64` on real IXI heads; resumes by itself after a stop.

    MEDGAN_REAL_DATA=folder python benchmarks/train_brain_mri.py --minutes 60
    MEDGAN_REAL_DATA=folder python benchmarks/train_brain_mri.py --publish

The first trains (again and again, until the score on the reference split has not improved over
three evaluations); the second opens the test split once, and writes weights, card and the test
subjects' features to `data/checkpoints`.
"""

import argparse
import os
import sys
import time
from pathlib import Path

from medgan_utils import profiles

profiles.quiet_tensorflow()

import keras
from ixi_split import ixi_splits

from medgan_utils.data import Slices
from medgan_utils.display import plots
from medgan_utils.evaluation import ReferenceFeatures, load_encoder, reference_features, score
from medgan_utils.models import dcgan_discriminator, dcgan_generator
from medgan_utils.training import GAN, DiffAugment, Monitor, ResumableCheckpoint, SampleGrid

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "runs" / "brain-mri-64"
SEED, BATCH, EPOCH, WATCH = 2026, 16, 250, "FD brain-encoder-64"


def build() -> GAN:
    """Return the compiled GAN: the recipe, in one place."""
    keras.utils.set_random_seed(SEED)
    gan = GAN(dcgan_generator(64), dcgan_discriminator(64), ema=0.998, seed=SEED)
    gan.compile(
        keras.optimizers.Adam(1e-3, beta_1=0.0, beta_2=0.99),
        keras.optimizers.Adam(1e-3, beta_1=0.0, beta_2=0.99),
        loss="non-saturating",
        r1_gamma=0.1,
        r1_every=4,
        augment=DiffAugment(brightness=0.05, contrast=0.1, shift=0.125),
    )
    return gan


def scorer(reference: Slices):
    """Return the function that scores a GAN on the reference split, with as many samples."""
    encoders = {"brain-encoder-64": load_encoder()}
    real = reference_features(reference.images, encoders, reference.subjects)

    def evaluate(gan: GAN) -> dict[str, float]:
        fakes = reference_features(gan.sample(len(reference), seed=1), encoders)
        row = score(fakes, real, repeats=0)
        return {name: getattr(value, "value", value) for name, value in row.items()}

    return evaluate


class Budget(keras.callbacks.Callback):
    """Stops after so many minutes, and says where the run stands."""

    def __init__(self, minutes: float):
        super().__init__()
        self.end, self.start = time.perf_counter() + 60 * minutes, time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        """Print one line; stop when the time is up."""
        images = int(self.model.step.numpy()) * BATCH
        numbers = ", ".join(f"{name} {value:.3f}" for name, value in (logs or {}).items())
        print(f"{images} images: {numbers}", flush=True)
        if time.perf_counter() > self.end:
            self.model.stop_training = True


def train(parts: dict[str, Slices], minutes: float, every: int) -> None:
    """Train until the budget ends or the score stops improving."""
    gan = build()
    keeper = ResumableCheckpoint(FOLDER / "state", every=every)
    start = keeper.restore(gan)
    grid = SampleGrid(gan.latents(64), plots.grid_png, every=every, folder=FOLDER / "grids")
    monitor = Monitor(
        scorer(parts["reference"]),
        WATCH,
        every,
        patience=3 if every >= 3000 else None,
        log=FOLDER / "scores.jsonl",
        best=FOLDER / "best.weights.h5",
    )
    data = parts["train"].to_dataset(BATCH, seed=SEED, start_step=start, flip=True)
    gan.fit(
        data,
        steps_per_epoch=EPOCH,
        epochs=10**6,
        initial_epoch=start // EPOCH,
        verbose=0,
        callbacks=[grid, monitor, keeper, Budget(minutes)],
    )


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--every", type=int, default=1500, help="steps between two scores")
    arguments = parser.parse_args()
    if "MEDGAN_REAL_DATA" not in os.environ:
        sys.exit("set MEDGAN_REAL_DATA to the folder with ixi_t1/, ixi_seg/ and participants")
    train(ixi_splits(os.environ["MEDGAN_REAL_DATA"]), arguments.minutes, arguments.every)
    return 0


if __name__ == "__main__":
    sys.exit(main())
