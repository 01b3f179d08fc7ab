"""Segmentation as a translation from image to mask; a painter and a reader trained together.

A `Segmenter` is a U-Net whose answer is one logit a pixel and finding: above 0 the finding is
there. It trains as `Pix2Pix` does, on images and `finding_channels(masks)`, with `DiceCrossEntropy`
for the distance; with an adversarial weight above 0 a critic also sees image and mask together.
"""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from keras import KerasTensor, ops

from .._restart import restart_optimizer
from .fidelity import L1, TranslationBatch
from .optimizers import prepared, refuse_own_losses
from .penalties import Term
from .translation import Pix2Pix


def finding_channels(masks: np.ndarray, findings: Sequence[Sequence[int]] = ((1,),)) -> np.ndarray:
    """Turn label maps into what a segmenter should answer.

    Args:
        masks: Label maps (B, H, W) of whole numbers.
        findings: The codes of each finding: `((1, 2), (2,))` is liver with tumour, and tumour.

    Returns:
        (B, H, W, findings) float32: 1 where the finding is, else -1.

    Raises:
        ValueError: There is no finding, or it is no stack of label maps.
    """
    masks = np.asarray(masks)
    if masks.ndim != 3 or not len(findings) or not all(len(codes) for codes in findings):
        raise ValueError(f"masks {masks.shape}: label maps (B, H, W) and at least one finding")
    there = [np.isin(masks, codes) for codes in findings]
    return np.stack(there, axis=-1).astype(np.float32) * 2 - 1


def map_channels(maps: np.ndarray, num_classes: int, seed: int = 0) -> np.ndarray:
    """Turn label maps into what a painter takes: a channel a code, and one of noise.

    The noise gives the painter something to make grain of: without it one map is one picture.

    Args:
        maps: Label maps (B, H, W) of whole numbers from 0 to `num_classes` - 1.
        num_classes: How many codes there are.
        seed: Of the noise.

    Returns:
        (B, H, W, num_classes + 1) float32 in [-1, 1].

    Raises:
        ValueError: A map holds another code.
    """
    maps = np.asarray(maps)
    known = np.arange(num_classes)
    if unknown := sorted(set(np.unique(maps).tolist()) - set(known.tolist())):
        raise ValueError(
            f"the maps hold {unknown}, but this painter knows the codes 0 to {num_classes - 1}"
        )
    codes = finding_channels(maps, known[:, None])
    noise = np.random.default_rng(seed).uniform(-1, 1, (*maps.shape, 1)).astype(np.float32)
    return np.concatenate([codes, noise], axis=-1)


class DiceCrossEntropy(Term):
    """Cross-entropy of each pixel, plus 1 - soft Dice of each finding in the whole batch.

    Cross-entropy alone may call a small finding background and lose little; Dice counts it by its
    own size. Where there is none, both ask for none. Both come from logits: a probability that was
    rounded to 0 has no gradient, and a network pushed that far outlines nothing for good. Dice is
    that of the batch together: taken image by image, each slice without a finding asks for an empty
    mask with all the weight of a Dice. With several replicas it is that of each replica's share.

    Source: after Milletari, Navab, Ahmadi, "V-Net", 3DV 2016, arXiv:1606.04797 (the Dice loss,
    there with squares in the denominator); without them, the sum, and Dice over the batch for 2-D
    slices as in Isensee et al., "nnU-Net", Nature Methods 2021,
    doi:10.1038/s41592-020-01008-z.

    Args:
        weight: What it is multiplied with.
    """

    needs = ("target",)

    def __init__(self, weight: float = 1.0):
        super().__init__(weight)

    def __call__(self, batch, seed):
        """Return the loss of each image: fake are logits, the target lies in [-1, 1]."""
        truth, share = (batch.target + 1) / 2, ops.sigmoid(batch.fake)
        entropy = ops.softplus(batch.fake) - truth * batch.fake
        both, sizes = ops.sum(share * truth, (0, 1, 2)), ops.sum(share + truth, (0, 1, 2))
        dice = (2 * both + 1) / (sizes + 1)
        return ops.mean(entropy, (1, 2, 3)) + ops.mean(1 - dice)


class Segmenter(Pix2Pix):
    """From images to logits of masks; a critic, where there is one, sees them squeezed to [-1, 1].

    Example::

        model = Segmenter(unet_generator(64, last="logits"), patch_discriminator(64))
        model.compile(adversarial_weight=0.0)
        model.fit(images, finding_channels(masks), batch_size=16)
        masks = model.translate(others) > 0

    Source: Luc et al., "Semantic Segmentation using Adversarial Networks", 2016, arXiv:1611.08408
    (the critic).
    """

    def compile(self, *arguments, terms: Sequence[Term] = (DiceCrossEntropy(),), **settings):
        """As `Pix2Pix.compile`, by default with `DiceCrossEntropy` for the distance."""
        super().compile(*arguments, terms=terms, **settings)

    def _game(self, target, fake, shown):
        """Play as `Pix2Pix` does, on masks in [-1, 1]: twice the probability, less 1."""
        return super()._game(target, ops.tanh(fake / 2), shown)


class L1Inside(Term):
    """Mean |G(x) - y| inside of a finding: it counts by its own size, as in Dice, if it is small.

    The sum over its n pixels and all channels, divided by n + 1: of a few pixels a little less.

    Args:
        codes: Channels of the painter's input that make up the finding, see `map_channels`.
        weight: What it is multiplied with.
    """

    needs = ("inputs", "target")

    def __init__(self, codes: Sequence[int], weight: float = 20.0):
        super().__init__(weight)
        self.codes = tuple(codes)

    def __call__(self, batch, seed):
        """Return the mean inside of each image; 0 where there is no such finding."""
        asked = ops.max(ops.take(batch.inputs, self.codes, axis=-1), axis=-1, keepdims=True)
        there = ops.cast(asked > 0, batch.fake.dtype)
        apart = ops.sum(ops.abs(batch.fake - batch.target) * there, (1, 2, 3))
        return apart / (ops.sum(there, (1, 2, 3)) + 1)


class Readable(Term):
    """What a segmenter reads in a painted image, against the map that it was painted from.

    Args:
        segmenter: A model from images to logits (B, H, W, findings).
        findings: Channels of the painter's input that make up each finding: with one channel a
            code, its codes as in `finding_channels`.
        weight: What it is multiplied with.
    """

    needs = ("inputs",)

    def __init__(self, segmenter: keras.Model, findings, weight: float = 1.0):
        super().__init__(weight)
        self.segmenter, self.findings, self.loss = segmenter, findings, DiceCrossEntropy()

    def asked(self, inputs: KerasTensor) -> KerasTensor:
        """Return what the segmenter should answer, read off the painter's input."""
        parts = [ops.max(ops.take(inputs, codes, axis=-1), axis=-1) for codes in self.findings]
        return ops.stack(parts, axis=-1)

    def __call__(self, batch, seed):
        """Return the loss of each image."""
        read = self.segmenter(batch.fake, training=False)
        return self.loss(TranslationBatch(read, batch.fake, self.asked(batch.inputs)), seed)


class JointPix2Pix(Pix2Pix):
    """A painter of label maps and a segmenter that reads images, trained together.

    One step: D and G move as in `Pix2Pix`, G also towards what the segmenter reads rightly; then
    the segmenter moves on the real images with their maps and on freshly painted ones with theirs.

    Example::

        reader = unet_generator(64, last="logits")
        model = JointPix2Pix(unet_generator(64, channels=5), critic, reader)
        model.compile(findings=((4,),))
        model.fit(map_channels(maps, 5), images, batch_size=16)
        masks = model.segment(others) > 0

    Args:
        generator: As in `Pix2Pix`, from the channels of a label map to an image.
        discriminator: As in `Pix2Pix`.
        segmenter: A model from images to logits (B, H, W, findings).
        ema: As in `GAN`.
        seed: As in `GAN`.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        segmenter: keras.Model,
        *,
        ema: float = 0.995,
        seed: int = 0,
    ):
        super().__init__(generator, discriminator, ema=ema, seed=seed)
        self.segmenter = segmenter
        self.trackers["s_loss"] = keras.metrics.Mean(name="s_loss")

    def compile(
        self,
        *optimizers,
        findings: Sequence[Sequence[int]],
        segmenter_optimizer: keras.optimizers.Optimizer | None = None,
        readable_weight: float = 1.0,
        painted_weight: float = 1.0,
        terms: Sequence[Term] = (L1(),),
        **settings,
    ) -> None:
        """Set optimisers, losses and weights.

        Args:
            *optimizers: Of G and D, as in `GAN`.
            findings: What the segmenter finds, see `Readable`.
            segmenter_optimizer: Default Adam(1e-3).
            readable_weight: What the segmenter's loss on painted images counts in G's.
            painted_weight: What painted images count in the segmenter's loss.
            terms: Further terms of G.
            **settings: As in `Pix2Pix.compile`.

        Raises:
            ValueError: The segmenter has not one channel a finding.
        """
        if self.segmenter.outputs[0].shape[-1] != len(findings):
            raise ValueError(
                f"the segmenter answers {self.segmenter.outputs[0].shape[-1]} channels for "
                f"{len(findings)} findings: build it with outputs={len(findings)}"
            )
        refuse_own_losses(self.segmenter)
        self.readable = Readable(self.segmenter, findings, readable_weight)
        super().compile(*optimizers, terms=[*terms, self.readable], **settings)
        self.painted_weight = painted_weight
        optimizer = segmenter_optimizer or keras.optimizers.Adam(1e-3)
        with self.distribute_strategy.scope():
            replicas = self.distribute_strategy.num_replicas_in_sync
            self.s_optimizer = prepared(optimizer, self.segmenter, replicas)
        self.gather_optimizers()

    @property
    def further_state(self) -> list[keras.Variable]:
        """What a checkpoint holds beside a GAN's: the segmenter and its optimiser."""
        return [*self.segmenter.variables, *self.s_optimizer.variables]

    def _move_both(self, inputs, target) -> dict[str, tf.Tensor]:
        """Move D and G as in `Pix2Pix`, then the segmenter on real and painted images."""
        logs = super()._move_both(inputs, target)
        painted = tf.stop_gradient(self._generate_from(inputs))
        asked = self.readable.asked(inputs)
        with tf.GradientTape() as tape:
            loss = self._reading(tf.cast(target, tf.float32), asked)
            loss += self.painted_weight * self._reading(painted, asked)
            scaled = self.s_optimizer.scale_loss(loss)
        variables = self.segmenter.trainable_variables
        self.s_optimizer.apply(tape.gradient(scaled, variables), variables)
        return {**logs, "s_loss": loss * self.distribute_strategy.num_replicas_in_sync}

    def _reading(self, images, asked) -> tf.Tensor:
        """Return this replica's share of the segmenter's loss."""
        read = self.segmenter(images, training=True)
        return self._mean(self.readable.loss(TranslationBatch(read, images, asked), None))

    def segment(self, images: np.ndarray, batch_size: int = 64) -> np.ndarray:
        """Return the segmenter's logits (N, H, W, findings); above 0: it is there.

        By its last weights: unlike a `Segmenter`'s `translate`, which averages.
        """
        starts = range(0, len(images), batch_size)
        parts = [images[start : start + batch_size] for start in starts]
        return np.concatenate([np.asarray(self.segmenter(part, training=False)) for part in parts])


def start_anew(model: Pix2Pix, generator: keras.Model, discriminator: keras.Model) -> None:
    """Give a compiled model the weights of fresh networks, and forget what its optimisers know.

    To train the same networks again and again: compiling takes longer than a short training.
    A `JointPix2Pix`'s segmenter keeps its weights: set them, too.

    Args:
        model: Of networks of the same shape.
        generator: Whose weights it starts from.
        discriminator: Likewise.
    """
    model.generator.set_weights(generator.get_weights())
    model.ema_generator.set_weights(generator.get_weights())
    model.discriminator.set_weights(discriminator.get_weights())
    known = [(model.g_optimizer, model.generator), (model.d_optimizer, model.discriminator)]
    if hasattr(model, "s_optimizer"):
        known.append((model.s_optimizer, model.segmenter))
    for optimizer, network in known:
        restart_optimizer(optimizer, network)
    model.step.assign(0)
