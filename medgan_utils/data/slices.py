"""Many slices of many subjects: split by subject, kept in one file, fed to a GAN."""

import json
import warnings
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .._files import refuse_damaged, written_whole

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class Slices:
    """Axial slices with what is known about each.

    Attributes:
        images: (N, H, W, C) float32 in [-1, 1]; row 0 anterior, column 0 the patient's right.
        subjects: (N,) str.
        positions: (N,) float32; mm below the vertex for heads, else a fraction of the length.
        masks: (N, H, W) label maps, uint8 or the smallest unsigned type that holds them, or None.
        labels: Name -> (N,) array.
        modality: For example "T1" or "CT".
        spacing_mm: Side of a pixel in millimetres; NaN where the source does not know it.
        info: Source, licence and settings, as JSON can hold them.
    """

    images: np.ndarray
    subjects: np.ndarray
    positions: np.ndarray
    masks: np.ndarray | None = None
    labels: dict[str, np.ndarray] = field(default_factory=dict)
    modality: str = "T1"
    spacing_mm: float = float("nan")
    info: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together, and images of another range."""
        if self.images.ndim != 4:
            raise ValueError(f"images have shape {self.images.shape}; (N, H, W, C) is needed")
        parts = {"subjects": self.subjects, "positions": self.positions, **self.labels}
        for name, values in parts.items():
            if np.shape(values) != (len(self.images),):
                raise ValueError(
                    f"{name} has shape {np.shape(values)} for {len(self.images)} images; one value "
                    f"a slice is needed"
                )
        if self.masks is not None and np.shape(self.masks) != self.images.shape[:3]:
            raise ValueError(
                f"masks have shape {np.shape(self.masks)} for images {self.images.shape}"
            )
        if self.images.size:
            _check_range(self.images)

    def __len__(self) -> int:
        return len(self.images)

    def select(self, indices: np.ndarray) -> "Slices":
        """Return the slices at these indices (integers, or one bool a slice)."""
        return replace(
            self,
            images=self.images[indices],
            subjects=self.subjects[indices],
            positions=self.positions[indices],
            masks=None if self.masks is None else self.masks[indices],
            labels={name: values[indices] for name, values in self.labels.items()},
        )

    def for_subjects(self, subjects: Iterable[str]) -> "Slices":
        """Return the slices of these subjects (one name, or several).

        Raises:
            ValueError: A subject is not among these slices.
        """
        wanted = [subjects] if isinstance(subjects, str) else list(subjects)
        unknown = sorted(set(wanted) - set(self.subjects))
        if unknown:
            raise ValueError(f"no slices of {', '.join(unknown)}; np.unique(slices.subjects) lists")
        return self.select(np.isin(self.subjects, wanted))

    def split(
        self, shares: Mapping[str, float], seed: int = 0, label: str | None = None
    ) -> dict[str, "Slices"]:
        """Split by subject: no subject is on two sides.

        Args:
            shares: Name -> share of the subjects, for example
                `{"train": 0.6, "reference": 0.2, "test": 0.2}`; the shares sum to 1.
            seed: Which of the many splits.
            label: A label of 0 and 1: subjects that have a 1 in some slice are shared out like
                those that have none, as far as whole subjects go. Without it chance may leave all
                findings to one part.

        Raises:
            ValueError: The shares do not sum to 1, the label is unknown, or there are too few
                subjects.
        """
        if abs(sum(shares.values()) - 1) > 1e-6 or min(shares.values()) <= 0:
            raise ValueError(f"shares {dict(shares)} must be positive and sum to 1")
        subjects = np.unique(self.subjects)
        parts = {name: [] for name in shares}
        random, ends = np.random.default_rng(seed), np.cumsum(list(shares.values()))[:-1]
        for group in [subjects] if label is None else self._by_finding(label):
            cuts = np.rint(ends * len(group)).astype(int)
            for part, names in zip(
                parts.values(), np.split(random.permutation(group), cuts), strict=True
            ):
                part.extend(names)
        for name, part in parts.items():
            if len(part) == 0:
                raise ValueError(
                    f"{len(subjects)} subjects are too few: {name!r} would be empty; load more "
                    f"subjects or ask for fewer parts. If there are more people than that, their "
                    f"names were misread: pass subject_pattern= (--subject-pattern)"
                )
        return {name: self.for_subjects(part) for name, part in parts.items()}

    def _by_finding(self, label: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the subjects that have the finding in some slice, and the others."""
        found = np.unique(self.subjects[self._label(label) == 1])
        return found, np.setdiff1d(self.subjects, found)

    def with_levels(self, count: int) -> "Slices":
        """Add `labels["level"]`: positions in `count` bins of equal width, 0 at the top.

        The bins span these slices: add levels before you split.

        Raises:
            ValueError: A position is not known.
        """
        if count < 1 or not np.isfinite(self.positions).all():
            raise ValueError(
                f"{count} levels cannot be made: count must be 1 or more and every slice needs a "
                f"position (PNG files get it from names like case1_slice012.png)"
            )
        edges = np.linspace(self.positions.min(), self.positions.max(), count + 1)[1:-1]
        level = np.digitize(self.positions, edges).astype(np.int64)
        return replace(self, labels={**self.labels, "level": level})

    def save(self, path: str | Path) -> Path:
        """Write everything to one `.npz` without pickle; the file appears whole or not at all."""
        path = Path(path)
        arrays = {"images": self.images, "positions": self.positions}
        arrays["subjects"] = self.subjects.astype(str)
        arrays |= {f"label_{name}": values for name, values in self.labels.items()}
        if self.masks is not None:
            arrays["masks"] = self.masks
        about = {"modality": self.modality, "spacing_mm": self.spacing_mm, "info": self.info}
        arrays["about"] = np.array(json.dumps(about))
        with (
            written_whole(path) as temporary,
            # As np.savez_compressed writes it, but at a level that is several times faster.
            zipfile.ZipFile(temporary, "x", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        ):
            for name, values in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    np.lib.format.write_array(file, values, allow_pickle=False)
        return path

    @classmethod
    def load(cls, path: str | Path) -> "Slices":
        """Read a file that `save` wrote.

        Raises:
            ValueError: The file is damaged or is no file of slices.
        """
        with refuse_damaged(path, "file of slices", "delete it and make it again"):
            with np.load(path, allow_pickle=False) as file:
                arrays = dict(file)
            about = json.loads(str(arrays.pop("about")))
            labels = {name[6:]: arrays.pop(name) for name in list(arrays) if name[:6] == "label_"}
            return cls(**arrays, labels=labels, **about)

    def to_dataset(
        self,
        batch_size: int,
        seed: int = 0,
        start_step: int = 0,
        flip: bool = False,
        label: str | tuple[str, ...] | None = None,
        masks: bool = False,
    ) -> "tf.data.Dataset":
        """Return an endless dataset in which batch k depends on the seed and on k alone.

        Each epoch is a new permutation of all slices (batches run across its end), so a run
        resumed with `start_step=k` sees the batches it would have seen without the stop.

        Args:
            batch_size: Images a batch.
            seed: Which order.
            start_step: Number of the first batch.
            flip: Mirror a random half of the images left to right. That gives up the side: never
                for livers, and for brains only if side does not matter.
            label: Also yield these labels, int64 of shape (B, number of names).
            masks: Also yield the label maps, int32 of shape (B, H, W), mirrored with their images.

        Returns:
            Images (B, H, W, C) float32 in [-1, 1], or (images, labels), or (images, maps).

        Raises:
            ValueError: There are no masks, or labels are asked for beside them.
        """
        from .batches import endless_batches, from_memory

        if masks and (self.masks is None or label is not None):
            reason = "have no masks" if self.masks is None else "yield labels or masks, not both"
            raise ValueError(f"these slices {reason}")
        values = None if label is None else self.label_table(label)
        values = self.masks if masks else values
        settings = (values, batch_size, seed, start_step, flip)
        return endless_batches(len(self), from_memory(self.images), *settings)

    def label_table(self, names: str | tuple[str, ...]) -> np.ndarray:
        """Stack integer labels to int64 (N, number of names), as `to_dataset` yields them.

        Raises:
            ValueError: There is no such label, or it holds other than whole numbers from 0 on.
        """
        names = (names,) if isinstance(names, str) else names
        for name in names:
            values = self._label(name)
            if values.dtype.kind not in "iub":
                raise ValueError(
                    f"label {name!r} holds {values.dtype} values; a class label must be whole "
                    f"numbers from 0 on: bin it first"
                )
            if unknown := int((values < 0).sum()):
                raise ValueError(
                    f"label {name!r} is unknown (below 0) for {unknown} slices; leave them out: "
                    f"slices.select(slices.labels[{name!r}] >= 0)"
                )
        return np.stack([self.labels[name].astype(np.int64) for name in names], axis=1)

    def _label(self, name: str) -> np.ndarray:
        """Return a label of all slices; refuse one that is not there (ValueError)."""
        if name not in self.labels:
            known = ", ".join(sorted(self.labels)) or "none"
            raise ValueError(
                f"there is no label {name!r} (known: {known}); slices.with_levels(n) makes 'level'"
            )
        return self.labels[name]


def _check_range(images: np.ndarray) -> None:
    """Refuse what a generator that ends in tanh could never match."""
    low, high = float(images.min()), float(images.max())
    if images.dtype.kind != "f" or not (low >= -1.001 and high <= 1.001):  # NaN fails too
        raise ValueError(
            f"images are {images.dtype} from {low:g} to {high:g}; finite float32 in [-1, 1] is "
            f"needed: bytes as pixels / 127.5 - 1, values in [0, 1] as 2 * values - 1"
        )
    if low >= 0 and high > 0.5:
        warnings.warn(
            f"all images lie between {low:g} and {high:g}; slices are meant to fill [-1, 1] with "
            f"air at -1: if yours are in [0, 1], pass 2 * images - 1",
            stacklevel=4,
        )


def _check_alike(parts: list[Slices]) -> None:
    """Refuse parts whose images or labels would be changed or lost beside the first's."""
    first = parts[0]
    for part in parts[1:]:
        one, other = first.images.shape[1:], part.images.shape[1:]
        if one != other:
            raise ValueError(
                f"images {one} and {other} cannot be joined: size and channels must be the same; "
                f"load both with one image_size and the same channels"
            )
        if first.labels.keys() != part.labels.keys():
            one, other = (", ".join(sorted(p.labels)) or "none" for p in (first, part))
            raise ValueError(
                f"slices with the labels {one} and with {other} cannot be joined; give both the "
                f"same, or leave some out: dataclasses.replace(slices, labels={{...}})"
            )


def join(parts: Iterable[Slices]) -> Slices:
    """Put slices of one size one after the other.

    Parts without masks get empty ones if another part has masks. Each part is let go as soon as
    it is copied: an iterator of parts needs memory once, a list of them twice.

    Args:
        parts: With the same names of labels; modality, spacing and info are the first part's.

    Raises:
        ValueError: No parts, or they differ in the size or channels of images or in labels.
    """
    parts = list(parts)
    if not parts:
        raise ValueError("there are no slices to join")
    _check_alike(parts)
    first, count = parts[0], sum(len(part) for part in parts)
    kept = [part.masks.dtype for part in parts if part.masks is not None]
    with_masks, types = bool(kept), np.result_type(np.uint8, *kept)
    subjects = np.concatenate([part.subjects for part in parts])
    positions = np.concatenate([part.positions for part in parts])
    labels = {name: np.concatenate([p.labels[name] for p in parts]) for name in first.labels}
    images = np.empty((count, *first.images.shape[1:]), np.float32)
    masks = np.zeros(images.shape[:3], types) if with_masks else None
    end = count
    while parts:
        part = parts.pop()
        images[end - len(part) : end] = part.images
        if part.masks is not None:
            masks[end - len(part) : end] = part.masks
        end -= len(part)
    return replace(
        first, images=images, subjects=subjects, positions=positions, masks=masks, labels=labels
    )
