"""What oneDNN saves a training step: `GAN.fit` with and without it, each in fresh interpreters.

    python benchmarks/onednn.py

TensorFlow reads `TF_ENABLE_ONEDNN_OPTS` when it is imported; on processors without AVX-512 it
leaves oneDNN aside unless told otherwise. Whether this machine has AVX-512 stands in the result.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.timing import interleaved, said, store, summary
from medgan_utils import profiles

ROUNDS, STEPS = 8, 150
BASE = "with oneDNN"
SETTINGS = {BASE: "1", "without": "0"}
RESULT = Path(__file__).parent / "results" / "onednn.json"


def one_run(steps: int) -> float:
    """Return the seconds of so many steps of `GAN.fit` in this interpreter, after a warm-up."""
    profiles.quiet_tensorflow()
    from benchmarks.loops import BATCH_SIZE, fit, new_gan
    from benchmarks.training_loop import random_slices

    run = fit(new_gan(), random_slices().to_dataset(BATCH_SIZE))
    run(steps)
    started = time.perf_counter()
    run(steps)
    return time.perf_counter() - started


def elsewhere(setting: str):
    """Return a function that does a run in a fresh interpreter with oneDNN on ("1") or off."""

    def run(steps: int) -> float:
        command = [sys.executable, __file__, "--steps", str(steps)]
        environment = os.environ | {"TF_ENABLE_ONEDNN_OPTS": setting}
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        return float(done.stdout.split()[-1])

    return run


def has_avx512() -> bool | None:
    """Say whether the processor has AVX-512; None where the system does not tell."""
    try:
        return "avx512" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return None


def main() -> None:
    """Run, print and record; with `--steps` only time this interpreter."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int)
    steps = parser.parse_args().steps
    if steps:
        print(one_run(steps))
        return
    runs = {name: elsewhere(setting) for name, setting in SETTINGS.items()}
    rows = summary(interleaved(runs, STEPS, ROUNDS), BASE, batch_size=16)
    store(RESULT, rows, steps=STEPS, rounds=ROUNDS, avx512=has_avx512())
    for row in rows:
        print(f"{row['run']}: {row['ms_per_step']} ms, {said(row['time_over_base'])}")


if __name__ == "__main__":
    main()
