"""Image to image without pairs: two piles of images, two generators, and the way there and back."""

import keras
import numpy as np
import tensorflow as tf

from . import losses
from .batch import in_batches
from .expected_pairs import ExpectedPairs
from .gan import GAN

UNPAIRED = "hand a dataset that zips batches of both: tf.data.Dataset.zip(first, second)"


class CycleGAN(GAN):
    """Translates between two piles of images of which none are partners.

    Two generators and two critics. A translation shall look like the other pile (the adversarial
    losses), and its translation back shall be the image it came from (the cycle). Neither says that
    what stands between is *right*: the cycle can hide what it needs where nobody looks, and a
    critic asks for what its own pile shows.

    Example::

        model = CycleGAN(unet_generator(64), unet_generator(64),
                         patch_discriminator(64, condition=0), patch_discriminator(64, condition=0))
        model.compile()
        model.fit(tf.data.Dataset.zip(ct.to_dataset(8, seed=1), mr.to_dataset(8, seed=2)),
                  steps_per_epoch=500)
        mr_of_ct = model.translate(images)

    Source: Zhu et al., "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
    Networks", ICCV 2017, arXiv:1703.10593. Their pool of 50 earlier images is left out, and
    `LeastSquares` halves G's loss as well: a cycle weight of 10 here weighs as 20 does there.

    Args:
        forward: Generator from the first pile to the second.
        backward: Generator from the second to the first.
        of_first: Critic of images of the first pile, to logits (B, h, w, 1).
        of_second: Critic of the second.
        ema: As in `GAN`.
        seed: As in `GAN`.

    Raises:
        ValueError: The two generators do not lead to each other's images.
    """

    def __init__(
        self,
        forward: keras.Model,
        backward: keras.Model,
        of_first: keras.Model,
        of_second: keras.Model,
        *,
        ema: float = 0.995,
        seed: int = 0,
    ):
        ends = [(one.inputs[0].shape[1:], one.outputs[0].shape[1:]) for one in (forward, backward)]
        if ends[0] != ends[1][::-1]:
            raise ValueError(
                f"forward leads from {ends[0][0]} to {ends[0][1]}, backward from {ends[1][0]} to "
                f"{ends[1][1]}: each must take what the other gives"
            )
        if forward is backward or of_first is of_second:
            raise ValueError(
                "one network stands on both sides: build a second, which learns by itself"
            )
        both = _side_by_side(forward, backward, "generators")
        super().__init__(both, _side_by_side(of_first, of_second, "critics"), ema=ema, seed=seed)
        self.parts = forward, backward, of_first, of_second
        for one in self.parts[:2]:  # to be saved
            twin = self.ema_generator.get_layer(one.name)
            twin.architecture = getattr(one, "architecture", None)

    def _expects(self, _) -> ExpectedPairs:
        shapes = tuple(one.shape[1:] for one in self.generator.inputs)
        return ExpectedPairs(shapes, ("first images", "second images"), UNPAIRED)

    def compile(
        self,
        generator_optimizer: keras.optimizers.Optimizer | None = None,
        discriminator_optimizer: keras.optimizers.Optimizer | None = None,
        loss: str | losses.AdversarialLoss = "least-squares",
        *,
        cycle_weight: float = 10.0,
        **settings,
    ) -> None:
        """Set optimisers, losses and weights.

        Args:
            generator_optimizer: Of both generators.
            discriminator_optimizer: Of both critics.
            loss: As in `GAN`, not relativistic.
            cycle_weight: Of mean |backward(forward(x)) - x|, and the other way round.
            **settings: `steps_per_execution`, `run_eagerly`, `jit_compile` of `keras.Model`.
        """
        optimizers = generator_optimizer, discriminator_optimizer
        for name in ("augment", "terms", "penalties"):
            if settings.pop(name, None):
                raise ValueError(f"CycleGAN takes no {name}: it would not be used")
        super().compile(*optimizers, loss, penalties=(), **settings)
        if self.loss_function.relativistic:
            raise ValueError("a relativistic loss shows real images to G; take least-squares")
        self.cycle_weight = cycle_weight

    def _move_both(self, first, second) -> dict[str, tf.Tensor]:
        """Move both critics, then both generators, then the average."""
        forward, backward, *critics = self.parts
        second = tf.cast(second, tf.float32)
        with tf.GradientTape() as tape:
            to_second, to_first = forward(first, training=True), backward(second, training=True)
            pairs = [(first, to_first), (second, to_second)]
            logs = self._move_critics(critics, pairs)
            judged = [
                critic(fake, training=True)
                for critic, (_, fake) in zip(critics, pairs, strict=True)
            ]
            g_loss = sum(self._mean(self.loss_function.generator_loss(one, None)) for one in judged)
            back = backward(to_second, training=True), forward(to_first, training=True)
            g_loss += self.cycle_weight * self._apart(back, (first, second))
            scaled = self.g_optimizer.scale_loss(g_loss)
        variables = self.generator.trainable_variables
        self.g_optimizer.apply(tape.gradient(scaled, variables), variables)
        self._update_average()
        return {**logs, "g_loss": g_loss * self.distribute_strategy.num_replicas_in_sync}

    def _move_critics(self, critics, pairs) -> dict[str, tf.Tensor]:
        """Move both critics once; return their losses and mean logits before the move."""
        both = list(zip(critics, *zip(*pairs, strict=True), strict=True))
        with tf.GradientTape() as tape:
            reals = [critic(real, training=True) for critic, real, _ in both]
            fakes = [critic(tf.stop_gradient(fake), training=True) for critic, _, fake in both]
            each = map(self.loss_function.discriminator_loss, reals, fakes)
            loss = sum(self._mean(one) for one in each)
            scaled = self.d_optimizer.scale_loss(loss)
        variables = self.discriminator.trainable_variables
        self.d_optimizer.apply(tape.gradient(scaled, variables), variables)
        return {
            "d_loss": loss * self.distribute_strategy.num_replicas_in_sync,
            "penalty": tf.zeros(()),
            "real_logit": tf.add_n([tf.reduce_mean(one) for one in reals]) / 2,
            "fake_logit": tf.add_n([tf.reduce_mean(one) for one in fakes]) / 2,
        }

    def _apart(self, images, others) -> tf.Tensor:
        """Return this replica's share of the mean absolute differences, summed over both sides."""
        return sum(self._mean(tf.abs(a - b)) for a, b in zip(images, others, strict=True))

    def translate(
        self, inputs: np.ndarray, backward: bool = False, batch_size: int = 64
    ) -> np.ndarray:
        """Translate images with the averaged generators.

        Args:
            inputs: Images (N, H, W, C) in [-1, 1] of the first pile, or of the second.
            backward: Whether they are of the second pile.
            batch_size: Images a call of the generator.

        Returns:
            Float32 images (N, H, W, C) in [-1, 1].

        Raises:
            ValueError: The images are not what the generator takes.
        """
        inputs = np.asarray(inputs)
        side = int(bool(backward))  # `SampleGrid` hands None over
        self._expected.check_side("inputs", self._expected.sides[side], inputs)
        network = self.ema_generator.get_layer(("forward", "backward")[side])
        return in_batches(network, [inputs], batch_size)

    sample = translate  # as `SampleGrid` calls it


def _side_by_side(first: keras.Model, second: keras.Model, name: str) -> keras.Model:
    """Return two networks as one model: it trains, averages and is saved as one."""
    first.name, second.name = (
        ("forward", "backward") if name == "generators" else ("first", "second")
    )
    inputs = [keras.Input(one.inputs[0].shape[1:]) for one in (first, second)]
    return keras.Model(inputs, [first(inputs[0]), second(inputs[1])], name=name)
