"""Random numbers that are a function of a seed, a step and a purpose: nothing is counted along."""

import keras
from keras import KerasTensor, ops

# Streams of random numbers within one step; the step, the seed and the replica make them differ.
# Penalties and terms follow, in the order in which they were given.
LATENTS, AUGMENT_REAL, AUGMENT_FAKE, FIRST_PENALTY = range(4)
STREAMS, REPLICAS = 64, 64
SEEDS = 2**31 // (STREAMS * REPLICAS)


class Seed(keras.random.SeedGenerator):
    """Two integers, as `keras.random` takes a seed: it draws the same whenever it is asked.

    `keras.random` takes a number or a `SeedGenerator`, and the latter counts how often it was
    asked; a run that resumes must not depend on that.

    Args:
        pair: Two integers of at least 0, shape (2,).
    """

    def __init__(self, pair: KerasTensor):
        # JAX' keys are unsigned; TensorFlow's stateless draws are not. No state: no super().
        kind = "uint32" if keras.backend.backend() == "jax" else "int32"
        self.pair = ops.cast(ops.convert_to_tensor(pair), kind)

    def next(self, ordered: bool = True) -> KerasTensor:
        """Return the pair, always the same."""
        return self.pair


def pair_of(
    seed: int, stream: int, step: KerasTensor, replica: KerasTensor | int = 0
) -> KerasTensor:
    """Return the two integers, int32 (2,), that name a seed, stream, step and replica."""
    first = (seed * REPLICAS + replica) * STREAMS + stream
    return ops.stack([ops.cast(first, "int32"), ops.cast(step, "int32")])
