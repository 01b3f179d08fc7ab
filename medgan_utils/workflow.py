"""What the command line does, step by step: fetch, train, sample, evaluate.

The same functions that the notebooks call, composed once. A run is a folder: `slices.npz`,
`settings.json`, `state/` (to resume from), `grids/`, `scores.jsonl`, `generator.*`,
`model-card.md` and `report.html`.
"""

import json
import platform
import shutil
from importlib.metadata import version
from pathlib import Path

import numpy as np

from . import profiles

LOSSES = ("minimax", "non-saturating", "least-squares", "hinge", "wasserstein", "relativistic")
SHARES = {"train": 0.6, "reference": 0.2, "test": 0.2}
PACKAGES = ("tensorflow", "keras", "numpy", "nibabel")
ENCODERS = {"head": "brain-encoder-64", "body": "liver-encoder-64"}


def fetch(
    source: str,
    out: Path,
    folder: Path | None,
    image_size: int,
    subjects: int | None,
    modality: str | None,
) -> None:
    """Write `slices.npz` of a source into a run's folder; `list` prints the sources instead.

    Raises:
        ValueError: Unknown source, too few subjects, or a file that cannot be used.
        OSError: No files, no network, or no place to write.
    """
    from .data import list_sources, load_slices

    if source == "list":
        for entry in list_sources():
            needs = "needs the network" if entry["network"] != "no" else "works offline"
            print(f"{entry['name']:16} {entry['modality']:8} {entry['licence']}; {needs}")
        return
    options = {"folder": folder, "modality": modality}
    given = {name: value for name, value in options.items() if value is not None}
    slices = load_slices(source, image_size, subjects=subjects, **given)
    parts = slices.split(SHARES)
    out.mkdir(parents=True, exist_ok=True)
    slices.save(out / "slices.npz")
    who = ", ".join(f"{name} {len(np.unique(p.subjects))}" for name, p in parts.items())
    print(f"{len(slices)} slices of {len(np.unique(slices.subjects))} subjects ({who})")
    print(f"licence: {slices.info.get('licence', 'unknown')}\nkept in {out / 'slices.npz'}")


def train(run: Path, steps: int, every: int, restart: bool, **settings) -> None:
    """Train until `steps`, from the last save where there is one.

    Args:
        run: Folder with `slices.npz`.
        steps: Steps in all.
        every: Steps between two saves, sample grids and scores.
        restart: Delete what an earlier training left.
        **settings: batch_size, rate, r1_gamma, loss, ema, flip, seed.

    Raises:
        ValueError: A value is out of range, or an earlier training had other settings.
        FileNotFoundError: There are no slices.
    """
    parts = _parts(run)
    if steps < 1 or every < 1 or settings["batch_size"] < 1 or settings["rate"] <= 0:
        raise ValueError("--steps, --every, --batch-size and --rate must be positive")
    _agree(run, settings, restart)
    profiles.quiet_tensorflow()
    from .display import plots
    from .models import save_generator
    from .training import Monitor, ResumableCheckpoint, SampleGrid

    gan = _gan(parts["train"].images.shape[1], settings)
    keeper = ResumableCheckpoint(run / "state", every)
    start = keeper.restore(gan)
    print(f"{'going on from' if start else 'starting at'} step {start} of {steps}")
    if start < steps:
        gan.fit(
            parts["train"].to_dataset(
                settings["batch_size"], settings["seed"], start, settings["flip"]
            ),
            steps_per_epoch=steps - start,
            verbose=1,
            callbacks=[
                SampleGrid(gan.latents(64), plots.grid_png, every, run / "grids"),
                Monitor(_scorer(parts["reference"]), "SWD", every, log=run / "scores.jsonl"),
                keeper,
            ],
        )
    save_generator(gan.ema_generator, run / "generator", f"# {run.name}\n\nNot scored yet.")
    print(f"samples in {run / 'grids'}, generator in {run / 'generator.weights.h5'}")


def sample(run: str, count: int, seed: int, labels: str | None, out: Path) -> None:
    """Write samples as one PNG grid, or as an `.npz` with `images` (N, H, W, C) in [-1, 1].

    Raises:
        ValueError: Labels or ending do not fit.
        FileNotFoundError: There is no such run or checkpoint.
    """
    if out.suffix not in (".png", ".npz") or count < 1:
        raise ValueError(f"--out {out} must end in .png or .npz, and --count be at least 1")
    profiles.quiet_tensorflow()
    from .display import plots
    from .models import load_generator

    generator = load_generator(Path(run) / "generator" if Path(run).is_dir() else run)
    z = np.random.default_rng(seed).standard_normal((count, generator.inputs[0].shape[-1]))
    images = generator.predict(_inputs(generator, z.astype(np.float32), labels), verbose=0)
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".png":
        out.write_bytes(plots.grid_png(images))
    else:
        np.savez_compressed(out, images=images)
    print(f"{count} images of {images.shape[1]} × {images.shape[2]} pixels in {out}")


def evaluate(run: Path, seeds: int) -> None:
    """Score the averaged generator on the test subjects; write card and page.

    Raises:
        ValueError: No sets of samples are asked for.
        FileNotFoundError: The run has no slices or was not trained.
    """
    parts, settings = _parts(run), _settings(run)
    if seeds < 1:
        raise ValueError("--seeds must be at least 1")
    if settings is None or not (run / "generator.weights.h5").is_file():
        raise FileNotFoundError(f"{run} holds no trained generator; run `train {run}` first")
    profiles.quiet_tensorflow()
    from . import evaluation
    from .models import load_generator, save_generator
    from .table import Table

    generator, encoders = load_generator(run / "generator"), _encoders(parts["test"])
    count = min(len(parts["test"]), len(parts["reference"]))
    fakes = {f"generated, seed {seed}": _draw(generator, count, seed) for seed in range(seeds)}
    test, train = (
        evaluation.reference_features(parts[name].images, encoders, parts[name].subjects)
        for name in ("test", "train")
    )
    marks = evaluation.landmarks(
        *(parts["reference"].images, parts["reference"].subjects, count),
        *(parts["train"].images, parts["train"].subjects),
    )
    table = evaluation.evaluate(fakes, test, encoders, marks, train)
    looks = {"real (test)": parts["test"].images} | fakes
    looks = [{"set": name, **evaluation.describe(images)} for name, images in looks.items()]
    tables = {
        "Against the test subjects": table,
        "What single images look like": Table(looks),
    }
    figures = _figures(run, parts["test"].images, next(iter(fakes.values())))
    card, page = evaluation.write_report(
        run, f"GAN of {run.name}", _facts(parts, settings), tables, figures
    )
    save_generator(generator, run / "generator", card.read_text(encoding="utf-8"))
    print(f"{table.markdown()}\n\nmodel card: {card}\nreport: {page}")


def _parts(run: Path) -> dict:
    from .data import Slices

    path = Path(run) / "slices.npz"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; make it with `fetch SOURCE --out {run}`")
    return Slices.load(path).split(SHARES)


def _settings(run: Path) -> dict | None:
    path = run / "settings.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _agree(run: Path, settings: dict, restart: bool) -> None:
    """Keep the settings beside the results; refuse to mix two trainings in one folder."""
    before = None if restart else _settings(run)
    if restart:
        for name in ("state", "grids"):
            shutil.rmtree(run / name, ignore_errors=True)
        (run / "scores.jsonl").unlink(missing_ok=True)
    changed = [name for name in settings if before and before.get(name) != settings[name]]
    if changed:
        named = ", ".join(f"{name} {before.get(name)} → {settings[name]}" for name in changed)
        raise ValueError(
            f"{run} holds a training with other settings ({named}); use those, another run's "
            "folder, or --restart"
        )
    (run / "settings.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def _gan(image_size: int, settings: dict):
    import keras

    from .models import dcgan_discriminator, dcgan_generator
    from .training import GAN, DiffAugment

    keras.utils.set_random_seed(settings["seed"])
    networks = dcgan_generator(image_size), dcgan_discriminator(image_size)
    gan = GAN(*networks, ema=settings["ema"], seed=settings["seed"])
    adams = [keras.optimizers.Adam(settings["rate"], beta_1=0.0, beta_2=0.99) for _ in range(2)]
    augment = DiffAugment(brightness=0.05, contrast=0.1, shift=0.125)
    gan.compile(*adams, loss=settings["loss"], r1_gamma=settings["r1_gamma"], augment=augment)
    return gan


def _scorer(reference):
    from .evaluation import laplacian_descriptors, swd

    real = laplacian_descriptors(reference.images)

    def score(gan) -> dict[str, float]:
        images = gan.sample(len(reference), seed=1)
        return {"SWD": float(swd(real, laplacian_descriptors(images)).mean())}

    return score


def _encoders(slices) -> dict:
    """Return a random encoder and, for slices of known scale and its size, the anatomy's own."""
    from .evaluation import Encoder, EncoderConfig, load_encoder

    size, channels = slices.images.shape[2:]
    random = Encoder(EncoderConfig(size, channels, ("none",), (0.0,), (1.0,), seed=1), "random")
    name = ENCODERS.get(slices.info.get("anatomy"))
    known_scale = np.isfinite(slices.spacing_mm)  # cropped pictures would be too large for it
    fits = name is not None and known_scale and (size, channels) == (64, 1)
    return ({name: load_encoder(name)} if fits else {}) | {"random": random}


def _draw(generator, count: int, seed: int) -> np.ndarray:
    z = np.random.default_rng(seed).standard_normal((count, generator.inputs[0].shape[-1]))
    return generator.predict(z.astype(np.float32), verbose=0)


def _inputs(generator, z: np.ndarray, labels: str | None) -> np.ndarray | list[np.ndarray]:
    if len(generator.inputs) == 1:
        if labels:
            raise ValueError("this generator takes no --labels")
        return z
    count = generator.inputs[1].shape[-1]
    values = [int(text) for text in (labels or "").split(",") if text.strip().isdigit()]
    if len(values) != count:
        raise ValueError(f"--labels needs {count} whole numbers, for example {'0,' * count}"[:-1])
    return [z, np.tile(np.int32(values), (len(z), 1))]


def _figures(run: Path, real: np.ndarray, fakes: np.ndarray) -> dict[str, bytes]:
    from .display import plots

    figures = {
        "Real slices of the test subjects": plots.grid_png(real[:: max(1, len(real) // 32)][:32]),
        "Generated slices, the first 32 of seed 0": plots.grid_png(fakes[:32]),
    }
    grids = sorted((run / "grids").glob("*.png"))
    return figures | (
        {f"The same latents after {grids[0].stem}": grids[0].read_bytes()} if grids else {}
    )


def _facts(parts: dict, settings: dict) -> dict[str, dict]:
    info = parts["train"].info
    subjects = {name: ", ".join(np.unique(part.subjects)) for name, part in parts.items()}
    data = {"source": info.get("source"), "licence": info.get("licence")}
    packages = {name: version(name) for name in PACKAGES}
    return {
        "Data": data | {f"{name} subjects": names for name, names in subjects.items()},
        "Training": settings,
        "Versions": {"python": platform.python_version()} | packages,
    }
