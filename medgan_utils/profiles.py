"""How large a run is, with which seed, and where it runs.

A notebook has one visible cell of sizes::

    run = profiles.choose(  # in smoke, cpu and gpu
        steps=(20, 3000, 60_000),
        subjects=(4, 40, 200),
    )

The environment variable `MEDGAN_PROFILE` names the profile; `cpu` is the default everywhere.
`MEDGAN_STEPS_DIVIDED=1000` takes a thousandth of every number of steps, to try the other sizes.
"""

import json
import os
import platform
import random
import sys
import time
from pathlib import Path
from typing import Any

from ._paths import results_folders

NAMES = ("smoke", "cpu", "gpu")


class Run:
    """The sizes of one profile, as attributes, and the clock and claims of one notebook run.

    Attributes:
        profile: `"smoke"`, `"cpu"` or `"gpu"`.
        seed: The seed that was given to Python, NumPy and Keras.
        in_full: Whether claims are judged: not in `smoke`, nor with steps divided.
        own_data: Set it to True for images of your own: the claims were made about the course's,
            so that of yours it is only said whether they hold.
    """

    def __init__(self, profile: str, seed: int, sizes: dict[str, Any], in_full: bool = True):
        self.profile, self.seed, self._sizes = profile, seed, dict(sizes)
        self.in_full, self.own_data = in_full, False
        self._started = time.perf_counter()

    def __getattr__(self, name: str) -> Any:
        sizes = self.__dict__.get("_sizes", {})
        if name in sizes:
            return sizes[name]
        known = ", ".join(sorted(sizes))
        raise AttributeError(f"profile {self.__dict__.get('profile')!r} sets no {name!r}: {known}")

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name}={value!r}" for name, value in self._sizes.items())
        return f"profile {self.profile!r}, seed {self.seed}: {sizes}"

    def claim(self, text: str, holds: bool) -> None:
        """Assert what a chapter claims, in full-size runs only.

        Args:
            text: The claim, in words.
            holds: Whether the numbers above bear it out.

        Raises:
            AssertionError: The claim does not hold in the `cpu` or `gpu` profile. In `smoke` and
                with steps divided, where nothing has trained long enough to mean anything, the
                claim is not judged; with `own_data` it stops nothing.
        """
        if not self.in_full:
            how = "in smoke" if self.profile == "smoke" else "with steps divided"
            return print(f"(not judged {how}) {text}")
        if self.own_data and not holds:
            return print(f"✗ not in this run: {text}")
        if not holds:  # no assert: `python -O` leaves those out
            raise AssertionError(f"this run does not bear out: {text}")
        print(f"✓ {text}")

    def finish(self) -> None:
        """Print the wall time since `choose`, the profile and the machine's cores."""
        minutes, seconds = divmod(round(time.perf_counter() - self._started), 60)
        print(
            f"Ran in {minutes} min {seconds} s, profile {self.profile!r}, "
            f"{os.cpu_count()} CPU cores, Python {platform.python_version()}."
        )


def choose(*, seed: int = 2026, **sizes: tuple[Any, Any, Any]) -> Run:
    """Pick the sizes of this run and seed every generator of random numbers.

    With `MEDGAN_STEPS_DIVIDED` above 1, `every` and the whole numbers whose names hold "steps" are
    divided by it, but not below those of `smoke`, with which the notebook is known to run.

    Args:
        seed: Given to Python, NumPy and, where it is loaded, Keras (and so TensorFlow).
        **sizes: Three values each: for `smoke` (tests, about a minute a notebook; only shapes and
            ranges are asserted), for `cpu` (a laptop, about 10 min a notebook; the default, on
            Colab too) and for `gpu` (one GPU, chosen by hand with `MEDGAN_PROFILE=gpu`).

    Returns:
        A `Run` whose attributes are the chosen sizes.

    Raises:
        ValueError: `MEDGAN_PROFILE` names no profile, `MEDGAN_STEPS_DIVIDED` is no whole number
            from 1, or a size has not three values.
    """
    chosen = os.environ.get("MEDGAN_PROFILE", "cpu")
    if chosen not in NAMES:
        raise ValueError(f"MEDGAN_PROFILE={chosen!r} is none of {', '.join(NAMES)}")
    for name, values in sizes.items():
        if not isinstance(values, tuple) or len(values) != len(NAMES):
            raise ValueError(f"{name}={values!r} needs three values: for {', '.join(NAMES)}")
    text = os.environ.get("MEDGAN_STEPS_DIVIDED", "1")
    if not text.isdigit() or int(text) < 1:
        raise ValueError(f"MEDGAN_STEPS_DIVIDED={text!r} must be a whole number from 1")
    set_seed(seed)
    in_full = chosen != "smoke" and int(text) == 1
    smoke, picked = (
        {name: values[NAMES.index(profile)] for name, values in sizes.items()}
        for profile in ("smoke", chosen)
    )
    return Run(chosen, seed, _steps_divided(picked, int(text), smoke), in_full)


def _steps_divided(sizes: dict[str, Any], by: int, least: dict[str, Any]) -> dict[str, Any]:
    """Return the sizes with numbers of steps (also of an inner dict) divided."""
    divided = dict(sizes)
    for name, value in sizes.items():
        if isinstance(value, dict):
            divided[name] = _steps_divided(value, by, least.get(name) or {})
        elif isinstance(value, int) and ("steps" in name or name == "every"):
            divided[name] = min(value, max(value // by, least.get(name) or 1))
    return divided


def set_seed(seed: int) -> None:
    """Seed Python and NumPy, and Keras (which seeds TensorFlow) when it is already imported."""
    import numpy as np

    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002, for a notebook that uses the global state
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(seed)


def quiet_tensorflow() -> None:
    """Import TensorFlow with oneDNN, without its notes (CPU features, CUDA drivers, retracing).

    A lesson builds many small models in a loop on purpose; the retracing note would follow each.
    TensorFlow 2.21 writes some of them from C++ before it reads `TF_CPP_MIN_LOG_LEVEL`, so the
    file descriptor of stderr is put aside during the import. Errors are Python exceptions and stay
    visible.

    oneDNN computes the convolutions; by itself TensorFlow leaves it aside on many processors
    (`benchmarks/onednn.py` says which, and what that costs). `TF_ENABLE_ONEDNN_OPTS=0` keeps it
    off.
    """
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            import tensorflow
        finally:
            os.dup2(kept, 2)
            os.close(kept)
    tensorflow.get_logger().setLevel("ERROR")


def stored_result(name: str) -> Path:
    """Return the file of a result that took too long for a lesson.

    A script of `experiments/` made it, or of `benchmarks/` where it is about time.

    Args:
        name: The file's name, for example `"ablation.json"`.

    Raises:
        FileNotFoundError: There is no such result.
    """
    folders = results_folders()
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    there = sorted(one.name for folder in folders for one in folder.glob("*.*"))
    where = " or ".join(map(str, folders))
    known = ", ".join(there) or "nothing"
    raise FileNotFoundError(f"no stored result {name!r} in {where}; there is {known}")


def read_result(name: str) -> dict:
    """Read a stored result, and print what made it: command, date, commit, seeds, machine, seconds.

    Args:
        name: The JSON file's name, for example `"ablation.json"`.

    Returns:
        `results`, and beside it `provenance`, `settings` and what else the script stored.

    Raises:
        FileNotFoundError: There is no such result.
    """
    content = json.loads(stored_result(name).read_text(encoding="utf-8"))
    made = content["provenance"]
    seeds = ", ".join(map(str, made["seeds"]))
    print(
        f"{made['command']}, {made['date']}, commit {made['commit'][:7]}, seeds {seeds}, "
        f"{made['machine']}, {made['seconds']:.0f} s"
    )
    return content
