"""How `train` trains a run: alone, or as one of several workers that share each batch."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import profiles, run_folder
from .data import Slices
from .training import launch

if TYPE_CHECKING:
    from .training import GAN, ResumableCheckpoint


def train(run: Path, steps: int, every: int, restart: bool, workers: int = 1, **settings) -> None:
    """Train until `steps`, from the last save where there is one.

    Args:
        run: Folder with `slices.npz`.
        steps: Steps in all.
        every: Steps between two saves, sample grids and scores.
        restart: Delete what an earlier training left.
        workers: Processes that share each batch; where `TF_CONFIG` names several, this is one.
        **settings: batch_size, rate, r1_gamma, loss, ema, flip, condition, seed.

    Raises:
        ValueError: A value is out of range, or an earlier training had other slices or settings.
        FileNotFoundError: There are no slices.
        ChildProcessError: A worker died the same way twice.
    """
    options = {"steps": steps, "every": every, **settings}
    if min(steps, every, settings["batch_size"]) < 1 or not 0 < settings["rate"] < np.inf:
        raise ValueError("--steps, --every, --batch-size and --rate must be positive")
    if settings["seed"] < 0:
        raise ValueError(f"--seed {settings['seed']} must be at least 0")
    index, cluster = launch.this_worker()
    workers = _checked_workers(workers, cluster, settings["batch_size"], restart)
    slices = run_folder.read_slices(run)
    settings = {"data": run_folder.fingerprint(slices), "workers": workers, **settings}
    if not restart:
        run_folder.check_settings(run, settings)
    names = settings["condition"]
    slices = run_folder.with_known_labels(slices, names)
    parts = slices.split(run_folder.SHARES)
    classes = _classes(slices, parts["train"], names)
    if workers > 1 and cluster == 1:
        if restart:
            _gan(slices.images.shape[1:], classes, settings)  # what is refused deletes nothing
        del slices, parts  # a launcher only waits
        return _launch(run, options, settings, restart)
    profiles.quiet_tensorflow()
    if workers > 1:
        return _work(run, parts, classes, options, settings, chief=index == 0)
    from .training import ResumableCheckpoint

    gan = _gan(slices.images.shape[1:], classes, settings)
    if restart:
        run_folder.forget(run)
    run_folder.write_settings(run, settings)
    keeper = ResumableCheckpoint(run / "state", every)
    start = keeper.restore(gan)
    print(f"{'going on from' if start else 'starting at'} step {start} of {steps}")
    if start < steps:
        run_folder.forget_report(run)
        callbacks = _callbacks(run, gan, parts["reference"], names, every)
        _fit(gan, _batches(parts, settings, start), steps - start, callbacks, keeper)
    _keep(run, gan, settings)


def _classes(slices: Slices, train: Slices, names: Sequence[str]) -> tuple[int, ...]:
    """Return how many classes each label has, and say which of them no training slice shows."""
    if not names:
        return ()
    counts = tuple(int(column.max()) + 1 for column in slices.label_table(names).T)
    run_folder.say_unseen_classes(train, names, counts)
    return counts


def _batches(parts: dict, settings: dict, start: int):
    """Return the batches of training slices from a step on."""
    names = settings["condition"] or None
    order = (settings["batch_size"], settings["seed"], start, settings["flip"])
    return parts["train"].to_dataset(*order, label=names)


def _keep(run: Path, gan: "GAN", settings: dict) -> None:
    """Write the averaged generator, and how far it was trained."""
    from .models import save_generator

    done = int(gan.step.numpy())
    if run_folder.generator_step(run) == done:  # its card may hold an evaluation
        print(f"generator of this step in {run / 'generator.weights.h5'} already")
        return
    card = f"# {run.resolve().name}\n\nTrained for {done} steps; not scored yet."
    save_generator(gan.ema_generator, run_folder.generator(run), card)
    run_folder.write_settings(run, settings, done)
    print(f"samples in {run / 'grids'}, generator in {run / 'generator.weights.h5'}")


def _checked_workers(workers: int, cluster: int, batch_size: int, restart: bool) -> int:
    """Return how many workers train; refuse numbers that do not go together."""
    if workers < 1:
        raise ValueError(f"--workers {workers} must be at least 1")
    if cluster > 1 and workers not in (1, cluster):
        raise ValueError(f"--workers {workers}: TF_CONFIG names {cluster}; leave the option out")
    workers = max(workers, cluster)
    if batch_size % workers:
        raise ValueError(f"--batch-size {batch_size} does not part evenly into {workers} workers")
    if restart and cluster > 1:
        raise ValueError("--restart beside TF_CONFIG: delete the earlier training by hand instead")
    return workers


def _launch(run: Path, options: dict, settings: dict, restart: bool) -> None:
    """Start workers on this machine: the same command without --workers, once for each."""
    if restart:
        run_folder.forget(run)
    command = [sys.executable, "-m", __package__, "train", str(run)]
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        values = value if isinstance(value, list) else [value]
        if value is True:
            command.append(flag)
        elif value is not False and values:  # 0 is a value
            command += [flag, *map(str, values)]

    launch.launch(command, settings["workers"], lambda: run_folder.last_saved(run))


def _work(
    run: Path, parts: dict, classes: tuple, options: dict, settings: dict, chief: bool
) -> None:
    """Train as one of several workers; the chief alone writes."""
    launch.end_with_launcher()
    import tensorflow as tf

    from .training import ResumableCheckpoint, distributed

    strategy = tf.distribute.MultiWorkerMirroredStrategy()  # before anything else of TensorFlow's
    with strategy.scope():
        gan = _gan(parts["train"].images.shape[1:], classes, settings)
    if chief:
        run_folder.write_settings(run, settings)
    steps, every = options["steps"], options["every"]
    keeper = ResumableCheckpoint(run / "state", every)
    start = distributed.restore_workers(gan, keeper)
    if chief:
        how = "going on from" if start else "starting at"
        print(f"{how} step {start} of {steps} with {settings['workers']} workers", flush=True)
    if start < steps:
        callbacks = []
        if chief:
            run_folder.forget_report(run)
            names = settings["condition"]
            callbacks = [*_callbacks(run, gan, parts["reference"], names, every), keeper]
        batches = _batches(parts, settings, start)
        distributed.fit_workers(gan, batches, steps - start, callbacks, every)
    if chief:
        _keep(run, gan, settings)
    distributed.check_equal(gan)


def _fit(gan: "GAN", data, steps: int, callbacks: list, keeper: "ResumableCheckpoint") -> None:
    """Train; where numbers run out, say what is left."""
    try:
        gan.fit(data, steps_per_epoch=steps, verbose=1, callbacks=[*callbacks, keeper])
    except FloatingPointError as error:
        good = "no good state was saved; give --restart"
        if saved := keeper.saved():
            step = int(saved[-1].name.removeprefix("step-"))
            good = f"last good state: step {step}, which --steps {step} makes the generator of"
        raise FloatingPointError(f"{error}; {good}") from error


def _gan(shape: tuple[int, int, int], classes: list[int], settings: dict) -> "GAN":
    """Build and compile the GAN for images of this shape (H, W, C)."""
    import keras
    import tensorflow as tf

    from .models import dcgan_discriminator, dcgan_generator
    from .training import GAN, R1, DiffAugment

    keras.utils.set_random_seed(settings["seed"])
    if not tf.config.list_physical_devices("GPU"):  # on a CPU it costs nothing
        tf.config.experimental.enable_op_determinism()  # a resumed run is the run, to the bit
    options = {"image_size": shape[0], "channels": shape[2], "num_classes": tuple(classes) or None}
    networks = dcgan_generator(**options), dcgan_discriminator(**options)
    gan = GAN(*networks, ema=settings["ema"], seed=settings["seed"])
    adams = [keras.optimizers.Adam(settings["rate"], beta_1=0.0, beta_2=0.99) for _ in range(2)]
    augment = DiffAugment(brightness=0.05, contrast=0.1, shift=0.125)
    gan.compile(
        *adams, loss=settings["loss"], penalties=[R1(settings["r1_gamma"])], augment=augment
    )
    return gan


def _callbacks(run: Path, gan: "GAN", reference, names: list[str], every: int) -> list:
    """Return what draws grids and what scores against the reference subjects."""
    from .display import plots
    from .evaluation import laplacian_descriptors, swd
    from .training import Monitor, SampleGrid

    real = laplacian_descriptors(reference.images)
    labels = reference.label_table(names) if names else None
    few = None if labels is None else np.resize(labels, (64, labels.shape[1]))

    def score(gan) -> dict[str, float]:
        images = gan.sample(len(reference), labels, seed=1)
        return {"SWD": float(swd(real, laplacian_descriptors(images)).mean())}

    return [
        SampleGrid(gan.latents(64), plots.grid_png, every, run / "grids", few),
        Monitor(score, "SWD", every, log=run / "scores.jsonl"),
    ]
