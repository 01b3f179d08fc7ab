"""Chapter 01: the right answer passes, a plausible wrong one and the stub are refused."""

import numpy as np
import pytest

from medgan_utils.checks import chapter01


def stub(*_):
    return None


def right_losses(real_says, fake_says):
    d_loss = -np.mean(np.log(real_says)) - np.mean(np.log(1 - fake_says))
    return d_loss, -np.mean(np.log(fake_says))


def saturating(real_says, fake_says):
    return right_losses(real_says, fake_says)[0], np.mean(np.log(1 - fake_says))


def misread_bracket(real_says, fake_says):
    d_loss = -(np.mean(np.log(real_says)) + np.mean(np.log(1) - fake_says))
    return d_loss, right_losses(real_says, fake_says)[1]


def the_value_instead(real_says, fake_says):
    d_loss, g_loss = right_losses(real_says, fake_says)
    return -d_loss, g_loss


def one_mean_over_all(real_says, fake_says):
    d_loss = -np.mean(np.log(np.concatenate([real_says, 1 - fake_says])))
    return d_loss, right_losses(real_says, fake_says)[1]


@pytest.mark.parametrize(
    "wrong", [stub, saturating, misread_bracket, the_value_instead, one_mean_over_all]
)
def test_losses(wrong):
    assert chapter01.losses_by_hand(right_losses)
    assert not chapter01.losses_by_hand(wrong)


def right_weights(kernel, channels_in, channels_out, bias):
    return kernel**2 * channels_in * channels_out + channels_out * bias


@pytest.mark.parametrize(
    "wrong",
    [
        stub,
        lambda kernel, inputs, outputs, bias: kernel * inputs * outputs + outputs * bias,
        lambda kernel, inputs, outputs, bias: kernel**2 * inputs * outputs + outputs,
        lambda kernel, inputs, outputs, bias: kernel**2 * inputs * outputs + inputs * bias,
        lambda *layer: right_weights(*layer) + 0.9,
    ],
)
def test_weights(wrong):
    assert chapter01.count_the_weights(right_weights)
    assert not chapter01.count_the_weights(wrong)


@pytest.mark.parametrize("bias", [True, False])
def test_weights_are_those_of_keras(bias):
    import keras

    for kind in (keras.layers.Conv2D, keras.layers.Conv2DTranspose):
        layer = kind(7, 3, strides=2, padding="same", use_bias=bias)
        layer.build((None, 8, 8, 5))
        assert layer.count_params() == right_weights(3, 5, 7, bias)


def right_walk(start, end, count):
    angle = np.arccos(np.dot(start, end) / (np.linalg.norm(start) * np.linalg.norm(end)))
    t = np.linspace(0, 1, count)[:, None]
    return (np.sin((1 - t) * angle) * start + np.sin(t * angle) * end) / np.sin(angle)


def straight_line(start, end, count):
    return np.linspace(start, end, count)


def line_stretched_to_the_shell(start, end, count):
    line = straight_line(start, end, count)
    return line * np.linalg.norm(start) / np.linalg.norm(line, axis=1, keepdims=True)


def never_arrives(start, end, count):
    return right_walk(start, end, count + 1)[:-1]


def the_long_way_round(start, end, count):
    angle = np.arccos(np.dot(start, end) / (np.linalg.norm(start) * np.linalg.norm(end)))
    aside = end - start * np.cos(angle)
    aside *= np.linalg.norm(start) / np.linalg.norm(aside)
    turn = np.linspace(0, angle - 2 * np.pi, count)[:, None]
    return np.cos(turn) * start + np.sin(turn) * aside


def one_length_for_both(start, end, count):
    angle = np.arccos(np.clip(np.dot(start, end) / np.dot(start, start), -1, 1))
    t = np.linspace(0, 1, count)[:, None]
    return (np.sin((1 - t) * angle) * start + np.sin(t * angle) * end) / np.sin(angle)


WRONG_WALKS = [
    stub,
    straight_line,
    line_stretched_to_the_shell,
    never_arrives,
    the_long_way_round,
    one_length_for_both,
]


@pytest.mark.parametrize("wrong", WRONG_WALKS)
def test_walk(wrong):
    assert chapter01.walk_on_the_shell(right_walk)
    assert not chapter01.walk_on_the_shell(wrong)


def test_a_stub_is_not_an_error(capsys):
    chapter01.losses_by_hand(stub)
    assert "not answered yet" in capsys.readouterr().out
