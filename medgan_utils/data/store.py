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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .._files import refuse_damaged, written_whole
from .axial import AxialCut
from .loading import about, content_key, contrasts_of, find_items, with_mask_labels
from .slices import Slices
from .sources.item import Item

if TYPE_CHECKING:
    import tensorflow as tf

_closing = threading.Event()


@atexit.register
def _stop_reading() -> None:
    """Let a dataset that reads ahead come to rest: Python cannot close while it calls back."""
    _closing.set()
    time.sleep(0.2)


@dataclass(frozen=True)
class SliceStore:
    """Slices on disk; only the batch being read is in memory.

    Attributes:
        folder: Holds `index.json` and one `.npy` (n, H, W, C) float32 in [-1, 1] a volume.
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
            ValueError: `index.json` is damaged.
        """
        folder = Path(folder)
        path = folder / "index.json"
        if not path.is_file():
            raise FileNotFoundError(
                f"{folder} holds no index.json; write it with store_slices(...)"
            )
        with refuse_damaged(path, "index of a store", "run store_slices again"):
            return cls._from_index(folder, json.loads(path.read_text(encoding="utf-8")))

    @classmethod
    def _from_index(cls, folder: Path, index: dict) -> "SliceStore":
        """Put together what the index says of each volume; its files must be there."""
        for entry in index["volumes"]:
            if not (folder / entry["file"]).is_file():
                raise FileNotFoundError(f"{folder / entry['file']} is gone; run store_slices again")
        counts = [len(entry["positions"]) for entry in index["volumes"]]
        labels = {
            name: np.concatenate([entry["labels"][name] for entry in index["volumes"]])
            for name in index["volumes"][0]["labels"]
        }
        slices = Slices(
            np.empty((sum(counts), *index["shape"][:2], 0), np.float32),
            np.repeat([entry["subject"] for entry in index["volumes"]], counts),
            np.concatenate([entry["positions"] for entry in index["volumes"]]).astype(np.float32),
            labels=labels,
            modality=index["modality"],
            spacing_mm=index["spacing_mm"],
            info=index["info"],
        )
        files = np.repeat([entry["file"] for entry in index["volumes"]], counts)
        rows = np.concatenate([np.arange(count) for count in counts])
        return cls(folder, files, rows, slices)

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
        return np.load(self.folder / name, mmap_mode="r", allow_pickle=False)

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
    into.mkdir(parents=True, exist_ok=True)
    info = about(entry, axial, contrasts)
    given = {name: value if isinstance(value, int | float) else str(value)
             for name, value in options.items()}  # fmt: skip
    settings = info | given | {"mask labels": entry.mask_labels}
    _same_content(into / "settings.json", json.loads(json.dumps(settings)), items)
    groups = itertools.groupby(enumerate(items), lambda pair: pair[1].group or str(pair[1].path))
    jobs = [(into, list(group), entry.mask_labels, axial) for _, group in groups]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, spawn) if workers > 1 else nullcontext() as pool:
        rows = (pool.map if pool else map)(_store_group, *zip(*jobs, strict=True))
        bar = tqdm(rows, f"storing {entry.name}", len(jobs), unit="volume", delay=2)
        volumes = list(itertools.chain.from_iterable(bar))
    shape = np.load(into / volumes[0]["file"], mmap_mode="r").shape[1:]
    index = {"shape": list(shape), "modality": "+".join(contrasts), "info": info}
    index |= {"spacing_mm": volumes[0]["spacing_mm"], "volumes": volumes}
    _write_json(into / "index.json", index)
    return SliceStore.open(into)


def _store_group(
    folder: Path, group: list[tuple[int, Item]], mask_labels: dict, axial: AxialCut
) -> list[dict]:
    """Cut and write the items of one group, with their numbers; return their rows of the index."""
    # File names may be the same, or hold what a disk does not take: numbers instead.
    rows = [_kept_row(folder, f"{number:05d}") for number, _ in group]
    if all(rows):
        return rows
    rows, body = [], {}  # the whole group: its first item decides where the others are cut
    for number, item in group:
        name = f"{number:05d}"
        part = with_mask_labels(item.slices(axial, body), mask_labels)
        with written_whole(folder / f"{name}.npy") as temporary, temporary.open("wb") as file:
            np.lib.format.write_array(file, part.images, allow_pickle=False)
        row = {"file": f"{name}.npy", "subject": item.subject, "spacing_mm": part.spacing_mm}
        row |= {"labels": {key: values.tolist() for key, values in part.labels.items()}}
        rows.append(row | {"positions": part.positions.tolist()})
        _write_json(folder / f"{name}.json", rows[-1])
    return rows


def _kept_row(folder: Path, name: str) -> dict | None:
    """Return the row of a volume that lies in the folder whole, else None: it is cut anew."""
    try:
        row = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        known = {"file", "subject", "spacing_mm", "labels", "positions"} <= set(row)
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return row if known and (folder / f"{name}.npy").is_file() else None


def _same_content(path: Path, settings: dict, items: list[Item]) -> None:
    """Refuse to mix slices of other files, or cut in another way, in one folder."""
    content = {"settings": settings, "files": content_key(None, items)}
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        old = before["settings"]
    except FileNotFoundError:
        return _write_json(path, content)
    except (ValueError, KeyError, TypeError):
        before, old = {}, {}
    if before != content:
        named = [f"{name} {old.get(name)} → {settings.get(name)}" for name in settings | old
                 if old.get(name) != settings.get(name)]  # fmt: skip
        raise ValueError(
            f"{path.parent} holds slices made otherwise ({', '.join(named) or 'of other files'}); "
            f"choose another folder, or delete this one"
        )


def _write_json(path: Path, content: dict) -> None:
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(content), encoding="utf-8")
