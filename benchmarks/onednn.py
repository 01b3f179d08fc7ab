"""What oneDNN saves a training step: `GAN.fit` with and without it, each in fresh interpreters.

    python benchmarks/onednn.py

TensorFlow reads `TF_ENABLE_ONEDNN_OPTS` when it is imported. Unless told, it takes oneDNN on Linux
where the processor has instructions for neural networks (AVX512-VNNI, AVX-VNNI, BF16 or AMX).
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from medgan_utils import profiles

profiles.quiet_tensorflow()

from benchmarks.loops import BATCH_SIZE, fit, new_gan
from benchmarks.timing import interleaved, said, store, summary
from benchmarks.training_loop import random_slices

ROUNDS, STEPS = 8, 150
BASE = "with oneDNN"
SETTINGS = {BASE: "1", "without": "0"}
NEURAL = ("avx512_vnni", "avx_vnni", "avx512_bf16", "amx_")  # as /proc/cpuinfo spells them
RESULT = Path(__file__).parent / "results" / "onednn.json"


def one_run(steps: int) -> float:
    """Return the seconds of so many steps of `GAN.fit` in this interpreter, after a warm-up."""
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


def has_neural_instructions() -> bool | None:
    """Say whether TensorFlow would take oneDNN unasked; None where the system does not tell."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return None
    return any(flag in flags for flag in NEURAL)


def main() -> None:
    """Run, print and record; with `--steps` only time this interpreter."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int)
    steps = parser.parse_args().steps
    if steps:
        print(one_run(steps))
        return
    runs = {name: elsewhere(setting) for name, setting in SETTINGS.items()}
    rows = summary(interleaved(runs, STEPS, ROUNDS), BASE, BATCH_SIZE)
    facts = dict(steps_per_round=STEPS, rounds=ROUNDS, neural=has_neural_instructions())
    store(RESULT, rows, **facts)
    for row in rows:
        print(f"{row['run']}: {row['ms_per_step']} ms, {said(row['time_over_base'])}")


if __name__ == "__main__":
    main()
