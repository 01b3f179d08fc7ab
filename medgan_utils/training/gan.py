"""A GAN as one `keras.Model`: `compile`, `fit`, `sample`."""

from collections.abc import Sequence

import keras
import numpy as np

from . import losses
from .batch import in_batches
from .draws import SEEDS
from .expected import Expected, telling
from .finite import check_weights, watched
from .optimizers import BothOptimizers, prepared, refuse_own_losses
from .penalties import R1, Penalty, Term, active
from .step import TRACKED, AdversarialModel

NO_VALIDATION = (
    "a GAN's losses do not tell how good its images are; hand a score to the callback `Monitor`"
)


class GAN(AdversarialModel):
    """Trains a generator against a discriminator, and keeps a moving average of the generator.

    One step: draw z, make fakes; move D on real and fake; move G through the moved D, using the
    same fakes, augmented alike. All randomness is a function of `seed`, the step and the replica,
    so that a resumed run draws what the uninterrupted one would have drawn.

    Example::

        gan = GAN(dcgan_generator(64), dcgan_discriminator(64))
        gan.compile(augment=DiffAugment())
        gan.fit(slices.to_dataset(16), steps_per_epoch=500, epochs=6)
        images = gan.sample(16)

    Args:
        generator: Maps z (B, latent_dim), [z, labels (B, n)] or [z, label maps (B, H, W)] to images
            (B, H, W, C) in [-1, 1].
        discriminator: Maps images, or [images, labels], to logits (B, 1); no batch normalisation.
        num_classes: Classes of each label, one number or a tuple; None: what `dcgan_generator` was
            given. A generator that takes one label as one-hot rows has its number of classes here.
        ema: Decay a step of the moving average of all of G's weights, batch statistics included
            (Yazıcı et al. 2019, arXiv:1806.04498). 0 keeps a plain copy.
        seed: Seed of latents, augmentation and penalties, from 0 to 524,287.

    Attributes:
        ema_generator: The averaged generator: what `sample` uses and what is worth keeping.
        step: Number of steps taken, an int64 variable.

    Raises:
        ValueError: A value is out of range, the classes of the labels are not known, or the
            discriminator does not end in one logit.
    """

    batch_holds = ("z", "labels")  # what a term may read of its batch, beside the images

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        num_classes: int | Sequence[int] | None = None,
        ema: float = 0.995,
        seed: int = 0,
    ):
        super().__init__(name="gan")
        if not 0 <= ema < 1:
            raise ValueError(f"ema={ema} must lie in [0, 1)")
        if not 0 <= seed < SEEDS:
            raise ValueError(f"seed={seed} must lie between 0 and {SEEDS - 1}")
        _check_logits(discriminator)
        self.generator, self.discriminator = generator, discriminator
        self.ema_generator = keras.models.clone_model(generator)
        self.ema_generator.set_weights(generator.get_weights())
        self.ema_generator.architecture = getattr(generator, "architecture", None)  # to be saved
        self.ema_generator.trainable = False
        self.ema, self.seed = ema, seed
        self.latent_dim = generator.inputs[0].shape[-1]
        self._expected = self._expects(num_classes)
        self.num_classes = self._expected.num_classes
        self.step = self.add_weight(
            shape=(), dtype="int64", initializer="zeros", trainable=False, name="step"
        )
        self.trackers = {name: keras.metrics.Mean(name=name) for name in TRACKED}
        self.built = True  # `fit` under a strategy and `save_weights` ask for it

    def _expects(self, num_classes: int | Sequence[int] | None) -> Expected:
        """Return what fits the networks; they are attributes by now."""
        return Expected.by(self.generator, num_classes)

    def compile(
        self,
        generator_optimizer: keras.optimizers.Optimizer | None = None,
        discriminator_optimizer: keras.optimizers.Optimizer | None = None,
        loss: str | losses.AdversarialLoss = "non-saturating",
        *,
        penalties: Sequence[Penalty] = (R1(),),
        terms: Sequence[Term] = (),
        augment: keras.layers.Layer | None = None,
        **settings,
    ) -> None:
        """Set optimisers, losses, and what is added to them.

        Args:
            generator_optimizer: Default Adam(4e-4, β1=0, β2=0.99).
            discriminator_optimizer: Default the same.
            loss: A name of `losses.NAMES`, or an `AdversarialLoss`.
            penalties: Added to D's loss, by default `R1(0.1, every=4)`; `[]` for none.
            terms: Added to G's loss, for example `ModeSeeking(0.1)`.
            augment: A layer called as `augment(images, seed=...)` in front of D, on real and fake;
                with label maps as `augment(images, seed=..., maps=...)`, and returns both.
            **settings: `steps_per_execution`, `run_eagerly`, `jit_compile` of `keras.Model`. XLA
                draws other numbers from the same seed, so that `jit_compile=True` is another run.

        Raises:
            ValueError: The loss has no such name, a penalty does not fit this GAN's labels, the
                networks share an optimiser (its slots and step count would mix), one clips its
                gradients where there are several replicas, a network's weights have 16 bits, or it
                has losses of its own (regularisers), which would not be added.
            TypeError: Something else stands among the penalties or terms, or a translation's term.
        """
        super().compile(**{"jit_compile": False, "optimizer": None, **settings})
        same = generator_optimizer is discriminator_optimizer
        if same and not isinstance(generator_optimizer, str | None):
            raise ValueError("G and D each need an optimiser of their own")
        for network in (self.generator, self.discriminator):
            if not network.built:
                raise ValueError(f"{network.name} has no weights yet: call it once on an input")
        learned = self.generator.trainable_variables + self.discriminator.trainable_variables
        if any(v.dtype in ("float16", "bfloat16") for v in learned):
            raise ValueError("weights of 16 bits lose small steps: take the policy mixed_bfloat16")
        refuse_own_losses(self.generator, self.discriminator)
        self.loss_function = losses.get(loss)
        self.penalties = active(penalties, Penalty, self.num_classes)
        self.terms = active(terms, Term, self.num_classes, self.batch_holds)
        self.augment = augment
        if augment is not None and not augment.built:
            # An unbuilt layer makes `fit` call the whole model on images to build it.
            augment.build(self.generator.outputs[0].shape)
        with self.distribute_strategy.scope():
            replicas = self.distribute_strategy.num_replicas_in_sync
            self.g_optimizer = prepared(generator_optimizer, self.generator, replicas)
            self.d_optimizer = prepared(discriminator_optimizer, self.discriminator, replicas)
        self.gather_optimizers()

    def gather_optimizers(self) -> None:
        """Show Keras all optimisers as one, at the rates that they have now."""
        third = [self.s_optimizer] if hasattr(self, "s_optimizer") else []
        self.optimizer = BothOptimizers(self.g_optimizer, self.d_optimizer, *third)

    def fit(self, x, y=None, *arguments, shuffle=False, **settings) -> keras.callbacks.History:
        """Train as `keras.Model.fit` does; but arrays stay in their order, unless it is asked for.

        Slices lie subject by subject: give `shuffle=True` for arrays, or a dataset, which brings
        its own order (`Slices.to_dataset`).

        Args:
            x: A dataset of images, or of (images, labels), as `train_step` takes them; or an array.
            y: Labels, where `x` is an array.
            *arguments: As in `keras.Model.fit`.
            shuffle: Whether to shuffle arrays; not unless asked.
            **settings: As in `keras.Model.fit`.

        Raises:
            ValueError: Images or labels are not what the networks take, before a step is taken on
                them; or validation data or weights of images are given, of which it has no use.
            FloatingPointError: A loss or a weight is no longer finite.
        """
        if settings.get("validation_data") is not None or settings.get("validation_split"):
            raise ValueError(f"validation data: {NO_VALIDATION}")
        weighted = [n for n in ("sample_weight", "class_weight") if settings.get(n) is not None]
        if weighted:
            raise ValueError(
                f"{weighted[0]}: every image counts the same; leave images out instead"
            )
        if not self.compiled:
            raise ValueError("call compile() first: it sets optimisers and losses")
        self.optimizer.check(settings.get("callbacks"))
        x, y = self._expected.data(x, y)
        with telling(self._expected):
            history = super().fit(x, y, *arguments, shuffle=shuffle, **settings)
        check_weights(self)
        return history

    def evaluate(self, *_, **__) -> None:
        """Refuse: a GAN has no loss that tells how good it is."""
        raise ValueError(f"evaluate: {NO_VALIDATION}")

    def make_train_function(self, force: bool = False) -> None:
        """Compile the step, and look at the losses that come out before any callback does."""
        if self.train_function is None or force:
            super().make_train_function(force)
            self.train_function = watched(self.train_function, self)

    def latents(self, count: int, seed: int = 0) -> np.ndarray:
        """Return z ~ N(0, 1), float32 (count, latent_dim), always the same for a seed."""
        random = np.random.default_rng(seed)
        return random.standard_normal((count, self.latent_dim), dtype=np.float32)

    def sample(
        self,
        latents: int | np.ndarray,
        labels: np.ndarray | None = None,
        seed: int = 0,
        batch_size: int = 64,
    ) -> np.ndarray:
        """Generate images with the averaged generator.

        Args:
            latents: How many images, or their latent vectors (N, latent_dim).
            labels: Labels (N, n), or label maps (N, H, W), for a conditional GAN.
            seed: Seed of the latents when only their number is given.
            batch_size: Images a call of the generator.

        Returns:
            Float32 images (N, H, W, C) in [-1, 1].

        Raises:
            ValueError: No image is asked for, latents have another shape, or labels are missing, of
                another form or class, or there for a GAN that takes none.
        """
        z = self._asked(latents, seed)
        labels = None if labels is None else np.asarray(labels)
        self._expected.check_labels(labels, len(z))
        parts = [z] if labels is None else [z, labels]
        return in_batches(self.ema_generator, parts, batch_size)

    def _asked(self, latents: int | np.ndarray, seed: int) -> np.ndarray:
        if np.ndim(latents) == 0:
            if latents < 1 or latents != int(latents):
                raise ValueError(f"{latents} images: give a whole number from 1, or latents")
            return self.latents(int(latents), seed)
        z, wanted = np.asarray(latents), self.latents(1, seed).shape[1:]
        if z.shape[1:] != wanted or not len(z):
            sizes = ", ".join(map(str, wanted))
            raise ValueError(f"latents have shape {z.shape}; (N, {sizes}) is needed, N from 1")
        return z

    def call(self, inputs, training=False):
        """Generate images from z, or [z, labels], with the averaged generator."""
        return self.ema_generator(inputs, training=training)


PROBABILITIES = {"sigmoid", "hardsigmoid", "softmax"}


def _last_step(network: keras.Model) -> str:
    """Return the name of a network's last activation, or else of its last operation."""
    step = network
    while isinstance(step, keras.Model) and getattr(step, "outputs", None):
        step = step.outputs[0]._keras_history.operation
    activation = getattr(step, "activation", None)
    name = getattr(activation, "__name__", "") or type(step).__name__
    return name.replace("_", "").lower()


def _check_logits(discriminator: keras.Model) -> None:
    """Refuse a discriminator that ends in probabilities, or in several numbers: both would train.

    Raises:
        ValueError: Its last layer has a sigmoid, or its last axis is not 1.
    """
    outputs = getattr(discriminator, "outputs", None)
    if not outputs:  # a subclassed network: nothing is known of it yet
        return
    if _last_step(discriminator) in PROBABILITIES:
        raise ValueError(
            f"{discriminator.name} ends in a sigmoid, but the losses take logits: leave it out"
        )
    for output in outputs:  # `CycleGAN` has two critics side by side
        if output.shape[-1] != 1:
            shape = tuple(output.shape)
            raise ValueError(f"{discriminator.name} returns {shape}; one logit is needed: (B, 1)")
