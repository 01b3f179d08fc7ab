"""Checks of chapter 04: cost of a layer, R1, spectral norm, and reading an ablation."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from unittest.mock import patch

import numpy as np

from .exercise import exercise, one_number, require


@exercise(
    "4.1 Cost of a transposed convolution",
    hint="A transposed convolution spreads every *input* pixel over a k × k patch, once for each "
    "pair of an input and an output channel. A multiplication and an addition are two operations.",
)
def transposed_cost(answer: Callable[[int, int, int, int], tuple[int, int]]) -> None:
    """Check `answer(kernel_size, input_size, in_channels, out_channels) -> (weights, flops)`.

    Args:
        answer: Returns the number of weights with biases, and the operations for one image
            (2 for a multiplication with its addition; biases and borders left out).
    """
    for kernel, size, inputs, outputs in ((4, 4, 128, 64), (5, 8, 3, 7), (3, 16, 32, 1)):
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
        right = 2 * products * size**2
        require(flops * 2 != right, f"{call} you count multiplications only, not the additions.")
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

    def linear(x: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(x * weights, [1, 2, 3])[:, None] + 3.0

    def quadratic(x: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(weights * x**2, [1, 2, 3])[:, None]

    norm = float(tf.reduce_sum(weights**2))
    found = one_number(answer(linear, images))
    require(
        not np.isclose(found, np.sqrt(norm), rtol=1e-3), "this is the norm; R1 wants its square."
    )
    require(not np.isclose(found, 5 * norm, rtol=1e-3), "this sums over the batch; R1 is its mean.")
    require(
        not np.isclose(found, norm / 5, rtol=1e-3),
        "a fifth, for 5 images: you averaged the logits before taking the gradient.",
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
    for shape in ((6, 9), (9, 6), (4, 4, 3, 8)):
        kernel = random.normal(size=shape).astype("float32")
        matrix = kernel.reshape(-1, shape[-1])
        right = float(np.linalg.norm(matrix, 2))
        with ExitStack() as without:
            for name in {"svd", "svdvals", "eigh", "eigvalsh"} & set(dir(np.linalg)):
                without.enter_context(patch(f"numpy.linalg.{name}", _too_slow))
            for name in {"norm", "matrix_norm"} & set(dir(np.linalg)):  # some are of NumPy 2
                norm = partial(_no_order_two, norm=getattr(np.linalg, name))
                without.enter_context(patch(f"numpy.linalg.{name}", norm))
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


def _too_slow(*_: object, **__: object) -> None:
    require(False, "this is an SVD, or as slow; in training it would be needed at every step.")


def _no_order_two(x: np.ndarray, *others: object, norm: Callable, **options: object) -> np.ndarray:
    """Take a norm as NumPy does, but that of order 2 of a matrix, which is an SVD."""
    order = options.get("ord", others[0] if others else None)
    return _too_slow() if order == 2 and np.ndim(x) == 2 else norm(x, *others, **options)


@exercise(
    "4.4 Read the ablation",
    hint="With three seeds a difference of means proves little. Ask for the strict thing: the "
    "worst seed of the trick must still beat the best seed of the plain run (lower is better).",
)
def clear_wins(answer: Callable[[dict[str, list[float]], str], list[str]]) -> None:
    """Check `answer(scores, baseline) -> names` that beat the baseline with every seed.

    Args:
        answer: Takes variant -> scores of its seeds (lower is better) and the baseline's name;
            returns the names of the variants whose every seed beats every seed of the baseline.
    """
    scores = {
        "plain": [1.0, 1.4, 1.2],
        "clear": [0.5, 0.9, 0.7],
        "overlapping": [0.1, 0.2, 1.1],
        "worse": [2.0, 2.2, 1.9],
        "paired": [0.95, 1.3, 1.1],
        "tied": [0.8, 0.9, 1.0],
    }
    found = list(answer(dict(scores), "plain"))
    require("plain" not in found, "the baseline does not beat itself.")
    require("worse" not in found, "'worse' has higher scores, and lower is better.")
    require(
        "overlapping" not in found,
        "'overlapping' has a better mean, but its worst seed (1.1) loses to the best plain (1.0).",
    )
    require(
        "paired" not in found,
        "'paired' beats the plain run seed by seed, but its worst seed (1.3) loses to 1.0.",
    )
    require("tied" not in found, "the worst seed of 'tied' equals the best plain one: no win.")
    require("clear" in found, "'clear' beats the plain run with every seed and is missing.")
    others = {"b": scores["plain"], "plain": scores["clear"], "a": [0.1, 0.2, 0.3]}
    found = sorted(answer(others, "b"))
    require(found == ["a", "plain"], f"beside the baseline 'b' you list {found}: ask its name.")
