"""`load_slices`: one call from the name of a source to slices ready for training."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np

from .axial import AxialCut, axial_slices, body_mask
from .cache import cache_folder
from .files import IMAGE_SUFFIXES, slice_number
from .pictures import fit_square, read_picture, read_picture_mask
from .slices import Slices, join
from .sources import brain, ct, labelled  # noqa: F401  (they register their sources)
from .sources.folder import SEX_CODES
from .sources.registry import REGISTRY, Item, Source
from .volumes import Volume, read_volume

_CACHE_VERSION = 1
_MASK_LABEL_MM2 = 50
"""Area from which on a slice counts as showing what the mask marks."""


def list_sources() -> list[dict[str, str]]:
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
        source: One of the names that `list_sources()` lists.
        image_size: Pixels along each side.
        subjects: How many subjects, or their names; by default all.
        fill_nan: See `read_volume`.
        cache: Whether to look for, and keep, the result in the cache folder.
        options: Fields of `AxialCut` (`levels`, `step_mm`, `fov_mm`, …) and what the source takes:
            `folder`, `masks`, `participants`, `subject_pattern`, … (`folder_items`), or
            `modalities`, `seed`, … (`phantom_items`).

    Returns:
        Slices by subject, then file, then from the top down. `labels` hold what the source knows:
        age and sex, contrast (where there are several), lesion.

    Raises:
        ValueError: Unknown source or subject, or a file that cannot be used.
        TypeError: An option that the source does not take.
        FileNotFoundError: No files.
        ConnectionError: A download failed.
        PermissionError: The cache folder cannot be written.
    """
    folder = cache_folder("slices") if cache else None
    entry, items, axial = find_items(source, image_size, subjects, options)
    if folder is None:
        return _assemble(entry, items, axial, fill_nan)
    path = folder / f"{source}-{_key(entry, items, axial, fill_nan)}.npz"
    if path.exists():
        return Slices.load(path)
    slices = _assemble(entry, items, axial, fill_nan)
    slices.save(path)
    return slices


def find_items(
    source: str, image_size: int, subjects: int | Iterable[str] | None, options: dict
) -> tuple[Source, list[Item], AxialCut]:
    """Return a source, its files and how to cut them; arguments as of `load_slices`."""
    if source not in REGISTRY:
        raise ValueError(f"there is no source {source!r}; choose one of {', '.join(REGISTRY)}")
    entry, options = REGISTRY[source], dict(options)
    names = {field.name for field in fields(AxialCut)}
    cut = {name: options.pop(name) for name in list(options) if name in names}
    axial = AxialCut(image_size=image_size, **{"anatomy": entry.anatomy} | cut)
    if subjects is not None:
        options["subjects"] = subjects if isinstance(subjects, int) else list(subjects)
    return entry, _items(entry, options), axial


def _items(entry: Source, options: dict) -> list[Item]:
    """List the items of a source; an option it does not know is named as the reader's mistake."""
    try:
        return entry.items(**options)
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        option = str(error).rsplit("argument ", 1)[1]
        raise TypeError(f"source {entry.name!r} has no option {option}") from error


def _key(entry: Source, items: list[Item], axial: AxialCut, fill_nan: float | None) -> str:
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
    settings = [_CACHE_VERSION, entry.name, entry.mask_labels, asdict(axial), fill_nan]
    return hashlib.sha256(json.dumps([settings, files]).encode()).hexdigest()[:16]


def _assemble(entry: Source, items: list[Item], axial: AxialCut, fill_nan: float | None) -> Slices:
    """Read the items one after the other and keep nothing of them but their slices."""
    from tqdm.auto import tqdm

    contrasts = list(dict.fromkeys(item.modality for item in items))
    parts, body = [], {}
    for item in tqdm(items, desc=f"slicing {entry.name}", unit="file", delay=2):
        parts.append(slices_of(item, axial, contrasts, body, fill_nan))
    slices = replace(join(parts), modality="+".join(contrasts), info=about(entry, axial, contrasts))
    return with_mask_labels(slices, entry.mask_labels)


def about(entry: Source, axial: AxialCut, contrasts: list[str]) -> dict:
    """Return what is known of all slices of a source, as JSON gives it back."""
    info = {"source": entry.name, "licence": entry.licence, **asdict(axial)}
    info |= {"contrasts": contrasts, "sexes": list(SEX_CODES)}
    return json.loads(json.dumps(info))


def slices_of(
    item: Item, axial: AxialCut, contrasts: list[str], body: dict, fill_nan: float | None
) -> Slices:
    """Read one item and cut its slices.

    Args:
        item: A volume or a picture.
        axial: How to cut.
        contrasts: Modalities of the source; with several, slices get the label "contrast".
        body: Remembers the body mask of the group the last item belonged to; changed here.
        fill_nan: See `read_volume`.
    """
    if item.pictures is not None:
        part = item.pictures(item, axial.image_size)
    elif item.path.suffix in IMAGE_SUFFIXES:
        part = _picture(item, axial.image_size)
    else:
        volume, mask = (item.volumes or _volumes)(item, fill_nan)
        if item.group is None or item.group not in body:
            body.clear()
            body[item.group] = body_mask(volume)
        cut = axial_slices(volume, axial, mask, body[item.group])
        part = _of_one_item(item, *cut, axial.fov_mm / axial.image_size)
    if len(contrasts) > 1:
        code = np.full(len(part), contrasts.index(item.modality))
        part = replace(part, labels=part.labels | {"contrast": code})
    return part


def _volumes(item: Item, fill_nan: float | None) -> tuple[Volume, Volume | None]:
    """Read image and mask of an item as they are."""
    volume = read_volume(item.path, item.modality, item.subject, fill_nan=fill_nan)
    mask = None if item.mask is None else read_volume(item.mask, "labels", item.subject)
    return volume, mask


def _picture(item: Item, image_size: int) -> Slices:
    """Return the one slice of a PNG; its position is the slice number in the name, or NaN."""
    image = read_picture(item.path)
    mask = None
    if item.mask is not None:
        mask = read_picture_mask(item.mask)
        if mask.shape != image.shape:
            raise ValueError(
                f"{item.mask} has shape {mask.shape} but its image {item.path} has {image.shape}"
            )
        mask = fit_square(mask, image_size)[None]
    number = slice_number(item.path)
    position = np.array([np.nan if number is None else number], np.float32)
    return _of_one_item(item, fit_square(image, image_size)[None, ..., None], position, mask)


def _of_one_item(
    item: Item,
    images: np.ndarray,
    positions: np.ndarray,
    masks: np.ndarray | None,
    spacing_mm: float = float("nan"),
) -> Slices:
    """Give every slice what is known of its item."""
    count = len(images)
    labels = {name: np.full(count, value) for name, value in item.labels.items()}
    subjects = np.full(count, item.subject)
    return Slices(images, subjects, positions, masks, labels, item.modality, spacing_mm)


def with_mask_labels(slices: Slices, mask_labels: dict[str, tuple[int, ...]]) -> Slices:
    """Add a label for each thing that the masks of a source mark."""
    labels = dict(slices.labels)
    for name, values in mask_labels.items():
        area_mm2 = np.zeros(len(slices))
        if slices.masks is not None:
            area_mm2 = np.isin(slices.masks, values).sum(axis=(1, 2)) * slices.spacing_mm**2
        labels[name] = (area_mm2 >= _MASK_LABEL_MM2).astype(np.int64)
    return replace(slices, labels=labels)
