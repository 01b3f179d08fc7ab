"""Chapter 04's checks accept the right answers and refuse plausible wrong ones."""

from math import comb

import numpy as np
import pytest
import tensorflow as tf

from medgan_utils.checks import chapter04


def cost(kernel_size, input_size, in_channels, out_channels):
    products = kernel_size**2 * in_channels * out_channels
    return products + out_channels, 2 * products * (2 * input_size) ** 2


def before_resizing(kernel_size, input_size, in_channels, out_channels):
    weights, flops = cost(kernel_size, input_size, in_channels, out_channels)
    return weights, flops // 4


def resized_twice(kernel_size, input_size, in_channels, out_channels):
    weights, flops = cost(kernel_size, input_size, in_channels, out_channels)
    return weights, 4 * flops


def multiplications_only(kernel_size, input_size, in_channels, out_channels):
    weights, flops = cost(kernel_size, input_size, in_channels, out_channels)
    return weights, flops // 2


def without_bias(kernel_size, input_size, in_channels, out_channels):
    weights, flops = cost(kernel_size, input_size, in_channels, out_channels)
    return weights - out_channels, flops


def r1(discriminator, images):
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = tf.reduce_sum(discriminator(images))
    gradients = tape.gradient(logits, images)
    return tf.reduce_mean(tf.reduce_sum(gradients**2, axis=[1, 2, 3]))


def r1_of_mean_logit(discriminator, images):
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = tf.reduce_mean(discriminator(images))
    gradients = tape.gradient(logits, images)
    return tf.reduce_sum(gradients**2)


def r1_without_square(discriminator, images):
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = tf.reduce_sum(discriminator(images))
    gradients = tape.gradient(logits, images)
    return tf.reduce_mean(tf.sqrt(tf.reduce_sum(gradients**2, axis=[1, 2, 3])))


def power_iteration(kernel):
    matrix = np.reshape(kernel, (-1, np.shape(kernel)[-1]))
    u = np.ones(len(matrix)) / np.sqrt(len(matrix))
    for _ in range(200):
        v = matrix.T @ u
        v /= np.linalg.norm(v)
        u = matrix @ v
        u /= np.linalg.norm(u)
    return u @ matrix @ v


def few_rounds(kernel):
    matrix = np.reshape(kernel, (-1, np.shape(kernel)[-1]))
    u = np.ones(matrix.shape[1])
    for _ in range(2):
        u = matrix.T @ (matrix @ u)
        u /= np.linalg.norm(u)
    return np.linalg.norm(matrix @ u)


def wins_by_chance(tricks, seeds, plain_seeds):
    return tricks / comb(seeds + plain_seeds, seeds)


def at_least_one(tricks, seeds, plain_seeds):
    return 1 - (1 - wins_by_chance(1, seeds, plain_seeds)) ** tricks


def seed_by_seed(tricks, seeds, plain_seeds):
    return tricks / (plain_seeds + 1) ** seeds


def as_matrix(kernel):
    return kernel.reshape(-1, kernel.shape[-1])


def by_eigenvalues(kernel):
    matrix = as_matrix(kernel)
    return np.sqrt(np.linalg.eigvalsh(matrix.T @ matrix)[-1])


RIGHT = [
    (chapter04.resize_cost, cost),
    (chapter04.r1, r1),
    (chapter04.spectral_norm, power_iteration),
    (chapter04.wins_by_chance, wins_by_chance),
]
WRONG = [
    (chapter04.resize_cost, before_resizing, "before it is resized"),
    (chapter04.resize_cost, resized_twice, "instead of"),
    (chapter04.resize_cost, multiplications_only, "multiplications only"),
    (chapter04.resize_cost, without_bias, "bias"),
    (chapter04.r1, r1_of_mean_logit, "averaged the logits"),
    (chapter04.r1, r1_without_square, "square"),
    (chapter04.spectral_norm, lambda kernel: np.linalg.norm(kernel), "Frobenius"),
    (chapter04.spectral_norm, lambda kernel: np.abs(kernel).max(), "its σ is"),
    (chapter04.spectral_norm, few_rounds, "More rounds?"),
    (chapter04.spectral_norm, lambda kernel: np.linalg.svd(as_matrix(kernel))[1][0], "SVD"),
    (chapter04.spectral_norm, lambda kernel: np.linalg.norm(as_matrix(kernel), 2), "SVD"),
    (chapter04.spectral_norm, lambda kernel: np.linalg.norm(as_matrix(kernel), ord=2), "SVD"),
    (chapter04.spectral_norm, lambda kernel: np.linalg.svdvals(as_matrix(kernel))[0], "SVD"),
    (chapter04.spectral_norm, by_eigenvalues, "SVD"),
    (chapter04.wins_by_chance, at_least_one, "at least one"),
    (chapter04.wins_by_chance, seed_by_seed, "one by one"),
    (chapter04.wins_by_chance, lambda *n: 2 * wins_by_chance(*n), "losses, too"),
    (chapter04.wins_by_chance, lambda tricks, seeds, plain: tricks / 20, "chance gives"),
    (chapter04.wins_by_chance, lambda tricks, seeds, plain: tricks / 2**seeds, "chance gives"),
]


@pytest.mark.parametrize(("check", "answer"), RIGHT)
def test_right_answers_pass(check, answer, capsys):
    assert check(answer)
    assert "passed" in capsys.readouterr().out


@pytest.mark.parametrize(("check", "answer", "said"), WRONG)
def test_plausible_wrong_answers_are_refused_with_a_reason(check, answer, said, capsys):
    assert not check(answer)
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("check", [check for check, _ in RIGHT])
def test_a_stub_is_not_yet_answered(check, capsys):
    assert not check(None)
    assert "not answered yet" in capsys.readouterr().out
