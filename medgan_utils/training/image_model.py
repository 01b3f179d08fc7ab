"""What a GAN's two rivals share: one optimiser, images that are checked, means that are logged."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from .expected import Expected, telling
from .finite import check_networks
from .optimizers import refuse_16_bits, refuse_own_losses


class ImageModel(keras.Model):
    """A model of images that learns with one optimiser; `VAE` and `Diffusion` say how.

    Args:
        networks: What the optimiser moves.
        image_shape: (H, W, C).
        logged: Names of what `train_step` logs; `fit` returns their means over each epoch.
    """

    def __init__(
        self, networks: Sequence[keras.Model], image_shape: tuple, logged: Sequence[str], name: str
    ):
        super().__init__(name=name)
        self.networks = tuple(networks)
        self.trackers = {one: keras.metrics.Mean(name=one) for one in logged}
        self._expected = Expected(image_shape, None)
        self.built = True

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The running means that `fit` resets every epoch."""
        return list(self.trackers.values())

    def compile(self, optimizer, **options) -> None:
        """Compile, as every model of Keras, with an optimiser that is built at once.

        Were it built in the first step, that would be traced twice, which takes seconds.

        Raises:
            ValueError: A network computes in 16 bits, or has losses of its own (regularisers),
                which these steps are not made for.
        """
        refuse_16_bits(type(self).__name__, *self.networks)
        refuse_own_losses(*self.networks)
        # Made under mixed float16 it would divide by a scale that no loss here was given.
        super().compile(optimizer, **{"auto_scale_loss": False, **options})
        self.optimizer.build([w for one in self.networks for w in one.trainable_variables])

    def fit(self, x, *arguments, **settings) -> keras.callbacks.History:
        """Train as `keras.Model.fit` does.

        Args:
            x: Images (N, H, W, C) in [-1, 1], or a `tf.data.Dataset` of batches of them.
            *arguments: As in `keras.Model.fit`.
            **settings: As in `keras.Model.fit`.

        Raises:
            ValueError: Images are not what the networks take.
            FloatingPointError: A weight is no longer finite.
        """
        x, _ = self._expected.data(x)
        with telling(self._expected):
            history = super().fit(x, *arguments, **settings)
        check_networks(self.networks, "in this fit", "a lower learning rate may hold it")
        return history

    def move(self, tape: tf.GradientTape, loss: tf.Tensor, **also: tf.Tensor) -> dict:
        """Take the optimiser's step; return the means, since the epoch began, of what is logged."""
        variables = [w for one in self.networks for w in one.trainable_variables]
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        for name, value in {**also, "loss": loss}.items():
            self.trackers[name].update_state(value)
        return {name: tracker.result() for name, tracker in self.trackers.items()}
