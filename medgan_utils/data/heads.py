"""Sources of head MR: the offline phantom, IXI, and AOMIC from OpenNeuro."""

from pathlib import Path

from .folders import folder_items
from .registry import Item, Source, register


def ixi_items(
    folder: str | Path | None = None, glob: str = "**/IXI*T1*.nii*", **options
) -> list[Item]:
    """List the T1 volumes of IXI in a folder (other options: see `folder_items`)."""
    return folder_items(folder, modality="T1", glob=glob, **options)


register(
    Source(
        name="ixi",
        items=ixi_items,
        modality="T1",
        anatomy="head",
        licence="CC BY-SA 3.0, brain-development.org",
        size="4.5 GB (581 heads)",
        network="unless folder= is given",
        check="checksum recorded at the first download",
    )
)
