"""Time things against each other: interleaved rounds, ratios of the same round, intervals."""

import itertools
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from tools.record import record

DRAWS = 2000  # of the bootstrap


def interleaved(
    runs: Mapping[str, Callable[[int], float | None]], steps: int, rounds: int
) -> dict[str, np.ndarray]:
    """Time several runs in turn, so that what else the machine does falls on all alike.

    Args:
        runs: Name -> function that does so many steps and returns when they are done. It may
            return the seconds it took, without what it did only once; otherwise the whole call
            counts. Each is called once before the clock starts, to compile and warm up.
        steps: Steps of one run in one round.
        rounds: How often each is timed; each round begins with another run.

    Returns:
        Name -> milliseconds a step, one value a round.
    """
    for run in runs.values():
        run(steps)
    names, times = list(runs), {name: [] for name in runs}
    for first in range(rounds):
        for name in itertools.islice(itertools.cycle(names), first, first + len(names)):
            started = time.perf_counter()
            seconds = runs[name](steps)
            seconds = time.perf_counter() - started if seconds is None else seconds
            times[name].append(1000 * seconds / steps)
    return {name: np.array(values) for name, values in times.items()}


def ratio(over: np.ndarray, under: np.ndarray) -> dict[str, float]:
    """Return the median of the ratios within each round, and its bootstrapped 95 % interval.

    Args:
        over: Times (rounds,).
        under: Times (rounds,) of the same rounds.
    """
    ratios = over / under
    draws = np.random.default_rng(0).choice(ratios, (DRAWS, len(ratios)))
    low, high = np.percentile(np.median(draws, axis=1), [2.5, 97.5])
    return {
        "ratio": round(float(np.median(ratios)), 3),
        "low": round(float(low), 3),
        "high": round(float(high), 3),
    }


def said(entry: Mapping[str, float]) -> str:
    """Return a ratio and its interval as text."""
    return f"{entry['ratio']:.2f} ({entry['low']:.2f} to {entry['high']:.2f})"


def summary(times: Mapping[str, np.ndarray], base: str, batch_size: int) -> list[dict]:
    """Return a row a run: median milliseconds, images a second, every round, time over `base`'s."""
    return [
        {
            "run": name,
            "ms_per_step": round(float(np.median(values)), 1),
            "images_per_second": round(1000 * batch_size / float(np.median(values))),
            "time_over_base": ratio(values, times[base]),
            "every_round_ms": [round(float(value), 1) for value in values],
        }
        for name, values in times.items()
    ]


def store(path: Path, rows: Sequence[Mapping], **settings: object) -> None:
    """Record rows beside the settings that they were timed with, and how busy the machine was."""
    results = {**settings, "rows": list(rows), "load_average": os.getloadavg()[0]}
    record(path, results, seeds=[0])
