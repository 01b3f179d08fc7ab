"""Two logical CPUs: the same step as on one, with noise of its own on each.

In a process of its own, because logical devices must be made before TensorFlow starts.
"""

import subprocess
import sys
import textwrap

import keras
import pytest
import tensorflow as tf
from small_gan import X, networks

from medgan_utils.models import dcgan_discriminator
from medgan_utils.training import GAN, LiveLossPlot, distributed

SETUP = """
    import threading
    from medgan_utils import profiles
    profiles.quiet_tensorflow()
    import keras, numpy as np, tensorflow as tf
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    from medgan_utils.models import dcgan_discriminator, dcgan_generator
    from medgan_utils.training import GAN, R1, DiffAugment, Term, penalties
    images = np.random.default_rng(0).uniform(-1, 1, (8, 32, 32, 1)).astype("float32")
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

    class FixedLatents(GAN):
        '''Reads z from the images, so that one replica and two see the same.'''
        given = threading.local()  # replicas take turns in threads of their own
        def train_step(self, images):
            self.given.z = images[:, 0, :8, 0]
            return super().train_step(images)
        def _latents(self, batch):
            return self.given.z

    class Opposite(Term):
        def __call__(self, batch, seed):
            return penalties.mode_seeking(batch.fake, batch.generate(-batch.z), batch.z, -batch.z)

    def build(kind=GAN, **settings):
        keras.utils.set_random_seed(1)
        generator = dcgan_generator(32, 1, 8, (8, 8, 4))
        gan = kind(generator, dcgan_discriminator(32, 1, (4, 8, 8)), ema=0.5)
        gan.compile(keras.optimizers.SGD(0.05), keras.optimizers.SGD(0.05), **settings)
        return gan

    def weights(gan):
        networks = (gan.generator, gan.discriminator, gan.ema_generator)
        return [weight for network in networks for weight in network.get_weights()]
"""


def run(code):
    script = textwrap.dedent(SETUP) + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_two_replicas_equal_one_when_fed_the_same_latents():
    out = run("""
        data = tf.data.Dataset.from_tensor_slices(images)
        data = data.batch(8, drop_remainder=True).repeat()
        settings = dict(penalties=[R1(1.0, every=2)], terms=[Opposite(0.1)])
        one = build(FixedLatents, **settings)
        logs_one = one.fit(data, steps_per_epoch=3, epochs=1, verbose=0).history
        with strategy.scope():
            two = build(FixedLatents, **settings)
        logs_two = two.fit(data, steps_per_epoch=3, epochs=1, verbose=0).history
        gap = max(np.abs(a - b).max() for a, b in zip(weights(one), weights(two), strict=True))
        assert gap < 1e-4, gap
        for name in ("d_loss", "g_loss", "penalty"):
            assert abs(logs_one[name][0] - logs_two[name][0]) < 1e-3, (name, logs_one, logs_two)
        print("gap", gap)
    """)
    assert "gap" in out


def test_replicas_draw_latents_and_augmentation_of_their_own():
    out = run("""
        with strategy.scope():
            gan = build(augment=DiffAugment())
        draw = tf.function(lambda: strategy.run(lambda: (gan._latents(4), gan._seed(1))))
        z, seed = draw()
        first, second = strategy.experimental_local_results(z)
        assert np.abs(first - second).max() > 0.1
        seeds = strategy.experimental_local_results(seed)
        assert np.any(seeds[0].numpy() != seeds[1].numpy())
        data = tf.data.Dataset.from_tensor_slices(images).batch(8, drop_remainder=True).repeat()
        gan.fit(data, steps_per_epoch=2, epochs=1, verbose=0)
        print("ok", int(gan.step.numpy()))
    """)
    assert "ok 2" in out


def test_callbacks_of_workers_read_the_means_before_they_are_reset(monkeypatch):
    monkeypatch.setattr(distributed, "is_chief", lambda strategy: True)  # the only one
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        gan = GAN(*networks())
        gan.compile()
    plot = LiveLossPlot(lambda history: b"", every=2)
    data = tf.data.Dataset.from_tensor_slices(X).repeat().batch(4)
    distributed.fit_workers(gan, data, 4, [plot], 2)
    assert plot.history["step"] == [2, 4] and min(plot.history["d_loss"]) > 0.1


def test_clipping_is_refused_where_each_share_would_be_clipped_by_itself():
    from medgan_utils.training.optimizers import prepared

    network = dcgan_discriminator(32, 1, (4, 4, 8))
    clipping = keras.optimizers.SGD(1.0, global_clipnorm=0.1)
    with pytest.raises(ValueError, match="global_clipnorm with 2 replicas"):
        prepared(clipping, network, 2)
    assert prepared(clipping, network) is clipping
