"""Pruned weights: as many as asked for, the smallest, and gone for good."""

import keras
import numpy as np
import pytest

from medgan_utils.models import dcgan_discriminator, dcgan_generator
from medgan_utils.training import GAN, KeepPruned, ResumableCheckpoint, prune


def kernels(network):
    return [weight.numpy() for weight in network.weights if weight.name == "kernel"]


def rest(network):
    return [weight.numpy() for weight in network.weights if weight.name != "kernel"]


def test_the_smallest_go_and_the_share_is_exact():
    generator = dcgan_generator(32, 1, 8, (8, 4, 4))
    before, others = (
        kernels(generator),
        [w.numpy() for w in generator.weights if w.name != "kernel"],
    )
    masks = prune(generator, 0.3)
    assert [mask is not None for mask in masks] == [w.name == "kernel" for w in generator.weights]
    for old, new in zip(before, kernels(generator), strict=True):
        gone = new == 0
        assert gone.sum() == round(0.3 * old.size)
        assert np.abs(old[gone]).max() <= np.abs(old[~gone]).min()
        np.testing.assert_array_equal(new[~gone], old[~gone])
    for old, new in zip(others, rest(generator), strict=True):
        np.testing.assert_array_equal(old, new)


def test_fine_tuning_keeps_the_zeros_and_moves_the_rest(tmp_path):
    keras.utils.set_random_seed(0)
    gan = GAN(dcgan_generator(32, 1, 8, (4, 4, 4)), dcgan_discriminator(32, 1, (4, 4, 4)), ema=0.5)
    gan.compile()
    masks = prune(gan.generator, 0.5)
    before = kernels(gan.generator)
    images = np.random.default_rng(0).uniform(-1, 1, (12, 32, 32, 1)).astype(np.float32)
    keeper = ResumableCheckpoint(tmp_path, every=2)
    gan.fit(images, batch_size=4, verbose=0, callbacks=[KeepPruned(masks), keeper])
    for network in (gan.generator, gan.ema_generator):
        for old, new in zip(before, kernels(network), strict=True):
            np.testing.assert_array_equal(new == 0, old == 0)
            assert (new == 0).sum() == round(0.5 * new.size)
            assert np.abs(new - old).max() > 0
    keeper.restore(gan)
    again = prune(gan.generator, 0.5)  # after a restart the same weights are gone
    for one, other in zip(masks, again, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(ValueError, match="of the weights"):
        prune(keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)]), share)


def test_both_kernels_of_a_separable_convolution_are_pruned():
    network = keras.Sequential([keras.Input((8, 8, 2)), keras.layers.SeparableConv2D(4, 3)])
    prune(network, 0.5)
    zeros = [float((w.numpy() == 0).mean()) for w in network.weights if "kernel" in w.name]
    assert zeros == [0.5, 0.5]
