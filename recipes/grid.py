"""How much of a net of dots a generator draws: a pattern at the same places of every picture.

Stages that write several pixels from one place (transposed convolutions, depth to space) have
weights of their own for each of those pixels, and so may leave a pattern that repeats with their
step (Odena et al. 2016, doi:10.23915/distill.00003). It shows where tissue is flat.
"""

from collections.abc import Sequence
from itertools import pairwise

import tensorflow as tf

STEP = 8  # pixels: what the last three stages write from one place
FLAT, AIR, BRIGHTEST = 0.2, -0.8, 0.8  # of a range from -1 to 1
TISSUES = (AIR, -0.4, 0.0, 0.4, BRIGHTEST)
"""Ends of grey levels within which a net cannot hide behind its negative in another tissue."""


def grid_strength(images: tf.Tensor, levels: Sequence[float] = (AIR, BRIGHTEST)) -> tf.Tensor:
    """Return how strong the pattern is that the images share: its root mean square, a scalar.

    Each pixel is taken less the mean around it, where tissue is flat and neither black nor white;
    the mean over images and blocks of 8 × 8 pixels is the pattern. Anatomy lies elsewhere in every
    image, so that of many real images is near 0.

    Args:
        images: (B, H, W, 1) in [-1, 1]; H and W divisible by 8.
        levels: Ends of the grey levels that have a pattern each, `TISSUES` for example; the root
            mean square is taken over all of them, by their pixels.
    """
    images = tf.convert_to_tensor(images)
    around = tf.nn.avg_pool2d(images, STEP, 1, "SAME")
    apart = images - around
    flat = tf.abs(apart) < FLAT
    power = pixels = 0.0
    for low, high in pairwise(levels):
        inside = flat & (around > low) & (around < high)
        weights = tf.stop_gradient(tf.cast(inside, images.dtype))
        counts = _folded(weights)
        here = tf.reduce_sum(counts)
        power += here * tf.math.reduce_variance(_folded(apart * weights) / (counts + 1))
        pixels += here
    return tf.sqrt(tf.math.divide_no_nan(power, pixels) + 1e-12)


def _folded(values: tf.Tensor) -> tf.Tensor:
    """Return the sums (8, 8) over all blocks of images (B, H, W, 1)."""
    rows, columns = values.shape[1] // STEP, values.shape[2] // STEP
    blocks = tf.reshape(values, (-1, rows, STEP, columns, STEP))
    return tf.reduce_sum(blocks, axis=(0, 1, 3))
