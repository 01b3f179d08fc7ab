"""Store the result of a run with what made it: command, commit, seeds, versions and seconds.

And do not run again what was finished: `finished`.
"""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import joblib

from medgan_utils import phantoms
from medgan_utils._files import written_whole

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "scikit-image", "nibabel")
STARTED = time.perf_counter()


def finished(function: Callable, *about: object, ignore: Sequence[str] = ()) -> Callable:
    """Return the function with a memory on disk (`runs/`): a finished call is not run again.

    So a stopped script resumes. A call with other arguments, of another code of this function (not
    of what it calls) or with another `about` is another call.

    Args:
        function: Whose result can be pickled.
        *about: What the result depends on beside the arguments, for example settings.
        ignore: Arguments that do not change the result.
    """
    memory = joblib.Memory(ROOT / "runs" / joblib.hash(about), verbose=0)
    return memory.cache(function, ignore=list(ignore))


def devices() -> str:
    """Return which accelerators the libraries see that this process has imported."""
    seen = []
    if tensorflow := sys.modules.get("tensorflow"):
        for device in tensorflow.config.get_visible_devices():
            if device.device_type != "CPU":
                details = tensorflow.config.experimental.get_device_details(device)
                seen.append(f"TensorFlow: {details.get('device_name', device.device_type)}")
    if jax := sys.modules.get("jax"):
        found = (device for device in jax.devices() if device.platform != "cpu")
        seen += [f"JAX: {device.device_kind}" for device in found]
    return ", ".join(seen) or "no GPU used"


def provenance(seeds: list[int]) -> dict:
    """Return command, commit, seeds, versions, machine, date and seconds since import.

    `phantoms` is the version of the cohorts' bytes: where it is today's, a row can be made again.
    """
    git = ["git", "-C", str(ROOT)]
    commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True)
    # A result written a moment ago does not change what makes the next one.
    code = ["--", ":/", ":(exclude,top)*/results/*"]
    dirty = subprocess.run(
        [*git, "status", "--porcelain", "-uno", *code], capture_output=True, text=True
    )
    return {
        # Relative to the checkout: where it lies on one machine is nobody's business.
        "command": " ".join(["python", *sys.argv]).replace(f"{ROOT}/", ""),
        "commit": commit.stdout.strip() + ("+changes" if dirty.stdout.strip() else ""),
        "seeds": list(seeds),
        "versions": {"python": platform.python_version()}
        | {package: version(package) for package in PACKAGES},
        "phantoms": phantoms.VERSION,
        "machine": f"{platform.machine()}, {os.cpu_count()} CPU cores, {devices()}",
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
    content = {"provenance": provenance(seeds), **extra, "results": results}
    with written_whole(path) as unfinished:
        unfinished.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return path
