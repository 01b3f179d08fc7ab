"""What is added to a player's loss: penalties on the discriminator, terms of the generator.

Each is a small object handed to `GAN.compile`. A new one is a sub-class here or in a notebook, and
needs no change of `GAN`: it is called with the batch as its player sees it and two integers as a
seed, and returns one value an image, shape (B,). `GAN` averages, multiplies by `weight`, and adds.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import keras
from keras import KerasTensor, ops

from .draws import Seed

if TYPE_CHECKING:
    from .batch import DiscriminatorBatch, GeneratorBatch


class _Weighted:
    def __init__(self, weight: float):
        if not weight >= 0:
            raise ValueError(f"{type(self).__name__}: a weight of {weight} must be at least 0")
        self.weight = weight

    def check(self, num_classes: tuple[int, ...] | None) -> None:
        """Raise a ValueError where a GAN with these classes, one a label, cannot have this."""


class Penalty(_Weighted):
    """Added to D's loss. Sub-classes give the value of each image.

    Args:
        weight: What the mean over the batch is multiplied with; 0 turns the penalty off.
        every: Steps between two penalties (lazy regularisation: each then counts `every` times;
            Karras et al. 2020, arXiv:1912.04958).

    Raises:
        ValueError: The weight is negative or `every` is no whole number from 1 on.
    """

    def __init__(self, weight: float, every: int = 1):
        super().__init__(weight)
        if not 1 <= every < float("inf") or every != int(every):
            raise ValueError(f"{type(self).__name__}: every={every} must be a whole number from 1")
        self.every = int(every)

    def __call__(self, batch: "DiscriminatorBatch", seed: KerasTensor) -> KerasTensor:
        """Return one value an image, shape (B,)."""
        raise NotImplementedError


class Term(_Weighted):
    """Added to G's loss at every step. Sub-classes give the value of each image.

    Args:
        weight: What the mean over the batch is multiplied with; 0 turns the term off.

    Attributes:
        needs: What it reads of its batch beside `fake`: a translation has `inputs` and `target`,
            a GAN `z` and `labels`. Another kind of model refuses it.

    Raises:
        ValueError: The weight is negative.
    """

    needs: tuple[str, ...] = ()

    def __call__(self, batch: "GeneratorBatch", seed: KerasTensor) -> KerasTensor:
        """Return one value an image, shape (B,)."""
        raise NotImplementedError


def active(
    some: Sequence[Penalty | Term],
    kind: type,
    num_classes: tuple[int, ...] | None,
    batch_holds: tuple[str, ...] = (),
) -> list[Penalty | Term]:
    """Return those of a list that have a weight, after a check that each is of a kind and fits.

    Raises:
        TypeError: One is no object of the kind, or needs what the model's batches do not hold.
        ValueError: One cannot work on these classes.
    """
    if isinstance(some, Penalty | Term):
        raise TypeError(f"{type(some).__name__} stands alone; give a list of it")
    for one in some:
        if not isinstance(one, kind):
            example = "R1(0.1)" if kind is Penalty else "ModeSeeking(0.1)"
            raise TypeError(f"{one!r} is no {kind.__name__}, such as {example}")
        if missing := sorted({*getattr(one, "needs", ())} - {*batch_holds}):
            raise TypeError(
                f"{type(one).__name__} needs {' and '.join(missing)} of its batch; this model's "
                f"hold {' and '.join(batch_holds)}: L1 and its kin hold a translation (Pix2Pix) to "
                "its target, ModeSeeking is for a GAN"
            )
        if one.weight:
            one.check(num_classes)
    return [one for one in some if one.weight]


class R1(Penalty):
    """γ/2 ‖∇D(x)‖² on real images: D stays flat where the data are.

    Source: Mescheder, Geiger, Nowozin, "Which Training Methods for GANs do actually Converge?",
    ICML 2018, arXiv:1801.04406.

    Args:
        gamma: γ.
        every: Steps between two penalties.
    """

    def __init__(self, gamma: float = 0.1, every: int = 4):
        super().__init__(0.5 * gamma, every)

    def __call__(self, batch, seed):
        """Return ‖∇D(x)‖² of each real image."""
        return squared_norm(batch.gradient(batch.real))


class GradientPenalty(Penalty):
    """λ (‖∇D‖ - 1)² at a random point between each real image and a generated one (WGAN-GP).

    Source: Gulrajani et al., "Improved Training of Wasserstein GANs", NeurIPS 2017,
    arXiv:1704.00028.

    Args:
        weight: λ, 10 in the paper.
        every: Steps between two penalties.
    """

    def __init__(self, weight: float = 10.0, every: int = 1):
        super().__init__(weight, every)

    def __call__(self, batch, seed):
        """Return (‖∇D‖ - 1)² of each pair."""
        mix = keras.random.uniform((ops.shape(batch.real)[0],), seed=Seed(seed))
        return gradient_penalty(batch.gradient, batch.real, batch.fake, mix)


class Mismatch(Penalty):
    """Real images with a wrong label, which D is to call fake: for a G that ignores a label.

    Of label maps, the wrong one is that of the next image in the batch; where both are the same,
    the image does not count.

    Source: Reed et al., "Generative Adversarial Text to Image Synthesis", ICML 2016,
    arXiv:1605.05396.

    Args:
        weight: How much they count beside the generated images.
        column: Which label is then wrong.
    """

    def __init__(self, weight: float = 1.0, column: int = 0):
        super().__init__(weight)
        self.column = column

    def check(self, num_classes):
        """Raise a ValueError unless the label has two classes or more."""
        classes = dict(enumerate(num_classes or ())).get(self.column, 0)
        if classes < 2:
            raise ValueError(
                f"Mismatch needs a label of two classes or more; column {self.column} of "
                f"{num_classes} has {classes}"
            )

    def __call__(self, batch, seed):
        """Return D's loss of each real image where the one of a wrong label is the fake."""
        if len(batch.labels.shape) == 3:
            wrong = ops.roll(batch.labels, 1, axis=0)
        elif batch.labels.shape[1] != len(batch.num_classes):  # one-hot rows
            classes = batch.num_classes[0]
            right = ops.argmax(batch.labels, axis=1)[:, None]
            wrong = ops.one_hot(self.wrong_labels(right, classes, seed)[:, 0], classes)
        else:
            wrong = self.wrong_labels(batch.labels, batch.num_classes[self.column], seed)
        wrong_logits = batch.logits(batch.real, wrong)
        values = batch.loss.discriminator_loss(batch.real_logits, wrong_logits)
        if len(batch.labels.shape) != 3:
            return values
        differs = ops.any(ops.not_equal(wrong, batch.labels), axis=(1, 2))
        values = ops.mean(ops.reshape(values, (ops.shape(differs)[0], -1)), axis=1)
        return values * ops.cast(differs, values.dtype)

    def wrong_labels(self, labels: KerasTensor, classes: int, seed: KerasTensor) -> KerasTensor:
        """Return labels (B, n) with the column changed to another of its classes."""
        columns = ops.unstack(ops.cast(labels, "int32"), axis=1)  # they may come as floats
        shape = (ops.shape(labels)[0],)
        shift = keras.random.randint(shape, 1, classes, seed=Seed(seed))
        columns[self.column] = (columns[self.column] + shift) % classes
        return ops.stack(columns, axis=1)


class ModeSeeking(Term):
    """λ |z - z'| / |G(z) - G(z')|: a conditional G that draws one image a label, whatever z, pays.

    Costs one more pass of G. Too large a λ buys variety that the data do not have.

    Source: Mao et al., "Mode Seeking Generative Adversarial Networks for Diverse Image Synthesis",
    CVPR 2019, arXiv:1903.05628.

    Args:
        weight: λ.
    """

    needs = ("z",)

    def __init__(self, weight: float = 0.1):
        super().__init__(weight)

    def __call__(self, batch, seed):
        """Return the ratio of the distances for the fakes and others of the same labels."""
        other_z = keras.random.normal(ops.shape(batch.z), seed=Seed(seed))
        return mode_seeking(batch.fake, batch.generate(other_z), batch.z, other_z)


def squared_norm(gradient: KerasTensor) -> KerasTensor:
    """Return the squared length of each gradient (B, ...) over all but the first axis, (B,)."""
    gradient = ops.cast(gradient, "float32")
    return ops.sum(gradient**2, axis=tuple(range(1, len(gradient.shape))))


def gradient_penalty(
    gradient: Callable[[KerasTensor], KerasTensor],
    real_images: KerasTensor,
    fake_images: KerasTensor,
    mix: KerasTensor,
) -> KerasTensor:
    """Return (‖∇D‖ - 1)² at a point between each real image and a generated one, shape (B,).

    Args:
        gradient: Maps images to the gradient of D's logit there, of the same shape.
        real_images: Real images (B, ...).
        fake_images: Generated images of the same shape.
        mix: Numbers in [0, 1], shape (B,): where between the two.
    """
    shape = [-1] + [1] * (len(real_images.shape) - 1)
    between = fake_images + ops.reshape(mix, shape) * (real_images - fake_images)
    norm = ops.sqrt(squared_norm(gradient(between)) + 1e-12)  # the root has no derivative at 0
    return (norm - 1) ** 2


def mode_seeking(
    images: KerasTensor, others: KerasTensor, latents: KerasTensor, other_latents: KerasTensor
) -> KerasTensor:
    """Return how far apart two latents are for how far apart their images are: high at a collapse.

    Args:
        images: Generated images (B, H, W, C).
        others: Images of the same labels from other latents, of the same shape.
        latents: Of `images`, (B, latent_dim).
        other_latents: Of `others`.

    Returns:
        Mean |z - z'| divided by mean |G(z) - G(z')|, one value a pair, shape (B,).
    """
    differences = ops.abs(ops.cast(images, "float32") - ops.cast(others, "float32"))
    between_images = ops.mean(differences, axis=tuple(range(1, len(differences.shape))))
    between_latents = ops.mean(ops.abs(ops.cast(latents, "float32") - other_latents), axis=1)
    return between_latents / (between_images + 1e-3)  # finite where two images are the same
