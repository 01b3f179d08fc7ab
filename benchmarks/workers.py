"""Images a second by number of worker processes on one machine, and of threads in each.

    python benchmarks/workers.py

Each way trains the course's GAN at 64 × 64 on the same batches of 16, in fresh processes; the ways
take turns, and a round gives one value for each. Start and compilation are not counted.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.timing import said, store, summary
from medgan_utils import profiles
from medgan_utils.training import launch

WARM_UP, STEPS, ROUNDS, BATCH_SIZE = 20, 100, 7, 16
RESULT = Path(__file__).parent / "results" / "workers.json"


def ways(cores: int) -> dict[str, tuple[int, int]]:
    """Return name -> (workers, threads of each): one with one thread, and all cores parted.

    The first is what the others are compared with.
    """
    counts = [count for count in (1, 2, 4, 8, 16) if cores % count == 0]
    found = {(1, 1), *((workers, cores // workers) for workers in counts)}
    return {f"{workers} × {threads}": (workers, threads) for workers, threads in sorted(found)}


def timed(workers: int, threads: int, steps: int) -> float:
    """Train in new processes; return the milliseconds a step."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "seconds.json"
        code = f"from benchmarks import workers; workers.work({str(path)!r}, {threads}, {steps})"
        launch.launch([sys.executable, "-c", code], workers, lambda: 0, restarts=0)
        return 1000 * json.loads(path.read_text("utf-8")) / steps


def work(path: str, threads: int, steps: int) -> None:
    """As one worker: train, and on the chief write the seconds of the steps after the warm-up."""
    launch.end_with_launcher()
    profiles.quiet_tensorflow()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    from benchmarks.loops import Clock, new_gan
    from benchmarks.training_loop import random_slices
    from medgan_utils.training import distributed

    with strategy.scope():
        gan = new_gan()
    clock = Clock()
    dataset = random_slices().to_dataset(BATCH_SIZE)
    distributed.fit_workers(gan, dataset, WARM_UP + steps, [clock], every=WARM_UP + steps)
    if distributed.is_chief(strategy):
        Path(path).write_text(json.dumps(clock.ends[-1] - clock.ends[WARM_UP - 1]), "utf-8")
    distributed.check_equal(gan)


def main() -> None:
    """Run, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--steps", type=int, default=STEPS, help="that are timed")
    options = parser.parse_args()
    runs = ways(os.cpu_count())
    times = {name: [] for name in runs}
    for _ in range(options.rounds):
        for name, (workers, threads) in runs.items():
            times[name].append(timed(workers, threads, options.steps))
    base = next(iter(runs))
    rows = summary({name: np.array(t) for name, t in times.items()}, base, BATCH_SIZE)
    for row, (workers, threads) in zip(rows, runs.values(), strict=True):
        row |= {"workers": workers, "threads": threads}
        print(f"{row['run']}: {row['ms_per_step']} ms, {said(row['time_over_base'])} × {base}")
    store(RESULT, rows, batch_size=BATCH_SIZE, steps_per_round=options.steps, rounds=options.rounds)


if __name__ == "__main__":
    main()
