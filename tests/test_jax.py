"""Networks, losses and augmentation on Keras' JAX backend: the same numbers as on TensorFlow."""

import importlib.util
import os
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest

from medgan_utils.models import dcgan_discriminator, dcgan_generator
from medgan_utils.training import losses

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="JAX is not installed: pip install jax"
)
WIDTHS = (8, 8, 4)
SCRIPT = textwrap.dedent("""
    import sys
    import jax, keras, numpy as np
    assert keras.backend.backend() == "jax"
    from medgan_utils.models import dcgan_discriminator, dcgan_generator
    from medgan_utils.training import (
        R1, DiffAugment, GradientPenalty, Mismatch, ModeSeeking, losses
    )
    folder, widths = sys.argv[1], (8, 8, 4)
    known = dict(np.load(f"{folder}/known.npz"))
    generator = dcgan_generator(32, 1, 8, widths, (2, 3), last_stage="depth-to-space")
    discriminator = dcgan_discriminator(
        32, 1, widths[::-1], (2, 3), first_stage="space-to-depth", spectral_norm=True
    )
    generator.load_weights(f"{folder}/g.weights.h5")
    discriminator.load_weights(f"{folder}/d.weights.h5")
    z, labels = (keras.ops.convert_to_tensor(known[name]) for name in ("z", "labels"))
    images = generator([z, labels], training=False)
    logits = discriminator([images, labels], training=False)
    np.testing.assert_allclose(images, known["images"], atol=1e-5)
    np.testing.assert_allclose(logits, known["logits"], rtol=1e-4)
    for name in losses.NAMES:
        loss = losses.get(name)
        values = loss.discriminator_loss(logits, -logits), loss.generator_loss(logits, -logits)
        np.testing.assert_allclose(values, known[name], rtol=1e-4, atol=1e-5)

    layer = DiffAugment(cutout=0.3)
    once, again = layer(images, seed=[3, 5]), layer(images, seed=[3, 5])
    np.testing.assert_array_equal(once, again)
    assert np.abs(once - layer(images, seed=[3, 6])).max() > 0.1
    assert layer(images).shape == images.shape
    total = lambda x: keras.ops.sum(layer(x, seed=[3, 5]))
    assert np.abs(jax.grad(total)(keras.ops.convert_to_tensor(images))).max() > 0

    class Batch:
        real, fake, num_classes, loss = images, -images, (2, 3), losses.get("hinge")
        real_logits = logits
        def __init__(self): self.labels, self.z = labels, z
        def logits(self, x, y): return discriminator([x, y])
        def gradient(self, x):
            return jax.grad(lambda x: keras.ops.sum(discriminator([x, labels])))(x)
        def generate(self, z): return generator([z, labels])

    seed = np.array([0, 7])
    for penalty in (R1(), GradientPenalty(), Mismatch(), ModeSeeking()):
        values = penalty(Batch(), seed)
        assert values.shape == (5,) and np.isfinite(values).all(), type(penalty)
        np.testing.assert_array_equal(values, penalty(Batch(), seed))
    generator([z, labels], training=True), discriminator([images, labels], training=True)
    try:
        from medgan_utils.training import GAN
    except ImportError as error:
        print("the same on JAX;", error)
""")


def test_the_same_networks_and_losses_come_out_on_jax(tmp_path):
    keras.utils.set_random_seed(0)
    generator = dcgan_generator(32, 1, 8, WIDTHS, (2, 3), last_stage="depth-to-space")
    discriminator = dcgan_discriminator(
        32, 1, WIDTHS[::-1], (2, 3), first_stage="space-to-depth", spectral_norm=True
    )
    random = np.random.default_rng(0)
    z = random.normal(size=(5, 8)).astype("float32")
    labels = np.stack([np.arange(5) % 2, np.arange(5) % 3], axis=1).astype("int32")
    z, labels = keras.ops.convert_to_tensor(z), keras.ops.convert_to_tensor(labels)
    images = generator([z, labels], training=False)
    logits = discriminator([images, labels], training=False)
    values = {}
    for name in losses.NAMES:
        loss = losses.get(name)
        parts = loss.discriminator_loss(logits, -logits), loss.generator_loss(logits, -logits)
        values[name] = np.stack(parts)
    known = {"z": z, "labels": labels, "images": images, "logits": logits, **values}
    np.savez(tmp_path / "known.npz", **known)
    generator.save_weights(tmp_path / "g.weights.h5")
    discriminator.save_weights(tmp_path / "d.weights.h5")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "the same on JAX; the training step is TensorFlow's" in done.stdout
