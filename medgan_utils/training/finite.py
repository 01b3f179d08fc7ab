"""A training whose numbers are no longer finite stops, and says at which step."""

from collections.abc import Callable, Iterable

import keras
import numpy as np

ADVICE = "a lower learning rate, a stronger R1 penalty or another loss may hold it"


def watched(function: Callable, gan: keras.Model) -> Callable:
    """Return a train function that looks at the losses which come out of another.

    Args:
        function: From an iterator over batches to logs with `loss`, the sum of all losses.
        gan: Whose step it takes.

    Returns:
        A function that raises a FloatingPointError where the sum is no longer finite.
    """

    def run(iterator):
        logs = function(iterator)
        if not np.isfinite(logs["loss"]):
            step, steps = int(gan.step.numpy()), gan.steps_per_execution
            when = f"step {step}" if steps == 1 else f"one of steps {step - steps + 1} to {step}"
            names = [name for name in logs if name.endswith("_loss") or name == "penalty"]
            odd = [f"{name} {float(logs[name])}" for name in names if not np.isfinite(logs[name])]
            raise FloatingPointError(
                f"the training diverged at {when} ({', '.join(odd)}); {ADVICE}"
            )
        return logs

    return run


def check_weights(gan: keras.Model) -> None:
    """Raise a FloatingPointError where a weight of any of the three networks is not finite."""
    networks = gan.discriminator, gan.generator, gan.ema_generator
    check_networks(networks, f"by step {int(gan.step.numpy())}", ADVICE)


def check_networks(networks: Iterable[keras.Model], when: str, advice: str) -> None:
    """Raise a FloatingPointError where a weight of a network is not finite."""
    for network in networks:
        for variable in network.variables:
            if not np.isfinite(variable.numpy()).all():
                raise FloatingPointError(
                    f"the training diverged {when} ({variable.path} of the {network.name} is not "
                    f"finite); {advice}"
                )
