"""Checks of chapter 08: a reader's interval, dates shifted together, DP-SGD, what 3-D costs."""

import inspect
from collections.abc import Callable
from unittest.mock import patch

import numpy as np

from .exercise import exercise, require


@exercise(
    "8.1 How sure is a score?",
    hint="The interval's middle is pulled towards one half, the more so the fewer the pictures; "
    "test yours at 10 of 10. The cell above it names the source.",
)
def wilson(answer: Callable[[int, int], tuple[float, float]]) -> None:
    """Check `answer(right, count)`: the 95 % interval after Wilson.

    Args:
        answer: Takes right answers and pictures; returns (low, high).
    """
    cases = {(10, 20): (0.2993, 0.7007), (14, 20): (0.4810, 0.8545), (140, 200): (0.6332, 0.7592)}
    for (right, count), expected in cases.items():
        got = np.asarray(answer(right, count), float).ravel()
        require(got.shape == (2,), "return two numbers: the lower and the upper end.")
        require(got[0] < got[1], "the lower end comes first.")
        require(
            np.allclose(got, expected, atol=2e-3),
            f"{right} of {count}: you say {got[0]:.3f} to {got[1]:.3f}, which is not Wilson's.",
        )
    for right, count in ((20, 20), (0, 5)):
        low, high = np.asarray(answer(right, count), float).ravel()
        require(high - low > 0.1, f"{right} of {count} is not certain: your interval has no width.")
        require(low >= -1e-9 and high <= 1 + 1e-9, f"{right} of {count}: a share lies in 0 to 1.")


@exercise(
    "8.2 Dates that keep their intervals",
    hint="One shift for a patient, drawn from a generator that patient and key decide together; "
    "hash() differs from one start of Python to the next.",
)
def shifted(answer: Callable[[dict, str], dict]) -> None:
    """Check `answer(dates, key)`: all dates of a patient moved back by one secret number of days.

    Args:
        answer: Takes patient -> dates (datetime64[D]) and a key; returns the same with other dates.
    """
    dates = {
        name: np.array(days, "datetime64[D]")
        for name, days in {
            "anna": ["2024-01-31", "2024-02-02", "2023-12-24"],
            "ben": ["2024-01-31", "2024-03-01"],
            "cleo": ["2021-05-05"],
        }.items()
    }
    given = {name: days.copy() for name, days in dates.items()}
    got = answer(given, "key")
    require(
        all(np.array_equal(given[name], days) for name, days in dates.items()),
        "you changed the dates that were handed in; return new ones.",
    )
    require(set(got) == set(dates), "every patient must come back under the same name.")
    shifts = _days_back(got, dates)
    require(len(set(shifts.values())) > 1, "all patients moved alike: one known date gives all.")
    _require_own_shifts(answer, dates["cleo"])
    again = answer({name: dates[name] for name in ("cleo", "anna")}, "key")
    for name in again:
        same = np.array_equal(np.asarray(again[name]), np.asarray(got[name]))
        require(
            same, f"in another call, with the same key, {name} moved by another number of days."
        )
    require(
        _same_when_started_anew(answer, dates, got),
        "in another start of Python the dates differ: hash() of a text is not the same there.",
    )
    later = answer({"cleo": dates["cleo"] + 40, "anna": dates["anna"][1:]}, "key")
    moved = _days_back(later, {"cleo": dates["cleo"] + 40, "anna": dates["anna"][1:]})
    require(
        all(moved[name] == shifts[name] for name in moved),
        "with other dates a patient moved by another number of days: patient and key decide alone.",
    )
    _require_key(answer, dates, got)
    _require_secret(answer, dates["cleo"])


def _require_key(answer: Callable, dates: dict, got: dict) -> None:
    """Require other dates of another key, be it of another length or of the same."""
    for key in ("another key", "kez"):
        other = answer(dict(dates), key)
        require(
            any(not np.array_equal(np.asarray(other[n]), np.asarray(got[n])) for n in dates),
            "another key gives the same dates: the key protects nothing.",
        )


def _twenty(days: np.ndarray) -> dict[str, np.ndarray]:
    """Return patients of names alike in length, all with these dates."""
    return {f"p{number:02}": days for number in range(20)}


def _require_secret(answer: Callable, days: np.ndarray) -> None:
    """Require that between two patients the key does not cancel, as in f(key) + g(patient)."""
    many = _twenty(days)
    first, second = (_days_back(answer(dict(many), key), many) for key in ("key", "kez"))
    changes = {second[name] - first[name] for name in many}  # two where a sum goes round a circle
    require(
        len(changes) > 4,
        "another key moves all patients on by the same number of days: what lies between two "
        "patients is no secret, and one known date tells all.",
    )


def _require_own_shifts(answer: Callable, days: np.ndarray) -> None:
    """Require that twenty patients move by shifts of their own."""
    many = _twenty(days)
    different = len(set(_days_back(answer(dict(many), "key"), many).values()))
    require(
        different >= 15,
        f"twenty patients moved by {different} different shifts: one known date tells others.",
    )


def _days_back(got: dict, dates: dict) -> dict[str, int]:
    """Return by how many days each patient's dates moved back; all of one patient alike."""
    shifts = {}
    for name, days in dates.items():
        moved = np.asarray(got[name], "datetime64[D]")
        require(moved.shape == days.shape, f"{name} has {moved.size} dates instead of {days.size}.")
        by = (days - moved).astype(int)
        require(len(set(by.tolist())) == 1, f"{name}'s dates moved by different numbers of days.")
        require(by[0] != 0, f"{name}'s dates did not move.")
        require(by[0] > 0, f"{name}'s dates moved into the future.")
        shifts[name] = int(by[0])
    return shifts


def _names_in(code: object) -> set[str]:
    """Return the names that a function's code uses, those of functions inside it included."""
    inner = (one for one in getattr(code, "co_consts", ()) if hasattr(one, "co_names"))
    return set(getattr(code, "co_names", ())).union(*map(_names_in, inner))


def _same_when_started_anew(answer: Callable, dates: dict, got: dict) -> bool:
    """Ask again where `hash` is another function, as it is for texts in another start of Python."""
    if "__hash__" in _names_in(getattr(inspect.unwrap(answer), "__code__", None)):
        return False
    with patch("builtins.hash", lambda value: 7 + 13 * len(str(value))):
        again = answer({name: days.copy() for name, days in dates.items()}, "key")
    return all(np.array_equal(np.asarray(again[name]), np.asarray(got[name])) for name in dates)


@exercise(
    "8.3 A private gradient",
    hint="Bound each subject before they meet; add noise once, to the sum; and do not divide by "
    "how many came: that number is private.",
)
def private_gradient(answer: Callable[..., np.ndarray]) -> None:
    """Check `answer(gradients, clip, noise, lot, random)`: the gradient that DP-SGD takes.

    Args:
        answer: Takes gradients (subjects, weights), C, σ, the expected lot and a NumPy generator.
    """
    random = np.random.default_rng(0)

    def asked(gradients, clip=1.0, noise=0.0, lot=4, seed=1):
        got = answer(np.array(gradients, float), clip, noise, lot, np.random.default_rng(seed))
        return np.asarray(got, float)

    gradients = random.normal(size=(3, 500)) * np.array([[0.01], [1.0], [100.0]])
    lengths = np.linalg.norm(gradients, axis=1, keepdims=True)
    expected = (gradients * np.minimum(1, 1 / lengths)).sum(axis=0) / 4
    got = asked(gradients)
    require(got.shape == (500,), f"one gradient of 500 numbers is needed, not shape {got.shape}.")
    alone = asked(gradients[:1])
    require(
        np.allclose(alone, gradients[0] / 4),
        "a gradient shorter than C must stay as it is, and be divided by the lot.",
    )
    require(
        np.allclose(asked(gradients[:1], lot=8), gradients[0] / 8),
        "with an expected lot of 8 the sum is not divided by 8.",
    )
    longest = np.linalg.norm(asked(gradients[2:])) * 4
    require(longest < 1.001, f"a subject moves the sum by {longest:.2f}, more than C = 1.")
    require(np.allclose(got, expected), "the sum of the bounded gradients is another.")
    half = asked(gradients, clip=0.5)
    require(np.linalg.norm(half) < np.linalg.norm(got), "C changes nothing.")
    _noise(asked)


def _noise(asked: Callable[..., np.ndarray]) -> None:
    """What is added to zeros must be Gaussian, of the right size, drawn anew, and always there."""
    quiet = asked(np.zeros((3, 4000)))
    loud = asked(np.zeros((3, 4000)), clip=2.0, noise=3.0)
    require(np.allclose(quiet, 0), "without noise, zeros must stay zeros.")
    require(
        np.isclose(loud.std(), 3.0 * 2.0 / 4, rtol=0.08),
        f"the noise has a deviation of {loud.std():.2f}; with C = 2, σ = 3, a lot of 4, it is not.",
    )
    flat = np.mean((loud / loud.std()) ** 4)  # 3 for a normal distribution; ±1 has 1
    require(abs(flat - 3) < 0.6, "the noise is not normal: ε is computed for Gaussian noise.")
    for apart in (1, 2, 2000):
        alike = np.corrcoef(loud[:-apart], loud[apart:])[0, 1]
        require(abs(alike) < 0.1, "weights share their noise: a difference takes it away.")
    repeated = asked(np.zeros((3, 4000)), clip=2.0, noise=3.0)
    require(np.allclose(loud, repeated), "the noise is not drawn from `random`.")
    next_step = asked(np.zeros((3, 4000)), clip=2.0, noise=3.0, seed=2)
    require(
        not np.allclose(loud, next_step),
        "the noise is the same at every step: whoever sees two can take it away.",
    )
    empty = asked(np.zeros((0, 4000)), clip=2.0, noise=3.0)
    require(
        np.isclose(empty.std(), 1.5, rtol=0.08),
        "where nobody was drawn the noise must be there as well, or an empty lot shows.",
    )


@exercise(
    "8.4 How large a volume can you afford?",
    hint="A power is a straight line in the logarithms of both; fit that. One step may take so "
    "many seconds: at which side does the line say so?",
)
def largest_side(answer: Callable[..., int]) -> None:
    """Check `answer(sides, seconds, steps, hours)`: the largest side that is affordable.

    Args:
        answer: Takes measured sides (voxels) and seconds a step, the number of steps, and the
            hours there are; returns a whole side.
    """
    sides = np.array([8.0, 16.0, 24.0, 32.0])
    scatter = np.array([1.2, 0.9, 1.1, 0.9])
    for power, factor, steps, hours, bumps in (
        (3.0, 1e-6, 20_000, 10, 1),
        (2.5, 4e-5, 1_000, 3, 1),
        (1.0, 2.03e-3, 5_000, 0.5, 1),
        (3.0, 1e-6, 50_000, 1, scatter),
    ):
        seconds = factor * sides**power * bumps
        slope, offset = np.polyfit(np.log(sides), np.log(seconds), 1)
        expected = int(np.exp((np.log(3600 * hours / steps) - offset) / slope))
        got = float(np.squeeze(answer(sides, seconds, steps, hours)))
        require(got == round(got), f"a side is a whole number of voxels, you say {got:g}.")
        require(
            got == expected,
            f"{steps} steps in {hours} h, seconds that grow with side^{slope:.2f}: the largest "
            f"side is {expected}, you say {got:g}."
            + (" With times that scatter, use all of them." if np.ndim(bumps) else ""),
        )


@exercise(
    "8.5 How many subjects?",
    hint="The standard error falls with the root of the subjects; ask by how much it has to fall.",
)
def subjects_needed(answer: Callable[[float, float, int], int]) -> None:
    """Check `answer(difference, error, subjects)`: how many show it with 80 % power at 5 %.

    Args:
        answer: Takes a difference, its standard error now, and the subjects now.
    """
    for difference, error, subjects, expected in (
        (0.28, 0.1, 20, 20),
        (0.14, 0.1, 20, 80),
        (-0.14, 0.1, 20, 80),
        (0.1, 0.1, 15, 118),
        (0.1, 0.1, 16, 126),
    ):
        got = float(np.squeeze(answer(difference, error, subjects)))
        require(
            got - expected <= (1.01 if expected in (20, 80) else 0.01) and expected - got <= 1.01,
            f"a difference of {difference}, a standard error of {error} with {subjects} subjects: "
            f"you say {got:g}.",
        )
        require(got == int(got), "subjects come whole: round up.")
        require(got >= expected - 0.01, "rounded down, the power falls short of 80 %.")
