"""What a source is, and where a source of phantoms keeps them."""

import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ...phantoms import VERSION
from ..cache import cache_folder
from .item import Item
from .people import few


@dataclass(frozen=True)
class Source:
    """Where images come from, and what a user must know of them.

    Attributes:
        name: As in `load_slices(name)`.
        items: Called with `subjects` and the options of `load_slices` that are not about slicing;
            makes the files available (writing or downloading them if it must) and lists them.
        modality: For example "T1".
        anatomy: "head" or "body", see `AxialCut`.
        licence: Under which the images may be used.
        size: Of what is downloaded or written, in words.
        network: Whether it needs the network.
        check: How the files are checked.
        mask_labels: Name -> mask values; a slice on which they cover 50 mm² or more gets the
            label 1, others 0.
        passes_on: The function that `items` hands its other options to.
    """

    name: str
    items: Callable[..., list[Item]]
    modality: str
    anatomy: str
    licence: str
    size: str
    network: str
    check: str
    mask_labels: dict[str, tuple[int, ...]] = field(default_factory=dict)
    passes_on: Callable | None = None

    def list_items(self, **options) -> list[Item]:
        """List the source's files; an option it does not know is named as the reader's mistake.

        Raises:
            TypeError: The source has no such option.
        """
        known = dict(inspect.signature(self.items).parameters)
        if self.passes_on:
            del known["options"]
            known |= inspect.signature(self.passes_on).parameters
        if unknown := [name for name in options if name not in known]:
            raise TypeError(
                f"source {self.name!r} has no option {unknown[0]!r}; it takes {', '.join(known)}"
            )
        return self.items(**options)


def choose_subjects(known: list[str], subjects: int | list[str] | None) -> list[str]:
    """Return the first so many subjects, or those asked for by name.

    Args:
        known: All names, in order.
        subjects: How many, or which; None for all.

    Raises:
        ValueError: A subject is not known, more are asked for than there are, or none is left.
    """
    if subjects is None:
        return known
    if isinstance(subjects, int) and subjects > len(known):
        raise ValueError(
            f"subjects={subjects}: this source has {len(known)} here; ask for at most that many, "
            f"or leave subjects= out for all"
        )
    wanted = known[: max(subjects, 0)] if isinstance(subjects, int) else list(subjects)
    missing = sorted(set(wanted) - set(known))
    if missing or not wanted:
        raise ValueError(
            f"subjects={subjects!r}: {', '.join(missing) or 'nobody'} chosen; this source has "
            f"{len(known)}: {few(known)}"
        )
    return wanted


def phantom_folder(source: str, write: Callable, *settings: object) -> Path:
    """Return the folder of a cohort of phantoms, written if it is not there yet.

    Args:
        source: Name of the source; its cohorts lie in the cache below it.
        write: Called with the folder and the settings.
        *settings: Of the cohort.
    """
    # A changed phantom is another cohort: old files must not pass for it.
    key = hashlib.sha256(repr((VERSION, *settings)).encode()).hexdigest()
    folder = cache_folder(source) / key[:16]
    if not folder.is_dir():
        try:
            write(folder, *settings)
        except OSError:
            if not folder.is_dir():  # else another process was faster
                raise
    return folder
