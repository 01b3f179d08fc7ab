"""Stop a run, or lose it, and go on as if nothing had happened."""

import json
import re
import shutil
import warnings
import zipfile
import zlib
from pathlib import Path

import keras
import numpy as np

from .._files import written_whole
from .callbacks import EverySteps
from .finite import ADVICE

DAMAGED = (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error)


class ResumableCheckpoint(EverySteps):
    """Saves all that a GAN's next step depends on, every so many steps and at the end.

    Saved: both networks, the averaged generator, both optimisers and the step; latents and
    augmentation are functions of seed and step. With a dataset whose batches are a function of
    the step too (`Slices.to_dataset(start_step=...)`) and
    `tf.config.experimental.enable_op_determinism()`, a run that was killed and resumed equals one
    that was not, to the bit, on CPU. A checkpoint is a directory that is complete before it gets
    its name; the last two are kept. Numbers that are not finite are never saved.

    Example::

        keeper = ResumableCheckpoint("runs/brain")
        start = keeper.restore(gan)
        gan.fit(slices.to_dataset(16, start_step=start), steps_per_epoch=500, epochs=6,
                initial_epoch=start // 500, callbacks=[keeper])

    Args:
        folder: Where the checkpoints go.
        every: Steps between two saves.
    """

    def __init__(self, folder: str | Path, every: int = 500):
        super().__init__(every)
        self.folder = Path(folder)

    def restore(self, gan: keras.Model) -> int:
        """Load the newest checkpoint into a compiled GAN, or the one before where it is damaged.

        The learning rates are part of it: a warning says so where `compile` was given others.

        Returns:
            The step to go on from: 0 when there is no checkpoint.

        Raises:
            ValueError: The GAN is not compiled, the checkpoint belongs to networks or optimisers of
                another shape, or all are damaged.
        """
        saved, damaged = self.saved(), []
        if saved and not gan.compiled:
            raise ValueError("call compile() first: a checkpoint holds the optimisers' state, too")
        for folder in reversed(saved):
            try:
                names, values = _read(folder)
            except DAMAGED as error:
                damaged.append((folder, error))
                continue
            rates = gan.optimizer.rates
            _assign(gan, folder, names, values)
            _tell_of_rates(gan, rates)
            for other, error in damaged:
                kept = other.replace(_free(other.with_name(f"damaged-{other.name}")))
                warnings.warn(
                    f"{other} is damaged ({error}) and now named {kept.name}; going on from "
                    f"{folder.name}, the one before",
                    stacklevel=2,
                )
            return int(gan.step.numpy())
        if damaged:
            raise ValueError(
                f"all checkpoints are damaged, {damaged[0][0]} too ({damaged[0][1]}); delete "
                f"{self.folder} to start anew"
            )
        return 0

    def on_train_begin(self, logs=None):
        """Note where this training starts, and refuse a folder that is ahead of it."""
        super().on_train_begin(logs)
        if (saved := self.saved()) and int(saved[-1].name[5:]) > self._before:
            raise ValueError(
                f"{saved[-1]} is of an earlier run and ahead of step {self._before}: it would stay "
                "in place of this run's; call restore(gan) first, or choose another folder"
            )

    def act(self, step: int) -> None:
        """Save the GAN being trained.

        Where weights were set back to an earlier step than the newest saved one
        (`EarlyStopping(restore_best_weights=True)`), nothing is saved and a warning says so: the
        optimisers are those of a later step.

        Raises:
            FloatingPointError: A number is not finite; the last good checkpoint stays.
        """
        if (saved := self.saved()) and step < step_of(saved[-1]):
            warnings.warn(
                f"the weights were set back to step {step}, before {saved[-1]}, and are not saved "
                "there; keep them with save_generator, or the best ones with Monitor(best=...)",
                stacklevel=2,
            )
            return
        variables = state_of(self.model)
        arrays = {f"v{index}": value.numpy() for index, value in enumerate(variables)}
        for variable, value in zip(variables, arrays.values(), strict=True):
            if not np.isfinite(value).all():
                raise FloatingPointError(
                    f"the training diverged by step {step} ({variable.path} is not finite), and "
                    f"that is not saved; {ADVICE}"
                )
        described = {"step": step, "variables": [_describe(value) for value in variables]}
        with written_whole(self.folder / f"step-{step:08d}", folder=True) as unfinished:
            np.savez(unfinished / "state.npz", **arrays)
            (unfinished / "state.json").write_text(json.dumps(described), encoding="utf-8")
        # What a killed run left half written, and all but the last two.
        for old in [*self.saved()[:-2], *self.folder.glob(".*-step-*")]:
            shutil.rmtree(old, ignore_errors=True)

    def saved(self) -> list[Path]:
        """Return the folders of the checkpoints, oldest first."""
        found = (
            path for path in self.folder.glob("step-*") if path.is_dir() and step_of(path) >= 0
        )
        return sorted(found, key=step_of)


def step_of(folder: Path) -> int:
    """Return the step of a checkpoint's folder `step-00001000`; -1 of any other."""
    match = re.fullmatch(r"step-(\d+)", folder.name)
    return int(match[1]) if match else -1


def _read(folder: Path) -> tuple[list[str], list[np.ndarray]]:
    names = json.loads((folder / "state.json").read_text(encoding="utf-8"))["variables"]
    with np.load(folder / "state.npz", allow_pickle=False) as arrays:
        return names, [arrays[f"v{index}"] for index in range(len(names))]


def _assign(gan: keras.Model, folder: Path, names: list[str], values: list[np.ndarray]) -> None:
    variables = state_of(gan)
    expected = [_describe(variable) for variable in variables]
    names = [name.replace("int32", "int64") for name in names]  # JAX counts in 32 bits
    if list(map(_uncounted, names)) != list(map(_uncounted, expected)):
        pairs = zip(names, expected, strict=False)
        odd = next(
            (f"{a} instead of {b}" for a, b in pairs if _uncounted(a) != _uncounted(b)), None
        )
        raise ValueError(
            f"{folder} was saved by other networks or optimisers "
            f"({odd or 'another number of variables'}): build the GAN as it was then, or choose "
            "another folder"
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _tell_of_rates(gan: keras.Model, asked: list[float]) -> None:
    """Warn where a saved rate took the place of the one that was asked for."""
    gan.gather_optimizers()  # at their rates of now
    now = gan.optimizer.rates
    if now != asked and not gan.optimizer.scheduled:
        warnings.warn(
            f"going on with the learning rates of the checkpoint, {now[0]:g} and {now[1]:g} (G and "
            f"D), not {asked[0]:g} and {asked[1]:g} of compile(): to change them, set "
            "gan.g_optimizer.learning_rate and gan.d_optimizer.learning_rate after restore()",
            stacklevel=3,
        )


def _uncounted(described: str) -> str:
    """Leave out Keras' counter of layers: a network built again in one process has another."""
    return re.sub(r"(?<=[a-z0-9])_\d+(?=_)", "", described)


def _free(path: Path) -> Path:
    shutil.rmtree(path, ignore_errors=True)
    return path


def state_of(gan) -> list[keras.Variable]:
    """Return every variable that the next step depends on, in a fixed order."""
    networks = (gan.generator, gan.discriminator, gan.ema_generator)
    variables = [variable for network in networks for variable in network.variables]
    for optimizer in (gan.g_optimizer, gan.d_optimizer):
        variables += optimizer.variables
    return [*variables, *getattr(gan, "further_state", ()), gan.step]


def _describe(variable: keras.Variable) -> str:
    kind = variable.dtype.replace("int32", "int64")
    return f"{variable.name} {tuple(variable.shape)} {kind}"
