"""Image to image by pairs: a `GAN` in all but what G is shown, and what holds its answer."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from . import losses
from .batch import in_batches
from .draws import LATENTS
from .expected_pairs import ExpectedPairs
from .fidelity import L1, TranslationBatch
from .gan import GAN
from .penalties import Penalty, Term

PAIRED = "hand fit(inputs, targets) or a dataset of such pairs; CycleGAN takes images without"


class Pix2Pix(GAN):
    """Translates images by pairs: a distance from the target, and a critic of each patch.

    One step: G makes an image from the input; D moves on (target, input) and (image, input); G
    moves through the moved D, and towards the target by the terms. A generator that also takes
    the `presence` of its modalities (`fusion_generator`) has some of them taken away at each step:
    each stays with probability 1/2, and one stays always; which, is a function of seed and step.

    Example::

        model = Pix2Pix(unet_generator(64), patch_discriminator(64))
        model.compile(terms=[L1(100)])
        model.fit(inputs, targets, batch_size=16, epochs=10)
        images = model.translate(others)

    Source: Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", CVPR
    2017, arXiv:1611.07004. Their dropout in G is left out: as they say, it added little variety.

    Args:
        generator: Maps images (B, H, W, M), or [images, presence (B, M)], to (B, H, W, C) in
            [-1, 1].
        discriminator: Maps [images, inputs] to logits (B, h, w, 1) or (B, 1).
        ema: As in `GAN`.
        seed: As in `GAN`.
    """

    batch_holds = ("inputs", "target")

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        ema: float = 0.995,
        seed: int = 0,
    ):
        super().__init__(generator, discriminator, ema=ema, seed=seed)
        self.takes_presence = len(generator.inputs) > 1

    def _expects(self, _) -> ExpectedPairs:
        shapes = self.generator.inputs[0].shape[1:], self.generator.outputs[0].shape[1:]
        return ExpectedPairs(shapes, ("inputs", "targets"), PAIRED)

    def compile(
        self,
        generator_optimizer: keras.optimizers.Optimizer | None = None,
        discriminator_optimizer: keras.optimizers.Optimizer | None = None,
        loss: str | losses.AdversarialLoss = "non-saturating",
        *,
        adversarial_weight: float = 1.0,
        terms: Sequence[Term] = (L1(),),
        penalties: Sequence[Penalty] = (),
        **settings,
    ) -> None:
        """Set optimisers, losses, and what holds the image to its target.

        Args:
            generator_optimizer: As in `GAN`.
            discriminator_optimizer: As in `GAN`.
            loss: As in `GAN`.
            adversarial_weight: What the adversarial loss counts in G's; at 0 there is no game, and
                D is neither asked nor moved.
            terms: Added to G's loss: `L1(100)` by default, `FeatureDistance(...)`, your own.
            penalties: Added to D's loss, as in `GAN`; none by default. On patches R1 is the
                gradient of their sum.
            **settings: `steps_per_execution`, `run_eagerly`, `jit_compile` of `keras.Model`.

        Raises:
            ValueError: A weight is negative, or nothing is left to minimise.
        """
        if settings.get("augment") is not None:
            raise ValueError("a translation takes no augment: move both sides in the dataset")
        optimizers = generator_optimizer, discriminator_optimizer
        super().compile(*optimizers, loss, terms=terms, penalties=penalties, **settings)
        if not adversarial_weight >= 0 or not (adversarial_weight or self.terms):
            raise ValueError(
                f"adversarial_weight={adversarial_weight} must be at least 0, and terms are needed "
                "where it is 0: there is nothing to minimise"
            )
        self.adversarial_weight = adversarial_weight

    def _move_both(self, inputs, target) -> dict[str, tf.Tensor]:
        """Move D, then G through the moved D on the same images, then the average."""
        target = tf.cast(target, tf.float32)
        given, shown = self._shown(inputs)
        with tf.GradientTape() as tape:
            fake = self._generate_from(given)
            logs, g_loss = self._game(target, fake, shown)
            g_loss += self._terms(TranslationBatch(fake, shown, target))
            scaled = self.g_optimizer.scale_loss(g_loss)
        variables = self.generator.trainable_variables
        self.g_optimizer.apply(tape.gradient(scaled, variables), variables)
        self._update_average()
        return {**logs, "g_loss": g_loss * self.distribute_strategy.num_replicas_in_sync}

    def _game(self, target, fake, shown):
        """Move D; return what to log, and what G loses by the moved D."""
        if not self.adversarial_weight:
            return {name: tf.zeros(()) for name in self.trackers if name != "g_loss"}, 0.0
        logs = self._move_discriminator(target, tf.stop_gradient(fake), shown)
        return logs, self.adversarial_weight * self._adversarial_loss(target, fake, shown)

    def _shown(self, inputs):
        """Return what G takes, and the images (B, H, W, M) that it is shown at this step."""
        if not self.takes_presence:
            return inputs, inputs
        presence = self._presence(tf.shape(inputs)[0], inputs.shape[-1])
        shown = blacked(inputs, presence)
        return [shown, presence], shown

    def _presence(self, batch: tf.Tensor, modalities: int) -> tf.Tensor:
        """Return (B, M) of 0 and 1: each with probability 1/2, and the highest draw always."""
        draws = tf.random.stateless_uniform((batch, modalities), self._seed(LATENTS))
        kept = (draws > 0.5) | (draws >= tf.reduce_max(draws, axis=1, keepdims=True))
        return tf.cast(kept, tf.float32)

    def translate(
        self, inputs: np.ndarray, presence: np.ndarray | None = None, batch_size: int = 64
    ) -> np.ndarray:
        """Translate images with the averaged generator.

        Args:
            inputs: Images (N, H, W, M) in [-1, 1].
            presence: Which modalities are there, (M,) or (N, M) of 0 and 1; all where it is None.
            batch_size: Images a call of the generator.

        Returns:
            Float32 images (N, H, W, C) in [-1, 1].

        Raises:
            ValueError: Images or presence are not what the generator takes.
        """
        inputs = np.asarray(inputs)
        self._expected.check_side("inputs", self._expected.sides[0], inputs)
        if presence is None and not self.takes_presence:
            parts = [inputs]
        else:
            presence = self._checked(presence, inputs.shape)
            parts = [blacked(inputs, presence), presence]
        return in_batches(self.ema_generator, parts, batch_size)

    sample = translate  # as `SampleGrid` calls it

    def _checked(self, presence, shape: tuple) -> np.ndarray:
        """Return presence as float32 (N, M), or raise a ValueError."""
        if not self.takes_presence:
            raise ValueError("this generator takes no presence: fusion_generator does")
        presence = np.ones(shape[-1]) if presence is None else np.asarray(presence)
        if presence.shape not in ((shape[-1],), (shape[0], shape[-1])):
            raise ValueError(
                f"presence has shape {presence.shape}; {(shape[-1],)} or {(shape[0], shape[-1])} "
                "is needed, 1 where a modality is there and 0 where it is missing"
            )
        presence = np.broadcast_to(presence, (shape[0], shape[-1])).astype(np.float32)
        if not np.isin(presence, (0, 1)).all() or not presence.any(axis=1).all():
            raise ValueError("presence holds 0 and 1, and at least one modality must be there")
        return presence


def blacked(images, presence):
    """Return images (B, H, W, M) in which the channels that are missing are black (-1)."""
    there = presence[:, None, None, :]
    return images * there + (there - 1)
