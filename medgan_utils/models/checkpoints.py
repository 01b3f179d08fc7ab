"""Generators on disk: a `.weights.h5`, a JSON of builder and arguments, and a card; no pickle."""

from pathlib import Path

import keras

from .. import _checkpoint_files as files
from .dcgan import dcgan_generator
from .translation import map_generator
from .unet import fusion_generator, unet_generator

BUILDERS = {
    "dcgan_generator": dcgan_generator,
    "map_generator": map_generator,
    "unet_generator": unet_generator,
    "fusion_generator": fusion_generator,
}


def checkpoint_names() -> list[str]:
    """Return the names of the generators that come with the course."""
    return sorted(name for builder in BUILDERS for name in files.checkpoint_names(builder))


def save_generator(
    generator: keras.Model,
    path: str | Path,
    card: str,
    *,
    shipped: bool = False,
    half: bool = False,
) -> Path:
    """Write weights, architecture and card; files of an earlier save are replaced one by one.

    Args:
        generator: The model to keep, made by one of our builders; usually `gan.ema_generator`.
        path: A path without suffix, for example `"runs/mine/generator"`. The names of the course's
            checkpoints are for loading only.
        card: The model card, Markdown: data, licence, subjects, command, metrics, limits.
        shipped: Whether the course's own checkpoints may be replaced: for its recipes.
        half: Keep the weights in 16 bits: half the size, and pictures equal to within a grey level
            of 256 (the recipes check it).

    Returns:
        The path without suffix.

    Raises:
        ValueError: Another function made the model, the path leads to the course's checkpoints, or
            16 bits cannot hold a weight.
    """
    return files.save_checkpoint(generator, path, card, shipped=shipped, half=half)


def load_generator(name_or_path: str | Path) -> keras.Model:
    """Load a generator by the name of a shipped checkpoint, or by its path without suffix.

    Args:
        name_or_path: For example `"brain-mri-64"`, or `"runs/mine/generator"`.

    Returns:
        The generator, ready to call with `training=False`.

    Raises:
        FileNotFoundError: There is no such checkpoint; the message lists those there are.
        ValueError: It is no generator, was saved by a newer package or in Keras' own form, or the
            weights do not fit the architecture beside them.
    """
    return files.load_checkpoint(name_or_path, BUILDERS)


def load_card(name_or_path: str | Path) -> str:
    """Return the model card of a checkpoint, as Markdown.

    Raises:
        FileNotFoundError: There is no card of that name.
    """
    card = f"{files.find_checkpoint(name_or_path, '.md')}.md"
    return Path(card).read_text(encoding="utf-8")
