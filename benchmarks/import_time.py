"""How long `import medgan_utils` takes, in fresh interpreters.

    python benchmarks/import_time.py

Without the start of Python itself, which is measured beside it, in turn.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.timing import interleaved
from tools.record import record

ROUNDS = 11
RESULT = Path(__file__).parent / "results" / "import_time.json"
STATEMENTS = {
    "Python alone": "pass",
    "medgan_utils": "import medgan_utils",
    "medgan_utils.profiles": "import medgan_utils.profiles",
    "medgan_utils.data": "import medgan_utils.data",
    "data.load_slices": "from medgan_utils.data import load_slices",
    "training.GAN (TensorFlow)": "from medgan_utils.training import GAN",
}


def importing(statement: str):
    """Return a function that runs a statement in a fresh interpreter."""

    def run(steps: int) -> None:
        subprocess.run([sys.executable, "-c", statement], check=True, stderr=subprocess.DEVNULL)

    return run


def main() -> None:
    """Run, print and record."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    runs = {name: importing(statement) for name, statement in STATEMENTS.items()}
    times = interleaved(runs, steps=1, rounds=ROUNDS)
    alone = times.pop("Python alone")
    rows = [
        {
            "import": name,
            "seconds": round(float(np.median(values - alone)) / 1000, 3),
            "slowest_seconds": round(float(np.max(values - alone)) / 1000, 3),
        }
        for name, values in times.items()
    ]
    python = round(float(np.median(alone)) / 1000, 3)
    record(RESULT, {"python_alone_seconds": python, "rounds": ROUNDS, "rows": rows}, seeds=[])
    for row in rows:
        print(f"{row['import']}: {row['seconds']} s (slowest {row['slowest_seconds']} s)")


if __name__ == "__main__":
    main()
