"""The step of `loops.BareLoop` without extras, on Keras' JAX backend: same networks, same moves."""

from collections.abc import Callable

import jax
import keras
import numpy as np
from jax import numpy as jnp

from medgan_utils.models import dcgan_discriminator, dcgan_generator


def loop(images: np.ndarray, batch_size: int) -> Callable[[int], None]:
    """Return a function that takes so many steps on random batches of images (N, H, W, C)."""
    keras.utils.set_random_seed(0)
    generator = dcgan_generator(images.shape[1])
    discriminator = dcgan_discriminator(images.shape[1])
    optimizers = [keras.optimizers.Adam(4e-4, beta_1=0.0, beta_2=0.99) for _ in range(2)]
    for one, network in zip(optimizers, (generator, discriminator), strict=True):
        one.build(network.trainable_variables)
    state = {
        "g": values(generator.trainable_variables),
        "g_rest": values(generator.non_trainable_variables),
        "d": values(discriminator.trainable_variables),
        "g_slots": values(optimizers[0].variables),
        "d_slots": values(optimizers[1].variables),
    }
    step = jax.jit(stepper(generator, discriminator, optimizers))
    random, key = np.random.default_rng(0), jax.random.key(0)

    def run(steps: int) -> None:
        nonlocal state, key
        for _ in range(steps):
            key, now = jax.random.split(key)
            chosen = images[random.integers(len(images), size=batch_size)]
            state = step(state, chosen, now)
        jax.block_until_ready(state)

    return run


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
