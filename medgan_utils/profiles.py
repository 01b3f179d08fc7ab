"""How large a run is, with which seed, and where it runs.

A notebook has one visible cell of sizes::

    run = profiles.choose(
        smoke=dict(steps=20, subjects=4),
        cpu=dict(steps=3000, subjects=40),
        gpu=dict(steps=60_000, subjects=200),
    )

The environment variable `MEDGAN_PROFILE` names the profile; `cpu` is the default everywhere.
"""

import os
import platform
import random
import sys
import time
from pathlib import Path
from typing import Any

from ._paths import results_folder

NAMES = ("smoke", "cpu", "gpu")


class Run:
    """The sizes of one profile, as attributes, and the clock and claims of one notebook run.

    Attributes:
        profile: `"smoke"`, `"cpu"` or `"gpu"`.
        seed: The seed that was given to Python, NumPy and Keras.
    """

    def __init__(self, profile: str, seed: int, sizes: dict[str, Any]):
        self.profile, self.seed, self._sizes = profile, seed, dict(sizes)
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
            AssertionError: The claim does not hold in the `cpu` or `gpu` profile. In `smoke`, where
                nothing has trained long enough to mean anything, the claim is not judged.
        """
        if self.profile == "smoke":
            return print(f"(not judged in smoke) {text}")
        assert bool(holds), f"this run does not bear out: {text}"
        print(f"✓ {text}")

    def finish(self) -> None:
        """Print the wall time since `choose`, the profile and the machine's cores."""
        minutes, seconds = divmod(round(time.perf_counter() - self._started), 60)
        print(
            f"Ran in {minutes} min {seconds} s, profile {self.profile!r}, "
            f"{os.cpu_count()} CPU cores, Python {platform.python_version()}."
        )


def choose(
    *, smoke: dict[str, Any], cpu: dict[str, Any], gpu: dict[str, Any], seed: int = 2026
) -> Run:
    """Pick the sizes of this run and seed every generator of random numbers.

    Args:
        smoke: Sizes for tests: about 30 s a notebook; shapes and ranges are asserted.
        cpu: Sizes for a laptop: about 10 min a notebook. The default, on Colab too.
        gpu: Sizes for one GPU, chosen by hand with `MEDGAN_PROFILE=gpu`.
        seed: Given to Python, NumPy and, where it is loaded, Keras (and so TensorFlow).

    Returns:
        A `Run` whose attributes are the chosen sizes.

    Raises:
        ValueError: `MEDGAN_PROFILE` names no profile, or the three do not set the same names.
    """
    chosen = os.environ.get("MEDGAN_PROFILE", "cpu")
    sizes = dict(zip(NAMES, (smoke, cpu, gpu), strict=True))
    if chosen not in sizes:
        raise ValueError(f"MEDGAN_PROFILE={chosen!r} is none of {', '.join(NAMES)}")
    for name, values in sizes.items():
        if set(values) != set(cpu):
            odd = ", ".join(sorted(set(values) ^ set(cpu)))
            raise ValueError(f"profiles {name!r} and 'cpu' must set the same sizes; differs: {odd}")
    set_seed(seed)
    return Run(chosen, seed, sizes[chosen])


def set_seed(seed: int) -> None:
    """Seed Python and NumPy, and Keras (which seeds TensorFlow) when it is already imported."""
    random.seed(seed)
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(seed)
    elif "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)


def quiet_tensorflow() -> None:
    """Import TensorFlow without its notes (CPU features, missing CUDA drivers, retracing).

    A lesson builds many small models in a loop on purpose; the retracing note would follow each.
    TensorFlow 2.21 writes some of them from C++ before it reads `TF_CPP_MIN_LOG_LEVEL`, so the
    file descriptor of stderr is put aside during the import. Errors are Python exceptions and stay
    visible.
    """
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
    """Return the file of a result that took too long for a lesson; `experiments/` made it.

    Args:
        name: The file's name, for example `"ablation.json"`.

    Raises:
        FileNotFoundError: There is no such result.
    """
    path = results_folder() / name
    if not path.is_file():
        known = ", ".join(sorted(one.name for one in path.parent.glob("*.*"))) or "nothing"
        raise FileNotFoundError(f"no stored result {name!r} in {path.parent}; there is {known}")
    return path
