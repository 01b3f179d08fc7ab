"""Use in diagnosis: train a small classifier on some images, test it on real ones."""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from .._restart import restart
from ..table import Estimate
from .inputs import check_range, of_two_classes
from .intervals import bootstrap_auc, bootstrap_counts, percentile_interval, subject_codes

if TYPE_CHECKING:
    import keras


def train_classifier(
    images: np.ndarray,
    labels: np.ndarray,
    steps: int = 500,
    batch_size: int = 32,
    augment: "keras.Layer | None" = None,
    seed: int = 0,
) -> "keras.Model":
    """Train a small convolutional classifier; batches hold as many positives as negatives.

    Args:
        images: Images `(N, H, W, C)` in [-1, 1]: real, generated, or both together.
        labels: 1 for a finding, 0 for none, `(N,)`.
        steps: Batches seen.
        batch_size: Images a batch, an even number.
        augment: Keras layer for classical augmentation, active while training only.
        seed: Seed of weights and order.

    Returns:
        A model from images to logits `(N, 1)`.

    Raises:
        ValueError: If one of the two classes is missing, there is a third, labels are not as many
            as images, or images are scaled otherwise.
    """
    import keras

    check_range(images)
    labels = of_two_classes(labels, len(images))
    groups = [np.flatnonzero(labels == value) for value in (0, 1)]
    if not all(len(group) for group in groups):
        raise ValueError("labels must hold both 0 and 1; a classifier cannot learn from one class")
    model = _classifier(images.shape[1:], seed)
    if augment is None:
        trained = _compiled(images.shape[1:], steps, keras.config.dtype_policy().name)
        restart(trained, model)
    else:  # not a part of what is returned, whatever it does when asked
        inputs = keras.Input(images.shape[1:])
        trained = _compile(keras.Model(inputs, model(augment(inputs))), steps)
    random = np.random.default_rng(seed)
    targets = np.repeat([0.0, 1.0], batch_size // 2)[:, None]
    for _ in range(steps):
        chosen = np.concatenate([random.choice(group, batch_size // 2) for group in groups])
        trained.train_on_batch(np.asarray(images[chosen], np.float32), targets)
    if augment is None:
        model.set_weights(trained.get_weights())
    return model


def score_classifier(
    model: "keras.Model",
    images: np.ndarray,
    labels: np.ndarray,
    subjects: Sequence | None = None,
    repeats: int = 500,
) -> dict[str, Estimate]:
    """Test a classifier on real images of subjects it has not seen.

    Args:
        model: Model from images to logits.
        images: Real images `(N, H, W, C)` in [-1, 1]; on generated ones you measure the generator.
        labels: 1 for a finding, 0 for none, `(N,)`.
        subjects: Subject of every image; None if each is its own.
        repeats: Bootstrap draws of subjects.

    Returns:
        `AUC`, `sensitivity`, `specificity`, each with its 95 % interval over subjects. An image is
        called positive from a probability of 0.5 on. Where all images of a group are called alike,
        drawing subjects again shows no spread; the open end is then the exact one for so many
        subjects (Clopper and Pearson 1934).

    Raises:
        ValueError: If one of the two classes is missing, there is a third, labels are not as many
            as images, or images are scaled otherwise.
    """
    check_range(images)
    positive = of_two_classes(labels, len(images)).astype(bool)
    if positive.all() or not positive.any():
        raise ValueError("the test images hold one class only; add images of the other")
    logits = _logits(model, np.asarray(images, np.float32))
    codes = subject_codes(subjects, len(positive))
    auc = bootstrap_auc(logits, positive, codes, repeats)
    right = (logits >= 0) == positive
    counts = list(bootstrap_counts(codes, repeats))
    rates = []
    for group in (positive, ~positive):
        several = len(np.unique(codes[group]))
        if several > 1 and len(set(right[group])) == 1:
            rates.append(_all_alike(float(right[group][0]), several))
            continue
        # One subject tells nothing about others.
        shares = [_share(right[group], count[group]) for count in counts if several > 1]
        rates.append(percentile_interval(right[group].mean(), shares))
    return {"AUC": auc, "sensitivity": rates[0], "specificity": rates[1]}


def _logits(model: "keras.Model", images: np.ndarray, batch_size: int = 256) -> np.ndarray:
    """Call the model as it is: `predict` would compile a graph for every small classifier."""
    starts = range(0, len(images), batch_size)
    parts = [model(images[start : start + batch_size], training=False) for start in starts]
    return np.concatenate([np.asarray(part).ravel() for part in parts])


def _all_alike(value: float, subjects: int) -> Estimate:
    """Return the exact 95 % interval of a share of 0 or 1 of so many subjects."""
    reach = 1 - 0.025 ** (1 / subjects)
    return Estimate(value, max(0.0, value - reach), min(1.0, value + reach))


def _share(right: np.ndarray, counts: np.ndarray) -> float:
    return float(right @ counts / counts.sum()) if counts.sum() else float("nan")


@cache
def _compiled(shape: tuple[int, ...], steps: int, policy: str) -> "keras.Model":
    """Return a network to be trained again and again: compiling takes longer than few steps."""
    return _compile(_classifier(shape, 0), steps)


def _compile(network: "keras.Model", steps: int) -> "keras.Model":
    import keras

    adam = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, steps))
    network.compile(adam, keras.losses.BinaryCrossentropy(from_logits=True))
    return network


def _classifier(shape: tuple[int, ...], seed: int) -> "keras.Model":
    import keras
    from keras import layers

    x = inputs = keras.Input(shape)
    for index, width in enumerate((16, 32, 64)):
        start = keras.initializers.HeNormal(seed=seed * 100 + index)
        x = layers.Conv2D(width, 3, strides=2, padding="same", kernel_initializer=start)(x)
        x = layers.LeakyReLU(0.2)(x)
    x = layers.GlobalMaxPooling2D()(x)
    start = keras.initializers.GlorotUniform(seed=seed * 100 + 99)
    return keras.Model(inputs, layers.Dense(1, kernel_initializer=start)(x), name="classifier")
