"""Every loss against its closed form in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from medgan_utils.training import losses

REAL = np.array([[-3.0], [-0.5], [0.0], [0.7], [4.0]])
FAKE = np.array([[2.0], [-1.5], [0.0], [-0.2], [-6.0]])


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


CLOSED_FORMS = {
    "minimax": (
        -np.log(sigmoid(REAL)) - np.log(1 - sigmoid(FAKE)),
        np.log(1 - sigmoid(FAKE)),
    ),
    "non-saturating": (
        -np.log(sigmoid(REAL)) - np.log(1 - sigmoid(FAKE)),
        -np.log(sigmoid(FAKE)),
    ),
    "least-squares": (((REAL - 1) ** 2 + FAKE**2) / 2, (FAKE - 1) ** 2 / 2),
    "hinge": (np.maximum(0, 1 - REAL) + np.maximum(0, 1 + FAKE), -FAKE),
    "wasserstein": (FAKE - REAL, -FAKE),
    "relativistic": (-np.log(sigmoid(REAL - FAKE)), -np.log(sigmoid(FAKE - REAL))),
}


@pytest.mark.parametrize("name", losses.NAMES)
def test_loss_equals_its_closed_form(name):
    loss = losses.get(name)
    expected_d, expected_g = CLOSED_FORMS[name]
    np.testing.assert_allclose(loss.discriminator_loss(REAL, FAKE), expected_d[:, 0], rtol=1e-5)
    np.testing.assert_allclose(loss.generator_loss(FAKE, REAL), expected_g[:, 0], rtol=1e-5)


@pytest.mark.parametrize("name", losses.NAMES)
def test_loss_is_finite_at_extreme_logits_and_in_half_precision(name):
    loss = losses.get(name)
    extreme = tf.constant([[-60.0], [60.0]], tf.float16)
    for values in (
        loss.discriminator_loss(extreme, -extreme),
        loss.generator_loss(extreme, -extreme),
    ):
        assert values.dtype == tf.float32
        assert np.isfinite(values).all()


def test_generator_gradient_vanishes_in_minimax_and_not_in_non_saturating():
    logits = tf.Variable([[-10.0]])
    gradients = {}
    for name in ("minimax", "non-saturating"):
        with tf.GradientTape() as tape:
            value = losses.get(name).generator_loss(logits, logits)
        gradients[name] = float(tape.gradient(value, logits)[0, 0])
    assert abs(gradients["minimax"]) < 1e-4
    assert gradients["non-saturating"] < -0.99


def test_unknown_loss_names_the_known_ones():
    with pytest.raises(ValueError, match=r"hingy.*hinge.*relativistic"):
        losses.get("hingy")


@pytest.mark.parametrize("name", losses.NAMES)
def test_logits_of_two_shapes_are_no_pairs(name):
    column, row = np.zeros((4, 1), np.float32), np.zeros(4, np.float32)
    with pytest.raises(ValueError, match=r"have shapes \(4, 1\) and \(4,\)"):
        losses.get(name).discriminator_loss(column, row)
