"""One batch as a player sees it: what penalties and terms are called with.

Only here is a gradient with respect to images taken: with TensorFlow's tape, or by JAX.
"""

from collections.abc import Callable

import keras
import numpy as np
from keras import KerasTensor, ops

from .losses import AdversarialLoss

if keras.backend.backend() == "jax":
    import jax
else:
    import tensorflow as tf


class DiscriminatorBatch:
    """Real and generated images as D sees them, augmented alike, and D itself.

    Attributes:
        real: Real images (B, H, W, C).
        fake: Generated images (B, H, W, C); no gradient flows back to G.
        labels: (B, n) of both, maps (B, H, W) that were moved with the images, or None.
        num_classes: Classes of each label, or None.
        loss: The adversarial loss.
    """

    def __init__(
        self,
        discriminator: Callable[[KerasTensor | list[KerasTensor]], KerasTensor],
        real: KerasTensor,
        fake: KerasTensor,
        labels: KerasTensor | None,
        num_classes: tuple[int, ...] | None,
        loss: AdversarialLoss,
    ):
        self._discriminator = discriminator
        self.real, self.fake, self.labels = real, fake, labels
        self.num_classes, self.loss = num_classes, loss
        self._real_logits = self._fake_logits = None

    def logits(self, images: KerasTensor, labels: KerasTensor | None = None) -> KerasTensor:
        """Return D's logits (B, 1) of images, by default with the labels of the batch."""
        labels = self.labels if labels is None else labels
        return self._discriminator(with_labels(images, labels))

    def gradient(self, images: KerasTensor) -> KerasTensor:
        """Return the gradient of D's logit at each image, of the images' shape."""
        gradient, logits = input_gradient(self.logits, images)
        if images is self.real:
            self._real_logits = logits  # they come for free
        return gradient

    @property
    def real_logits(self) -> KerasTensor:
        """D's logits of the real images (B, 1)."""
        self._judge()
        return self._real_logits

    @property
    def fake_logits(self) -> KerasTensor:
        """D's logits of the generated images (B, 1)."""
        self._judge()
        return self._fake_logits

    def _judge(self) -> None:
        """Judge what was not judged yet: both kinds in one pass where neither was."""
        if self._real_logits is None:
            both = ops.concatenate([self.real, self.fake], axis=0)
            twice = None if self.labels is None else ops.concatenate([self.labels] * 2, axis=0)
            self._real_logits, self._fake_logits = ops.split(self.logits(both, twice), 2)
        elif self._fake_logits is None:
            self._fake_logits = self.logits(self.fake)


class GeneratorBatch:
    """Generated images and what they were made from, and G itself.

    Attributes:
        fake: Images (B, H, W, C) as G made them, without augmentation.
        z: Their latents (B, latent_dim).
        labels: (B, n), maps (B, H, W), or None.
    """

    def __init__(
        self,
        generator: Callable[[KerasTensor | list[KerasTensor]], KerasTensor],
        fake: KerasTensor,
        z: KerasTensor,
        labels: KerasTensor | None,
    ):
        self._generator = generator
        self.fake, self.z, self.labels = fake, z, labels

    def generate(self, z: KerasTensor) -> KerasTensor:
        """Return images (B, H, W, C) of other latents and the batch's labels."""
        return self._generator(with_labels(z, self.labels))


def input_gradient(
    discriminator: Callable[[KerasTensor], KerasTensor], images: KerasTensor
) -> tuple[KerasTensor, KerasTensor]:
    """Return the gradient of D's logit at each image, and the logits (they come for free).

    Args:
        discriminator: Maps images to logits (B, 1), each of its own image alone.
        images: Images (B, ...).

    Returns:
        Gradients of the images' shape, and logits (B, 1).
    """
    if keras.backend.backend() == "jax":
        logits, gradient_of = jax.vjp(discriminator, images)
        return gradient_of(ops.ones_like(logits))[0], logits
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = discriminator(images)
    return tape.gradient(logits, images), logits


def are_maps(labels: KerasTensor | None) -> bool:
    """Return whether labels are maps (B, H, W), which lie on the pixels of their images."""
    return labels is not None and len(labels.shape) == 3


def with_labels(first: KerasTensor, labels: KerasTensor | None) -> KerasTensor | list[KerasTensor]:
    """Return a network's inputs: z or images alone, or a list with the labels."""
    return first if labels is None else [first, labels]


def in_batches(network: keras.Model, parts: list[np.ndarray], batch_size: int) -> np.ndarray:
    """Return what a network makes of arrays of one length, float32, batch by batch.

    Raises:
        ValueError: `batch_size` is below 1.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size}: give a whole number from 1")
    results = []
    for start in range(0, len(parts[0]), batch_size):
        chosen = [part[start : start + batch_size] for part in parts]
        made = network(chosen if len(chosen) > 1 else chosen[0], training=False)
        results.append(np.asarray(made).astype(np.float32))
    return np.concatenate(results)
