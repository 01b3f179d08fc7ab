"""A GAN as one `keras.Model`: `compile`, `fit`, `sample`."""

import keras
import numpy as np
import tensorflow as tf

from . import losses

# Streams of random numbers within one step; the step, the seed and the replica make them differ.
LATENTS, AUGMENT_REAL, AUGMENT_FAKE, MIX, OTHER_LATENTS, MISMATCH = range(6)


class GAN(keras.Model):
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
        generator: Maps z (B, latent_dim), or [z, labels (B, n)], to images (B, H, W, C) in [-1, 1].
        discriminator: Maps images, or [images, labels], to logits (B, 1); no batch normalisation.
        ema: Decay a step of the moving average of all of G's weights, batch statistics included
            (Yazıcı et al. 2019, arXiv:1806.04498). 0 keeps a plain copy.
        seed: Seed of latents, augmentation and penalties.

    Attributes:
        ema_generator: The averaged generator: what `sample` uses and what is worth keeping.
        step: Number of steps taken, an int64 variable.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        ema: float = 0.995,
        seed: int = 0,
    ):
        super().__init__(name="gan")
        if not 0 <= ema < 1:
            raise ValueError(f"ema={ema} must lie in [0, 1)")
        self.generator, self.discriminator = generator, discriminator
        self.ema_generator = keras.models.clone_model(generator)
        self.ema_generator.set_weights(generator.get_weights())
        self.ema_generator.architecture = getattr(generator, "architecture", None)  # to be saved
        self.ema_generator.trainable = False
        self.ema, self.seed, self.latent_dim = ema, seed, generator.inputs[0].shape[-1]
        self.conditional = len(generator.inputs) > 1
        self.step = self.add_weight(
            shape=(), dtype="int64", initializer="zeros", trainable=False, name="step"
        )
        names = ("d_loss", "g_loss", "real_logit", "fake_logit", "penalty")
        self.trackers = {name: keras.metrics.Mean(name=name) for name in names}
        self.built = True  # `fit` under a strategy and `save_weights` ask for it

    def compile(
        self,
        generator_optimizer: keras.optimizers.Optimizer | None = None,
        discriminator_optimizer: keras.optimizers.Optimizer | None = None,
        loss: str | losses.AdversarialLoss = "non-saturating",
        *,
        r1_gamma: float = 0.1,
        r1_every: int = 4,
        gp_weight: float = 0.0,
        mode_seeking: float = 0.0,
        mismatch: float = 0.0,
        mismatched_label: int = 0,
        augment: keras.layers.Layer | None = None,
        **settings,
    ) -> None:
        """Set optimisers, loss and regularisers.

        Args:
            generator_optimizer: Default Adam(4e-4, β1=0, β2=0.99).
            discriminator_optimizer: Default the same.
            loss: A name of `losses.NAMES`, or an `AdversarialLoss`.
            r1_gamma: γ of the R1 penalty γ/2 ‖∇D(x)‖² on real images; 0 turns it off.
            r1_every: Steps between two R1 penalties (lazy regularisation: each then counts
                `r1_every` times; Karras et al. 2020, arXiv:1912.04958).
            gp_weight: λ of the WGAN-GP penalty, at every step; 0 turns it off.
            mode_seeking: λ of `losses.mode_seeking` in G's loss, for a conditional G that ignores
                z; costs one more pass of G. 0 turns it off.
            mismatch: Weight of real images with a wrong label, which D is to call fake, for a G
                that ignores a label (Reed et al. 2016, arXiv:1605.05396). 0 turns it off.
            mismatched_label: Which column of the labels is then wrong.
            augment: A layer called as `augment(images, seed=...)` in front of D, on real and fake.
            **settings: `steps_per_execution`, `run_eagerly`, `jit_compile` of `keras.Model`.

        Raises:
            ValueError: The loss has no such name, a weight is negative, there are no labels to be
                mismatched, or the networks share an optimiser (its slots and step count would mix).
        """
        super().compile(**{"jit_compile": False, **settings})
        if min(r1_gamma, gp_weight, mode_seeking, mismatch) < 0 or r1_every < 1:
            raise ValueError(
                "r1_gamma, gp_weight, mode_seeking and mismatch must be at least 0, "
                "r1_every at least 1"
            )
        classes = dict(enumerate(self.class_counts)).get(mismatched_label, 0)
        if mismatch and classes < 2:
            raise ValueError(
                f"mismatch needs a label of two classes or more; column {mismatched_label} of "
                f"{self.class_counts} has {classes}"
            )
        if generator_optimizer is not None and generator_optimizer is discriminator_optimizer:
            raise ValueError("G and D each need an optimiser of their own")
        self.loss_function = losses.get(loss)
        self.r1_gamma, self.r1_every, self.gp_weight = r1_gamma, r1_every, gp_weight
        self.mode_seeking = mode_seeking
        self.mismatch, self.mismatched_label = mismatch, mismatched_label
        self.augment = augment
        if augment is not None and not augment.built:
            # An unbuilt layer makes `fit` call the whole model on images to build it.
            augment.build(self.generator.outputs[0].shape)
        with self.distribute_strategy.scope():
            self.g_optimizer = _prepare(generator_optimizer, self.generator)
            self.d_optimizer = _prepare(discriminator_optimizer, self.discriminator)

    def fit(self, x, *args, shuffle=False, **settings) -> keras.callbacks.History:
        """Train as `keras.Model.fit` does; a `tf.data.Dataset` brings its own order.

        Raises:
            ValueError: A label is none of the generator's classes (seen on CPU only).
        """
        try:
            return super().fit(x, *args, shuffle=shuffle, **settings)
        except tf.errors.InvalidArgumentError as error:
            if "is not in [0, " not in str(error):
                raise
            raise ValueError(
                f"a label is none of the {self.class_counts} classes that the networks were made "
                f"with; make both with num_classes= the highest label of each column plus one"
            ) from error

    @property
    def class_counts(self) -> tuple[int, ...]:
        """Number of classes of each column of labels."""
        kind = keras.layers.Embedding
        return tuple(layer.input_dim for layer in self.generator.layers if isinstance(layer, kind))

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The running means that `fit` resets every epoch."""
        return list(self.trackers.values())

    def train_step(self, data: tf.Tensor | tuple[tf.Tensor, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Take one step on a batch of real images, with labels when the GAN is conditional.

        Args:
            data: Images (B, H, W, C) in [-1, 1], or (images, labels (B, n)).

        Returns:
            Running means of the losses and logits since the epoch began.
        """
        real, labels, _ = keras.utils.unpack_x_y_sample_weight(data)
        z = self._latents(tf.shape(real)[0])
        with tf.GradientTape() as tape:
            fake = self.generator(_inputs(z, labels), training=True)
            seen_real = self._augmented(real, AUGMENT_REAL)
            seen_fake = self._augmented(fake, AUGMENT_FAKE)
            d_logs = self._discriminator_step(seen_real, tf.stop_gradient(seen_fake), labels)
            fake_logits = self._logits(seen_fake, labels)
            real_logits = d_logs.pop("real_logits")
            g_loss = self._mean(self.loss_function.generator_loss(fake_logits, real_logits))
            variety = self._mode_seeking_term(fake, z, labels) if self.mode_seeking else 0.0
            scaled = self.g_optimizer.scale_loss(g_loss + variety)
        variables = self.generator.trainable_variables
        self.g_optimizer.apply(tape.gradient(scaled, variables), variables)
        self._update_average()
        self.step.assign_add(1)
        replicas = self.distribute_strategy.num_replicas_in_sync
        logs = {**d_logs, "g_loss": g_loss * replicas}
        for name, value in logs.items():
            self.trackers[name].update_state(value)
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    def _discriminator_step(self, real, fake, labels) -> dict[str, tf.Tensor]:
        """Move D once; return its loss, mean logits, and the real logits before the move."""

        def gradients(with_r1: bool):
            with tf.GradientTape() as tape:
                loss, logs = self._discriminator_loss(real, fake, labels, with_r1)
                scaled = self.d_optimizer.scale_loss(loss)
            return tape.gradient(scaled, self.discriminator.trainable_variables), logs

        if self.r1_gamma and self.r1_every > 1:
            # Only gradients are computed in the branches: optimisers cannot run inside `tf.cond`
            # under a distribution strategy.
            due = tf.equal(self.step % self.r1_every, 0)
            grads, logs = tf.cond(due, lambda: gradients(True), lambda: gradients(False))
        else:
            grads, logs = gradients(bool(self.r1_gamma))
        self.d_optimizer.apply(grads, self.discriminator.trainable_variables)
        return logs

    def _discriminator_loss(self, real, fake, labels, with_r1: bool):
        """Return D's loss (this replica's share of the global mean) and what to log."""
        penalty = tf.zeros(())
        if with_r1:
            squared_norm, real_logits = losses.r1_penalty(
                lambda images: self._logits(images, labels), real
            )
            penalty += 0.5 * self.r1_gamma * self.r1_every * self._mean(squared_norm)
            fake_logits = self._logits(fake, labels)
        else:
            both = tf.concat([real, fake], axis=0)
            twice = None if labels is None else tf.concat([labels, labels], axis=0)
            real_logits, fake_logits = tf.split(self._logits(both, twice), 2)
        if self.gp_weight:
            mix = tf.random.stateless_uniform((tf.shape(real)[0],), self._seed(MIX))
            squared_excess = losses.gradient_penalty(
                lambda images: self._logits(images, labels), real, fake, mix
            )
            penalty += self.gp_weight * self._mean(squared_excess)
        loss = self._mean(self.loss_function.discriminator_loss(real_logits, fake_logits))
        if self.mismatch:
            wrong_logits = self._logits(real, self._mismatched(labels))
            wrong = self.loss_function.discriminator_loss(real_logits, wrong_logits)
            loss += self.mismatch * self._mean(wrong)
        replicas = self.distribute_strategy.num_replicas_in_sync
        logs = {
            "d_loss": loss * replicas,
            "penalty": penalty * replicas,
            "real_logit": tf.reduce_mean(real_logits),
            "fake_logit": tf.reduce_mean(fake_logits),
            "real_logits": real_logits,
        }
        return loss + penalty, logs

    def _mismatched(self, labels) -> tf.Tensor:
        """Return the labels with each of one column changed to another of its classes."""
        columns = tf.unstack(tf.cast(labels, tf.int32), axis=1)  # they may come as floats
        count, right = self.class_counts[self.mismatched_label], columns[self.mismatched_label]
        shift = tf.random.stateless_uniform(
            tf.shape(right), self._seed(MISMATCH), 1, count, tf.int32
        )
        columns[self.mismatched_label] = (right + shift) % count
        return tf.stack(columns, axis=1)

    def _mode_seeking_term(self, fake, z, labels) -> tf.Tensor:
        """Return λ times the mode-seeking term for the fakes and others of the same labels."""
        other_z = self._latents(tf.shape(z)[0], OTHER_LATENTS)
        others = self.generator(_inputs(other_z, labels), training=True)
        return self.mode_seeking * self._mean(losses.mode_seeking(fake, others, z, other_z))

    def _mean(self, per_sample: tf.Tensor) -> tf.Tensor:
        """This replica's share of the mean over the global batch: optimisers sum over replicas."""
        return tf.reduce_mean(per_sample) / self.distribute_strategy.num_replicas_in_sync

    def _logits(self, images, labels):
        return self.discriminator(_inputs(images, labels), training=True)

    def _augmented(self, images, stream):
        return images if self.augment is None else self.augment(images, seed=self._seed(stream))

    def _seed(self, stream: int) -> tf.Tensor:
        """Two integers that name this seed, step, replica and stream."""
        context = tf.distribute.get_replica_context()
        replica = context.replica_id_in_sync_group if context else 0
        first = tf.cast(self.seed * 4096 + replica * 8 + stream, tf.int32)
        return tf.stack([first, tf.cast(self.step, tf.int32)])

    def _latents(self, batch: tf.Tensor, stream: int = LATENTS) -> tf.Tensor:
        return tf.random.stateless_normal((batch, self.latent_dim), self._seed(stream))

    def _update_average(self) -> None:
        """Move every weight of the averaged generator, batch statistics included."""
        for average, value in zip(
            self.ema_generator.variables, self.generator.variables, strict=True
        ):
            if average.dtype != "float32":
                continue  # states of seed generators are not averaged
            average.assign(average + (1 - self.ema) * (value - average))

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
            labels: Labels (N, n) for a conditional GAN.
            seed: Seed of the latents when only their number is given.
            batch_size: Images a call of the generator.

        Returns:
            Float32 images (N, H, W, C) in [-1, 1].

        Raises:
            ValueError: Labels are missing, of another form or class, or there for a GAN that takes
                none.
        """
        z = self.latents(latents, seed) if np.ndim(latents) == 0 else np.asarray(latents)
        if (labels is not None) != self.conditional:
            wants = "needs labels (N, n)" if self.conditional else "takes no labels"
            raise ValueError(f"this GAN {wants}")
        if labels is not None:
            _check_labels(np.asarray(labels), (len(z), len(self.class_counts)), self.class_counts)
        parts = []
        for start in range(0, len(z), batch_size):
            chosen = slice(start, start + batch_size)
            some = None if labels is None else np.asarray(labels)[chosen]
            parts.append(np.asarray(self.ema_generator(_inputs(z[chosen], some), training=False)))
        return np.concatenate(parts)

    def call(self, inputs, training=False):
        """Generate images from z, or [z, labels], with the averaged generator."""
        return self.ema_generator(inputs, training=training)


def _inputs(first, labels):
    return first if labels is None else [first, labels]


def _prepare(optimizer, network):
    """Build an optimiser for a network; under mixed float16 scale its loss."""
    optimizer = optimizer or keras.optimizers.Adam(4e-4, beta_1=0.0, beta_2=0.99)
    scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    if keras.config.dtype_policy().name == "mixed_float16" and not scaled:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(network.trainable_variables)
    return optimizer


def _check_labels(labels: np.ndarray, shape: tuple[int, int], counts: tuple[int, ...]) -> None:
    """Refuse labels (N, n) of another shape, or outside 0 to count - 1 of their column."""
    if labels.shape != shape:
        raise ValueError(f"labels have shape {labels.shape}; {shape} is needed, a row an image")
    if (labels < 0).any() or (labels >= np.array(counts)).any():
        raise ValueError(
            f"labels reach from {labels.min(axis=0)} to {labels.max(axis=0)}; this GAN knows "
            f"{counts} classes, counted from 0"
        )
