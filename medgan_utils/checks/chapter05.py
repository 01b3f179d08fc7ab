"""Checks of chapter 05: value and losses, D*, Jensen-Shannon divergence, logits, Wasserstein."""

from collections.abc import Callable, Mapping

import numpy as np

from .exercise import exercise, one_number, require


@exercise(
    "5.1 Value and losses by hand",
    hint="Which player wants V large, and which logarithm is meant? A loss is what its owner makes "
    "*small*; the non-saturating one asks about the fake only.",
)
def losses_by_hand(answer: Mapping[str, float]) -> None:
    """Check V, L_D and the non-saturating L_G for D(x) = 0.6 and D(G(z)) = 0.3.

    Args:
        answer: Numbers under the keys `value`, `discriminator_loss` and `generator_loss`.
    """
    real, fake = 0.6, 0.3
    value = np.log(real) + np.log(1 - fake)
    right = {"value": value, "discriminator_loss": -value, "generator_loss": -np.log(fake)}
    for name, number in right.items():
        given = one_number(answer[name])
        require(
            not np.isclose(given, -number, atol=2e-3), f"{name} = {given:.3f} has the wrong sign."
        )
        in_tens = number / np.log(10)
        require(
            not np.isclose(given, in_tens, atol=2e-3),
            f"{name} = {given:.3f} is a logarithm to base 10.",
        )
        require(
            not 6e-4 < abs(given - number) < 6e-3,
            f"{name} = {given}: right so far; three decimals.",
        )
        require(np.isclose(given, number, atol=6e-4), f"{name} = {given:.3f} is not the number.")


@exercise(
    "5.2 D* for an unbalanced batch",
    hint="Write V with its weights: s·p·log D + (1 - s)·q·log(1 - D). Set the derivative with "
    "respect to D to zero at one x. With s = 1/2 you must get p / (p + q) back.",
)
def d_star(answer: Callable[[np.ndarray, np.ndarray, float], np.ndarray]) -> None:
    """Check `answer(p, q, real_share)`: the best D when a share of the batch is real.

    Args:
        answer: Takes densities p and q (any shape, above 0) and the share of real images in a
            batch, in (0, 1); returns D* of the same shape, in (0, 1).
    """
    p, q = np.array([0.1, 0.5, 2.0, 1e-6]), np.array([0.4, 0.5, 0.1, 0.3])
    half = np.asarray(answer(p, q, 0.5))
    require(half.shape == p.shape, f"for p of shape {p.shape} you return shape {half.shape}.")
    require(
        np.allclose(half, p / (p + q)),
        "with as many real as generated images (real_share = 0.5) it is not p / (p + q).",
    )
    for share in (0.25, 0.8):
        given, right = np.asarray(answer(p, q, share)), share * p / (share * p + (1 - share) * q)
        require(
            not np.allclose(given, p / (p + q)),
            f"real_share = {share} changes nothing in your answer, but it changes V.",
        )
        require(
            not np.allclose(given, right[::-1]) and not np.allclose(given, 1 - right),
            f"real_share = {share}: that is the probability of *generated*; D says *real*.",
        )
        wrong = int(np.argmax(np.abs(given - right)))
        require(
            np.allclose(given, right, atol=1e-9),
            f"real_share = {share}, p = {p[wrong]:g}, q = {q[wrong]:g}: you say "
            f"{given[wrong]:.4f}, V is largest at {right[wrong]:.4f}.",
        )


@exercise(
    "5.3 Jensen-Shannon divergence",
    hint="Both histograms are compared with their mixture, in nats, without a root. What does a "
    "bin in which one of them is empty add?",
)
def jensen_shannon(answer: Callable[[np.ndarray, np.ndarray], float]) -> None:
    """Check `answer(p, q)`: the Jensen-Shannon divergence of two histograms, in nats.

    Args:
        answer: Takes two histograms (K,) that sum to 1 and may hold zeros; returns a number in
            [0, log 2].
    """
    p, q = np.array([0.1, 0.2, 0.7]), np.array([0.3, 0.3, 0.4])
    right = _jsd(p, q)
    given = one_number(answer(p, q))
    require(
        not np.isclose(given, np.sqrt(right)),
        "that is the square root (the Jensen-Shannon *distance*), not the divergence.",
    )
    require(
        not np.isclose(given, right / np.log(2)),
        "that is in bits (logarithm to base 2); V is in nats.",
    )
    require(
        not np.isclose(given, 2 * right), "twice too large: each of the two KL terms counts half."
    )
    require(
        np.isclose(given, right, atol=1e-6), f"{given:.5f} instead of {right:.5f} for {p} and {q}."
    )
    apart = one_number(answer(np.array([0.5, 0.5, 0.0, 0.0]), np.array([0.0, 0.0, 0.25, 0.75])))
    require(np.isfinite(apart), f"{apart} for histograms without a common bin: mind 0 · log 0.")
    require(
        np.isclose(apart, np.log(2), atol=1e-6),
        f"{apart:.5f} for histograms without a common bin; the most there is, is log 2 = 0.69315.",
    )
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.0, 0.5, 0.5])
    given, right = one_number(answer(p, q)), 0.5 * np.log(2)
    require(
        np.isclose(given, right, atol=1e-6),
        f"{given:.5f} instead of {right:.5f} for {p} and {q}: a bin that one of them leaves empty "
        "still counts for the other.",
    )


@exercise(
    "5.4 The loss from logits",
    hint="Both terms are one function, softplus, of ±l. On which side of 0 must the number inside "
    "exp stay, so that it cannot overflow? NumPy has a function for the log of a sum of exps.",
)
def loss_from_logits(answer: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> None:
    """Check `answer(real_logits, fake_logits)`: D's loss per sample, right at any logit.

    Args:
        answer: Takes two arrays (B,) of logits, float32 or float16; returns
            -log D(x) - log(1 - D(G(z))), shape (B,).
    """
    real, fake = np.array([0.0, 1.5, -2.0]), np.array([0.0, -1.0, 0.5])
    right = np.logaddexp(0, -real) + np.logaddexp(0, fake)
    with np.errstate(all="ignore"):
        given = np.asarray(answer(real, fake))
        require(
            given.shape == real.shape, f"for {real.shape} logits you return shape {given.shape}."
        )
        require(np.allclose(given, right), f"{given} instead of {right} for logits {real}, {fake}.")
        for size in (3.5, 6.0, 8.5, 12.0):
            real, fake = np.array([-size, size, size]), np.array([size, -size, size])
            right = np.logaddexp(0, -real) + np.logaddexp(0, fake)
            given = np.asarray(answer(real, fake))
            require(
                np.allclose(given, right, rtol=1e-5),
                f"{given} instead of {right} for logits of ±{size:g}.",
            )
        sizes = [(np.float32, x) for x in (20.0, 60.0, 89.0, 1000.0)]
        sizes += [(np.float16, x) for x in (12.0, 20.0, 40.0, 60.0)]
        for dtype, large in sizes:
            real = np.array([-large, large, large], dtype)
            fake = np.array([-large, large, -large], dtype)
            given = np.asarray(answer(real, fake), np.float64)
            name = np.dtype(dtype).name
            require(
                np.all(np.isfinite(given)), f"{given} for {name} logits of ±{large:g}: not finite."
            )
            require(
                np.allclose(given, [large, large, 0], rtol=1e-3, atol=2e-5),
                f"{given} for {name} logits of ±{large:g}; it must be [{large:g} {large:g} 0]. "
                "Did you clip a probability?",
            )


@exercise(
    "5.5 Wasserstein distance of two samples",
    hint="On a line, can it ever be cheaper if two carriers cross each other's way? Then who goes "
    "to whom?",
)
def wasserstein(answer: Callable[[np.ndarray, np.ndarray], float]) -> None:
    """Check `answer(a, b)`: W1 between two samples of equal size, in the samples' unit.

    Args:
        answer: Takes two arrays (N,) and returns a number, 0 or more.
    """
    random = np.random.default_rng(5)
    wide, narrow = random.normal(size=200), 0.2 * random.normal(size=200)
    right = np.mean(np.abs(np.sort(wide) - np.sort(narrow)))
    given = one_number(answer(wide.copy(), narrow.copy()))
    require(
        not np.isclose(given, abs(wide.mean() - narrow.mean())),
        "that is the distance of the means: it calls a wide and a narrow sample the same.",
    )
    require(
        not np.isclose(given, np.mean(np.abs(wide - narrow))),
        "you moved each value to the one that happens to stand beside it; a cheaper plan exists.",
    )
    require(np.isclose(given, right, atol=1e-6), f"{given:.4f} instead of {right:.4f}.")
    require(
        np.isclose(answer(wide.copy(), wide + 3), 3), "a sample moved by 3 must be at distance 3."
    )
    sample, other = wide.copy(), narrow.copy()
    answer(sample, other)
    unchanged = np.array_equal(sample, wide) and np.array_equal(other, narrow)
    require(unchanged, "your function changed its arguments: sort copies (np.sort, not a.sort()).")


def _jsd(p: np.ndarray, q: np.ndarray) -> float:
    middle = (p + q) / 2
    return 0.5 * float(np.sum(p * np.log(p / middle)) + np.sum(q * np.log(q / middle)))
