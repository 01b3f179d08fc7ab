"""What the command line does, step by step: list, fetch, train, sample, evaluate.

The same functions that the notebooks call, composed once. What a run's folder holds, and when it
is refused, stands in `run_folder`; how a run is judged in `judging`; `inspect` in `inspection`.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import profiles, run_folder
from ._files import written_whole

if TYPE_CHECKING:
    import keras

    from .training import GAN, ResumableCheckpoint


def show_sources() -> None:
    """Print what `fetch` knows: name, modality, licence, size, and whether it needs the network."""
    from .data import list_sources

    for entry in list_sources():
        print(f"{entry['name']:14} {entry['modality']}; {entry['licence']}")
        print(f"{'':14} {entry['size']}; network: {entry['network']}")


def fetch(
    source: str, out: Path, image_size: int, subjects: int | None, discard: bool, **reading
) -> None:
    """Write `slices.npz` of a source into a run's folder.

    Args:
        source: A name that `list_sources()` lists; `list` prints them.
        out: The run's folder.
        image_size: Pixels a side.
        subjects: How many; None for all.
        discard: Delete what the folder holds of other data.
        **reading: Options of `load_slices`; those that are None are left out.

    Raises:
        ValueError: Unknown source or option, too few subjects, a file that cannot be used, or a
            folder that holds other data.
        OSError: No files, no network, or no place to write.
    """
    from .data import load_slices
    from .data.loading import find_items

    if source == "list":
        return show_sources()
    if out.exists() and not out.is_dir():
        raise FileExistsError(f"--out {out} is a file; name a folder for the run")
    given = {name: value for name, value in reading.items() if value is not None}
    if source == "brain-phantom" and "modality" in given:
        given["modalities"] = (given.pop("modality"),)
    try:
        _, items, _ = find_items(source, image_size, subjects, given)
    except TypeError as error:  # an option that this source does not take
        raise ValueError(str(error)) from error
    run_folder.enough_to_train({item.subject for item in items})
    slices = load_slices(source, image_size, subjects=subjects, **given)
    fetched = {name: str(value) for name, value in given.items()}
    slices = replace(slices, info=slices.info | {"fetched": fetched})
    path = run_folder.keep_slices(out, slices, discard)
    parts = slices.split(run_folder.SHARES)
    who = ", ".join(f"{name} {len(np.unique(p.subjects))}" for name, p in parts.items())
    print(f"{len(slices)} slices of {len(np.unique(slices.subjects))} subjects ({who})")
    how = f"cut as {slices.info['anatomy']}" if np.isfinite(slices.spacing_mm) else "as they are"
    print(f"{slices.modality}, {how}, {image_size} × {image_size} pixels")
    print(f"licence: {slices.info.get('licence', 'unknown')}\nkept in {path}")
    if short := run_folder.too_few_to_evaluate(parts):
        print(f"note: {short}")


def train(run: Path, steps: int, every: int, restart: bool, **settings) -> None:
    """Train until `steps`, from the last save where there is one.

    Args:
        run: Folder with `slices.npz`.
        steps: Steps in all.
        every: Steps between two saves, sample grids and scores.
        restart: Delete what an earlier training left.
        **settings: batch_size, rate, r1_gamma, loss, ema, flip, condition, seed.

    Raises:
        ValueError: A value is out of range, or an earlier training had other slices or settings.
        FileNotFoundError: There are no slices.
    """
    if min(steps, every, settings["batch_size"]) < 1 or not 0 < settings["rate"] < np.inf:
        raise ValueError("--steps, --every, --batch-size and --rate must be positive")
    if settings["seed"] < 0:
        raise ValueError(f"--seed {settings['seed']} must be at least 0")
    slices = run_folder.read_slices(run)
    settings = {"data": run_folder.fingerprint(slices), **settings}
    if not restart:
        run_folder.check_settings(run, settings)
    names = settings["condition"]
    slices = run_folder.with_known_labels(slices, names)
    parts = slices.split(run_folder.SHARES)
    classes = (
        tuple(int(column.max()) + 1 for column in slices.label_table(names).T) if names else ()
    )
    profiles.quiet_tensorflow()
    from .models import save_generator
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
        data = parts["train"].to_dataset(
            settings["batch_size"], settings["seed"], start, settings["flip"], label=names or None
        )
        callbacks = _callbacks(run, gan, parts["reference"], names, every)
        _fit(gan, data, steps - start, callbacks, keeper)
    done = int(gan.step.numpy())
    card = f"# {run.resolve().name}\n\nTrained for {done} steps; not scored yet."
    save_generator(gan.ema_generator, run_folder.generator(run), card)
    run_folder.write_settings(run, settings | {"steps": done})
    print(f"samples in {run / 'grids'}, generator in {run / 'generator.weights.h5'}")


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


def sample(run: str, count: int, seed: int, labels: str | None, out: Path) -> None:
    """Write samples as one PNG grid, or as an `.npz` with `images` (N, H, W, C) in [-1, 1].

    Args:
        run: Folder of a run, or the name of a checkpoint of the course.
        count: How many.
        seed: Draws the same z as `gan.sample(count, seed=seed)`.
        labels: For a conditional generator, whole numbers with commas between.
        out: Where to.

    Raises:
        ValueError: Labels or ending do not fit.
        FileNotFoundError: There is no such run or checkpoint.
    """
    if out.suffix.lower() not in (".png", ".npz") or count < 1:
        raise ValueError(f"--out {out} must end in .png or .npz, and --count be at least 1")
    if seed < 0:
        raise ValueError(f"--seed {seed} must be at least 0")
    if Path(run).is_dir() and not (Path(run) / "generator.weights.h5").is_file():
        raise FileNotFoundError(f"{run} holds no trained generator; run `train {run}` first")
    profiles.quiet_tensorflow()
    from .display import plots
    from .models import load_generator

    generator = load_generator(run_folder.generator(run) if Path(run).is_dir() else run)
    images = draw(generator, count, seed, _labels(generator, labels))
    out.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(out) as temporary:
        if out.suffix.lower() == ".png":
            temporary.write_bytes(plots.grid_png(images))
        else:
            np.savez_compressed(temporary, images=images)
    print(f"{count} images of {images.shape[1]} × {images.shape[2]} pixels in {out}")


def draw(
    generator: "keras.Model", count: int, seed: int, labels: np.ndarray | None = None
) -> np.ndarray:
    """Generate `count` images (N, H, W, C) from the z that `gan.sample(count, seed=seed)` draws.

    Args:
        generator: Of a run or a checkpoint.
        count: How many.
        seed: Seed of z.
        labels: (n,) for all, or (count, n); None for a generator without labels.
    """
    latent_dim = generator.inputs[0].shape[-1]
    z = np.random.default_rng(seed).standard_normal((count, latent_dim), dtype=np.float32)
    if labels is None:
        return generator.predict(z, verbose=0)
    rows = np.broadcast_to(labels, (count, np.shape(labels)[-1]))
    return generator.predict([z, np.int32(rows)], verbose=0)


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


def _labels(generator: "keras.Model", text: str | None) -> np.ndarray | None:
    """Return the labels (n,) that a user asked for, checked against the generator's classes."""
    classes = generator.architecture.arguments["num_classes"]
    if classes is None:
        if text:
            raise ValueError("this generator takes no --labels")
        return None
    counts = np.atleast_1d(classes).tolist()
    values = [part.strip() for part in (text or "").split(",")]
    if len(values) != len(counts) or not all(value.isdecimal() for value in values):
        example = ",".join("0" for _ in counts)
        raise ValueError(f"--labels needs {len(counts)} whole numbers, for example {example}")
    for value, count in zip(map(int, values), counts, strict=True):
        if value >= count:
            known = "0 alone" if count == 1 else f"0 and {count - 1}"
            known = known if count < 3 else f"0 to {count - 1}"
            raise ValueError(f"label {value}: this generator knows {known}")
    return np.array([int(value) for value in values])
