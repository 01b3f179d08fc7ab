"""Weights on disk: a `.weights.h5`, a JSON of the architecture and a model card; never a pickle."""

import json
import os
import tempfile
from pathlib import Path

import keras

from .._paths import checkpoints_folder
from . import layers  # noqa: F401  (registers the layers that the JSON names)

SUFFIXES = (".weights.h5", ".json", ".md")


def checkpoint_names() -> list[str]:
    """Return the names of the checkpoints that come with the course."""
    return sorted(path.stem for path in checkpoints_folder().glob("*.json"))


def save_generator(generator: keras.Model, name_or_path: str | Path, card: str) -> Path:
    """Write weights, architecture and card; files of an earlier save are replaced one by one.

    Args:
        generator: The model to keep, usually `gan.ema_generator`.
        name_or_path: A path without suffix; a bare name goes to the course's checkpoints.
        card: The model card, Markdown: data, licence, subjects, command, metrics, limits.

    Returns:
        The path without suffix.
    """
    target = _resolve(name_or_path)
    target.parent.mkdir(parents=True, exist_ok=True)
    architecture = {"keras": keras.__version__, "model": json.loads(generator.to_json())}
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".unfinished-") as folder:
        finished = Path(folder) / target.name
        generator.save_weights(f"{finished}.weights.h5")
        Path(f"{finished}.json").write_text(json.dumps(architecture) + "\n", encoding="utf-8")
        Path(f"{finished}.md").write_text(card.rstrip() + "\n", encoding="utf-8")
        for suffix in SUFFIXES:
            os.replace(f"{finished}{suffix}", f"{target}{suffix}")
    return target


def load_generator(name_or_path: str | Path) -> keras.Model:
    """Load a generator by the name of a shipped checkpoint, or by its path without suffix.

    Args:
        name_or_path: For example `"brain-mri-64"`, or `"runs/mine/generator"`.

    Returns:
        The generator, ready to call with `training=False`.

    Raises:
        FileNotFoundError: There is no such checkpoint; the message lists those there are.
        ValueError: The weights do not fit the architecture beside them.
    """
    path = _resolve(name_or_path)
    if not Path(f"{path}.json").is_file() or not Path(f"{path}.weights.h5").is_file():
        known = ", ".join(checkpoint_names()) or "none"
        raise FileNotFoundError(
            f"no checkpoint {str(name_or_path)!r}: {path.name}.json and {path.name}.weights.h5 "
            f"are needed. The course ships: {known}"
        )
    architecture = json.loads(Path(f"{path}.json").read_text(encoding="utf-8"))
    generator = keras.models.model_from_json(json.dumps(architecture["model"]))
    try:
        generator.load_weights(f"{path}.weights.h5")
    except (ValueError, KeyError, OSError) as error:
        raise ValueError(
            f"{path.name}.weights.h5 does not hold the weights of the architecture in "
            f"{path.name}.json: take both files from the same save ({error})"
        ) from error
    return generator


def load_card(name_or_path: str | Path) -> str:
    """Return the model card of a checkpoint, as Markdown.

    Raises:
        FileNotFoundError: There is no card of that name.
    """
    path = Path(f"{_resolve(name_or_path)}.md")
    if not path.is_file():
        raise FileNotFoundError(f"no model card {path.name}; there are: {checkpoint_names()}")
    return path.read_text(encoding="utf-8")


def _resolve(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    return checkpoints_folder() / path if path.parent == Path(".") else path
