"""A compiled network as it was before its training: compiling takes longer than many a training."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def restart(network: "keras.Model", fresh: "keras.Model") -> None:
    """Give a compiled network what a fresh one has, and its optimiser no memory.

    Args:
        network: Compiled, of the same layers.
        fresh: Its weights, and the seeds of its layers, are taken.
    """
    for variable, value in zip(network.variables, fresh.variables, strict=True):
        variable.assign(value)
    restart_optimizer(network.optimizer, network)


def restart_optimizer(optimizer: "keras.optimizers.Optimizer", network: "keras.Model") -> None:
    """Make an optimiser forget the training of a network; its learning rate stays as it is."""
    fresh = type(optimizer).from_config(optimizer.get_config())
    fresh.build(network.trainable_variables)  # not all starts at 0: a loss scale, for example
    optimizer.build(network.trainable_variables)
    for variable, value in zip(optimizer.variables, fresh.variables, strict=True):
        if variable.name != "learning_rate":
            variable.assign(value)
