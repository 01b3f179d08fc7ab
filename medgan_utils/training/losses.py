"""Adversarial losses from logits, and penalties on the discriminator's gradient.

One convention everywhere: the discriminator's logit is positive for real images (real = 1,
fake = 0). Every loss takes logits of shape (B, 1) and returns one value a sample, shape (B,): the
caller averages, so that the mean stays right when a batch is spread over replicas.
"""

from collections.abc import Callable

import tensorflow as tf


class AdversarialLoss:
    """What the two players minimise. Sub-classes give the two formulas."""

    def discriminator_loss(self, real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
        """Return D's loss, shape (B,), from logits (B, 1) of real and of generated images."""
        raise NotImplementedError

    def generator_loss(self, fake_logits: tf.Tensor, real_logits: tf.Tensor) -> tf.Tensor:
        """Return G's loss, shape (B,); only relativistic losses look at `real_logits`."""
        raise NotImplementedError


class NonSaturating(AdversarialLoss):
    """D: -log D(x) - log(1 - D(G(z))); G: -log D(G(z)), which has a gradient where D is sure.

    Source: Goodfellow et al., "Generative Adversarial Networks", 2014, arXiv:1406.2661.
    """

    def discriminator_loss(self, real_logits, fake_logits):
        """Softplus(-real) + softplus(fake)."""
        return _flat(tf.nn.softplus(-_f32(real_logits)) + tf.nn.softplus(_f32(fake_logits)))

    def generator_loss(self, fake_logits, real_logits):
        """Softplus(-fake)."""
        return _flat(tf.nn.softplus(-_f32(fake_logits)))


class Minimax(NonSaturating):
    """The zero-sum game itself: G minimises log(1 - D(G(z))), which saturates where D is sure.

    Source: Goodfellow et al. 2014, arXiv:1406.2661.
    """

    def generator_loss(self, fake_logits, real_logits):
        """-softplus(fake) = log(1 - D(G(z)))."""
        return _flat(-tf.nn.softplus(_f32(fake_logits)))


class LeastSquares(AdversarialLoss):
    """Squared distance of the logit to 1 (real) and 0 (fake), each halved.

    Source: Mao et al., "Least Squares GANs", ICCV 2017, arXiv:1611.04076.
    """

    def discriminator_loss(self, real_logits, fake_logits):
        """½ (real - 1)² + ½ fake²."""
        return _flat(0.5 * (_f32(real_logits) - 1) ** 2 + 0.5 * _f32(fake_logits) ** 2)

    def generator_loss(self, fake_logits, real_logits):
        """½ (fake - 1)²."""
        return _flat(0.5 * (_f32(fake_logits) - 1) ** 2)


class Hinge(AdversarialLoss):
    """D cares only for logits inside the margin [-1, 1].

    Source: Lim & Ye, "Geometric GAN", 2017, arXiv:1705.02894.
    """

    def discriminator_loss(self, real_logits, fake_logits):
        """max(0, 1 - real) + max(0, 1 + fake)."""
        return _flat(tf.nn.relu(1 - _f32(real_logits)) + tf.nn.relu(1 + _f32(fake_logits)))

    def generator_loss(self, fake_logits, real_logits):
        """-fake."""
        return _flat(-_f32(fake_logits))


class Wasserstein(AdversarialLoss):
    """The critic's gap between means; only with a Lipschitz constraint (`gradient_penalty`).

    Source: Arjovsky, Chintala, Bottou, "Wasserstein GAN", ICML 2017, arXiv:1701.07875.
    """

    def discriminator_loss(self, real_logits, fake_logits):
        """Fake - real."""
        return _flat(_f32(fake_logits) - _f32(real_logits))

    def generator_loss(self, fake_logits, real_logits):
        """-fake."""
        return _flat(-_f32(fake_logits))


class Relativistic(AdversarialLoss):
    """Each real image against one generated image: which is the more real?

    Source: Jolicoeur-Martineau, "The relativistic discriminator", ICLR 2019, arXiv:1807.00734, in
    the paired form of Huang et al., "The GAN is dead; long live the GAN!" (R3GAN), NeurIPS 2024,
    arXiv:2501.05441.
    """

    def discriminator_loss(self, real_logits, fake_logits):
        """Softplus(fake - real)."""
        return _flat(tf.nn.softplus(_f32(fake_logits) - _f32(real_logits)))

    def generator_loss(self, fake_logits, real_logits):
        """Softplus(real - fake)."""
        return _flat(tf.nn.softplus(_f32(real_logits) - _f32(fake_logits)))


NAMES = {
    "minimax": Minimax,
    "non-saturating": NonSaturating,
    "least-squares": LeastSquares,
    "hinge": Hinge,
    "wasserstein": Wasserstein,
    "relativistic": Relativistic,
}


def get(loss: str | AdversarialLoss) -> AdversarialLoss:
    """Return the loss of that name, or the loss itself.

    Raises:
        ValueError: There is no loss of that name.
    """
    if isinstance(loss, AdversarialLoss):
        return loss
    if loss not in NAMES:
        raise ValueError(f"loss={loss!r} is none of {', '.join(NAMES)}")
    return NAMES[loss]()


def r1_penalty(
    discriminator: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return ‖∇ₓ D(x)‖² of each real image, and D's logits there (they come for free).

    Multiply by γ/2. Source: Mescheder, Geiger, Nowozin, "Which Training Methods for GANs do
    actually Converge?", ICML 2018, arXiv:1801.04406.

    Args:
        discriminator: Maps images to logits (B, 1), each of its own image alone.
        images: Real images (B, H, W, C).

    Returns:
        Squared gradient norms (B,) and logits (B, 1).
    """
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = discriminator(images)
    gradient = tf.cast(tape.gradient(logits, images), tf.float32)
    return tf.reduce_sum(gradient**2, axis=list(range(1, gradient.shape.rank))), logits


def gradient_penalty(
    discriminator: Callable[[tf.Tensor], tf.Tensor],
    real_images: tf.Tensor,
    fake_images: tf.Tensor,
    mix: tf.Tensor,
) -> tf.Tensor:
    """Return (‖∇ D‖ - 1)² at a random point between each real image and a generated one.

    Multiply by λ (10 in the paper). Source: Gulrajani et al., "Improved Training of Wasserstein
    GANs", NeurIPS 2017, arXiv:1704.00028.

    Args:
        discriminator: Maps images to logits (B, 1), each of its own image alone.
        real_images: Real images (B, H, W, C).
        fake_images: Generated images of the same shape.
        mix: Uniform numbers in [0, 1], shape (B,): where between the two.

    Returns:
        One penalty an image, shape (B,).
    """
    shape = [-1] + [1] * (real_images.shape.rank - 1)
    between = fake_images + tf.reshape(mix, shape) * (real_images - fake_images)
    squared_norm, _ = r1_penalty(discriminator, between)
    return (tf.sqrt(squared_norm + 1e-12) - 1) ** 2  # the root has no derivative at 0


def mode_seeking(
    images: tf.Tensor, others: tf.Tensor, latents: tf.Tensor, other_latents: tf.Tensor
) -> tf.Tensor:
    """Return how far apart two latents are for how far apart their images are: high at a collapse.

    Multiply by λ and let G minimise it: a conditional G that draws one image a label, whatever z,
    pays. Too large a λ buys variety that the data do not have. Source: Mao et al., "Mode Seeking
    Generative Adversarial Networks for Diverse Image Synthesis", CVPR 2019, arXiv:1903.05628.

    Args:
        images: Generated images (B, H, W, C).
        others: Images of the same labels from other latents, of the same shape.
        latents: Of `images`, (B, latent_dim).
        other_latents: Of `others`.

    Returns:
        Mean |z - z'| divided by mean |G(z) - G(z')|, one value a pair, shape (B,).
    """
    differences = tf.abs(_f32(images) - _f32(others))
    between_images = tf.reduce_mean(differences, axis=list(range(1, differences.shape.rank)))
    between_latents = tf.reduce_mean(tf.abs(_f32(latents) - _f32(other_latents)), axis=1)
    return between_latents / (between_images + 1e-3)  # finite where two images are the same


def _f32(logits):
    return tf.cast(logits, tf.float32)


def _flat(values):
    return tf.reshape(values, [-1])
