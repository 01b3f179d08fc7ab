"""Chapter 08's checks pass right answers in several forms and refuse the mistakes students make."""

import hashlib
import hmac
import math
import random
import zlib

import numpy as np
import pytest

from medgan_utils.checks import chapter08

Z = 1.96


def wilson(right, count):
    share, extra = right / count, Z**2 / count
    middle = (share + extra / 2) / (1 + extra)
    half = Z * math.sqrt(share * (1 - share) / count + extra / (4 * count)) / (1 + extra)
    return middle - half, middle + half


def wilson_solved(right, count):
    """The roots of (share − p)² = z² p (1 − p) / n."""
    share = right / count
    return np.sort(np.roots([1 + Z**2 / count, -2 * share - Z**2 / count, share**2]).real)


def seed_of(name, key):
    return int.from_bytes(hashlib.sha256(f"{key}/{name}".encode()).digest()[:8], "big")


def shifted(dates, key):
    def days(name):
        return np.random.default_rng(seed_of(name, key)).integers(365, 3650)

    return {name: values - np.timedelta64(days(name), "D") for name, values in dates.items()}


def shifted_by_checksum(dates, key):
    moved = {}
    for name, values in dates.items():
        by = 1 + zlib.crc32(f"{name}|{key}".encode()) % 3000
        moved[name] = [value - by for value in values]
    return moved


def shifted_by_hmac(dates, key):
    moved = {}
    for name, values in dates.items():
        digest = hmac.new(key.encode(), name.encode(), "sha256").hexdigest()
        moved[name] = values - np.timedelta64(30 + int(digest, 16) % 365, "D")
    return moved


def shifted_by_a_seed_of_sums(dates, key):
    """Seeds that add key and patient still give shifts that have nothing to do with each other."""
    moved = {}
    for name, values in dates.items():
        seed = sum(key.encode()) + sum(k * c for k, c in enumerate(name.encode(), 1))
        moved[name] = values - np.timedelta64(np.random.RandomState(seed).randint(1, 200), "D")
    return moved


def shifted_by_texts(dates, key):
    return {
        name: values - random.Random(f"{name} {key}").randint(1, 1000)
        for name, values in dates.items()
    }


def added(dates, key, around=10**6):
    """The key's number plus the patient's: what lies between two patients is no secret."""
    moved = {}
    for name, values in dates.items():
        own = sum(k * ord(letter) for k, letter in enumerate(name, 1))
        moved[name] = values - (1 + (sum(map(ord, key)) + own) % around)
    return moved


def private_gradient(gradients, clip, noise, lot, random):
    lengths = np.linalg.norm(gradients, axis=1, keepdims=True)
    bounded = gradients * np.minimum(1, clip / np.maximum(lengths, 1e-12))
    total = bounded.sum(axis=0) + noise * clip * random.normal(size=gradients.shape[1])
    return total / lot


def private_by_loop(gradients, clip, noise, lot, random):
    total = np.zeros(gradients.shape[1])
    for one in gradients:
        total += one / max(1.0, np.linalg.norm(one) / clip)
    return ((total + random.normal(0, noise * clip, total.shape)) / lot).tolist()


def largest_side(sides, seconds, steps, hours):
    slope, offset = np.polyfit(np.log(sides), np.log(seconds), 1)
    return int(np.exp((np.log(3600 * hours / steps) - offset) / slope))


def largest_side_by_trying(sides, seconds, steps, hours):
    x = np.stack([np.log10(sides), np.ones(len(sides))], axis=1)
    power, start = np.linalg.lstsq(x, np.log10(seconds))[0]
    side = 1
    while steps * 10**start * (side + 1) ** power <= 3600 * hours:
        side += 1
    return float(side)


def subjects_needed(difference, error, subjects):
    return int(np.ceil(subjects * (2.8 * error / abs(difference)) ** 2 - 1e-9))


def subjects_as_float(difference, error, subjects):
    ratio = 2.8 / abs(difference / error)
    return float(math.ceil(round(ratio**2 * subjects, 6)))


RIGHT = [
    (chapter08.wilson, wilson),
    (chapter08.wilson, wilson_solved),
    (chapter08.shifted, shifted),
    (chapter08.shifted, shifted_by_checksum),
    (chapter08.shifted, shifted_by_hmac),
    (chapter08.shifted, shifted_by_a_seed_of_sums),
    (chapter08.shifted, shifted_by_texts),
    (chapter08.private_gradient, private_gradient),
    (chapter08.private_gradient, private_by_loop),
    (chapter08.largest_side, largest_side),
    (chapter08.largest_side, largest_side_by_trying),
    (chapter08.subjects_needed, subjects_needed),
    (chapter08.subjects_needed, subjects_as_float),
]


@pytest.mark.parametrize(("check", "answer"), RIGHT)
def test_right_answers_pass(check, answer, capsys):
    assert check(answer), capsys.readouterr().out
    assert capsys.readouterr().out.startswith("✓")


def wald(right, count):
    share = right / count
    half = Z * math.sqrt(share * (1 - share) / count)
    return share - half, share + half


def each_date_by_itself(dates, key):
    return {
        name: np.array(
            [day - np.timedelta64(1 + seed_of(str(day), key) % 999, "D") for day in values]
        )
        for name, values in dates.items()
    }


def into_the_future(dates, key):
    return {name: values + (values - shifted(dates, key)[name]) for name, values in dates.items()}


def by_order(dates, key):
    random = np.random.default_rng(seed_of("", key))
    return {
        name: values - np.timedelta64(random.integers(1, 999), "D")
        for name, values in dates.items()
    }


def by_first_date(dates, key):
    return {
        name: values - np.timedelta64(1 + seed_of(f"{name}{values[0]}", key) % 3000, "D")
        for name, values in dates.items()
    }


def with_noise(draw):
    def gradient(g, clip, noise, lot, random):
        still = private_gradient(g, clip, 0.0, lot, random)
        return still + noise * clip * draw(random, g.shape[1]) / lot

    return gradient


def in_place(dates, key):
    for name, values in shifted(dates, key).items():
        dates[name][:] = values
    return dates


WRONG = {
    "Wald's interval": (chapter08.wilson, wald),
    "Wald's, cut to 0 and 1": (
        chapter08.wilson, lambda k, n: tuple(np.clip(wald(k, n), 0, 1)),
    ),
    "90 % instead of 95 %": (
        chapter08.wilson,
        lambda k, n: np.array(wilson(k, n)) * 0.84 + 0.16 * (k / n),
    ),
    "ends exchanged": (chapter08.wilson, lambda k, n: wilson(k, n)[::-1]),
    "one number": (chapter08.wilson, lambda k, n: wilson(k, n)[0]),
    "each date by itself": (chapter08.shifted, each_date_by_itself),
    "into the future": (chapter08.shifted, into_the_future),
    "another shift in another start of Python": (
        chapter08.shifted,
        lambda dates, key: {
            n: v - np.timedelta64(1 + hash((n, key)) % 999, "D") for n, v in dates.items()
        },
    ),
    "one shift for all": (
        chapter08.shifted,
        lambda dates, key: {
            n: v - np.timedelta64(1 + seed_of("", key) % 999, "D") for n, v in dates.items()
        },
    ),
    "by the length of the name": (
        chapter08.shifted,
        lambda dates, key: {
            n: v - np.timedelta64(300 + len(n) + 7 * len(key), "D") for n, v in dates.items()
        },
    ),
    "by the method of hash": (
        chapter08.shifted,
        lambda dates, key: {
            n: v - np.timedelta64(1 + (n + key).__hash__() % 999, "D") for n, v in dates.items()
        },
    ),
    "by the order of the patients": (chapter08.shifted, by_order),
    "by the patient's first date": (chapter08.shifted, by_first_date),
    "noise of two values": (
        chapter08.private_gradient, with_noise(lambda random, n: random.choice([-1.0, 1.0], n)),
    ),
    "noise that neighbours share": (
        chapter08.private_gradient,
        with_noise(lambda random, n: np.repeat(random.normal(size=n // 2), 2)),
    ),
    "a lot of four, whatever it is": (
        chapter08.private_gradient,
        lambda g, clip, noise, lot, random: private_gradient(g, clip, noise, 4, random),
    ),
    "uniform noise": (
        chapter08.private_gradient, with_noise(lambda r, n: r.uniform(-(3**0.5), 3**0.5, n)),
    ),
    "noise of another generator": (
        chapter08.private_gradient,
        with_noise(lambda _, n: np.random.default_rng().normal(size=n)),
    ),
    "key and patient added": (chapter08.shifted, added),
    "key and patient added, around a circle": (
        chapter08.shifted, lambda dates, key: added(dates, key, 97),
    ),
    "no key": (chapter08.shifted, lambda dates, key: shifted(dates, "")),
    "in place": (chapter08.shifted, in_place),
    "nothing moved": (chapter08.shifted, lambda dates, key: dict(dates)),
    "clipped number by number": (
        chapter08.private_gradient,
        lambda g, clip, noise, lot, random: (
            np.clip(g, -clip, clip).sum(0) + noise * clip * random.normal(size=g.shape[1])
        ) / lot,
    ),
    "clipped after the sum": (
        chapter08.private_gradient,
        lambda g, clip, noise, lot, random: private_gradient(
            g.sum(axis=0, keepdims=True), clip, noise, lot, random
        ),
    ),
    "all brought to length C": (
        chapter08.private_gradient,
        lambda g, clip, noise, lot, random: (
            (clip * g / np.maximum(np.linalg.norm(g, axis=1, keepdims=True), 1e-9)).sum(0)
            + noise * clip * random.normal(size=g.shape[1])
        ) / lot,
    ),
    "the same noise at every step": (
        chapter08.private_gradient,
        lambda g, clip, noise, lot, random: private_gradient(
            g, clip, noise, lot, np.random.default_rng(0)
        ),
    ),
    "rounded, not up": (
        chapter08.subjects_needed,
        lambda difference, error, subjects: round(subjects * (2.8 * error / difference) ** 2),
    ),
    "noise without C": (
        chapter08.private_gradient,
        lambda g, clip, noise, lot, random: (
            private_gradient(g, clip, 0, lot, random) + noise * random.normal(size=g.shape[1]) / lot
        ),
    ),
    "noise after the division": (
        chapter08.private_gradient,
        lambda g, clip, noise, lot, random: (
            private_gradient(g, clip, 0, lot, random)
            + noise * clip * random.normal(size=g.shape[1])
        ),
    ),
    "divided by those who came": (
        chapter08.private_gradient,
        lambda g, clip, noise, lot, random: private_gradient(
            g, clip, noise, max(len(g), 1), random
        ),
    ),
    "no noise for an empty lot": (
        chapter08.private_gradient,
        lambda g, clip, noise, lot, random: (
            private_gradient(g, clip, noise, lot, random) if len(g) else np.zeros(g.shape[1])
        ),
    ),
    "a straight line": (
        chapter08.largest_side,
        lambda s, t, n, h: int((3600 * h / n - np.polyfit(s, t, 1)[1]) / np.polyfit(s, t, 1)[0]),
    ),
    "the cube of the last": (
        chapter08.largest_side, lambda s, t, n, h: int(s[-1] * (3600 * h / n / t[-1]) ** (1 / 3)),
    ),
    "first and last alone": (
        chapter08.largest_side, lambda s, t, n, h: largest_side(s[[0, -1]], t[[0, -1]], n, h),
    ),
    "minutes for hours": (
        chapter08.largest_side, lambda s, t, n, h: largest_side(s, t, n, h / 60),
    ),
    "not a whole side": (
        chapter08.largest_side, lambda s, t, n, h: largest_side(s, t, n, h) + 0.4,
    ),
    "rounded up": (chapter08.largest_side, lambda s, t, n, h: largest_side(s, t, n, h) + 1),
    "linear in the subjects": (
        chapter08.subjects_needed, lambda d, e, n: math.ceil(n * 2.8 * e / abs(d)),
    ),
    "no power": (chapter08.subjects_needed, lambda d, e, n: math.ceil(n * (1.96 * e / d) ** 2)),
    "rounded down": (
        chapter08.subjects_needed, lambda d, e, n: int(n * (2.8 * e / d) ** 2 + 1e-9),
    ),
    "not whole": (chapter08.subjects_needed, lambda d, e, n: n * (2.8 * e / d) ** 2),
}  # fmt: skip


@pytest.mark.parametrize("name", list(WRONG))
def test_wrong_answers_are_refused(name, capsys):
    check, answer = WRONG[name]
    assert not check(answer)
    assert capsys.readouterr().out.startswith("✗")


def test_a_stub_is_not_answered(capsys):
    for check in {check for check, _ in RIGHT}:
        assert not check(lambda *arguments: None)
        assert capsys.readouterr().out.startswith("○")
