"""Checks of chapter 01: the two losses, the weights of a convolution, a walk in latent space."""

from collections.abc import Callable

import numpy as np

from .exercise import exercise, one_number, require


@exercise(
    "1.1 The price of an opinion",
    hint="Both losses are a logarithm with a minus in front. D is right about a fake with "
    "probability 1 - D(G(z)). Average over real and over fake samples separately, then add.",
)
def losses_by_hand(answer: Callable[[np.ndarray, np.ndarray], tuple[float, float]]) -> None:
    """Check `answer(real_says, fake_says) -> (d_loss, g_loss)`.

    Args:
        answer: Takes the probabilities D(x) (n,) and D(G(z)) (m,), each in (0, 1); returns the
            discriminator's and the generator's (non-saturating) loss, averaged.
    """
    random = np.random.default_rng(1)
    for count in (2, 4, 7):
        real, fake = random.uniform(0.5, 0.95, 3), random.uniform(0.05, 0.6, count)
        d_loss, g_loss = map(one_number, answer(real.copy(), fake.copy()))
        on_real, on_fake = -np.mean(np.log(real)), -np.mean(np.log(1 - fake))
        right, generator = on_real + on_fake, -np.mean(np.log(fake))
        swapped = np.isclose(d_loss, generator) and np.isclose(g_loss, right)
        require(not swapped, "the two losses are swapped: first D's, then G's.")
        _refuse_known_slips(d_loss, g_loss, right, real, fake)
        require(
            np.isclose(d_loss, right, atol=1e-5),
            f"for D(x) = {real.round(2)} and D(G(z)) = {fake.round(2)} your L_D is {d_loss:.4f} "
            f"instead of {right:.4f}.",
        )
        require(
            np.isclose(g_loss, generator, atol=1e-5),
            f"for D(G(z)) = {fake.round(2)} your L_G is {g_loss:.4f} instead of {generator:.4f}.",
        )


def _refuse_known_slips(
    d_loss: float, g_loss: float, right: float, real: np.ndarray, fake: np.ndarray
) -> None:
    """Name the mistakes that are commonly made."""
    require(not np.isclose(d_loss, -right), "L_D is to be minimised: the minus is missing.")
    misread = -np.mean(np.log(real)) + np.mean(fake)
    require(not np.isclose(d_loss, misread), "in L_D the logarithm closes after 1 - D(G(z)).")
    summed = -np.sum(np.log(real)) - np.sum(np.log(1 - fake))
    require(not np.isclose(d_loss, summed), "you add the samples up; take their mean.")
    saturating = np.mean(np.log(1 - fake))
    require(
        not np.isclose(g_loss, saturating),
        "your L_G is log(1 - D(G(z))), the minimax form; the one asked for is -log D(G(z)).",
    )


@exercise(
    "1.2 Count the weights",
    hint="Each output channel has one kernel × kernel window on every input channel, and at most "
    "one bias. Compare with the tables: up_8 has a 4 × 4 window, 128 channels in, 64 out, no bias.",
)
def count_the_weights(answer: Callable[[int, int, int, bool], int]) -> None:
    """Check `answer(kernel, channels_in, channels_out, bias)`: the layer's number of parameters.

    Args:
        answer: Takes the window's side in pixels, the channels in and out and whether there is a
            bias; returns a whole number.
    """
    for kernel, inputs, outputs, bias in (
        (4, 128, 64, False),
        (4, 16, 1, True),
        (3, 5, 7, True),
        (5, 1, 32, False),
    ):
        count, products = float(answer(kernel, inputs, outputs, bias)), kernel**2
        products *= inputs * outputs
        layer = f"{kernel} × {kernel}, {inputs} → {outputs} channels, bias={bias}"
        require(
            count != kernel * inputs * outputs,
            f"{layer}: the window has two sides, so {kernel} × {kernel} weights.",
        )
        require(
            not bias or count != products + inputs,
            f"{layer}: there is one bias for each output channel, not for each input.",
        )
        right = products + (outputs if bias else 0)
        require(count == right, f"{layer}: you count {count:g} weights, Keras has {right}.")


@exercise(
    "1.3 From one head to another",
    hint="How do you get an angle from a dot product, and by what must it be divided first? Then "
    "look at the first, the middle and the last vector: all lie on the shell.",
)
def walk_on_the_shell(answer: Callable[[np.ndarray, np.ndarray, int], np.ndarray]) -> None:
    """Check `answer(start, end, count)`: points on the arc between two vectors.

    Args:
        answer: Takes two latent vectors (latent_dim,) and a number; returns (count, latent_dim).
    """
    random = np.random.default_rng(3)
    for latent_dim, count in ((64, 9), (8, 4)):
        start, end = random.standard_normal((2, latent_dim))
        end *= np.linalg.norm(start) / np.linalg.norm(end)
        path = np.asarray(answer(start.copy(), end.copy(), count), dtype=float)
        require(
            path.shape == (count, latent_dim),
            f"the walk has shape {path.shape}; {count} vectors of {latent_dim} numbers were asked.",
        )
        require(np.allclose(path[0], start, atol=1e-4), "the walk does not begin at start.")
        require(np.allclose(path[-1], end, atol=1e-4), "the walk does not arrive at end.")
        lengths = np.linalg.norm(path, axis=1) / np.linalg.norm(start)
        require(
            np.allclose(lengths, 1, atol=1e-3),
            f"on the way the length goes from {lengths.min():.0%} to {lengths.max():.0%} of what "
            "it was: on the arc it stays. Which angle do you use?",
        )
        cosines = np.sum(path[1:] * path[:-1], axis=1) / np.linalg.norm(start) ** 2
        angles = np.degrees(np.arccos(np.clip(cosines, -1, 1)))
        require(
            np.ptp(angles) < 0.1,
            f"the steps are not equal: from {angles.min():.1f} to {angles.max():.1f} degrees.",
        )
        whole = np.degrees(np.arccos(start @ end / np.linalg.norm(start) ** 2))
        require(
            abs(angles.sum() - whole) < 1,
            f"you turn by {angles.sum():.0f} degrees; the ends are {whole:.0f} degrees apart.",
        )
    _walk_between_lengths(answer, random)


def _walk_between_lengths(answer: Callable, random: np.random.Generator) -> None:
    """Require the formula for ends of two lengths, as two draws of z have them."""
    start, end = random.standard_normal((2, 16)) * [[1.0], [1.5]]
    angle = np.arccos(start @ end / np.linalg.norm(start) / np.linalg.norm(end))
    t = np.linspace(0, 1, 5)[:, None]
    right = (np.sin((1 - t) * angle) * start + np.sin(t * angle) * end) / np.sin(angle)
    require(
        np.allclose(np.asarray(answer(start.copy(), end.copy(), 5), dtype=float), right, atol=1e-3),
        "for two vectors of different lengths it is not the formula's walk: the cosine of their "
        "angle is the dot product divided by *both* lengths.",
    )
