"""Stop a run, or lose it, and go on as if nothing had happened."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import keras
import numpy as np


class ResumableCheckpoint(keras.callbacks.Callback):
    """Saves all that a GAN's next step depends on, every so many steps and at the end.

    Saved: both networks, the averaged generator, both optimisers and the step; latents and
    augmentation are functions of seed and step. With a dataset whose batches are a function of
    the step too (`Slices.to_dataset(start_step=...)`) and
    `tf.config.experimental.enable_op_determinism()`, a run that was killed and resumed equals one
    that was not, to the bit, on CPU. A checkpoint is a directory that is complete before it gets
    its name; the last two are kept.

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
        super().__init__()
        self.folder, self.every = Path(folder), every

    def restore(self, gan: keras.Model) -> int:
        """Load the newest checkpoint into a compiled GAN.

        Returns:
            The step to go on from: 0 when there is no checkpoint.

        Raises:
            ValueError: The checkpoint belongs to networks or optimisers of another shape.
        """
        saved = self._saved()
        if not saved:
            return 0
        newest = saved[-1]
        names = json.loads((newest / "state.json").read_text(encoding="utf-8"))["variables"]
        variables = _state(gan)
        with np.load(newest / "state.npz", allow_pickle=False) as arrays:
            values = [arrays[f"v{index}"] for index in range(len(names))]
        expected = [_describe(variable) for variable in variables]
        if names != expected:
            pairs = zip(names, expected, strict=False)
            odd = next((f"{one} instead of {other}" for one, other in pairs if one != other), None)
            detail = odd or "another number of variables"
            raise ValueError(
                f"{newest} was saved by other networks or optimisers ({detail}): build the GAN as "
                "it was then, or choose another folder"
            )
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return int(gan.step.numpy())

    def save(self) -> Path:
        """Save the GAN being trained; return the checkpoint's directory."""
        step = int(self.model.step.numpy())
        target = self.folder / f"step-{step:08d}"
        if target.is_dir():
            return target
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(dir=self.folder, prefix=".unfinished-"))
        variables = _state(self.model)
        arrays = {f"v{index}": np.asarray(value) for index, value in enumerate(variables)}
        np.savez(unfinished / "state.npz", **arrays)
        described = {"step": step, "variables": [_describe(value) for value in variables]}
        (unfinished / "state.json").write_text(json.dumps(described), encoding="utf-8")
        os.replace(unfinished, target)
        for old in [*self._saved()[:-2], *self.folder.glob(".unfinished-*")]:
            shutil.rmtree(old, ignore_errors=True)
        return target

    def _saved(self) -> list[Path]:
        return sorted(self.folder.glob("step-*")) if self.folder.is_dir() else []

    def on_train_batch_end(self, batch, logs=None):
        """Save when the step is a multiple of `every`."""
        if int(self.model.step.numpy()) % self.every == 0:
            self.save()

    def on_train_end(self, logs=None):
        """Save the last state."""
        self.save()


def _state(gan) -> list[keras.Variable]:
    """Return every variable that the next step depends on, in a fixed order."""
    networks = (gan.generator, gan.discriminator, gan.ema_generator)
    variables = [variable for network in networks for variable in network.variables]
    for optimizer in (gan.g_optimizer, gan.d_optimizer):
        variables += optimizer.variables
    return [*variables, gan.step]


def _describe(variable: keras.Variable) -> str:
    return f"{variable.name} {tuple(variable.shape)} {variable.dtype}"
