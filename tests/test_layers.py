"""Spectral normalisation against an SVD; the rearranging layers against each other."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from medgan_utils.models import DepthToSpace, SpaceToDepth, SpectralNormalization
from medgan_utils.models.layers import clipped_tanh

LAYERS = {
    "dense": (lambda: keras.layers.Dense(7), (4, 5)),
    "dense without bias": (lambda: keras.layers.Dense(7, use_bias=False), (4, 5)),
    "convolution": (lambda: keras.layers.Conv2D(6, 3, bias_initializer="ones"), (2, 8, 8, 3)),
}


def largest_singular_value(layer):
    kernel = np.asarray(layer.kernel)
    return np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)[0]


@pytest.mark.parametrize("name", LAYERS)
def test_sigma_converges_to_the_largest_singular_value(name):
    make, shape = LAYERS[name]
    layer = SpectralNormalization(make())
    x = tf.random.normal(shape)
    for _ in range(200):
        layer(x, training=True)
    assert float(layer.sigma()) == pytest.approx(largest_singular_value(layer.layer), rel=1e-3)


@pytest.mark.parametrize("name", LAYERS)
def test_output_is_that_of_the_kernel_divided_by_sigma(name):
    make, shape = LAYERS[name]
    layer, x = SpectralNormalization(make()), tf.random.normal(shape)
    normalised = layer(x, training=False)
    sigma = float(layer.sigma())
    twin = make()
    twin.build(shape)
    weights = layer.layer.get_weights()
    twin.set_weights([weights[0] / sigma, *weights[1:]])
    np.testing.assert_allclose(normalised, twin(x), rtol=1e-4, atol=1e-5)


def test_training_calls_leave_the_kernel_alone_and_inference_leaves_everything_alone():
    layer, x = SpectralNormalization(keras.layers.Dense(3)), tf.random.normal((4, 5))
    layer(x)
    before = [weight.copy() for weight in layer.get_weights()]
    layer(x, training=False)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    kernel, u = layer.layer.kernel.numpy().copy(), layer.vector_u.numpy().copy()
    layer(x, training=True)
    np.testing.assert_array_equal(kernel, layer.layer.kernel.numpy())
    assert np.abs(u - layer.vector_u.numpy()).max() > 0


def test_gradient_flows_through_sigma():
    """d/dW of (W/σ) x: moving W along itself changes nothing, so <gradient, W> = 0."""
    layer, x = SpectralNormalization(keras.layers.Dense(3, use_bias=False)), tf.ones((2, 5))
    for _ in range(100):
        layer(x, training=True)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(x) ** 2)
    gradient = tape.gradient(total, layer.layer.kernel.value)
    along = float(tf.reduce_sum(gradient * layer.layer.kernel.value))
    assert abs(along) < 1e-3 * float(tf.norm(gradient) * tf.norm(layer.layer.kernel.value))


def test_an_activation_or_a_missing_kernel_is_refused():
    with pytest.raises(ValueError, match="has an activation"):
        SpectralNormalization(keras.layers.Dense(3, activation="relu"))
    with pytest.raises(ValueError, match="no kernel"):
        SpectralNormalization(keras.layers.Flatten()).build((None, 3))


def test_depth_to_space_undoes_space_to_depth():
    x = tf.random.normal((2, 8, 8, 3))
    packed = SpaceToDepth(2)(x)
    assert packed.shape == (2, 4, 4, 12)
    np.testing.assert_array_equal(DepthToSpace(2)(packed), x)


def test_the_clipped_tanh_reaches_both_ends_and_is_tanh_between_them():
    x = np.linspace(-4, 4, 81, dtype=np.float32)
    y = keras.ops.convert_to_numpy(clipped_tanh(x))
    np.testing.assert_allclose(y, np.clip(1.01 * np.tanh(x), -1, 1), atol=1e-6)
    assert set(y[np.abs(x) > 2.66]) == {-1.0, 1.0} and np.abs(y[np.abs(x) < 2.64]).max() < 1


def test_spectral_normalisation_is_near_before_the_first_step():
    layer = SpectralNormalization(keras.layers.Dense(32))
    layer.build((None, 64))
    true = np.linalg.norm(layer.layer.kernel, 2)
    assert 0.4 * true < float(layer.sigma()) <= 1.001 * true
    with pytest.raises(ValueError, match="does not count its outputs"):
        SpectralNormalization(keras.layers.Conv2DTranspose(3, 4))


def test_spectral_normalisation_knows_biases_and_other_kernels():
    for kind in (keras.layers.Conv1DTranspose, keras.layers.DepthwiseConv1D):
        sizes = (4, 3) if kind is keras.layers.Conv1DTranspose else (3,)
        with pytest.raises(ValueError, match="does not count its outputs"):
            SpectralNormalization(kind(*sizes))
    inner = keras.layers.EinsumDense("ab,bc->ac", output_shape=2, bias_axes="c")
    layer = SpectralNormalization(inner)
    layer.build((None, 2))
    inner.kernel.assign(4 * np.eye(2))
    inner.bias.assign([10.0, 10.0])
    for _ in range(5):
        layer(np.ones((1, 2), np.float32), training=True)
    assert np.asarray(layer(np.ones((1, 2), np.float32))) == pytest.approx(11.0, abs=1e-3)
