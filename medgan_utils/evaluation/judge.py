"""A judge: a small network that learns to tell generated images from real ones.

It learns from the training subjects and some of the generated images, and is then asked about
*held-out* real subjects and other generated images. Its AUC is what a reader understands at once:
0.5, it cannot tell; 1, it always can. The number belongs to this network and this number of images:
a larger one would see more. Copies of the training images fool it, so memorisation is asked apart.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from .._restart import restart
from ..table import Estimate, Table
from .evaluate import RealSet
from .inputs import check_range
from .intervals import bootstrap_auc, subject_codes

if TYPE_CHECKING:
    import keras

NOTES = (
    "AUC of a small network (three 3 × 3 convolutions of 16, 32 and 64 channels and stride 2, mean "
    "over places, 12 epochs) that learned to tell each set from the training subjects' images, "
    "asked about other images of the set and held-out real subjects: 0.5, it cannot tell; 1, it "
    "always can. Intervals (95 %) over subjects; a column a seed of the network."
)


def train_judge(
    real_images: np.ndarray, other_images: np.ndarray, seed: int = 0, epochs: int = 12
) -> "keras.Model":
    """Train the network on as many real as other images, each also mirrored.

    Args:
        real_images: Images `(N, H, W, C)` in [-1, 1].
        other_images: Generated images, or real ones of other subjects, `(M, H, W, C)`.
        seed: Seed of weights, choice and order.
        epochs: Times each image is seen.

    Returns:
        A model from images to logits `(N, 1)`: positive means real.

    Raises:
        ValueError: If a side is empty, or scaled otherwise.

    Source: Lopez-Paz and Oquab 2017 (classifier two-sample tests), arXiv:1610.06545.
    """
    trained = _trained(real_images, other_images, seed, epochs)
    network = _network(trained.input_shape[1:], seed)
    network.set_weights(trained.get_weights())
    return network


def _trained(
    real_images: np.ndarray, other_images: np.ndarray, seed: int, epochs: int
) -> "keras.Model":
    """Train as `train_judge`; the next call trains the network that is returned anew."""
    count = min(len(real_images), len(other_images))
    if count == 0:
        raise ValueError("a judge needs real and other images; one side is empty")
    for side in (real_images, other_images):
        check_range(side)
    random = np.random.default_rng(seed)
    chosen = [x[random.permutation(len(x))[:count]] for x in (real_images, other_images)]
    images = np.concatenate(chosen).astype(np.float32)
    truth = np.repeat([1.0, 0.0], count)[:, None]
    images, truth = np.concatenate([images, images[:, :, ::-1]]), np.concatenate([truth, truth])
    network = _untrained(images.shape[1:], seed)
    for _ in range(epochs):
        order = random.permutation(len(images))
        for start in range(0, len(order), 32):
            batch = order[start : start + 32]
            network.train_on_batch(images[batch], truth[batch])
    return network


def judge_auc(
    training: RealSet,
    held_out: RealSet,
    others: RealSet,
    seed: int = 0,
    epochs: int = 12,
    repeats: int = 500,
) -> Estimate:
    """Train a judge on one half of a set and ask it about the other half and held-out reals.

    Args:
        training: Real images that the generator, too, was trained on.
        held_out: Real images of subjects that nothing was trained on.
        others: The set in question: generated images, or real ones of other subjects. Its subjects
            are parted, so that none is both learned and asked about; None takes each image for one.
        seed: Seed of the network and of the halves.
        epochs: As in `train_judge`.
        repeats: Bootstrap draws.

    Returns:
        AUC with its interval over subjects: the probability that a held-out real image looks more
        real than another of the set.

    Raises:
        ValueError: If the set has fewer than two subjects, or images are scaled otherwise.
    """
    for images in (held_out.images, others.images):
        check_range(images)
    codes = subject_codes(others.subjects, len(others.images))
    names = np.random.default_rng(seed).permutation(codes.max() + 1)
    if len(names) < 2:
        raise ValueError("the set has one subject only: nobody is left to ask about")
    learned = np.isin(codes, names[: len(names) // 2])
    network = _trained(training.images, others.images[learned], seed, epochs)
    asked = np.concatenate([held_out.images, others.images[~learned]]).astype(np.float32)
    scores = network.predict(asked, batch_size=256, verbose=0).ravel()
    real = np.arange(len(asked)) < len(held_out.images)
    whose = subject_codes(held_out.subjects, len(held_out.images))
    subjects = np.concatenate([whose, whose.max() + 1 + codes[~learned]])
    return bootstrap_auc(scores, real, subjects, repeats)


def judge_table(
    training: RealSet,
    held_out: RealSet,
    sets: Mapping[str, RealSet],
    seeds: Sequence[int] = (0, 1),
    epochs: int = 12,
) -> Table:
    """Ask a judge about generated images beside the floor and the landmarks.

    Args:
        training: As in `judge_auc`.
        held_out: As in `judge_auc`.
        sets: Name -> images with their subjects, for example the result of `landmarks` and, with
            subjects None, generated images. Their sizes may differ: give each many.
        seeds: A network is trained for each.
        epochs: As in `train_judge`.

    Returns:
        One row a set, one column a seed.
    """
    rows = [
        {"set": name}
        | {f"AUC, seed {x}": judge_auc(training, held_out, one, x, epochs) for x in seeds}
        for name, one in sets.items()
    ]
    return Table(rows, notes=NOTES)


def _untrained(shape: tuple[int, ...], seed: int) -> "keras.Model":
    """Return the compiled network of this shape as it is before its training."""
    import keras

    network = _compiled(shape, keras.config.dtype_policy().name)
    restart(network, _network(shape, seed))
    return network


@cache
def _compiled(shape: tuple[int, ...], policy: str) -> "keras.Model":
    """Compile a network once for each shape: that takes longer than many a training."""
    import keras

    network = _network(shape, 0)
    network.compile(keras.optimizers.Adam(1e-3), keras.losses.BinaryCrossentropy(from_logits=True))
    return network


def _network(shape: tuple[int, ...], seed: int) -> "keras.Model":
    import keras
    from keras import layers

    x = inputs = keras.Input(shape)
    for index, width in enumerate((16, 32, 64)):
        start = keras.initializers.GlorotUniform(seed=seed * 100 + index)
        x = layers.Conv2D(width, 3, strides=2, padding="same", kernel_initializer=start)(x)
        x = layers.LeakyReLU(0.3)(x)
        x = layers.Dropout(0.1, seed=seed * 100 + index)(x)
    x = layers.GlobalAveragePooling2D()(x)
    start = keras.initializers.GlorotUniform(seed=seed * 100 + 99)
    return keras.Model(inputs, layers.Dense(1, kernel_initializer=start)(x), name="judge")
