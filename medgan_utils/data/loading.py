"""`load_slices`: one call from the name of a source to slices ready for training."""

import glob
import hashlib
import json
import os
import warnings
from collections.abc import Iterable
from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np

from .axial import AxialCut
from .cache import cache_folder
from .slices import Slices, join
from .sources import SOURCES
from .sources.item import Item, Picture
from .sources.people import SEX_CODES
from .sources.source import Source

_CACHE_VERSION = 4
_MASK_LABEL_MM2 = 50
"""Area from which on a slice counts as showing what the mask marks."""


def list_sources() -> list[dict[str, str]]:
    """List the sources: name, modality, anatomy, licence, size, network and check of each."""
    names = ("name", "modality", "anatomy", "licence", "size", "network", "check")
    return [{name: getattr(source, name) for name in names} for source in SOURCES.values()]


def load_slices(
    source: str = "brain-phantom",
    image_size: int = 64,
    *,
    subjects: int | Iterable[str] | None = None,
    index: int | None = None,
    fill_nan: float | None = None,
    cache: bool = True,
    **options,
) -> Slices:
    """Load a source as axial slices, volume by volume, and keep the result on disk.

    Args:
        source: One of the names that `list_sources()` lists.
        image_size: Pixels along each side.
        subjects: How many subjects, or their names; by default all.
        index: Which time point of 4-D files, see `read_volume`.
        fill_nan: Value that replaces NaN, see `read_volume`.
        cache: Whether to look for, and keep, the result in the cache folder.
        options: Fields of `AxialCut` (`levels`, `step_mm`, `fov_mm`, …) and what the source takes:
            `folder`, `masks`, `labels`, `subject_pattern`, … (`survey`), or `modalities`,
            `seed`, … (`phantom_items`).

    Returns:
        Slices by subject, then file, then from the top down. `labels` hold what the source knows:
        age and sex, your own labels, contrast (where there are several), lesion.

    Raises:
        ValueError: Unknown source or subject, or a file that cannot be used.
        TypeError: An option that the source does not take.
        FileNotFoundError: No files.
        ConnectionError: A download failed.
        PermissionError: The cache folder cannot be written.
    """
    folder = cache_folder("slices") if cache else None
    options |= {"index": index, "fill_nan": fill_nan}
    entry, items, axial = find_items(source, image_size, subjects, options)
    if folder is None:
        return _assemble(entry, items, axial)
    key = content_key([_CACHE_VERSION, entry.mask_labels, asdict(axial)], items)
    path = folder / f"{source}-{key}.npz"
    if path.exists():
        try:
            return Slices.load(path)
        except ValueError as error:
            warnings.warn(f"{error}: this is done now", stacklevel=2)
    slices = _assemble(entry, items, axial)
    slices.save(path)
    return slices


def find_items(
    source: str, image_size: int, subjects: int | Iterable[str] | None, options: dict
) -> tuple[Source, list[Item], AxialCut]:
    """Return a source, its files and how to cut them; arguments as of `load_slices`.

    `index` and `fill_nan` stand among the options; every item keeps them. Where there are several
    modalities, the label "contrast" says which of them an item has.
    """
    if source not in SOURCES:
        raise ValueError(f"there is no source {source!r}; choose one of {', '.join(SOURCES)}")
    entry, options = SOURCES[source], dict(options)
    names = {field.name for field in fields(AxialCut)}
    cut = {name: options.pop(name) for name in list(options) if name in names}
    axial = AxialCut(image_size=image_size, **{"anatomy": entry.anatomy} | cut)
    if subjects is not None:
        options["subjects"] = subjects if isinstance(subjects, int) else list(subjects)
    reading = {name: options.pop(name, None) for name in ("index", "fill_nan")}
    items = [replace(item, **reading) for item in entry.list_items(**options)]
    check_cut(items, [name for name, value in cut.items() if value is not None])
    contrasts = contrasts_of(items)
    if len(contrasts) > 1:
        if any("contrast" in item.labels for item in items):
            raise ValueError(
                f"labels= has a column 'contrast', which here says which of {', '.join(contrasts)} "
                f"an image is; give the column another name, or choose one contrast with glob="
            )
        code = {name: {"contrast": number} for number, name in enumerate(contrasts)}
        items = [replace(item, labels=item.labels | code[item.modality]) for item in items]
    return entry, items, axial


def check_cut(items: list[Item], given: Iterable[str]) -> None:
    """Refuse what was given of an `AxialCut` and none of the items has a use for.

    Raises:
        ValueError: A window of HU, and no CT; or lengths in mm, and pictures alone.
    """
    volumes = [item for item in items if not isinstance(item, Picture)]
    unused = {"levels", "fov_mm", "step_mm", "window"}.intersection(given)
    if items and not volumes and unused:
        raise ValueError(
            f"pictures are taken as they are, so {min(unused)}= would change nothing: leave it out"
        )
    kinds = contrasts_of(volumes)
    if volumes and "window" in unused and "CT" not in kinds:
        raise ValueError(
            f"window= is in HU, of CT, and here are {', '.join(kinds)}: leave it out, or say "
            f"modality='CT' if that is what they are"
        )


def contrasts_of(items: list[Item]) -> list[str]:
    """Return the modalities of the items, each once, in order."""
    return list(dict.fromkeys(item.modality for item in items))


def content_key(settings: object, items: list[Item]) -> str:
    """Hash all that slices depend on: settings, and of every file what is known without reading it.

    Args:
        settings: Whatever JSON can hold.
        items: Whose files are looked at: name, size, times, first and last 64 KiB. The time of
            the last change cannot be set back, unlike that of the last writing.
    """

    def stamp(path: Path) -> list:
        status = path.stat()
        with path.open("rb") as file:
            ends = hashlib.sha256(file.read(2**16))
            file.seek(-min(2**16, status.st_size), os.SEEK_END)
            ends.update(file.read())
        times = status.st_mtime_ns, status.st_ctime_ns
        return [str(path), status.st_size, *times, ends.hexdigest()]

    def stamps(path: Path | None) -> list:
        parts = sorted(path.iterdir()) if path and path.is_dir() else [path]
        if path and path.suffix.lower() == ".hdr":
            parts += sorted(path.parent.glob(f"{glob.escape(path.stem)}.[iI][mM][gG]"))
        return [stamp(part) for part in parts if part and part.is_file()]

    files = [
        (type(item).__name__, item.subject, item.modality, item.labels, item.index, item.fill_nan,
         stamps(item.path), stamps(item.mask))
        for item in items
    ]  # fmt: skip
    return hashlib.sha256(json.dumps([settings, files]).encode()).hexdigest()[:16]


def _assemble(entry: Source, items: list[Item], axial: AxialCut) -> Slices:
    """Read the items one after the other and keep nothing of them but their slices."""
    from tqdm.auto import tqdm

    contrasts, body = contrasts_of(items), {}
    bar = tqdm(items, desc=f"slicing {entry.name}", unit="file", delay=2)
    slices = join(item.slices(axial, body) for item in bar)
    info = about(entry, axial, contrasts)
    info["together"] = all(bool(item.group) or isinstance(item, Picture) for item in items)
    slices = replace(slices, modality="+".join(contrasts), info=info)
    slices = replace(slices, masks=_white_is_one(slices.masks))
    warn_of_copies(slices.images, slices.subjects)
    return with_mask_labels(slices, entry.mask_labels)


def _white_is_one(masks: np.ndarray | None) -> np.ndarray | None:
    """Return masks of 0 and 1 where 255 (or 254) stands for 1 in some: nothing else is marked."""
    if masks is None or masks.max(initial=0) not in (254, 255):
        return masks
    one, white = masks == 1, masks >= 254
    apart = not (one.any((1, 2)) & white.any((1, 2))).any()
    return (masks > 0).astype(np.uint8) if apart and (one | white | (masks == 0)).all() else masks


def warn_of_copies(images: Iterable[np.ndarray], subjects: np.ndarray) -> None:
    """Warn of one image under two subjects: it may lie on both sides of a split.

    Images are compared in 8 bits, so that the same voxels on another scale are still the same. A
    file that was rounded anew (float as 8 bits, PNG as JPEG) is another image here.
    """
    owners: dict[bytes, str] = {}
    for image, subject in zip(images, subjects, strict=True):
        if image.std() < 0.01:  # hardly anything in it: such slices are alike by chance
            continue
        owner = owners.setdefault(hashlib.sha256(_in_8_bits(image)).digest(), subject)
        if owner != subject:
            warnings.warn(
                f"{owner} and {subject} hold the very same image, so it may stand on both sides "
                f"of a split; take the copy out, or name both alike with subject_pattern= "
                f"(command: --subject-pattern)",
                stacklevel=2,
            )
            return


def _in_8_bits(image: np.ndarray) -> bytes:
    """Return an image, -1 to 1, in 256 steps whose borders are none of those of integer images."""
    return np.floor(image.astype(np.float64) * 127.4 + 127.7).astype(np.int16).tobytes()


def about(entry: Source, axial: AxialCut, contrasts: list[str]) -> dict:
    """Return what is known of all slices of a source, as JSON gives it back."""
    info = {"source": entry.name, "licence": entry.licence, **asdict(axial)}
    info |= {"contrasts": contrasts, "sexes": list(SEX_CODES)}
    return json.loads(json.dumps(info))


def with_mask_labels(slices: Slices, mask_labels: dict[str, tuple[int, ...]]) -> Slices:
    """Add a label for each thing that the masks of a source mark."""
    labels = dict(slices.labels)
    for name, values in mask_labels.items():
        area_mm2 = np.zeros(len(slices))
        if slices.masks is not None:
            area_mm2 = np.isin(slices.masks, values).sum(axis=(1, 2)) * slices.spacing_mm**2
        labels[name] = (area_mm2 >= _MASK_LABEL_MM2).astype(np.int64)
    return replace(slices, labels=labels)
