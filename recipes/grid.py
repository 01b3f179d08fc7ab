"""How much of a net of dots a generator draws: a pattern at the same places of every picture.

Stages that write several pixels from one place (transposed convolutions, depth to space) have
weights of their own for each of those pixels, and so may leave a pattern that repeats with their
step (Odena et al. 2016, doi:10.23915/distill.00003). It shows where tissue is flat.
"""

import tensorflow as tf

STEP = 8  # pixels: what the last three stages write from one place
FLAT, AIR, BRIGHTEST = 0.2, -0.8, 0.8  # of a range from -1 to 1


def grid_strength(images: tf.Tensor) -> tf.Tensor:
    """Return how strong the pattern is that the images share: its root mean square, a scalar.

    Each pixel is taken less the mean around it, where tissue is flat and neither black nor white;
    the mean over images and blocks of 8 × 8 pixels is the pattern. Anatomy lies elsewhere in every
    image, so that of many real images is near 0.

    Args:
        images: (B, H, W, 1) in [-1, 1]; H and W divisible by 8.
    """
    images = tf.convert_to_tensor(images)
    around = tf.nn.avg_pool2d(images, STEP, 1, "SAME")
    apart = images - around
    flat = (tf.abs(apart) < FLAT) & (around > AIR) & (around < BRIGHTEST)
    weights = tf.stop_gradient(tf.cast(flat, images.dtype))
    pattern = _folded(apart * weights) / (_folded(weights) + 1)
    return tf.math.reduce_std(pattern)


def _folded(values: tf.Tensor) -> tf.Tensor:
    """Return the sums (8, 8) over all blocks of images (B, H, W, 1)."""
    rows, columns = values.shape[1] // STEP, values.shape[2] // STEP
    blocks = tf.reshape(values, (-1, rows, STEP, columns, STEP))
    return tf.reduce_sum(blocks, axis=(0, 1, 3))
