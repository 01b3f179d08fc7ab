"""Kill one training of the command many times at random moments; compare it with one left alone.

    python benchmarks/kills.py

Both are `python -m medgan_utils train` on the same noise, 32 × 32 pixels. Each life of the second
one is ended by SIGKILL, some random time after its first step; the last life runs to the end. Then
all that the two left behind is compared: networks, averages, optimisers, sample grids, scores.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

from medgan_utils.data import Slices
from tools.record import record

RESULT = Path(__file__).parent / "results" / "kills.json"
EVERY, BATCH_SIZE = 5, 4
PROGRESS = re.compile(rb"\d+/\d+")  # Keras' bar: a step is done


def new_run(folder: Path) -> Path:
    """Return a run's folder as `fetch` leaves it: noise of ten made-up subjects."""
    images = np.random.default_rng(0).uniform(-1, 1, (60, 32, 32, 1)).astype(np.float32)
    subjects = np.repeat([f"s{number}" for number in range(10)], 6)
    Slices(images, subjects, np.zeros(60, np.float32)).save(folder / "slices.npz")
    return folder


def start(run: Path, steps: int) -> subprocess.Popen:
    """Start the command, or start it again."""
    command = [sys.executable, "-u", "-m", "medgan_utils", "train", str(run)]
    options = ["--steps", steps, "--every", EVERY, "--batch-size", BATCH_SIZE]
    return subprocess.Popen([*command, *map(str, options)], stdout=subprocess.PIPE)


def await_first_step(process: subprocess.Popen) -> None:
    """Read what the command prints until its first step is done.

    Raises:
        RuntimeError: It ended before.
    """
    said = b""
    while not PROGRESS.search(said):
        more = os.read(process.stdout.fileno(), 65536)
        if not more:
            raise RuntimeError(f"ended with {process.wait()} before a step: {said[-500:]!r}")
        said += more


def kill_after_first_step(run: Path, steps: int, seconds: float) -> dict:
    """Let one life of the training go on for some time after its first step, then kill it.

    Returns:
        The time, the newest state left, and whether a save was half written.
    """
    process = start(run, steps)
    await_first_step(process)
    end = time.monotonic() + seconds
    os.set_blocking(process.stdout.fileno(), False)
    while (left := end - time.monotonic()) > 0:
        process.stdout.read()  # a full pipe would stop it
        time.sleep(min(0.005, left))
    process.send_signal(signal.SIGKILL)
    code = process.wait()
    process.stdout.close()
    if code != -signal.SIGKILL:
        raise RuntimeError(f"the training ended by itself, with {code}: ask for more --steps")
    state = run / "state"
    return {
        "seconds_after_first_step": round(seconds, 3),
        "newest_state": max((int(path.name[5:]) for path in state.glob("step-*")), default=0),
        "save_half_written": any(state.glob(".*")),
    }


def left_behind(run: Path) -> dict[str, bytes]:
    """Return name -> content of all that a training leaves, without times of the clock."""
    found = {path.name: path.read_bytes() for path in (run / "grids").glob("*.png")}
    newest = max((run / "state").glob("step-*"))
    with np.load(newest / "state.npz") as arrays:
        found |= {f"{newest.name}/{name}": arrays[name].tobytes() for name in arrays.files}
    with h5py.File(run / "generator.weights.h5") as file:
        weights: dict[str, bytes] = {}
        file.visititems(
            lambda name, item: (
                weights.update({name: item[()].tobytes()})
                if isinstance(item, h5py.Dataset)
                else None
            )
        )
    rows = [json.loads(line) for line in (run / "scores.jsonl").read_text("utf-8").splitlines()]
    scores = {
        f"score at {row['step']}": repr({k: v for k, v in row.items() if k != "seconds"}).encode()
        for row in rows
    }
    return found | weights | scores


def finish(run: Path, steps: int) -> None:
    """Let the training run to its end."""
    process = start(run, steps)
    process.communicate()
    if process.returncode:
        raise RuntimeError(f"the training ended with {process.returncode}")


def main() -> int:
    """Run, print and record; 1 where the two differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--steps", type=int, default=2000, help="more than the kills let it take")
    parser.add_argument("--longest", type=float, default=2.0, help="seconds after the first step")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    work = Path(tempfile.mkdtemp())
    try:
        whole, cut = new_run(work / "whole"), new_run(work / "cut")
        finish(whole, options.steps)
        rows = []
        for number in range(options.kills):
            rows.append(
                kill_after_first_step(cut, options.steps, random.uniform(0, options.longest))
            )
            print(f"kill {number + 1}: {rows[-1]}", flush=True)
        finish(cut, options.steps)
        expected, found = left_behind(whole), left_behind(cut)
    finally:
        shutil.rmtree(work)
    names = sorted(set(expected) | set(found))
    differing = [name for name in names if expected.get(name) != found.get(name)]
    results = {
        "steps": options.steps,
        "save_every": EVERY,
        "kills": rows,
        "compared": len(names),
        "differing": differing,
        "load_average": os.getloadavg()[0],
    }
    record(options.out, results, seeds=[0, 2026])
    print(f"{len(names)} arrays, pictures and scores compared, {len(differing)} differ")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
