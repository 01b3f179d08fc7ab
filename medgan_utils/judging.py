"""How `evaluate` judges a run: in which feature space, beside what, and on which pages it ends."""

import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np

from . import profiles, run_folder
from .data import Slices
from .table import Table
from .workflow import draw

PACKAGES = ("tensorflow", "keras", "numpy", "nibabel")
ENCODERS = {
    ("head", "T1"): ("brain-encoder-64", "T1 heads", 240.0, ()),
    ("body", "CT"): ("liver-encoder-64", "CT of the liver", 400.0, ([-160, 240], [0, 255])),
}
"""Anatomy and modality -> encoder, what it learned, field of view in mm, and the CT windows."""


def evaluate(run: Path, seeds: int) -> None:
    """Score the averaged generator on the test subjects; write the report, print the verdict.

    Args:
        run: Folder of a trained run.
        seeds: How many sets of samples.

    Raises:
        ValueError: No sets of samples are asked for, there are too few subjects, or the slices are
            not those that were trained on.
        FileNotFoundError: The run has no slices or was not trained.
    """
    slices, settings = run_folder.read_slices(run), run_folder.read_settings(run)
    if seeds < 1:
        raise ValueError("--seeds must be at least 1")
    if settings is None or not (run / "generator.weights.h5").is_file():
        raise FileNotFoundError(f"{run} holds no trained generator; run `train {run}` first")
    run_folder.check_settings(run, {"data": run_folder.fingerprint(slices)})
    run_folder.say_unfinished(run)
    slices = run_folder.with_known_labels(slices, settings["condition"])
    parts = slices.split(run_folder.SHARES)
    if short := run_folder.too_few_to_evaluate(parts):
        raise ValueError(short)
    profiles.quiet_tensorflow()
    from . import evaluation
    from .models import load_generator, save_generator

    generator, (encoders, why) = load_generator(run_folder.generator(run)), encoders_for(slices)
    count = min(len(parts["test"]), len(parts["reference"]))
    fakes = _generated(generator, parts["test"], settings["condition"], count, seeds)
    table = _scores(fakes, parts, encoders, count, settings["flip"])
    looks = {"real (test)": parts["test"].images} | fakes
    looks = [{"set": name, **evaluation.describe(images)} for name, images in looks.items()]
    tables = {
        "Against the test subjects": table,
        "What single images look like": Table(looks),
    }
    figures = _figures(run, parts["test"].images, next(iter(fakes.values())))
    facts = _facts(parts, settings, why)
    verdict = evaluation.verdict(table, subjects=len(np.unique(parts["test"].subjects)))
    title = f"GAN of {run.resolve().name}"
    card, page = evaluation.write_report(run, title, facts, tables, figures, verdict)
    save_generator(generator, run_folder.generator(run), card.read_text(encoding="utf-8"))
    numbers = table.save(run / "evaluation.json")
    print("\n".join(verdict))
    print(f"judged by {why}\nnumbers: {numbers}\nmodel card: {card}\nreport: {page}")


def encoders_for(slices: Slices) -> tuple[dict, str]:
    """Choose the feature spaces for slices: what an encoder has not learned, it does not judge.

    Returns:
        Name -> encoder: the course's own for this anatomy, modality, scale, window and size where
        there is one, and one with random weights; and a sentence that says which, and why.
    """
    from .evaluation import Encoder, EncoderConfig, load_encoder

    size, channels = slices.images.shape[2:]
    random = Encoder(EncoderConfig(size, channels, ("none",), (0.0,), (1.0,), seed=1), "random")
    kind = slices.info.get("anatomy"), slices.modality
    name, learned, fov_mm, windows = ENCODERS.get(kind, (None, None, None, ()))
    window = slices.info.get("window")
    if name is None:
        known = "; ".join(f"{name} knows {what}" for name, what, *_ in ENCODERS.values())
        because = f"nothing has learned {kind[1]} cut as {kind[0]} ({known})"
    elif (size, channels) != (64, 1):
        because = f"{name} takes 64 pixels and one channel, not {size} and {channels}"
    elif not np.isclose(slices.spacing_mm * size, fov_mm, rtol=0.05):
        because = (
            f"{name} knows slices {fov_mm:g} mm wide, these are {slices.spacing_mm * size:g} mm"
        )
    elif windows and window not in windows:
        because = f"{name} has not seen the window {window}"
    else:
        why = f"{name}, which has learned {learned}, and by an encoder with random weights"
        return {name: load_encoder(name), "random": random}, why
    return {"random": random}, f"an encoder with random weights alone: {because}"


def _generated(
    generator, test: Slices, names: list[str], count: int, seeds: int
) -> dict[str, np.ndarray]:
    """Draw the sets to score, with labels as the test subjects have them."""
    labels = test.label_table(names) if names else None
    sets = {}
    for seed in range(seeds):
        chosen = np.random.default_rng(seed).permutation(len(test))[:count]
        rows = None if labels is None else labels[chosen]
        sets[f"generated, seed {seed}"] = draw(generator, count, seed, rows)
    return sets


def _scores(
    fakes: dict[str, np.ndarray], parts: dict[str, Slices], encoders: dict, count: int, flip: bool
) -> Table:
    """Score sets of `count` images against the test subjects; the reference gives the landmarks."""
    from . import evaluation

    test, train = (
        evaluation.reference_features(
            parts[name].images, encoders, parts[name].subjects, mirrored=flip and name == "test"
        )
        for name in ("test", "train")
    )
    landmarks = evaluation.landmarks(
        *(parts["reference"].images, parts["reference"].subjects, count),
        *(parts["train"].images, parts["train"].subjects),
    )
    return evaluation.evaluate(fakes, test, encoders, landmarks, train)


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


def _facts(parts: dict[str, Slices], settings: dict, why: str) -> dict[str, dict]:
    info = parts["train"].info
    subjects = {name: _who(part, info.get("source")) for name, part in parts.items()}
    data = {"source": info.get("source"), "licence": info.get("licence")}
    data |= {"modality": parts["train"].modality, "anatomy": info.get("anatomy")}
    packages = {name: version(name) for name in PACKAGES}
    return {
        "Data": data,
        "Training": settings,
        "Judged by": {"feature space": why},
        "Versions": {"python": platform.python_version()} | packages,
        "Subjects": subjects,
    }


def _who(part: Slices, source: str | None) -> str:
    """Name the subjects of a public source; of one's own files say how many: names may tell who."""
    names = np.unique(part.subjects)
    if source in (None, "folder"):
        return f"{len(names)} (their names stay in slices.npz: a card is handed on)"
    return ", ".join(names)
