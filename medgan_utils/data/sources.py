"""`load_slices`: one call from the name of a source to slices ready for training."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np

from . import folders, heads  # noqa: F401  (each registers its sources)
from .axial import Axial, axial_slices
from .cache import cache_folder
from .registry import REGISTRY, Item, Source
from .slices import Slices
from .volumes import read_volume

_CACHE_VERSION = 1
_AXIAL_OPTIONS = {field.name for field in fields(Axial)}


def sources() -> list[dict[str, str]]:
    """List the sources: name, modality, anatomy, licence, size, network and check of each."""
    names = ("name", "modality", "anatomy", "licence", "size", "network", "check")
    return [{name: getattr(source, name) for name in names} for source in REGISTRY.values()]


def load_slices(
    source: str = "brain-phantom",
    image_size: int = 64,
    *,
    subjects: int | Iterable[str] | None = None,
    fill_nan: float | None = None,
    cache: bool = True,
    **options,
) -> Slices:
    """Load a source as axial slices, volume by volume, and keep the result on disk.

    Args:
        source: One of the names that `sources()` lists.
        image_size: Pixels along each side.
        subjects: How many subjects (the first ones), or their names; by default all.
        fill_nan: See `read_volume`.
        cache: Whether to look for, and keep, the result in the cache folder.
        options: Fields of `Axial` (`levels`, `step_mm`, `fov_mm`, ...) and what the source takes:
            `folder`, `masks`, `participants`, `subject_pattern`, ... (see `folder_items`).

    Raises:
        ValueError: Unknown source or option, or a file that cannot be used.
        FileNotFoundError: No files.
        ConnectionError: A download failed.
    """
    if source not in REGISTRY:
        raise ValueError(f"there is no source {source!r}; choose one of {', '.join(REGISTRY)}")
    entry = REGISTRY[source]
    cut = {name: options.pop(name) for name in list(options) if name in _AXIAL_OPTIONS}
    axial = Axial(image_size=image_size, **{"anatomy": entry.anatomy} | cut)
    items = _chosen(entry.items(**options), subjects)
    if not cache:
        return _assemble(entry, items, axial, fill_nan)
    path = cache_folder("slices") / f"{source}-{_key(entry, items, axial, fill_nan)}.npz"
    if path.exists():
        return Slices.load(path)
    slices = _assemble(entry, items, axial, fill_nan)
    slices.save(path)
    return slices


def _chosen(items: list[Item], subjects: int | Iterable[str] | None) -> list[Item]:
    """Keep the items of the wanted subjects."""
    if subjects is None:
        return items
    known = list(dict.fromkeys(item.subject for item in items))
    wanted = known[:subjects] if isinstance(subjects, int) else list(subjects)
    missing = sorted(set(wanted) - set(known))
    if missing or not wanted:
        raise ValueError(f"no subjects {missing}; this source has {', '.join(known[:5])}, …")
    return [item for item in items if item.subject in wanted]


def _key(entry: Source, items: list[Item], axial: Axial, fill_nan: float | None) -> str:
    """Hash all that the result depends on: settings, file names, sizes and times."""

    def stamp(path: Path | None) -> list | None:
        if path is None:
            return None
        parts = sorted(path.iterdir()) if path.is_dir() else [path]
        return [[str(part), part.stat().st_size, part.stat().st_mtime_ns] for part in parts]

    files = [
        [item.subject, item.modality, item.labels, stamp(item.path), stamp(item.mask)]
        for item in items
    ]
    text = json.dumps([_CACHE_VERSION, entry.name, asdict(axial), fill_nan, files])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _assemble(entry: Source, items: list[Item], axial: Axial, fill_nan: float | None) -> Slices:
    """Read the items one after the other and keep nothing of them but their slices."""
    from tqdm.auto import tqdm

    images, positions, masks, subjects = [], [], [], []
    labels = {name: [] for name in items[0].labels}
    for item in tqdm(items, desc=f"slicing {entry.name}", unit="file", delay=2):
        new_images, new_positions, new_masks = _cut(item, axial, fill_nan)
        images.append(new_images)
        positions.append(new_positions)
        masks.append(new_masks)
        subjects += [item.subject] * len(new_images)
        for name, values in labels.items():
            values += [item.labels[name]] * len(new_images)
    return Slices(
        images=np.concatenate(images),
        subjects=np.array(subjects),
        positions=np.concatenate(positions),
        masks=None if masks[0] is None else np.concatenate(masks),
        labels={name: np.array(values) for name, values in labels.items()},
        modality=items[0].modality,
        spacing_mm=axial.fov_mm / axial.image_size,
        info={"source": entry.name, "licence": entry.licence, **asdict(axial)},
    )


def _cut(
    item: Item, axial: Axial, fill_nan: float | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return images, positions and masks of one item."""
    volume = read_volume(item.path, item.modality, item.subject, fill_nan=fill_nan)
    mask = None if item.mask is None else read_volume(item.mask, "labels", item.subject)
    return axial_slices(volume, axial, mask)
