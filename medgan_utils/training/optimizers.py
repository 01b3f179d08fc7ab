"""The two optimisers of a GAN, and how Keras' callbacks find them."""

import keras


class BothOptimizers:
    """What a GAN shows Keras as its `optimizer`: a rate that is set in both networks' optimisers.

    So `LearningRateScheduler` and `ReduceLROnPlateau` move what trains. The rate is G's; the others
    keep the ratio to it that they had at the start.

    Args:
        generator: G's optimiser.
        *others: D's, and where a third network learns, its.
    """

    built = True  # Keras asks

    def __init__(self, generator: keras.optimizers.Optimizer, *others: keras.optimizers.Optimizer):
        self._generator, self._others = generator, others
        self.scheduled = any(map(_scheduled, (generator, *others)))
        rate, *rates = self.rates
        self._ratios = [one / rate if rate else 1.0 for one in rates]

    @property
    def rates(self) -> list[float]:
        """All learning rates now, G's first."""
        return list(map(_rate, (self._generator, *self._others)))

    @property
    def learning_rate(self) -> float:
        """G's learning rate now."""
        return _rate(self._generator)

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self._generator.learning_rate = float(rate)
        for one, ratio in zip(self._others, self._ratios, strict=True):
            one.learning_rate = float(rate) * ratio

    def check(self, callbacks: list | keras.callbacks.CallbackList | None) -> None:
        """Raise a ValueError where a callback would set a rate that follows a schedule."""
        callbacks = keras.tree.flatten(getattr(callbacks, "callbacks", callbacks) or [])
        kinds = (keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau)
        moving = [type(one).__name__ for one in callbacks if isinstance(one, kinds)]
        if moving and self.scheduled:
            raise ValueError(
                f"{moving[0]} cannot set a rate that follows a schedule; give both optimisers a "
                "number as their learning rate, or leave the callback out"
            )


def prepared(
    optimizer: keras.optimizers.Optimizer | str | None, network: keras.Model, replicas: int = 1
) -> keras.optimizers.Optimizer:
    """Return an optimiser built for a network; under mixed float16 it scales its loss.

    Args:
        optimizer: None for Adam(4e-4, β1=0, β2=0.99); a name for Keras' own of that name.
        network: What it trains.
        replicas: Among how many each batch is shared.

    Raises:
        ValueError: It clips gradients and there are several replicas: Keras clips each one's share,
            before it sums them.
    """
    optimizer = optimizer or keras.optimizers.Adam(4e-4, beta_1=0.0, beta_2=0.99)
    optimizer = keras.optimizers.get(optimizer)
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    clipped = [n for n in ("clipnorm", "clipvalue", "global_clipnorm") if getattr(inner, n, None)]
    if clipped and replicas > 1:
        raise ValueError(
            f"{clipped[0]} with {replicas} replicas: each share of the gradient is clipped by "
            "itself, so the sum up to that many times as loosely; leave it out"
        )
    scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    if keras.config.dtype_policy().name == "mixed_float16" and not scaled:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(network.trainable_variables)
    return optimizer


def _rate(optimizer: keras.optimizers.Optimizer) -> float:
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))


def _scheduled(optimizer: keras.optimizers.Optimizer) -> bool:
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return isinstance(inner.get_config()["learning_rate"], dict)


def refuse_own_losses(*networks: keras.Model) -> None:
    """Refuse networks with losses of their own (ValueError): the steps here would not add them."""
    for network in networks:
        if network.losses:
            raise ValueError(
                f"{network.name} has losses of its own (a regulariser or add_loss), which this "
                "step would leave out; build it without, and for decay of the weights take "
                "keras.optimizers.AdamW"
            )


def refuse_16_bits(name: str, *networks: keras.Model) -> None:
    """Refuse networks that compute in 16 bits (ValueError)."""
    layers = (layer for network in networks for layer in network.layers)
    if found := next((x for x in layers if x.compute_dtype in ("float16", "bfloat16")), None):
        raise ValueError(
            f"{name} computes in 32-bit floats, and {found.name} in {found.compute_dtype}; build "
            "the networks under keras.config.set_dtype_policy('float32')"
        )
