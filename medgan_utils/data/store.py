"""Slices that do not fit in memory: one memory-mapped file a volume, read batch by batch."""

import atexit
import itertools
import json
import multiprocessing
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .._files import refuse_damaged, written_whole
from .axial import AxialCut
from .loading import (
    about,
    content_key,
    contrasts_of,
    find_items,
    warn_of_copies,
    with_mask_labels,
)
from .slices import Slices, join
from .sources.item import Item

if TYPE_CHECKING:
    import tensorflow as tf

_closing = threading.Event()
_FILE = "file of the store"
"""Label that says in the index in which file a slice lies."""


@atexit.register
def _stop_reading() -> None:
    """Let a dataset that reads ahead come to rest: Python cannot close while it calls back."""
    _closing.set()
    time.sleep(0.2)


@dataclass(frozen=True)
class SliceStore:
    """Slices on disk; only the batch being read is in memory.

    Attributes:
        folder: Holds `index.npz` (`Slices` without images, a label says in which file each lies)
            and one `.npy` (n, H, W, C) float32 in [-1, 1] a volume.
        files: File of every slice, (N,) str.
        rows: Row of every slice in its file, (N,) int64.
        metadata: Slices without images: subjects, positions and labels, as in `Slices`.
    """

    folder: Path
    files: np.ndarray
    rows: np.ndarray
    metadata: Slices

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def subjects(self) -> np.ndarray:
        """Subject of every slice, (N,) str."""
        return self.metadata.subjects

    @classmethod
    def open(cls, folder: str | Path) -> "SliceStore":
        """Open a folder that `store_slices` wrote.

        Raises:
            FileNotFoundError: The folder holds no store, or a file of it is gone.
            ValueError: `index.npz` is damaged.
        """
        folder = Path(folder)
        path = folder / "index.npz"
        if not path.is_file():
            raise FileNotFoundError(f"{folder} holds no index.npz; write it with store_slices(...)")
        with refuse_damaged(path, "index of a store", "run store_slices again"):
            index = Slices.load(path)
            files = index.labels.pop(_FILE)
        names, first, volume = np.unique(files, return_index=True, return_inverse=True)
        for name in names:
            if not (folder / name).is_file():
                raise FileNotFoundError(f"{folder / name} is gone; run store_slices again")
        return cls(folder, files, np.arange(len(files)) - first[volume], index)

    def select(self, indices: np.ndarray) -> "SliceStore":
        """Return the slices at these indices (integers, or one bool a slice)."""
        chosen = self.files[indices], self.rows[indices], self.metadata.select(indices)
        return SliceStore(self.folder, *chosen)

    def split(self, shares: Mapping[str, float], seed: int = 0) -> dict[str, "SliceStore"]:
        """Split by subject, as `Slices.split` does."""
        parts = self.metadata.split(shares, seed)
        return {
            name: self.select(np.isin(self.subjects, part.subjects)) for name, part in parts.items()
        }

    def images(self, indices: np.ndarray) -> np.ndarray:
        """Read images (n, H, W, C) float32 at these indices, in their order."""
        if _closing.is_set():
            raise RuntimeError("Python is closing")
        indices = np.asarray(indices)
        first = self._open(self.files[indices[0]])
        out = np.empty((len(indices), *first.shape[1:]), np.float32)
        for name in np.unique(self.files[indices]):
            here = np.flatnonzero(self.files[indices] == name)
            out[here] = self._open(name)[self.rows[indices[here]]]
        return out

    def _open(self, name: str) -> np.ndarray:
        # Opened anew for every batch: a map that stays open counts as the process's memory.
        path = self.folder / name
        with refuse_damaged(path, "volume of a store", "delete the store and make it again"):
            return np.load(path, mmap_mode="r", allow_pickle=False)

    def to_dataset(
        self,
        batch_size: int,
        seed: int = 0,
        start_step: int = 0,
        flip: bool = False,
        label: str | tuple[str, ...] | None = None,
    ) -> "tf.data.Dataset":
        """Return the dataset that `Slices.to_dataset` would, to the bit, reading from disk."""
        import tensorflow as tf

        from .batches import endless_batches

        values = None if label is None else self.metadata.label_table(label)
        shape = self._open(self.files[0]).shape[1:]

        def pick(chosen: "tf.Tensor") -> "tf.Tensor":
            images = tf.numpy_function(self.images, [chosen], tf.float32)
            return tf.ensure_shape(images, (batch_size, *shape))

        return endless_batches(len(self), pick, values, batch_size, seed, start_step, flip)


def store_slices(
    source: str,
    into: str | Path,
    image_size: int = 64,
    *,
    subjects: int | Iterable[str] | None = None,
    workers: int = 1,
    **options,
) -> SliceStore:
    """Cut a source's slices into a folder, a volume at a time; a stopped run goes on.

    Masks are not kept; the labels made from them are.

    Args:
        source: As in `load_slices`.
        into: Where the files go; one folder for one choice of files and one way to cut them.
        image_size: Pixels along each side.
        subjects: How many subjects, or their names; by default all.
        workers: Processes that read and cut side by side.
        **options: As in `load_slices`, `index` and `fill_nan` among them.

    Returns:
        The open store.

    Raises:
        ValueError: `into` holds slices of other files, or cut otherwise.
    """
    from tqdm.auto import tqdm

    entry, items, axial = find_items(source, image_size, subjects, options)
    contrasts, into = contrasts_of(items), Path(into)
    info = about(entry, axial, contrasts)
    given = {name: value if isinstance(value, int | float) else str(value)
             for name, value in options.items()}  # fmt: skip
    settings = info | given | {"mask labels": entry.mask_labels}
    _same_content(into / "settings.json", json.loads(json.dumps(settings)), items)
    groups = itertools.groupby(enumerate(items), lambda pair: pair[1].group or str(pair[1].path))
    jobs = [(into, list(group), entry.mask_labels, axial) for _, group in groups]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, spawn) if workers > 1 else nullcontext() as pool:
        parts = (pool.map if pool else map)(_store_group, *zip(*jobs, strict=True))
        bar = tqdm(parts, f"storing {entry.name}", len(jobs), unit="volume", delay=2)
        index = join(itertools.chain.from_iterable(bar))
    replace(index, modality="+".join(contrasts), info=info).save(into / "index.npz")
    store = SliceStore.open(into)
    ends = np.flatnonzero(store.files[1:] != store.files[:-1]) + 1
    volumes = map(store.images, np.split(np.arange(len(store)), ends))
    warn_of_copies(itertools.chain.from_iterable(volumes), store.subjects)
    return store


def _store_group(
    folder: Path, group: list[tuple[int, Item]], mask_labels: dict, axial: AxialCut
) -> list[Slices]:
    """Cut and write the items of one group, with their numbers; return what is known of them."""
    # File names may be the same, or hold what a disk does not take: numbers instead.
    parts = [_kept(folder, f"{number:05d}") for number, _ in group]
    if all(parts):
        return parts
    parts, body = [], {}  # the whole group: its first item decides where the others are cut
    for number, item in group:
        name = f"{number:05d}.npy"
        part = with_mask_labels(item.slices(axial, body), mask_labels)
        with written_whole(folder / name) as temporary, temporary.open("wb") as file:
            np.lib.format.write_array(file, part.images, allow_pickle=False)
        nothing = np.empty((*part.images.shape[:3], 0), np.float32)  # a view would keep them all
        labels = part.labels | {_FILE: np.full(len(part), name)}
        parts.append(replace(part, images=nothing, masks=None, labels=labels))
        parts[-1].save(folder / f"{number:05d}.npz")
    return parts


def _kept(folder: Path, name: str) -> Slices | None:
    """Return what is known of a volume that lies in the folder whole, else None: it is cut anew."""
    try:
        part = Slices.load(folder / f"{name}.npz")
    except (FileNotFoundError, ValueError):
        return None
    return part if _FILE in part.labels and (folder / f"{name}.npy").is_file() else None


def _same_content(path: Path, settings: dict, items: list[Item]) -> None:
    """Refuse to mix slices of other files, or cut in another way, in one folder."""
    content = {"settings": settings, "files": content_key(None, items)}
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        old = before["settings"]
    except FileNotFoundError:
        with written_whole(path) as temporary:
            temporary.write_text(json.dumps(content), encoding="utf-8")
        return
    except (ValueError, KeyError, TypeError):
        before, old = {}, {}
    if before != content:
        named = [f"{name} {old.get(name)} → {settings.get(name)}" for name in settings | old
                 if old.get(name) != settings.get(name)]  # fmt: skip
        raise ValueError(
            f"{path.parent} holds slices made otherwise ({', '.join(named) or 'of other files'}); "
            f"choose another folder, or delete this one"
        )
