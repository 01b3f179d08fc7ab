"""Checks of chapter 04: cost of a layer, R1, spectral norm, and wins that chance gives."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import product
from math import comb
from unittest.mock import patch

import numpy as np

from .exercise import exercise, one_number, require


@exercise(
    "4.1 Cost of resizing first",
    hint="A convolution applies its whole kernel, once for each pair of an input and an output "
    "channel, at every *output* pixel. How many of those are there after the resizing? A "
    "multiplication and an addition are two operations.",
)
def resize_cost(answer: Callable[[int, int, int, int], tuple[int, int]]) -> None:
    """Check `answer(kernel_size, input_size, in_channels, out_channels) -> (weights, flops)`.

    Args:
        answer: Returns the number of weights with biases, and the operations for one image of a
            resize to the double side and a convolution (2 for a multiplication with its addition;
            resizing, biases and borders left out).
    """
    for kernel, size, inputs, outputs in ((3, 4, 128, 64), (5, 8, 3, 7), (3, 16, 32, 1)):
        weights, flops = answer(kernel, size, inputs, outputs)
        products = kernel**2 * inputs * outputs
        call = f"for a {kernel} × {kernel} kernel, {inputs} → {outputs} channels"
        require(
            weights != products, f"{call} you count {weights} weights: each output has a bias too."
        )
        require(
            weights == products + outputs,
            f"{call} you count {weights} weights; Keras has {products + outputs}.",
        )
        right = 2 * products * (2 * size) ** 2
        require(flops * 2 != right, f"{call} you count multiplications only, not the additions.")
        require(flops * 4 != right, f"{call} you convolve the map before it is resized.")
        require(
            flops == right,
            f"{call} on {size} × {size} pixels you count {flops} operations instead of {right}.",
        )


@exercise(
    "4.2 R1",
    hint="Watch the images on the tape, take the gradient of the *sum* of the logits with respect "
    "to them (each logit sees one image only), square, sum over height, width and channels, and "
    "average over the batch.",
)
def r1(answer: Callable) -> None:
    """Check `answer(discriminator, images)`: the mean squared norm of D's input gradient.

    Args:
        answer: Takes a callable that maps images (B, H, W, C) to logits (B, 1), and the images;
            returns a scalar.
    """
    import tensorflow as tf

    random = np.random.default_rng(4)
    images = tf.constant(random.normal(size=(5, 4, 4, 2)), tf.float32)
    weights = tf.constant(random.normal(size=(4, 4, 2)), tf.float32)

    def linear(x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        return tf.reduce_sum(x * weights, [1, 2, 3])[:, None] + 3.0

    def quadratic(x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        return tf.reduce_sum(weights * x**2, [1, 2, 3])[:, None]

    norm = float(tf.reduce_sum(weights**2))
    found = one_number(answer(linear, images))
    require(
        not np.isclose(found, np.sqrt(norm), rtol=1e-3), "this is the norm; R1 wants its square."
    )
    require(not np.isclose(found, 5 * norm, rtol=1e-3), "this sums over the batch; R1 is its mean.")
    require(
        not np.isclose(found, [norm / 5, norm / 25], rtol=1e-3).any(),
        "too small by a power of 5, for 5 images: you averaged the logits before the gradient.",
    )
    require(
        np.isclose(found, norm, rtol=1e-3),
        f"for D(x) = Σ w·x + 3 you find {found:.4g} instead of Σ w² = {norm:.4g}.",
    )
    right = float(tf.reduce_mean(tf.reduce_sum((2 * weights * images) ** 2, [1, 2, 3])))
    found = one_number(answer(quadratic, images))
    require(
        np.isclose(found, right, rtol=1e-3),
        f"for D(x) = Σ w·x² you find {found:.4g} instead of {right:.4g}: "
        "is each image's gradient its own?",
    )


@exercise(
    "4.3 Spectral norm by power iteration",
    hint="Multiply a vector by W and by Wᵀ in turn, many times: which direction survives, and how "
    "much longer does W make it? "
    "A convolution's kernel (k, k, in, out) is the matrix of shape (k·k·in, out).",
)
def spectral_norm(answer: Callable[[np.ndarray], float]) -> None:
    """Check `answer(kernel) -> float`, the largest singular value of a kernel.

    Args:
        answer: Takes a kernel of shape (inputs, outputs) or (k, k, inputs, outputs).
    """
    random = np.random.default_rng(5)
    kernels = [random.normal(size=shape) for shape in ((6, 9), (9, 6), (4, 4, 3, 8))]
    turns = [np.linalg.qr(random.normal(size=(8, 8)))[0] for _ in range(2)]
    kernels.append(turns[0] * [1.0, *[0.95] * 7] @ turns[1])  # the others are hardly shorter
    for kernel in (one.astype("float32") for one in kernels):
        shape, matrix = kernel.shape, kernel.reshape(-1, kernel.shape[-1])
        right = float(np.linalg.norm(matrix, 2))
        with _without_decompositions():
            found = one_number(answer(kernel))
        require(
            not np.isclose(found, np.linalg.norm(matrix), rtol=1e-3),
            "this is the Frobenius norm (root of the sum of squares): it is never smaller than "
            "the spectral norm, which is the largest *stretch* of a single direction.",
        )
        require(
            not 0.8 * right < found < 0.99 * right,
            f"for a kernel of shape {shape} you find {found:.4g}: close to its σ of {right:.4g}, "
            "from below. More rounds?",
        )
        require(
            np.isclose(found, right, rtol=0.01),
            f"for a kernel of shape {shape} you find {found:.4g}; its σ is {right:.4g}.",
        )


def _without_decompositions() -> ExitStack:
    """Refuse singular and eigenvalues of a library until the stack is left."""
    import scipy.linalg
    import tensorflow as tf

    names = ("svd", "svdvals", "eig", "eigvals", "eigh", "eigvalsh")
    without = ExitStack()
    for module, name in product((np.linalg, scipy.linalg, tf.linalg), names):
        if hasattr(module, name):
            without.enter_context(patch.object(module, name, _too_slow))
    for name in {"norm", "matrix_norm"} & set(dir(np.linalg)):  # some are of NumPy 2
        norm = partial(_no_order_two, norm=getattr(np.linalg, name))
        without.enter_context(patch.object(np.linalg, name, norm))
    return without


def _too_slow(*_: object, **__: object) -> None:
    require(False, "this is an SVD, or as slow; in training it would be needed at every step.")


def _no_order_two(x: np.ndarray, *others: object, norm: Callable, **options: object) -> np.ndarray:
    """Take a norm as NumPy does, but that of order 2 of a matrix, which is an SVD.

    Of a row or a column it is that vector's length.
    """
    order = options.get("ord", others[0] if others else None)
    if order == 2 and np.ndim(x) == 2 and options.get("axis") is None:
        return _too_slow() if min(np.shape(x)) > 1 else norm(np.ravel(x))
    return norm(x, *others, **options)


@exercise(
    "4.4 Wins by chance",
    hint="Write all seeds of one trick and of the plain run in one row, best first. If nothing "
    "differs, every order of the two kinds is as likely as any other: which of them are wins?",
)
def wins_by_chance(answer: Callable[[int, int, int], float]) -> None:
    """Check `answer(tricks, seeds, plain_seeds)`: clear wins to expect where no trick does a thing.

    Args:
        answer: Takes the number of tricks, of the seeds of each, and of the seeds of the plain run;
            returns how many tricks are expected to have a worst seed that beats its best.
    """
    for tricks, seeds, plain in ((1, 3, 3), (19, 3, 3), (40, 1, 3), (12, 5, 2), (300, 4, 6)):
        found, one = one_number(answer(tricks, seeds, plain)), 1 / comb(seeds + plain, seeds)
        asked = f"{tricks} tricks of {seeds} seeds against {plain}"
        require(
            not np.isclose(found, 2 * tricks * one),
            f"{asked}: {found:.4g} counts the clear losses, too.",
        )
        require(
            tricks == 1 or not np.isclose(found, 1 - (1 - one) ** tricks),
            f"{asked}: {found:.4g} is the chance of *at least one* if tricks were independent; "
            "asked is how many to expect.",
        )
        require(
            seeds == 1 or not np.isclose(found, tricks / (plain + 1) ** seeds),
            f"{asked}: {found:.4g} takes the seeds of a trick one by one, but all meet the same "
            "plain run: where its best seed is poor, it is poor for all of them.",
        )
        require(
            np.isclose(found, tricks * one, rtol=1e-4),
            f"{asked}: you expect {found:.4g} wins, but chance gives {tricks * one:.4g}.",
        )
