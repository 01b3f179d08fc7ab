"""Store the result of a run with what made it: command, commit, seeds, versions and seconds."""

import json
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "scikit-image", "nibabel")
STARTED = time.perf_counter()


def provenance(seeds: list[int]) -> dict:
    """Return command, commit, seeds, versions, machine, date and seconds since import."""
    git = ["git", "-C", str(Path(__file__).parent)]
    commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True)
    # A result written a moment ago does not change what makes the next one.
    code = ["--", ":/", ":!/benchmarks/results"]
    dirty = subprocess.run(
        [*git, "status", "--porcelain", "-uno", *code], capture_output=True, text=True
    )
    return {
        # Relative to the checkout: where it lies on one machine is nobody's business.
        "command": " ".join(["python", *sys.argv]).replace(
            f"{Path(__file__).resolve().parents[1]}/", ""
        ),
        "commit": commit.stdout.strip() + ("+changes" if dirty.stdout.strip() else ""),
        "seeds": list(seeds),
        "versions": {"python": platform.python_version()}
        | {package: version(package) for package in PACKAGES},
        "machine": f"{platform.machine()}, {os.cpu_count()} CPU cores, no GPU used",
        "date": time.strftime("%Y-%m-%d"),
        "seconds": round(time.perf_counter() - STARTED, 1),
    }


def record(path: str | Path, results: object, seeds: list[int], **extra: object) -> Path:
    """Write `results` and its provenance as JSON, by renaming a finished file.

    Args:
        path: Where to write, for example `experiments/results/ablation.json`.
        results: Anything JSON can hold.
        seeds: Every seed the results depend on.
        **extra: Further entries, for example settings.

    Returns:
        The path written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"provenance": provenance(seeds), **extra, "results": results}
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return unfinished.replace(path)
