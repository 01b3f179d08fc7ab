"""From a folder of NIfTI files to cached slices: volumes a second and peak memory.

    python benchmarks/loading.py

10 and 100 volumes, one and two worker processes, each in a fresh process. The volumes are four
heads of the brain phantom, copied under other names: how long a file takes does not depend on
whether another one is alike.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from medgan_utils.data import SliceStore, load_slices, store_slices
from tools.record import record

RESULT = Path(__file__).parent / "results" / "loading.json"
HEADS, COUNTS = 4, (10, 100)
WAYS = {
    "load_slices, one .npz": lambda folder, out: load_slices("folder", folder=folder),
    "load_slices, again from the cache": lambda folder, out: load_slices("folder", folder=folder),
    "store_slices, 1 worker": lambda folder, out: store_slices("folder", out, folder=folder),
    "store_slices, 2 workers": lambda folder, out: store_slices(
        "folder", out, folder=folder, workers=2
    ),
    "SliceStore, one pass by tf.data": lambda folder, out: one_pass(out.parent),
}


def one_pass(scratch: Path) -> range:
    """Read every slice of the newest store once, in batches of 32 in random order."""
    store = SliceStore.open(max(scratch.glob("*2 workers"), key=lambda path: path.stat().st_mtime))
    batches = -(-len(store) // 32)
    for _ in store.to_dataset(32, seed=0).take(batches):
        pass
    return range(len(store))


def write_volumes(folder: Path, count: int, heads: list[Path]) -> Path:
    """Copy heads until there are so many subjects."""
    folder.mkdir()
    for number in range(count):
        name = f"sub-{number:03d}_T1w.nii.gz"
        shutil.copy(heads[number % len(heads)], folder / name)
    return folder


def memory(process: psutil.Process) -> float:
    """Return the megabytes of a process and its children; shared pages are shared out (PSS)."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            pass  # it has just ended
    return total / 1e6


def watched(way: str, folder: Path, out: Path, cache: Path) -> dict:
    """Run one way in a fresh process; return its seconds, slices and peak memory."""
    command = [sys.executable, __file__, "--child", way, str(folder), str(out)]
    environment = os.environ | {"MEDGAN_CACHE": str(cache)}
    peak = 0.0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        process = psutil.Process(child.pid)
        while child.poll() is None:
            peak = max(peak, memory(process))
            time.sleep(0.05)
        seconds, slices = child.stdout.read().split()
    if child.returncode:
        raise RuntimeError(f"{way} failed")
    return {"seconds": float(seconds), "slices": int(slices), "peak_mb": round(peak)}


def child(way: str, folder: str, out: str) -> None:
    """Do it, and print seconds and number of slices."""
    if "tf.data" in way:
        import tensorflow  # noqa: F401  (its seconds are not the reading's)
    started = time.perf_counter()
    slices = WAYS[way](Path(folder), Path(out))
    print(time.perf_counter() - started, len(slices))


def main() -> None:
    """Run, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        return child(*arguments.child)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        os.environ["MEDGAN_CACHE"] = str(scratch / "phantom")
        load_slices("brain-phantom", subjects=HEADS)
        heads = sorted((scratch / "phantom").rglob("*_T1w.nii.gz"))
        for count in COUNTS:
            folder = write_volumes(scratch / f"{count}", count, heads)
            for way in WAYS:
                out = scratch / f"{count} {way}"
                run = watched(way, folder, out, scratch / f"cache {count}")
                run["volumes_per_second"] = round(count / run["seconds"], 1)
                rows.append({"way": way, "volumes": count, **run})
                print(rows[-1], flush=True)
        megabytes = round(sum(path.stat().st_size for path in heads) / len(heads) / 1e6, 1)
    results = {"heads": HEADS, "file_mb": megabytes, "image_size": 64, "rows": rows}
    record(RESULT, results | {"load_average": os.getloadavg()[0]}, seeds=[0])
    return None


if __name__ == "__main__":
    main()
