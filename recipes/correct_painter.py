"""Let a painter of label maps pay for what readers find where its map has nothing.

    python recipes/correct_painter.py WEIGHTS            # the path of its weights, without suffix
    python recipes/correct_painter.py WEIGHTS --publish

`liver-map-128` as its GAN left it drew what readers took for tumours in slices whose map has none
(`experiments/map_obedience.py`). Here G alone is moved, for a thousand steps, by what three readers
see in its pictures against their maps, by the distance from what it painted before, and by how far
the mean grey of each tumour moved: without the last term tumours became darker than they are, for
that helps a reader, too. The readers are U-Nets that outline tumours on the training subjects' own
slices; those that judge it later have other seeds. A term for the map's tumours is needed beside
that for the rest: paid for the rest alone, G stopped to paint tumours. The result lies in `runs/`;
`--publish` opens the test split.
"""

import sys
from collections.abc import Sequence

from recipes.corrected import command_line, falling_adam, run  # first: quiets TensorFlow

# isort: split
import keras
import numpy as np
import tensorflow as tf

from experiments.map_obedience import PAINTERS, reader
from medgan_utils.data import Slices
from medgan_utils.models import load_generator
from medgan_utils.training import GAN
from recipes.grid import grid_strength
from recipes.projects import PROJECTS, balanced

NAME = "liver-map-128"
SEEDS, STEPS, BATCH, RATE = (11, 12, 13), 1000, 16, 2e-4
# Weights of false pixels, distance, tumours' grey and net of dots; 1 is that of the reading.
REST, NEAR, GREY, GRID = 100.0, 20.0, 40.0, 20.0


class Correction(keras.Model):
    """A painter, the one that it was, and readers of what it paints; only the first is moved.

    Args:
        painter: From [z, label maps] to images.
        before: The same, as it was.
        readers: From images to logits of a tumour (B, H, W, 1).
        tumour: Codes of a tumour.
    """

    def __init__(
        self,
        painter: keras.Model,
        before: keras.Model,
        readers: Sequence[keras.Model],
        tumour: tuple[int, ...],
    ):
        super().__init__()
        self.painter, self.before, self.readers, self.tumour = painter, before, readers, tumour
        for fixed in (before, *readers):
            fixed.trainable = False

    def call(self, inputs, training=False):
        """Paint."""
        return self.painter(inputs, training=training)

    def train_step(self, data):
        """Move the painter once; `data` are z (B, n) and label maps (B, H, W)."""
        z, maps = data
        there = tf.reduce_any([maps == code for code in self.tumour], axis=0)
        truth = tf.cast(there, tf.float32)[..., None]
        with tf.GradientTape() as tape:
            images = self.painter([z, maps], training=False)
            change = images - self.before([z, maps], training=False)
            apart = tf.reduce_mean(tf.abs(change))
            grey = tf.reduce_mean(tf.abs(mean_inside(change, truth)))
            read = [misread(one(images, training=False), truth) for one in self.readers]
            grid = grid_strength(images)
            loss = tf.reduce_mean(read) + NEAR * apart + GREY * grey + GRID * grid
        weights = self.painter.trainable_variables
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        terms = {"read": tf.reduce_mean(read), "apart": apart, "grey": grey, "grid": grid}
        return {"loss": loss} | terms


def mean_inside(values: tf.Tensor, truth: tf.Tensor) -> tf.Tensor:
    """Return the mean (B,) of values (B, H, W, 1) where `truth` is 1; 0 where it is nowhere."""
    size = tf.reduce_sum(truth, axis=(1, 2, 3))
    return tf.math.divide_no_nan(tf.reduce_sum(values * truth, axis=(1, 2, 3)), size)


def misread(logits: tf.Tensor, truth: tf.Tensor) -> tf.Tensor:
    """Return what a reading (B, H, W, 1) costs: cross-entropy, Dice of the batch, false pixels."""
    entropy = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(truth, logits))
    share = tf.sigmoid(logits)
    dice = (2 * tf.reduce_sum(share * truth) + 1) / (tf.reduce_sum(share + truth) + 1)
    return entropy + 1 - dice + REST * tf.reduce_mean(tf.nn.softplus(logits) * (1 - truth))


def correct(weights: str, parts: dict[str, Slices], steps: int = STEPS) -> tuple[keras.Model, dict]:
    """Return the corrected painter, and what its last step measured."""
    asked = PAINTERS[NAME]
    readers = [
        reader(parts["train"], asked.tumour, seed, asked.settings).ema_generator for seed in SEEDS
    ]
    model = Correction(load_generator(weights), load_generator(weights), readers, asked.tumour)
    model.painter.trainable = True
    model.compile(falling_adam(RATE, steps))
    shown = balanced(parts["train"], PROJECTS[NAME].balance).to_dataset(BATCH, seed=1, masks=True)
    random = np.random.default_rng(0)
    latents = random.standard_normal((steps, BATCH, 64), dtype=np.float32)
    pairs = tf.data.Dataset.zip(
        tf.data.Dataset.from_tensor_slices(latents), shown.map(lambda _, maps: maps)
    )
    history = model.fit(pairs, steps_per_epoch=100, epochs=steps // 100, verbose=2, shuffle=False)
    return model.painter, {name: values[-1] for name, values in history.history.items()}


def measure(gan: GAN, parts: dict[str, Slices]) -> dict[str, float]:
    """Return how strong the net of dots is that slices share, painted and their own."""
    some = parts["reference"]
    painted = gan.sample(len(some), some.masks.astype(np.int32), seed=1)
    return {"grid": float(grid_strength(painted)), "own": float(grid_strength(some.images))}


def card_facts(rows: list[dict]) -> dict:
    """Return what the card says of the correction, and of the training before it."""
    before, after = (row["grid"] for row in rows)
    return {
        "recipe": f"corrected by readers of seeds {SEEDS}, batch_size {BATCH}, rate {RATE} falling"
        f" to 2 %, false pixels {REST:g}, distance from before {NEAR:g}, tumours' grey {GREY:g},"
        f" net of dots {GRID:g} (from {before:.4f} to {after:.4f}; bodies {rows[0]['own']:.4f},"
        " over all tissues together),"
        " beta_1 0.5; before it, as a GAN, `MAP` (160,000 images of 64 pixels) and `MAP_FINE`"
        " (200,000 of 128)",
        "batch_size": BATCH,
        "command": "`python recipes/correct_painter.py` with the weights of commit `a0a67f0`, then"
        " `--publish`; before it `python recipes/train_generator.py liver-map-64 --images"
        " 160000` (5,000 steps,"
        " 980 s) and `liver-map-128 --images 200000` (6,250 steps, 2,637 s; commit `490487a`)",
        "seeds": f"split 2026, training 2026, readers {SEEDS}, samples 1, 2, 3",
    }


def main() -> int:
    """Run the command line."""
    run(NAME, STEPS, command_line(__doc__), correct, measure, card_facts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
