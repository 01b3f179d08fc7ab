"""A GAN whose discriminator learns with differential privacy: DP-SGD, subject by subject.

The only part of a GAN that sees patients is the real half of D's loss. Its gradient is taken for
each subject alone, cut to a length of at most C, summed, and drowned in Gaussian noise of standard
deviation σC (Abadi et al., "Deep Learning with Differential Privacy", CCS 2016, Algorithm 1,
doi:10.1145/2976749.2978318). All that follows (D's move, its half of the loss on fakes, G, and
every image that G will ever draw) is made of that and of random numbers, and so reveals no more:
post-processing. How little that is says ε: with a δ far below one in the number of subjects,
whether one person took part changes the probability of any result by a factor of e^ε at most.

Who took part in a step is drawn anew for each subject (Poisson sampling), as the accountant
assumes; a lot may be empty. The guarantee is that of a noise nobody can guess. Here it follows from
one of 524,288 seeds (0 by default), so that runs repeat: who sees the gradients can try them all in
a minute. For real patients the noise must come from a source that nobody can repeat.
"""

import keras
import numpy as np
import tensorflow as tf

from .draws import STREAMS
from .gan import GAN
from .optimizers import refuse_16_bits
from .step import TRACKED

NOISE = STREAMS - 1
"""The stream of random numbers that the noise is drawn from."""


class PrivateGAN(GAN):
    """A GAN as `GAN`, whose discriminator's real gradients are clipped and noised.

    Example::

        gan = PrivateGAN(dcgan_generator(32), dcgan_discriminator(32), noise=1.0, lot=16)
        gan.compile()
        gan.fit(slices.images, slices.subjects, steps_per_epoch=500)
        gan.epsilon(delta=1e-3)

    Args:
        generator: As in `GAN`, without labels.
        discriminator: As in `GAN`. Nothing in it may keep a state, as batch normalisation does.
        noise: σ, the noise's standard deviation in units of `clip_norm`; 0 for a control run that
            clips and samples alike, and protects nobody.
        clip_norm: C, the length to which a subject's gradient is cut.
        lot: Subjects a step, expected.
        images_per_subject: Images of a subject whose mean loss gives its gradient, drawn at random.
        ema: As in `GAN`.
        seed: As in `GAN`; who tries all 524,288 finds it, see above.

    Attributes:
        subjects: How many subjects it was trained on; None before `fit`.

    Raises:
        ValueError: A value is out of range, D keeps a state (batch normalisation), or the networks
            take labels.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        noise: float,
        clip_norm: float = 1.0,
        lot: float = 16,
        images_per_subject: int = 4,
        ema: float = 0.995,
        seed: int = 0,
    ):
        super().__init__(generator, discriminator, ema=ema, seed=seed)
        if not (noise >= 0 and clip_norm > 0 and lot > 0 and images_per_subject >= 1):
            raise ValueError(
                f"noise={noise} must be at least 0, clip_norm={clip_norm} and lot={lot} above 0, "
                f"images_per_subject={images_per_subject} at least 1"
            )
        if len(generator.inputs) > 1:
            raise ValueError("PrivateGAN takes no labels: they are data of the subjects, too")
        if state := [one.path for one in discriminator.non_trainable_variables]:
            raise ValueError(
                f"the discriminator keeps {state[0]}, which no gradient moves (batch or spectral "
                "normalisation, dropout, or a frozen layer): no noise covers what changes there, "
                "and it mixes subjects; build it without, as dcgan_discriminator does by default, "
                "and freeze nothing"
            )
        self.noise, self.clip_norm, self.lot = noise, clip_norm, lot
        self.images_per_subject = int(images_per_subject)
        self._ledger = self.add_weight(
            shape=(3,), initializer="zeros", trainable=False, name="subjects_lot_noise"
        )
        self._taken = 0  # steps, also those that weights set back to an earlier state forget
        # Nothing is logged that was computed from real images: no ε would cover it.
        self.trackers = {name: self.trackers[name] for name in TRACKED if name != "real_logit"}

    def compile(self, *optimizers, loss="non-saturating", penalties=(), **settings) -> None:
        """Set optimisers, loss, terms and augmentation as `GAN.compile` does, without penalties.

        Args:
            *optimizers: G's and D's.
            loss: As in `GAN`, whose two halves look at real and at generated images apart.
            penalties: None can be: R1 and its like look at real images beside the clipped gradient.
            **settings: As in `GAN`.

        Raises:
            ValueError: A penalty is given, the loss compares real with generated images, or 16-bit
                floats or several replicas are asked for.
        """
        if penalties:
            raise ValueError(
                f"{type(penalties[0]).__name__} looks at real images beside the clipped gradient, "
                "and ε would not cover it; leave penalties out"
            )
        super().compile(*optimizers, loss=loss, penalties=(), **settings)
        if self.loss_function.relativistic:
            raise ValueError("a relativistic loss shows real images to G; take non-saturating")
        refuse_16_bits("PrivateGAN", self.generator, self.discriminator)
        if self.distribute_strategy.num_replicas_in_sync > 1:
            raise ValueError("PrivateGAN clips on one device; take one")

    def fit(
        self, images: np.ndarray, subjects: np.ndarray, *, steps_per_epoch: int, **settings
    ) -> keras.callbacks.History:
        """Train from the present step on: lots are a function of seed and step, as all else is.

        Args:
            images: (N, H, W, C) in [-1, 1].
            subjects: Who each of them shows, (N,).
            steps_per_epoch: Lots an epoch.
            **settings: As in `keras.Model.fit`.

        Raises:
            ValueError: Images or subjects do not fit the networks, each other or the lot; or their
                number, the lot or the noise is another than before, of which ε would know nothing;
                or the weights were set back to an earlier step: the same noise would come again.
        """
        images, subjects = np.asarray(images), np.asarray(subjects)
        self._expected.check_images(images)
        if subjects.shape != (len(images),):
            raise ValueError(f"{len(images)} images need a subject each; {subjects.shape} given")
        count = len(np.unique(subjects))
        if self.lot > count:
            raise ValueError(f"lot={self.lot} subjects a step, of {count}; take fewer")
        if (step := int(self.step.numpy())) < self._taken:
            raise ValueError(
                f"the weights were set back to step {step} of {self._taken}: the same noise would "
                "come again, and two answers with one noise tell what it hides; make a new GAN, "
                "with another seed"
            )
        now, before = np.float32([count, self.lot, self.noise]), self._ledger.numpy()
        if before[0] and (now != before).any():
            told = [f"subjects={x[0]:g}, lot={x[1]:g}, noise={x[2]:g}" for x in (before, now)]
            raise ValueError(f"trained with {told[0]} before, now {told[1]}; make a new GAN")
        self._ledger.assign(now)
        lots = poisson_lots(
            *(images.astype(np.float32), subjects, self.lot / count, self.images_per_subject),
            *(self.seed, step),
        )
        return super().fit(lots, steps_per_epoch=steps_per_epoch, **settings)

    def make_train_function(self, force: bool = False) -> None:
        """Compile the step as `GAN` does, and count steps where restored weights cannot."""
        if self.train_function is None or force:
            super().make_train_function(force)
            move = self.train_function

            def counted(iterator):
                logs = move(iterator)
                self._taken = max(self._taken, int(self.step.numpy()))
                return logs

            self.train_function = counted

    def epsilon(self, delta: float) -> float:
        """Return the ε that all steps so far have cost one subject, at this δ.

        Weights set back to an earlier step (`EarlyStopping(restore_best_weights=True)`,
        `load_weights`) were chosen by what all steps showed, so all of them count.

        Args:
            delta: Probability that the bound does not hold; far below 1 / number of subjects.

        Raises:
            ValueError: There is no noise, no training yet, or δ is none.
        """
        if self.subjects is None:
            raise ValueError("epsilon is known after fit, which says how many subjects there are")
        subjects, lot, noise = self._ledger.numpy().tolist()
        steps = max(self._taken, int(self.step.numpy()))
        return epsilon(noise, lot / subjects, steps, delta)

    @property
    def subjects(self) -> int | None:
        """How many subjects it was trained on; None before `fit`."""
        return int(self._ledger.numpy()[0]) or None

    @property
    def further_state(self) -> list[keras.Variable]:
        """What a checkpoint holds beside a GAN's: what ε is reckoned from."""
        return [self._ledger]

    def _fakes(self, real: tf.Tensor) -> int:
        """As many fakes at every step: how many subjects a lot has is private."""
        return max(1, round(self.lot * self.images_per_subject))

    def _move_discriminator(self, real, fake, labels) -> dict[str, tf.Tensor]:
        """Move D once, by a private gradient on real and an ordinary one on generated images."""
        variables = self.discriminator.trainable_variables
        with tf.GradientTape() as tape:
            logits = self._judge_from(fake)
            loss = tf.reduce_mean(self._half_loss(fake_logits=logits))
        on_fake = tape.gradient(loss, variables)
        on_real = self._unflat(self._private_gradient(real))
        gradients = [one + other for one, other in zip(on_real, on_fake, strict=True)]
        self.d_optimizer.apply(gradients, variables)
        return {"d_loss": loss, "penalty": 0.0, "fake_logit": tf.reduce_mean(logits)}

    def _private_gradient(self, real: tf.Tensor) -> tf.Tensor:
        """Return (sum of the clipped gradients + noise of σC) / lot, all of D's in one vector."""
        total = self._clipped_sum(real)
        noise = tf.random.stateless_normal(tf.shape(total), self._seed(NOISE))
        # By the expected size: the size that was drawn is private.
        return (total + self.noise * self.clip_norm * noise) / self.lot

    def _clipped_sum(self, real: tf.Tensor) -> tf.Tensor:
        """Return the sum over subjects of a lot of their gradients, each at most C long."""
        each = tf.reshape(real, (-1, self.images_per_subject, *real.shape[1:]))
        size = sum(int(np.prod(one.shape)) for one in self.discriminator.trainable_variables)
        return tf.foldl(lambda total, one: total + self._clipped(one), each, tf.zeros(size))

    def _clipped(self, images: tf.Tensor) -> tf.Tensor:
        """Return one subject's gradient of D's loss on their images, at most C long."""
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self._half_loss(real_logits=self._judge_from(images)))
        gradients = tape.gradient(loss, self.discriminator.trainable_variables)
        flat = tf.concat([tf.reshape(one, (-1,)) for one in gradients], axis=0)
        return flat * (self.clip_norm / tf.maximum(tf.norm(flat), self.clip_norm))

    def _half_loss(self, real_logits=None, fake_logits=None) -> tf.Tensor:
        """Return D's loss where the other half is a constant, without a gradient."""
        real_logits = tf.zeros_like(fake_logits) if real_logits is None else real_logits
        fake_logits = tf.zeros_like(real_logits) if fake_logits is None else fake_logits
        return self.loss_function.discriminator_loss(real_logits, fake_logits)

    def _unflat(self, flat: tf.Tensor) -> list[tf.Tensor]:
        shapes = [tuple(one.shape) for one in self.discriminator.trainable_variables]
        parts = tf.split(flat, [int(np.prod(shape)) for shape in shapes])
        return [tf.reshape(part, shape) for part, shape in zip(parts, shapes, strict=True)]


def poisson_lots(
    images: np.ndarray,
    subjects: np.ndarray,
    rate: float,
    images_per_subject: int,
    seed: int = 0,
    start_step: int = 0,
) -> tf.data.Dataset:
    """Return an endless dataset of lots: each subject is in each with probability `rate`.

    Args:
        images: (N, H, W, C) float32.
        subjects: (N,), who each shows.
        rate: 0 to 1.
        images_per_subject: Images of each chosen subject, drawn with replacement.
        seed: Which lots.
        start_step: Number of the first lot; every lot is a function of seed and number alone.

    Returns:
        Tensors (k · images_per_subject, H, W, C), a subject's images side by side; k may be 0.
    """
    codes = np.unique(subjects, return_inverse=True)[1].reshape(-1)
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes)
    starts = np.cumsum(counts) - counts
    with tf.device("CPU"):
        images, order = tf.constant(images), tf.constant(order)

    def lot(step: tf.Tensor) -> tf.Tensor:
        step = tf.cast(step, tf.int32)
        # Negative: no stream of the training step has such a seed.
        chance = tf.random.stateless_uniform(counts.shape, tf.stack([-1 - 2 * seed, step]))
        place = tf.random.stateless_uniform(
            (len(counts), images_per_subject), tf.stack([-2 - 2 * seed, step])
        )
        picked = starts[:, None] + tf.cast(place * counts[:, None].astype(np.float32), tf.int64)
        chosen = tf.boolean_mask(picked, chance < rate)
        return tf.gather(images, tf.gather(order, tf.reshape(chosen, (-1,))))

    return tf.data.Dataset.counter(start_step).map(lot).prefetch(2)


def epsilon(noise: float, rate: float, steps: int, delta: float) -> float:
    """Return ε of a subject (added or removed) after so many noised, Poisson-sampled steps.

    By the privacy loss distribution, as `dp-accounting` computes it: an upper bound, and a tight
    one.

    Args:
        noise: σ, in units of the clipping norm.
        rate: Probability that a subject is in a lot: lot / subjects.
        steps: Steps taken.
        delta: δ, above 0 and far below 1 / subjects.

    Raises:
        ValueError: There is no noise, no step, or a value is no probability.
    """
    if noise <= 0:
        raise ValueError("noise=0 protects nobody: ε is infinite; train with noise above 0, say 1")
    if steps < 1 or not 0 < rate <= 1 or not 0 < delta < 1:
        raise ValueError(
            f"steps={steps} must be at least 1, rate={rate:g} and delta={delta:g} between 0 and 1"
        )
    from dp_accounting import GaussianDpEvent, PoissonSampledDpEvent, SelfComposedDpEvent
    from dp_accounting.pld import PLDAccountant

    step = PoissonSampledDpEvent(rate, GaussianDpEvent(noise))
    accountant = PLDAccountant()
    accountant.compose(SelfComposedDpEvent(step, steps))
    return float(accountant.get_epsilon(delta))
