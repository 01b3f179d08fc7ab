"""The training step of a GAN: the only part of it that is TensorFlow's."""

import keras
import tensorflow as tf

from .batch import DiscriminatorBatch, GeneratorBatch, are_maps, with_labels
from .draws import AUGMENT_FAKE, AUGMENT_REAL, FIRST_PENALTY, LATENTS, pair_of

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        "the training step is TensorFlow's (networks, losses, penalties and DiffAugment are not): "
        "set KERAS_BACKEND=tensorflow before Keras is imported"
    )

TRACKED = ("d_loss", "g_loss", "real_logit", "fake_logit", "penalty")


class AdversarialModel(keras.Model):
    """How a GAN learns from one batch; `GAN` brings the networks, the losses and the optimisers."""

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The running means that `fit` resets every epoch."""
        return list(self.trackers.values())

    def train_step(self, data: tf.Tensor | tuple[tf.Tensor, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Take one step on a batch of real images, with labels when the GAN is conditional.

        Args:
            data: Images (B, H, W, C) in [-1, 1], or (images, labels (B, n) or maps (B, H, W)).

        Returns:
            Running means of the losses and logits since the epoch began, and as `loss` the sum of
            the losses: it says whether all is finite (`TerminateOnNaN`) and no more. `g_loss` is
            the adversarial loss alone, without `terms`, so that it can be compared between runs;
            a translation's holds its terms or its cycle, and can be compared at equal weights only.
        """
        real, labels, _ = keras.utils.unpack_x_y_sample_weight(data)
        real = tf.cast(real, tf.float32)
        # Nothing runs before the batch is there: one that is refused leaves no trace.
        with tf.control_dependencies([real]):
            logs = self._move_both(real, labels)
            self.step.assign_add(1)
            for name, value in logs.items():
                self.trackers[name].update_state(value)
            means = {name: tracker.result() for name, tracker in self.trackers.items()}
        losses = [mean for name, mean in means.items() if not name.endswith("_logit")]
        return {**means, "loss": sum(losses)}

    def _move_both(self, real, labels) -> dict[str, tf.Tensor]:
        """Move D, then G through the moved D on the same fakes, then the average."""
        z = self._latents(self._fakes(real))
        with tf.GradientTape() as tape:
            fake = self._generate_from(with_labels(z, labels))
            seen_real, seen_labels = self._augmented(real, labels, AUGMENT_REAL)
            # Real and generated images of one map are moved alike, so that it fits both.
            stream = AUGMENT_REAL if are_maps(labels) else AUGMENT_FAKE
            seen_fake, _ = self._augmented(fake, labels, stream)
            logs = self._move_discriminator(seen_real, tf.stop_gradient(seen_fake), seen_labels)
            g_loss = self._adversarial_loss(seen_real, seen_fake, seen_labels)
            added = self._terms(GeneratorBatch(self._generate_from, fake, z, labels))
            scaled = self.g_optimizer.scale_loss(g_loss + added)
        variables = self.generator.trainable_variables
        self.g_optimizer.apply(tape.gradient(scaled, variables), variables)
        self._update_average()
        return {**logs, "g_loss": g_loss * self.distribute_strategy.num_replicas_in_sync}

    def _move_discriminator(self, real, fake, labels) -> dict[str, tf.Tensor]:
        """Move D once; return its losses and its mean logits before the move."""

        def batch():
            parts = (real, fake, labels, self.num_classes, self.loss_function)
            return DiscriminatorBatch(self._judge_from, *parts)

        intervals = sorted({penalty.every for penalty in self.penalties} - {1})
        gradients, logs = self._discriminator_gradients(batch, intervals, (1,))
        self.d_optimizer.apply(gradients, self.discriminator.trainable_variables)
        return logs

    def _discriminator_gradients(self, batch, intervals, due):
        """Return D's gradients and what to log, with the penalties whose `every` is in `due`.

        Each of `intervals` is due or not at this step. Only gradients are computed in the branches:
        optimisers cannot run inside `tf.cond` under a distribution strategy.
        """
        if intervals:
            first, *others = intervals
            return tf.cond(
                tf.equal(self.step % first, 0),
                lambda: self._discriminator_gradients(batch, others, (*due, first)),
                lambda: self._discriminator_gradients(batch, others, due),
            )
        with tf.GradientTape() as tape:
            loss, logs = self._discriminator_loss(batch(), due)
            scaled = self.d_optimizer.scale_loss(loss)
        return tape.gradient(scaled, self.discriminator.trainable_variables), logs

    def _discriminator_loss(self, batch: DiscriminatorBatch, due: tuple[int, ...]):
        """Return D's loss (this replica's share of the global mean) and what to log."""
        penalty = tf.zeros(())
        for stream, one in enumerate(self.penalties, FIRST_PENALTY):
            if one.every in due:
                penalty += one.weight * one.every * self._mean(one(batch, self._seed(stream)))
        real_logits, fake_logits = batch.real_logits, batch.fake_logits
        loss = self._mean(self.loss_function.discriminator_loss(real_logits, fake_logits))
        replicas = self.distribute_strategy.num_replicas_in_sync
        logs = {
            "d_loss": loss * replicas,
            "penalty": penalty * replicas,
            "real_logit": tf.reduce_mean(real_logits),
            "fake_logit": tf.reduce_mean(fake_logits),
        }
        return loss + penalty, logs

    def _adversarial_loss(self, real, fake, labels) -> tf.Tensor:
        """Return G's loss by the moved D, without its terms."""
        fake_logits = self._judge_from(with_labels(fake, labels))
        relativistic = self.loss_function.relativistic
        real_logits = self._judge_from(with_labels(real, labels)) if relativistic else None
        return self._mean(self.loss_function.generator_loss(fake_logits, real_logits))

    def _terms(self, batch: GeneratorBatch) -> tf.Tensor | float:
        """Return this replica's share of G's terms."""
        first = FIRST_PENALTY + len(self.penalties)
        values = [
            one.weight * self._mean(one(batch, self._seed(stream)))
            for stream, one in enumerate(self.terms, first)
        ]
        return sum(values, 0.0)

    def _mean(self, per_sample: tf.Tensor) -> tf.Tensor:
        """This replica's share of the mean over the global batch: optimisers sum over replicas."""
        return tf.reduce_mean(per_sample) / self.distribute_strategy.num_replicas_in_sync

    def _fakes(self, real: tf.Tensor) -> tf.Tensor | int:
        """How many images to generate at a step."""
        return tf.shape(real)[0]

    def _generate_from(self, inputs):
        return self.generator(inputs, training=True)

    def _judge_from(self, inputs):
        return self.discriminator(inputs, training=True)

    def _augmented(self, images, labels, stream):
        """Return images as D sees them, and their labels: maps move with the images."""
        if self.augment is None:
            return images, labels
        if are_maps(labels):
            return self.augment(images, seed=self._seed(stream), maps=labels)
        return self.augment(images, seed=self._seed(stream)), labels

    def _seed(self, stream: int) -> tf.Tensor:
        """Two integers that name this seed, step, replica and stream."""
        context = tf.distribute.get_replica_context()
        replica = context.replica_id_in_sync_group if context else 0
        return pair_of(self.seed, stream, self.step, replica)

    def _latents(self, batch: tf.Tensor) -> tf.Tensor:
        return tf.random.stateless_normal((batch, self.latent_dim), self._seed(LATENTS))

    def _update_average(self) -> None:
        """Move every weight of the averaged generator, batch statistics included."""
        for average, value in zip(
            self.ema_generator.variables, self.generator.variables, strict=True
        ):
            if not keras.backend.is_float_dtype(average.dtype):
                continue  # states of seed generators are not averaged
            average.assign(average + (1 - self.ema) * (value - average))
