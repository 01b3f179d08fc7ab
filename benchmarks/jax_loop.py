"""The step of `loops.BareLoop` without extras, on Keras' JAX backend: same networks, same moves."""

from collections.abc import Callable

import jax
import keras
import numpy as np
from jax import numpy as jnp

from medgan_utils.models import dcgan_discriminator, dcgan_generator


class JaxLoop:
    """A GAN that takes so many steps when called.

    Args:
        images: Real images (N, H, W, C) in [-1, 1], of which each step draws a batch.
        batch_size: Images a step.
        generator: Network without labels.
        discriminator: Network without labels.
        optimizers: Of the generator and of the discriminator.
        seed: Of batches and latents.
    """

    def __init__(self, images, batch_size: int, generator, discriminator, optimizers, seed=0):
        self.images, self.batch_size = images, batch_size
        self.networks = {"g": generator, "d": discriminator}
        self.state = {"g_rest": values(generator.non_trainable_variables)}
        for optimizer, (name, network) in zip(optimizers, self.networks.items(), strict=True):
            optimizer.build(network.trainable_variables)
            self.state[name] = values(network.trainable_variables)
            self.state[f"{name}_slots"] = values(optimizer.variables)
        self.step = jax.jit(stepper(generator, discriminator, optimizers))
        self.random, self.key = np.random.default_rng(seed), jax.random.key(seed)

    def __call__(self, steps: int) -> None:
        """Take so many steps."""
        for _ in range(steps):
            self.key, now = jax.random.split(self.key)
            chosen = self.random.integers(len(self.images), size=self.batch_size)
            self.state = self.step(self.state, self.images[chosen], now)
        jax.block_until_ready(self.state)

    def save(self, folder) -> None:
        """Write both networks' weights as they are now, `g.weights.h5` and `d.weights.h5`."""
        for name, network in self.networks.items():
            for variable, value in zip(network.trainable_variables, self.state[name], strict=True):
                variable.assign(value)
            if name == "g":
                rest = network.non_trainable_variables
                for variable, value in zip(rest, self.state["g_rest"], strict=True):
                    variable.assign(value)
            network.save_weights(folder / f"{name}.weights.h5")


def loop(images: np.ndarray, batch_size: int) -> JaxLoop:
    """Return the loop of the course's networks at the size of images (N, H, W, C)."""
    keras.utils.set_random_seed(0)
    networks = dcgan_generator(images.shape[1]), dcgan_discriminator(images.shape[1])
    optimizers = [keras.optimizers.Adam(4e-4, beta_1=0.0, beta_2=0.99) for _ in range(2)]
    return JaxLoop(images, batch_size, *networks, optimizers)


def values(variables: list[keras.Variable]) -> list[jax.Array]:
    """Return the arrays that variables hold."""
    return [variable.value for variable in variables]


def stepper(generator, discriminator, optimizers) -> Callable:
    """Return a pure function (state, real images, key) -> state: D's move, then G's."""
    fixed = values(discriminator.non_trainable_variables)

    def judge(weights, images):
        return discriminator.stateless_call(weights, fixed, images, training=True)[0]

    def d_loss(weights, real, fake):
        real_logits, fake_logits = jnp.split(judge(weights, jnp.concatenate([real, fake])), 2)
        return jnp.mean(jax.nn.softplus(-real_logits) + jax.nn.softplus(fake_logits))

    def step(state, real, key):
        z = jax.random.normal(key, (len(real), generator.input_shape[-1]))

        def generate(weights):
            return generator.stateless_call(weights, state["g_rest"], z, training=True)

        fake, back, g_rest = jax.vjp(generate, state["g"], has_aux=True)
        slopes = jax.grad(d_loss)(state["d"], real, fake)
        d, d_slots = optimizers[1].stateless_apply(state["d_slots"], slopes, state["d"])
        of_fake = jax.grad(lambda images: jnp.mean(jax.nn.softplus(-judge(d, images))))(fake)
        (slopes,) = back(of_fake)
        g, g_slots = optimizers[0].stateless_apply(state["g_slots"], slopes, state["g"])
        return {"g": g, "g_rest": g_rest, "d": d, "g_slots": g_slots, "d_slots": d_slots}

    return step
