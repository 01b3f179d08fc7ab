"""One training of `tuning.py` on Keras' JAX backend, in a process of its own.

    python -m experiments.on_jax FOLDER STEPS BATCH_SIZE SEED RATE_G RATE_D

The folder holds `g.keras` and `d.keras`, as TensorFlow built them, and the training images,
`images.npy`. Where the training ends lies beside them: `g.weights.h5` and `d.weights.h5`.
"""

import argparse
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np

ROOT = Path(__file__).resolve().parents[1]


def train_on_jax(generator, discriminator, images: np.ndarray, *settings: float) -> None:
    """Train two networks on images (N, H, W, C) there, and give them the weights it reached.

    Args:
        generator: Of TensorFlow, without labels; its weights are the start, and change.
        discriminator: The same.
        images: Real images in [-1, 1].
        *settings: Steps, images a step, seed, and both learning rates.

    Raises:
        RuntimeError: JAX is missing, or the process failed; its last words are in the message.
    """
    if find_spec("jax") is None:
        raise RuntimeError("JAX is not installed: pip install jax")
    with TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "images.npy", images)
        generator.save(folder / "g.keras")
        discriminator.save(folder / "d.keras")
        done = subprocess.run(
            [sys.executable, "-m", "experiments.on_jax", name, *map(str, settings)],
            env=os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        if done.returncode:
            raise RuntimeError(f"the training on JAX failed: {done.stderr[-2000:]}")
        generator.load_weights(folder / "g.weights.h5")
        discriminator.load_weights(folder / "d.weights.h5")


def main() -> None:
    """Train what the folder holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    for name in ("steps", "batch_size", "seed"):
        parser.add_argument(name, type=int)
    parser.add_argument("rates", type=float, nargs=2)
    options = parser.parse_args()
    from benchmarks.jax_loop import JaxLoop

    folder = options.folder
    networks = [keras.saving.load_model(folder / f"{one}.keras", compile=False) for one in "gd"]
    optimizers = [keras.optimizers.Adam(rate, beta_1=0.5, beta_2=0.99) for rate in options.rates]
    images = np.load(folder / "images.npy")
    loop = JaxLoop(images, options.batch_size, *networks, optimizers, seed=options.seed)
    loop(options.steps)
    loop.save(folder)


if __name__ == "__main__":
    main()
