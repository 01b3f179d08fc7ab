"""Batches that depend on a seed and a step number alone."""

import numpy as np
import tensorflow as tf


def endless_batches(
    images: np.ndarray,
    labels: np.ndarray | None,
    batch_size: int,
    seed: int,
    start_step: int,
    flip: bool,
) -> tf.data.Dataset:
    """Build the dataset behind `Slices.to_dataset`; see there.

    Args:
        images: (N, H, W, C) float32.
        labels: (N, K) int64, or None.
        batch_size: Images a batch.
        seed: Which order.
        start_step: Number of the first batch.
        flip: Whether to mirror a random half of the images.
    """
    if len(images) == 0 or batch_size < 1:
        raise ValueError(f"{len(images)} images in batches of {batch_size}: there is no batch")
    count = len(images)
    with tf.device("CPU"):
        images = tf.constant(images, tf.float32)
        labels = None if labels is None else tf.constant(labels)

    def batch(step: tf.Tensor) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
        place = step * batch_size + tf.range(batch_size, dtype=tf.int64)
        epoch, within = place // count, place % count
        seeds = tf.stack([tf.fill([batch_size], np.int64(seed)), epoch, 0 * epoch], axis=1)
        # The raw op, as tf.random.experimental.index_shuffle pads many seeds along a wrong axis.
        chosen = tf.raw_ops.RandomIndexShuffle(
            index=within, seed=seeds, max_index=np.int64(count - 1), rounds=4
        )
        picked = tf.gather(images, chosen)
        if flip:
            coin = tf.random.stateless_uniform([batch_size, 1, 1, 1], [np.int64(seed), step])
            picked = tf.where(coin < 0.5, picked, picked[:, :, ::-1])
        return picked if labels is None else (picked, tf.gather(labels, chosen))

    steps = tf.data.Dataset.counter(start_step)
    return steps.map(batch, num_parallel_calls=2, deterministic=True).prefetch(2)
