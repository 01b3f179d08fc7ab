"""What a source is, and the one list of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..slices import Slices


@dataclass(frozen=True)
class Item:
    """One file (or DICOM folder) of a source.

    Attributes:
        path: NIfTI, DICOM folder or PNG.
        subject: Who it shows.
        modality: For example "T1" or "CT".
        mask: Label map on the same grid, or None.
        labels: What is known of the whole file: numbers, the same names in every item.
        group: Neighbouring items of one group lie on one grid, registered to each other; the
            first of them decides where all are cut.
        volumes: For files that need repair: called with the item and `fill_nan`, returns image
            and mask (or None) as `Volume`s. By default `read_volume` reads both.
        pictures: For files that hold ready-made slices in a form of their own: called with the
            item and the image size, returns `Slices`.
    """

    path: Path
    subject: str
    modality: str
    mask: Path | None = None
    labels: dict[str, float | int] = field(default_factory=dict)
    group: str | None = None
    volumes: Callable[["Item", float | None], tuple] | None = None
    pictures: Callable[["Item", int], "Slices"] | None = None


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


REGISTRY: dict[str, Source] = {}


def register(source: Source) -> None:
    """Add a source, so that `load_slices(source.name)` finds it."""
    REGISTRY[source.name] = source


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
            f"{len(known)}: {', '.join(known[:5])}{', …' if len(known) > 5 else ''}"
        )
    return wanted
