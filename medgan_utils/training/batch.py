"""One batch as a player sees it: what penalties and terms are called with.

Only here is a gradient with respect to images taken, with TensorFlow's tape.
"""

from collections.abc import Callable

import tensorflow as tf

from .losses import AdversarialLoss


class DiscriminatorBatch:
    """Real and generated images as D sees them, augmented alike, and D itself.

    Attributes:
        real: Real images (B, H, W, C).
        fake: Generated images (B, H, W, C); no gradient flows back to G.
        labels: (B, n) of both, or None.
        num_classes: Classes of each label, or None.
        loss: The adversarial loss.
    """

    def __init__(
        self,
        discriminator: Callable[[tf.Tensor | list[tf.Tensor]], tf.Tensor],
        real: tf.Tensor,
        fake: tf.Tensor,
        labels: tf.Tensor | None,
        num_classes: tuple[int, ...] | None,
        loss: AdversarialLoss,
    ):
        self._discriminator = discriminator
        self.real, self.fake, self.labels = real, fake, labels
        self.num_classes, self.loss = num_classes, loss
        self._real_logits = self._fake_logits = None

    def logits(self, images: tf.Tensor, labels: tf.Tensor | None = None) -> tf.Tensor:
        """Return D's logits (B, 1) of images, by default with the labels of the batch."""
        labels = self.labels if labels is None else labels
        return self._discriminator(with_labels(images, labels))

    def gradient(self, images: tf.Tensor) -> tf.Tensor:
        """Return the gradient of D's logit at each image, of the images' shape."""
        gradient, logits = input_gradient(self.logits, images)
        if images is self.real:
            self._real_logits = logits  # they come for free
        return gradient

    @property
    def real_logits(self) -> tf.Tensor:
        """D's logits of the real images (B, 1)."""
        self._judge()
        return self._real_logits

    @property
    def fake_logits(self) -> tf.Tensor:
        """D's logits of the generated images (B, 1)."""
        self._judge()
        return self._fake_logits

    def _judge(self) -> None:
        """Judge what was not judged yet: both kinds in one pass where neither was."""
        if self._real_logits is None:
            both = tf.concat([self.real, self.fake], axis=0)
            twice = None if self.labels is None else tf.concat([self.labels] * 2, axis=0)
            self._real_logits, self._fake_logits = tf.split(self.logits(both, twice), 2)
        elif self._fake_logits is None:
            self._fake_logits = self.logits(self.fake)


class GeneratorBatch:
    """Generated images and what they were made from, and G itself.

    Attributes:
        fake: Images (B, H, W, C) as G made them, without augmentation.
        z: Their latents (B, latent_dim).
        labels: (B, n), or None.
    """

    def __init__(
        self,
        generator: Callable[[tf.Tensor | list[tf.Tensor]], tf.Tensor],
        fake: tf.Tensor,
        z: tf.Tensor,
        labels: tf.Tensor | None,
    ):
        self._generator = generator
        self.fake, self.z, self.labels = fake, z, labels

    def generate(self, z: tf.Tensor) -> tf.Tensor:
        """Return images (B, H, W, C) of other latents and the batch's labels."""
        return self._generator(with_labels(z, self.labels))


def input_gradient(
    discriminator: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the gradient of D's logit at each image, and the logits (they come for free).

    Args:
        discriminator: Maps images to logits (B, 1), each of its own image alone.
        images: Images (B, ...).

    Returns:
        Gradients of the images' shape, and logits (B, 1).
    """
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = discriminator(images)
    return tape.gradient(logits, images), logits


def with_labels(first: tf.Tensor, labels: tf.Tensor | None) -> tf.Tensor | list[tf.Tensor]:
    """Return a network's inputs: z or images alone, or a list with the labels."""
    return first if labels is None else [first, labels]
