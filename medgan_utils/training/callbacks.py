"""Look at a GAN while it trains: sample grids, scores, live curves.

A callback is handed the function that draws or scores, so that nothing here depends on how.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from .._files import written_whole
from .finite import check_weights


class EverySteps(keras.callbacks.Callback):
    """Calls `act(step)` when the step reaches or passes a multiple of `every`, and at the end.

    A step is passed where `steps_per_execution` takes several at once: the multiple of 10 between 9
    and 16 is acted on at 16.

    Args:
        every: Steps between two calls.

    Raises:
        ValueError: `every` is no whole number from 1 on.
        FloatingPointError: Something is due, and a weight is not finite.
    """

    def __init__(self, every: int):
        super().__init__()
        if every < 1 or every != int(every):
            raise ValueError(f"every={every} must be a whole number of at least 1")
        self.every, self._before, self._acted = int(every), 0, -1

    def act(self, step: int) -> None:
        """Do what is due at this step; sub-classes say what."""
        raise NotImplementedError

    def on_train_begin(self, logs=None):
        """Note where this training starts; another one's steps do not count."""
        self._before, self._acted = int(self.model.step.numpy()), -1

    def on_train_batch_end(self, batch, logs=None):
        """Act when it is due."""
        step = int(self.model.step.numpy())
        if step // self.every > self._before // self.every:
            self._act_once(step)
        self._before = step

    def on_train_end(self, logs=None):
        """Act once more on the last step."""
        self._act_once(int(self.model.step.numpy()))

    def _act_once(self, step: int) -> None:
        if step != self._acted:
            check_weights(self.model)  # a picture or a score of NaN helps nobody
            self._acted = step
            self.act(step)


class SampleGrid(EverySteps):
    """Draws the same latents again and again, so that one sees them become images.

    Args:
        latents: Latent vectors (N, latent_dim); keep them fixed.
        draw: Turns images (N, H, W, C) into PNG bytes, for example `display.grid_png`.
        every: Steps between two grids.
        folder: Where `step-00000500.png` and so on go; None keeps them in memory only.
        labels: Labels (N, n), or label maps (N, H, W), for a conditional GAN.

    Raises:
        ValueError: `folder` without `draw`.

    Attributes:
        frames: List of (step, images) drawn so far, images float32 (N, H, W, C).
    """

    def __init__(
        self,
        latents: np.ndarray,
        draw: Callable[[np.ndarray], bytes] | None = None,
        every: int = 500,
        folder: str | Path | None = None,
        labels: np.ndarray | None = None,
    ):
        super().__init__(every)
        if folder is not None and draw is None:
            raise ValueError("folder= needs draw=, which turns images into PNG bytes")
        self.latents, self.draw, self.labels = latents, draw, labels
        self.folder = None if folder is None else Path(folder)
        self.frames: list[tuple[int, np.ndarray]] = []

    def act(self, step: int) -> None:
        """Sample, remember, write."""
        images = self.model.sample(self.latents, self.labels)
        self.frames.append((step, images))
        if self.folder is not None:
            with written_whole(self.folder / f"step-{step:08d}.png") as path:
                path.write_bytes(self.draw(images))


class Monitor(EverySteps):
    """Scores the averaged generator as it trains, keeps the best, stops when it stops improving.

    Args:
        score: Handed the GAN, returns numbers by name; `watch` must be among them.
        watch: The score that decides; lower is better, and NaN is never the best.
        every: Steps between two scores.
        patience: Stop after this many scores in a row without a new best; None never stops.
        log: A JSON-lines file that gets one row a score. Rows beyond the step of a resumed run are
            dropped, so that it continues where the run does.
        best: Where to keep the averaged generator's weights at the best score
            (`NAME.weights.h5`), so that they outlive the process. It needs `log`, which tells a run
            that goes on what the best score was. After a resume it may be of a row that was
            dropped, until a score beats the rows that are left.

    Attributes:
        rows: One dictionary a score, with `step` and `seconds`.
        best_weights: Weights of the averaged generator at the best score, None before the first;
            where a run goes on, None until a better one comes: the earlier ones are in `best`.

    Raises:
        ValueError: `best` without `log`, or of another suffix.
    """

    def __init__(
        self,
        score: Callable[[keras.Model], dict[str, float]],
        watch: str,
        every: int = 1000,
        patience: int | None = None,
        log: str | Path | None = None,
        best: str | Path | None = None,
    ):
        super().__init__(every)
        if best is not None and log is None:
            raise ValueError("best= needs log=: else a run that goes on would overwrite the best")
        if best is not None and not str(best).endswith(".weights.h5"):
            raise ValueError(f"best={str(best)!r} must end in .weights.h5")
        self.best = None if best is None else Path(best)
        self.score, self.watch, self.patience = score, watch, patience
        self.log = None if log is None else Path(log)
        self.rows: list[dict[str, float]] = []
        self.best_weights: list[np.ndarray] | None = None

    def on_train_begin(self, logs=None):
        """Start the clock and read the rows of an earlier part of the run."""
        super().on_train_begin(logs)
        if self.log is not None and self.log.is_file() and not self.rows:
            rows = [json.loads(line) for line in self.log.read_text("utf-8").splitlines()]
            self.rows = [row for row in rows if row["step"] <= int(self.model.step.numpy())]
        if self.rows:  # a run that is started again at its end takes no step to be scored
            self._acted = self.rows[-1]["step"]
        before = self.rows[-1]["seconds"] if self.rows else 0.0
        self._started = time.perf_counter() - before

    def act(self, step: int) -> None:
        """Score, remember, write, and decide whether to go on."""
        numbers = {name: float(value) for name, value in self.score(self.model).items()}
        if self.watch not in numbers:
            known = ", ".join(numbers) or "nothing"
            raise ValueError(f"watch={self.watch!r} is none of what `score` returned: {known}")
        seconds = round(time.perf_counter() - self._started, 1)
        self.rows.append({"step": step, "seconds": seconds, **numbers})
        if self.scores_since_best() == 0:
            self._keep_best()
        if self.log is not None:
            with written_whole(self.log) as path:
                path.write_text("".join(json.dumps(row) + "\n" for row in self.rows), "utf-8")
        if self.patience is not None and self.scores_since_best() >= self.patience:
            self.model.stop_training = True

    def _keep_best(self) -> None:
        self.best_weights = self.model.ema_generator.get_weights()
        if self.best is not None:
            with written_whole(self.best) as path:
                self.model.ema_generator.save_weights(path)

    def scores_since_best(self) -> int:
        """Return how many scores came after the best one; all of them where none is a number."""
        values = np.array([row[self.watch] for row in self.rows])
        if np.isnan(values).all():
            return len(values)
        return len(values) - 1 - int(np.nanargmin(values))


class LiveLossPlot(EverySteps):
    """Redraws one picture below the cell, in place: the output does not grow.

    Args:
        draw: Handed the history (name -> list of numbers, with `step`), returns PNG bytes.
        every: Steps between two redraws.

    Attributes:
        history: Name -> one number a redraw.
    """

    def __init__(self, draw: Callable[[dict[str, list[float]]], bytes], every: int = 100):
        super().__init__(every)
        self.draw = draw
        self.history: dict[str, list[float]] = {}
        self._handle = None

    def act(self, step: int) -> None:
        """Append the running means and replace the picture."""
        from IPython.display import Image, display

        numbers = {name: float(metric.result()) for name, metric in self.model.trackers.items()}
        for name, value in {"step": step, **numbers}.items():
            self.history.setdefault(name, []).append(value)
        picture = Image(data=self.draw(self.history), format="png")
        if self._handle is None:
            self._handle = display(picture, display_id=True)
        else:
            self._handle.update(picture)


class StopAfter(keras.callbacks.Callback):
    """Ends a training when its time is up, whatever the model: for races at equal time.

    The first step, which compiles, is not counted.

    Args:
        seconds: Of wall time; above 0.

    Attributes:
        steps: Steps taken, the first included.
        seconds_used: From the end of the first step to that of the last.

    Raises:
        ValueError: `seconds` is not above 0.
    """

    def __init__(self, seconds: float):
        super().__init__()
        if not seconds > 0:
            raise ValueError(f"seconds={seconds} must be above 0")
        self.seconds, self.steps, self.seconds_used = seconds, 0, 0.0

    def on_train_begin(self, logs=None):
        """Start anew."""
        self.steps, self.seconds_used, self._started = 0, 0.0, None

    def on_train_batch_end(self, batch, logs=None):
        """Look at the clock."""
        self.steps += self.model.steps_per_execution
        if self._started is None:
            self._started = time.perf_counter()
        self.seconds_used = time.perf_counter() - self._started
        if self.seconds_used >= self.seconds:  # another callback may have asked for it already
            self.model.stop_training = True
