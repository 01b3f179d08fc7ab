import keras
import numpy as np
import pytest
import tensorflow as tf

from medgan_utils.checks import chapter06


def radius(rate, gamma, steps):
    matrix = np.array([[1, rate / 2], [0, 1]])
    for _ in range(steps):
        matrix = matrix @ np.array([[1, 0], [-rate / 2, 1 - rate * gamma]])
    return max(abs(np.linalg.eigvals(matrix)))


def simultaneous_radius(rate, gamma, steps):
    matrix = np.array([[1, rate / 2], [-rate / 2, 1 - rate * gamma]])
    return max(abs(np.linalg.eigvals(matrix)))


SAFE_LOGS = {
    "log of a clipped sigmoid": lambda p: tf.math.log(tf.clip_by_value(p, 1e-7, 1 - 1e-7)),
    "log of sigmoid and a little": lambda p: tf.math.log(p + 1e-8),
}


def step(generator, discriminator, optimizer, real, z, fault=None):
    d_weights = list(discriminator.trainable_variables)
    weights = d_weights + (generator.trainable_variables if fault == "both" else [])
    weights = weights[:1] if fault == "bias stays" else weights
    with tf.GradientTape() as tape:
        fake = generator(z, training=fault != "mode")
        fake = fake if fault == "both" else tf.stop_gradient(fake)
        logits = [discriminator(real), discriminator(fake)]
        if fault == "flipped":
            logits = logits[::-1]
        if fault == "sigmoid":
            logits = [tf.sigmoid(value) for value in logits]
        loss = tf.nn.softplus(-logits[0]) + tf.nn.softplus(logits[1])
        if fault == "log of sigmoid":
            loss = -tf.math.log(tf.sigmoid(logits[0])) - tf.math.log(1 - tf.sigmoid(logits[1]))
        if fault in SAFE_LOGS:
            real_says, fake_says = (tf.sigmoid(value) for value in logits)
            loss = -SAFE_LOGS[fault](real_says) - SAFE_LOGS[fault](1 - fake_says)
        loss = loss if fault == "no mean" else tf.reduce_mean(loss)
    gradients = tape.gradient(loss, weights)
    if fault == "ascent":
        gradients = [-gradient for gradient in gradients]
    if fault != "forgot":
        optimizer.apply(gradients, weights)
    return loss


def test_critical_gamma(capsys):
    assert chapter06.critical_gamma(1.0)
    assert not chapter06.critical_gamma(0.5)  # forgot the halves: γ = c
    assert "still complex" in capsys.readouterr().out
    assert not chapter06.critical_gamma(1.002)
    assert not chapter06.critical_gamma(2.0)
    assert not chapter06.critical_gamma(-1.0)
    assert not chapter06.critical_gamma(...)


def test_alternating_radius(capsys):
    assert chapter06.alternating_radius(radius)
    assert not chapter06.alternating_radius(simultaneous_radius)
    assert "simultaneous" in capsys.readouterr().out
    assert not chapter06.alternating_radius(lambda rate, gamma, steps: radius(rate, gamma, 1))
    assert "what one step of D gives" in capsys.readouterr().out
    assert not chapter06.alternating_radius(lambda rate, gamma, steps: 1.0)


def test_discriminator_step_passes():
    assert chapter06.discriminator_step(step)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("both", "generator's weights moved"),
        ("mode", "expected|training mode"),
        ("flipped", "flipped"),
        ("sigmoid", "sigmoid too many"),
        ("no mean", "average"),
        ("ascent", "not down the gradient"),
        ("forgot", "did not move"),
        ("bias stays", "bias did not move"),
        ("log of sigmoid", "not finite"),
        ("log of a clipped sigmoid", "clipped probability hides"),
        ("log of sigmoid and a little", "clipped probability hides"),
    ],
)
def test_discriminator_step_refuses(fault, said, capsys):
    def sick(*arguments):
        return step(*arguments, fault=fault)

    assert not chapter06.discriminator_step(sick)
    out = capsys.readouterr().out
    assert any(words in out for words in said.split("|")), out


def test_every_patient_has_one_fault(capsys):
    assert sorted(chapter06.WARD.values()) == sorted(chapter06.WOULD_SHOW)
    for patient, fault in chapter06.WARD.items():
        assert chapter06.diagnosis(patient, fault)
        for other in set(chapter06.WOULD_SHOW) - {fault}:
            assert not chapter06.diagnosis(patient, other)
    assert not chapter06.diagnosis("A", "mode collapse")
    assert not chapter06.diagnosis("A", ["flipped labels"])
    assert "as text" in capsys.readouterr().out
    assert not chapter06.diagnosis("A", ...)
    assert "not answered yet" in capsys.readouterr().out


def test_keras_sgd_is_what_the_check_assumes():
    weight = keras.Variable(1.0)
    keras.optimizers.SGD(0.1).apply([tf.constant(2.0)], [weight])
    assert abs(float(weight.numpy()) - 0.8) < 1e-6
