"""What a source is, and the one list of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Item:
    """One file (or DICOM folder) of a source.

    Attributes:
        path: NIfTI, DICOM folder or PNG.
        subject: Who it shows.
        modality: For example "T1" or "CT".
        mask: Label map on the same grid, or None.
        labels: What is known of the whole file: numbers, the same names in every item.
    """

    path: Path
    subject: str
    modality: str
    mask: Path | None = None
    labels: dict[str, float | int] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """Where images come from, and what a user must know of them.

    Attributes:
        name: As in `load_slices(name)`.
        items: Called with the options of `load_slices` that are not about slicing; makes the
            files available (writing or downloading them if it must) and lists them.
        modality: For example "T1".
        anatomy: "head" or "body", see `Axial`.
        licence: Under which the images may be used.
        size: Of what is downloaded or written, in words.
        network: Whether it needs the network.
        check: How the files are checked.
    """

    name: str
    items: Callable[..., list[Item]]
    modality: str
    anatomy: str
    licence: str
    size: str
    network: str
    check: str


REGISTRY: dict[str, Source] = {}


def register(source: Source) -> Source:
    """Add a source, so that `load_slices(source.name)` finds it."""
    REGISTRY[source.name] = source
    return source
