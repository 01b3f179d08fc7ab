"""What a checkpoint is on disk, for generators and encoders alike: names, paths, files.

`NAME.weights.h5` holds the weights. `NAME.json` names our builder and its arguments, a few lines
that a person reads and that every Keras reads alike::

    {"builder": "dcgan_generator", "arguments": {"image_size": 64, ...}, "package": "0.1.0"}

Keras' own configuration of a model is not kept: Keras 3.13 cannot read what 3.15 wrote.
"""

import io
import json
import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import __version__
from ._files import written_whole
from ._paths import checkpoints_folder

if TYPE_CHECKING:
    import keras

# What loads a checkpoint, by its builder.
LOADERS = {
    "dcgan_generator": "models.load_generator",
    "map_generator": "models.load_generator",
    "unet_generator": "models.load_generator",
    "fusion_generator": "models.load_generator",
    "Encoder": "evaluation.load_encoder",
}


@dataclass(frozen=True)
class Architecture:
    """How a network was made; its builder notes it on the model.

    Attributes:
        builder: Name of the function or class of ours that builds it.
        arguments: Its arguments: numbers, strings, tuples, None.
        package: Version of `medgan_utils`.
    """

    builder: str
    arguments: dict[str, Any]
    package: str = __version__

    def noted_on(self, model: "keras.Model") -> "keras.Model":
        """Return the model, with this as its attribute `architecture`: `save_checkpoint` asks."""
        model.architecture = self
        return model


def checkpoint_names(builder: str) -> list[str]:
    """Return the names of the shipped checkpoints that a builder of ours made."""
    paths = (path.with_suffix("") for path in sorted(checkpoints_folder().glob("*.json")))
    return [path.name for path in paths if read_architecture(path).builder == builder]


def find_checkpoint(name_or_path: str | Path, suffix: str = ".json") -> Path:
    """Return the path, without suffix, of a shipped checkpoint by name or of any by its path.

    Args:
        name_or_path: A shipped checkpoint's name (without folder, it wins), or a path without
            suffix.
        suffix: Of the file that must be there.

    Raises:
        FileNotFoundError: There is no such file; the message lists the shipped names.
    """
    path = Path(name_or_path)
    shipped = checkpoints_folder() / path.name
    for candidate in ([shipped] if path.parent == Path(".") else []) + [path]:
        if Path(f"{candidate}{suffix}").is_file():
            return candidate
    known = ", ".join(sorted(file.stem for file in checkpoints_folder().glob("*.json")))
    raise FileNotFoundError(
        f"no checkpoint {str(name_or_path)!r}: a file {path}{suffix} is needed. "
        f"The course ships: {known or 'none'}"
    )


def read_architecture(path: Path) -> Architecture:
    """Read `PATH.json`.

    Raises:
        ValueError: It is damaged, of a newer package, or holds Keras' configuration of a model.
    """
    file = Path(f"{path}.json")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} is damaged: {error}; take it from its save again") from error
    keys = {"builder": str, "arguments": dict, "package": str}
    if not isinstance(content, dict) or any(
        not isinstance(content.get(key), kind) for key, kind in keys.items()
    ):
        raise ValueError(f"{file} {_what_else(content)}")
    package = str(content["package"])
    if _release(package) > _release(__version__):
        raise ValueError(
            f"{file} was saved by medgan_utils {package}, this is {__version__}: install the newer "
            "package, or save the checkpoint again with this one"
        )
    arguments = {k: tuple(v) if isinstance(v, list) else v for k, v in content["arguments"].items()}
    return Architecture(content["builder"], arguments, package)


def load_checkpoint(name_or_path: str | Path, builders: Mapping[str, Callable]) -> Any:
    """Build what a checkpoint names, and give it its weights.

    Args:
        name_or_path: As in `find_checkpoint`.
        builders: Name of a builder -> the builder. What it returns is a `keras.Model`, or keeps one
            as `network`.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: Another builder made it, or JSON and weights do not fit this package or each
            other.
    """
    path = find_checkpoint(name_or_path)
    architecture = read_architecture(path)
    name, file = architecture.builder, f"{path}.json"
    if name not in builders:
        advice = (
            f"load it with {LOADERS[name]}({str(name_or_path)!r})"
            if name in LOADERS
            else (f"it takes the package that saved it, medgan_utils {architecture.package}")
        )
        raise ValueError(
            f"{file} names the builder {name!r}, not {' or '.join(map(repr, builders))}: {advice}"
        )
    try:
        built = builders[name](**architecture.arguments)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{file} holds arguments that {name} of medgan_utils {__version__} does not take "
            f"({error}): it takes the package that saved it, {architecture.package}"
        ) from error
    find_checkpoint(path, ".weights.h5")
    try:
        getattr(built, "network", built).load_weights(f"{path}.weights.h5")
    except (ValueError, KeyError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"{path}.weights.h5 does not hold the weights of the network that {path.name}.json "
            f"names: take both files from the same save ({reason})"
        ) from error
    return built


def save_checkpoint(
    network: "keras.Model",
    path: str | Path,
    card: str | None = None,
    *,
    shipped: bool = False,
    half: bool = False,
) -> Path:
    """Write weights, architecture and card; each file appears whole or not at all.

    Args:
        network: A model of one of our builders.
        path: Path without suffix.
        card: The model card, Markdown. None: no card is written.
        shipped: Whether the course's own checkpoints may be replaced.
        half: Keep the weights in 16 bits: half the size; they load as the network's own type.

    Returns:
        The path.

    Raises:
        ValueError: None of our builders made the network, the path is the name of a shipped
            checkpoint or lies among them, or 16 bits cannot hold a weight.
    """
    path, folder = Path(path), checkpoints_folder()
    bare = path.parent == Path(".") and (folder / f"{path.name}.json").is_file()
    if not shipped and (bare or path.parent.resolve() == folder.resolve()):
        raise ValueError(
            f"{path} is a checkpoint of the course, or would lie among them; their names are for "
            f"loading only. Save to a folder of your own, for example runs/{path.name}"
        )
    architecture = getattr(network, "architecture", None)
    if architecture is None:
        raise ValueError(
            f"the model {network.name!r} does not say how it was made: only models of our builders "
            f"({', '.join(LOADERS)}) are kept so; keep another with model.save('{path.name}.keras')"
        )
    texts = {".json": _as_text(architecture)}
    texts |= {} if card is None else {".md": card.rstrip()}
    with ExitStack() as stack:
        weights = stack.enter_context(written_whole(Path(f"{path}.weights.h5")))
        network.save_weights(weights)
        if half:
            _halve(weights)
        for suffix, text in texts.items():
            file = stack.enter_context(written_whole(Path(f"{path}{suffix}")))
            file.write_text(text + "\n", encoding="utf-8")
    return path


def _halve(weights: Path) -> None:
    """Write a file of weights anew with 16-bit floats."""
    import h5py

    def copy(name: str, item: "h5py.Group | h5py.Dataset") -> None:
        if isinstance(item, h5py.Group):
            made = halved.require_group(name)
        else:
            made = halved.create_dataset(name, data=_in_half(name, item[()]))
        made.attrs.update(item.attrs)

    kept = weights.read_bytes()
    with h5py.File(io.BytesIO(kept)) as full, h5py.File(weights, "w") as halved:
        halved.attrs.update(full.attrs)
        full.visititems(copy)


def _in_half(name: str, values: np.ndarray) -> np.ndarray:
    """Return floats in 16 bits, other values as they are; refuse what 16 bits cannot hold."""
    if values.dtype.kind != "f":
        return values
    with np.errstate(over="ignore"):
        half = values.astype("float16")
    if np.isinf(half).any() and np.isfinite(values).all():
        raise ValueError(f"{name} holds values above 65,504, too large for 16 bits: half=False")
    return half


def _as_text(architecture: Architecture) -> str:
    """Return the JSON with one argument a line."""
    arguments = ",\n".join(
        f"  {json.dumps(name)}: {json.dumps(value, ensure_ascii=False, default=int)}"
        for name, value in architecture.arguments.items()
    )
    return (
        f'{{\n "builder": "{architecture.builder}",\n "arguments": {{\n{arguments}\n }},\n'
        f' "package": "{architecture.package}"\n}}'
    )


def _what_else(content: Any) -> str:
    """Say what a JSON is that is no architecture of ours, and the way out."""
    way_out = (
        "build the network with the code that made it, load its weights, and keep it with "
        "save_generator(...) in this version"
    )
    version = content.get("keras") if isinstance(content, dict) else None
    if isinstance(version, str):
        import keras

        return f"holds a model of Keras {version} (this is {keras.__version__}): {way_out}"
    if isinstance(content, dict) and "class_name" in content:
        return f"holds Keras' own model.to_json(): {way_out}"
    return "names no builder, arguments and package: it is no checkpoint of medgan_utils"


def _release(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:3]))
