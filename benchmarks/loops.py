"""Four loops that train the same GAN: `GAN.fit`, bare, keras.io-style, and TensorFlow's tutorial.

All take networks, optimisers and settings from a compiled `GAN` and do the same extras: the
non-saturating loss, R1 at every 4th step, DiffAugment and the averaged generator.
"""

import time
from collections.abc import Callable

import keras
import tensorflow as tf

from medgan_utils.models import dcgan_discriminator, dcgan_generator
from medgan_utils.training import GAN, R1, DiffAugment

IMAGE_SIZE, BATCH_SIZE, EVERY = 64, 16, 4


def new_gan(r1: bool = True, augment: bool = True, image_size: int = IMAGE_SIZE) -> GAN:
    """Return a compiled GAN of the course's default networks."""
    keras.utils.set_random_seed(0)
    gan = GAN(dcgan_generator(image_size), dcgan_discriminator(image_size), ema=0.998)
    changes = DiffAugment(brightness=0.05, contrast=0.1, shift=0.125) if augment else None
    gan.compile(penalties=[R1(0.1, every=EVERY)] if r1 else [], augment=changes)
    return gan


def fit(model: keras.Model, dataset: tf.data.Dataset) -> Callable[[int], float]:
    """`fit`, as the notebooks call it; its start-up, which a training pays once, is not counted."""
    clock = Clock()

    def run(steps: int) -> float:
        model.fit(dataset, steps_per_epoch=steps, verbose=0, shuffle=False, callbacks=[clock])
        return (clock.ends[-1] - clock.ends[0]) * steps / (steps - 1)

    return run


class Clock(keras.callbacks.Callback):
    """Notes when each step ends, in `ends`."""

    def on_train_begin(self, logs=None):
        """Forget the last call of `fit`."""
        self.ends = []

    def on_train_batch_end(self, batch, logs=None):
        """Note the time."""
        self.ends.append(time.perf_counter())


class BareLoop:
    """By hand and for speed: one compiled function a step, no metrics, no callbacks.

    It draws the numbers that `GAN.train_step` draws, so both end with the same weights.

    Args:
        gan: Whose parts are trained.
        dataset: Batches of images.
        ema: Whether to keep the averaged generator.
        r1_every: Steps between two R1 penalties.
    """

    def __init__(self, gan: GAN, dataset: tf.data.Dataset, ema: bool = True, r1_every: int = EVERY):
        self.gan, self.batches, self.ema, self.r1_every = gan, iter(dataset), ema, r1_every
        self.count = tf.Variable(0, dtype=tf.int32)

    def __call__(self, steps: int) -> None:
        """Take so many steps."""
        for index in range(steps):
            self.step(next(self.batches), bool(self.gan.penalties) and index % self.r1_every == 0)
        self.count.numpy()

    @tf.function
    def step(self, real: tf.Tensor, with_r1: bool) -> None:
        """Move D, then G on the same fakes; `with_r1` is a Python value, so two graphs are made."""
        gan = self.gan
        z = tf.random.stateless_normal((tf.shape(real)[0], gan.latent_dim), [0, self.count])
        with tf.GradientTape() as tape:
            fake = self.augmented(gan.generator(z, training=True), 2)
            self.move_discriminator(self.augmented(real, 1), tf.stop_gradient(fake), with_r1)
            logits = gan.discriminator(fake, training=True)
            loss = tf.reduce_mean(tf.nn.softplus(-logits))
        variables = gan.generator.trainable_variables
        gan.g_optimizer.apply(tape.gradient(loss, variables), variables)
        if self.ema:
            for average, value in zip(
                gan.ema_generator.variables, gan.generator.variables, strict=True
            ):
                average.assign(average + (1 - gan.ema) * (value - average))
        self.count.assign_add(1)

    def move_discriminator(self, real: tf.Tensor, fake: tf.Tensor, with_r1: bool) -> None:
        """Take D's step."""
        discriminator = self.gan.discriminator
        with tf.GradientTape() as tape:
            penalty = 0.0
            if with_r1:
                with tf.GradientTape() as inner:
                    inner.watch(real)
                    real_logits = discriminator(real, training=True)
                squared = tf.reduce_sum(inner.gradient(real_logits, real) ** 2, axis=(1, 2, 3))
                weight = self.gan.penalties[0].weight * self.r1_every
                penalty = weight * tf.reduce_mean(squared)
                fake_logits = discriminator(fake, training=True)
            else:
                logits = discriminator(tf.concat([real, fake], axis=0), training=True)
                real_logits, fake_logits = tf.split(logits, 2)
            loss = tf.reduce_mean(tf.nn.softplus(-real_logits) + tf.nn.softplus(fake_logits))
            loss += penalty
        variables = discriminator.trainable_variables
        self.gan.d_optimizer.apply(tape.gradient(loss, variables), variables)

    def augmented(self, images: tf.Tensor, stream: int) -> tf.Tensor:
        """Return changed images; one stream of numbers for real ones, one for fakes."""
        augment = self.gan.augment
        return images if augment is None else augment(images, seed=tf.stack([stream, self.count]))


class KerasStyle(keras.Model):
    """The shape of keras.io's GAN examples: `train_step` makes its fakes twice.

    D learns on fakes and reals joined in one batch with noisy labels, then G on new latents;
    losses from `BinaryCrossentropy`, fakes counted as 1 as there. The extras are put where such an
    example would put them: the penalty in the discriminator's loss, on the images as they are.

    Args:
        gan: Whose parts are trained.
        r1_every: Steps between two penalties; 1 as in keras.io's WGAN-GP example.
    """

    def __init__(self, gan: GAN, r1_every: int = EVERY):
        super().__init__()
        self.gan, self.r1_every = gan, r1_every
        self.seed_generator = keras.random.SeedGenerator(1)
        self.count = self.add_weight(shape=(), dtype="int32", initializer="zeros", trainable=False)
        self.means = [keras.metrics.Mean(name="d_loss"), keras.metrics.Mean(name="g_loss")]
        self.loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)
        self.built = True

    @property
    def metrics(self):
        """The two running losses."""
        return self.means

    def train_step(self, real):
        """Move D, then G on new latents."""
        gan, half = self.gan, tf.shape(real)[0]
        fake = gan.generator(self.latents(half), training=True)
        due = self.count % self.r1_every == 0
        grads, d_loss = tf.cond(
            due, lambda: self.d_grads(real, fake, True), lambda: self.d_grads(real, fake, False)
        )
        gan.d_optimizer.apply_gradients(
            zip(grads, gan.discriminator.trainable_weights, strict=True)
        )
        z = self.latents(half)
        with tf.GradientTape() as tape:
            logits = gan.discriminator(gan.augment(gan.generator(z, training=True)), training=True)
            g_loss = self.loss_fn(tf.zeros((half, 1)), logits)
        grads = tape.gradient(g_loss, gan.generator.trainable_weights)
        gan.g_optimizer.apply_gradients(zip(grads, gan.generator.trainable_weights, strict=True))
        for average, value in zip(gan.ema_generator.weights, gan.generator.weights, strict=True):
            average.assign(gan.ema * average + (1 - gan.ema) * value)
        self.count.assign_add(1)
        for mean, value in zip(self.means, (d_loss, g_loss), strict=True):
            mean.update_state(value)
        return {mean.name: mean.result() for mean in self.means}

    def latents(self, count):
        """Return new z."""
        return keras.random.normal((count, self.gan.latent_dim), seed=self.seed_generator)

    def d_grads(self, real, fake, with_r1):
        """Return D's gradients and loss."""
        gan, half = self.gan, tf.shape(real)[0]
        labels = tf.concat([tf.ones((half, 1)), tf.zeros((half, 1))], axis=0)
        labels += 0.05 * tf.random.uniform(tf.shape(labels))
        with tf.GradientTape() as tape:
            joined = gan.augment(tf.concat([fake, real], axis=0))
            logits = gan.discriminator(joined, training=True)
            loss = self.loss_fn(labels, logits)
            if with_r1:
                slope = squared_slope(gan.discriminator, real)
                loss += gan.penalties[0].weight * self.r1_every * slope
        return tape.gradient(loss, gan.discriminator.trainable_weights), loss


class TutorialLoop:
    """The shape of TensorFlow's DCGAN tutorial: two tapes, both networks move at the same time.

    The generator learns from the logits that D gave before its move, so D judges the fakes once
    instead of twice: less work, and another algorithm (simultaneous instead of alternating).
    """

    def __init__(self, gan: GAN, dataset: tf.data.Dataset):
        self.gan, self.batches = gan, iter(dataset)
        self.cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)

    def __call__(self, steps: int) -> None:
        """Take so many steps."""
        for index in range(steps):
            self.train_step(next(self.batches), index % EVERY == 0)

    @tf.function
    def train_step(self, images, with_r1):
        """Move both networks."""
        gan, entropy = self.gan, self.cross_entropy
        noise = tf.random.normal([tf.shape(images)[0], gan.latent_dim])
        with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
            generated = gan.generator(noise, training=True)
            real = gan.discriminator(gan.augment(images), training=True)
            fake = gan.discriminator(gan.augment(generated), training=True)
            g_loss = entropy(tf.ones_like(fake), fake)
            d_loss = entropy(tf.ones_like(real), real) + entropy(tf.zeros_like(fake), fake)
            if with_r1:
                slope = squared_slope(gan.discriminator, images)
                d_loss += gan.penalties[0].weight * EVERY * slope
        g_weights = gan.generator.trainable_variables
        d_weights = gan.discriminator.trainable_variables
        gan.g_optimizer.apply_gradients(
            zip(g_tape.gradient(g_loss, g_weights), g_weights, strict=True)
        )
        gan.d_optimizer.apply_gradients(
            zip(d_tape.gradient(d_loss, d_weights), d_weights, strict=True)
        )
        for average, value in zip(
            gan.ema_generator.variables, gan.generator.variables, strict=True
        ):
            average.assign(gan.ema * average + (1 - gan.ema) * value)


def squared_slope(discriminator: keras.Model, images: tf.Tensor) -> tf.Tensor:
    """Return the mean of ‖∇ₓ D(x)‖² over a batch."""
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = discriminator(images, training=True)
    return tf.reduce_mean(tf.reduce_sum(tape.gradient(logits, images) ** 2, axis=(1, 2, 3)))
