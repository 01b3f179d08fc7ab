"""Batches that depend on a seed and a step number alone."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf


def endless_batches(
    count: int,
    pick: Callable[[tf.Tensor], tf.Tensor],
    labels: np.ndarray | None,
    batch_size: int,
    seed: int,
    start_step: int,
    flip: bool,
) -> tf.data.Dataset:
    """Build the dataset behind `Slices.to_dataset` and `SliceStore.to_dataset`; see there.

    Args:
        count: How many images there are.
        pick: From indices (B,) int64 to images (B, H, W, C) float32.
        labels: (N, K) int64, label maps (N, H, W), or None.
        batch_size: Images a batch.
        seed: Which order.
        start_step: Number of the first batch.
        flip: Whether to mirror a random half of the images, with their maps.
    """
    if count == 0 or batch_size < 1:
        raise ValueError(f"{count} images in batches of {batch_size}: there is no batch")
    with tf.device("CPU"):
        labels = None if labels is None else tf.constant(labels)

    def batch(step: tf.Tensor) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
        place = step * batch_size + tf.range(batch_size, dtype=tf.int64)
        epoch, within = place // count, place % count
        seeds = tf.stack([tf.fill([batch_size], np.int64(seed)), epoch, 0 * epoch], axis=1)
        # The raw op, as tf.random.experimental.index_shuffle pads many seeds along a wrong axis.
        chosen = tf.raw_ops.RandomIndexShuffle(
            index=within, seed=seeds, max_index=np.int64(count - 1), rounds=4
        )
        picked = pick(chosen)
        given = None if labels is None else tf.gather(labels, chosen)
        maps = labels is not None and labels.shape.rank == 3
        given = tf.cast(given, tf.int32) if maps else given
        if flip:
            coin = tf.random.stateless_uniform([batch_size, 1, 1, 1], [np.int64(seed), step])
            picked = tf.where(coin < 0.5, picked, picked[:, :, ::-1])
            given = tf.where(coin[..., 0] < 0.5, given, given[:, :, ::-1]) if maps else given
        return picked if labels is None else (picked, given)

    steps = tf.data.Dataset.counter(start_step)
    return steps.map(batch, num_parallel_calls=2, deterministic=True).prefetch(2)


def from_memory(images: np.ndarray) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return a `pick` that gathers from images (N, H, W, C) held in memory."""
    with tf.device("CPU"):
        images = tf.constant(images, tf.float32)
    return lambda chosen: tf.gather(images, chosen)
