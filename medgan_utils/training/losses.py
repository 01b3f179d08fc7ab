"""Adversarial losses from logits.

One convention everywhere: the discriminator's logit is positive for real images (real = 1,
fake = 0). Every loss takes logits of shape (B, 1) and returns one value a sample, shape (B,): the
caller averages, so that the mean stays right when a batch is spread over replicas.
"""

from keras import KerasTensor, ops


class AdversarialLoss:
    """What the two players minimise. Sub-classes give the two formulas.

    Attributes:
        relativistic: Whether G's loss needs the logits of real images too (one more pass of D).
    """

    relativistic = False

    def discriminator_loss(self, real_logits: KerasTensor, fake_logits: KerasTensor) -> KerasTensor:
        """Return D's loss, shape (B,), from logits (B, 1) of real and of generated images.

        Raises:
            ValueError: Their shapes differ in length.
        """
        raise NotImplementedError

    def generator_loss(
        self, fake_logits: KerasTensor, real_logits: KerasTensor | None
    ) -> KerasTensor:
        """Return G's loss, shape (B,). `real_logits` may be None unless the loss is relativistic.

        Both logits come from the same D: after its move.
        """
        raise NotImplementedError


class NonSaturating(AdversarialLoss):
    """D: -log D(x) - log(1 - D(G(z))); G: -log D(G(z)), which has a gradient where D is sure.

    Source: Goodfellow et al., "Generative Adversarial Networks", 2014, arXiv:1406.2661.
    """

    def discriminator_loss(self, real_logits, fake_logits):
        """Softplus(-real) + softplus(fake)."""
        real, fake = _pair(real_logits, fake_logits)
        return _flat(ops.softplus(-real) + ops.softplus(fake))

    def generator_loss(self, fake_logits, real_logits):
        """Softplus(-fake)."""
        return _flat(ops.softplus(-_f32(fake_logits)))


class Minimax(NonSaturating):
    """The zero-sum game itself: G minimises log(1 - D(G(z))), which saturates where D is sure.

    Source: Goodfellow et al. 2014, arXiv:1406.2661.
    """

    def generator_loss(self, fake_logits, real_logits):
        """-softplus(fake) = log(1 - D(G(z)))."""
        return _flat(-ops.softplus(_f32(fake_logits)))


class LeastSquares(AdversarialLoss):
    """Squared distance of the logit to 1 (real) and 0 (fake), each halved.

    Source: Mao et al., "Least Squares GANs", ICCV 2017, arXiv:1611.04076.
    """

    def discriminator_loss(self, real_logits, fake_logits):
        """½ (real - 1)² + ½ fake²."""
        real, fake = _pair(real_logits, fake_logits)
        return _flat(0.5 * (real - 1) ** 2 + 0.5 * fake**2)

    def generator_loss(self, fake_logits, real_logits):
        """½ (fake - 1)²."""
        return _flat(0.5 * (_f32(fake_logits) - 1) ** 2)


class Hinge(AdversarialLoss):
    """D cares only for logits inside the margin [-1, 1].

    Source: Lim & Ye, "Geometric GAN", 2017, arXiv:1705.02894.
    """

    def discriminator_loss(self, real_logits, fake_logits):
        """max(0, 1 - real) + max(0, 1 + fake)."""
        real, fake = _pair(real_logits, fake_logits)
        return _flat(ops.relu(1 - real) + ops.relu(1 + fake))

    def generator_loss(self, fake_logits, real_logits):
        """-fake."""
        return _flat(-_f32(fake_logits))


class Wasserstein(AdversarialLoss):
    """The critic's gap between means; only with a Lipschitz constraint (`GradientPenalty`).

    Source: Arjovsky, Chintala, Bottou, "Wasserstein GAN", ICML 2017, arXiv:1701.07875.
    """

    def discriminator_loss(self, real_logits, fake_logits):
        """Fake - real."""
        real, fake = _pair(real_logits, fake_logits)
        return _flat(fake - real)

    def generator_loss(self, fake_logits, real_logits):
        """-fake."""
        return _flat(-_f32(fake_logits))


class Relativistic(AdversarialLoss):
    """Each real image against one generated image: which is the more real?

    Source: Jolicoeur-Martineau, "The relativistic discriminator", ICLR 2019, arXiv:1807.00734, in
    the paired form of Huang et al., "The GAN is dead; long live the GAN!" (R3GAN), NeurIPS 2024,
    arXiv:2501.05441.
    """

    relativistic = True

    def discriminator_loss(self, real_logits, fake_logits):
        """Softplus(fake - real)."""
        real, fake = _pair(real_logits, fake_logits)
        return _flat(ops.softplus(fake - real))

    def generator_loss(self, fake_logits, real_logits):
        """Softplus(real - fake)."""
        real, fake = _pair(real_logits, fake_logits)
        return _flat(ops.softplus(real - fake))


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
    if not isinstance(loss, str) or loss not in NAMES:
        raise ValueError(f"loss={loss!r} is none of {', '.join(NAMES)}")
    return NAMES[loss]()


def _f32(logits):
    return ops.cast(logits, "float32")


def _pair(real_logits, fake_logits):
    """Return both as float32; (B, 1) and (B,) would pair every real image with every fake."""
    real, fake = _f32(real_logits), _f32(fake_logits)
    if len(real.shape) != len(fake.shape):
        raise ValueError(
            f"logits of real and of generated images have shapes {tuple(real.shape)} and "
            f"{tuple(fake.shape)}; give both as (B, 1)"
        )
    return real, fake


def _flat(values):
    return ops.reshape(values, [-1])
