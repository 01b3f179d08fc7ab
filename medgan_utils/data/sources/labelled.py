"""Sources of ready-made, labelled pictures: OrganAMNIST, and folders named yes and no."""

import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..._files import refuse_damaged
from ..axial import AxialCut
from ..cache import cache_folder
from ..download import fetch
from ..files import is_picture
from ..pictures import fit_square, read_picture
from ..slices import Slices
from .item import Item, Picture
from .source import Source, choose_subjects
from .walk import walk

MEDMNIST_ADDRESS = "https://zenodo.org/records/10519652/files"
MEDMNIST_HASHES = {
    28: "md5:68e3f8846a6bd62f0c9bf841c0d9eacc",
    64: "md5:2dcccc29b88e6da5a01161ef20cda288",
    128: "md5:eeae80d0a227a8d099027e1b3cfd3b60",
    224: "md5:50747347e05c87dd3aaf92c49f9f3170",
}
"""Size -> checksum, as medmnist 3.0 publishes them in its info.py."""

ORGANS = (
    "bladder femur-left femur-right heart kidney-left kidney-right liver lung-left lung-right "
    "pancreas spleen"
).split()
_EMPTY_SD, _NEAR = 3 / 127.5, 0.995


def organamnist_items(
    folder: str | Path | None = None,
    subjects: int | list[str] | None = None,
    size: int = 64,
) -> list[Item]:
    """List the publisher's three parts of OrganAMNIST: slices of 201 CT scans around 11 organs.

    Which scan a slice is from is not published, but no scan is in two parts. Each part therefore
    counts as one subject: use "train", "val" and "test" as they are. Labels: "organ" (index into
    `ORGANS`) and "liver" (1 where it is the liver).

    Args:
        folder: Where `organamnist.npz` or `organamnist_64.npz` … lie; by default downloaded once.
        subjects: How many, or which of "train", "val", "test".
        size: Of the pictures to read, 28, 64, 128 or 224 pixels (20 MB to 1.8 GB).

    Raises:
        ValueError: There is no such size, or no such part.
        FileNotFoundError: The folder does not hold the file.
    """
    if size not in MEDMNIST_HASHES:
        raise ValueError(
            f"size={size}; OrganAMNIST comes in {', '.join(map(str, MEDMNIST_HASHES))}"
        )
    name = "organamnist.npz" if size == 28 else f"organamnist_{size}.npz"
    address = f"{MEDMNIST_ADDRESS}/{name}"
    if folder is None:
        path = fetch(address, cache_folder("organamnist"), MEDMNIST_HASHES[size])
    else:
        path = Path(folder, name)
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist; download it from {address}")
    return [
        OrganPart(path, part, "CT") for part in choose_subjects(["train", "val", "test"], subjects)
    ]


class OrganPart(Picture):
    """One part of OrganAMNIST, many pictures in one file."""

    def slices(self, axial: AxialCut, body: dict) -> Slices:
        """Read the part; where on the body its pictures lie is not known."""
        part = self.subject
        with refuse_damaged(self.path, "MedMNIST file", "delete it and download it again"):
            with np.load(self.path, allow_pickle=False) as file:
                pictures, organs = file[f"{part}_images"], file[f"{part}_labels"].ravel()
        if pictures.ndim != 3 or len(pictures) != len(organs):
            raise ValueError(
                f"{self.path.name}: {part}_images has shape {pictures.shape}, {part}_labels "
                f"{organs.shape}; grey pictures (N, H, W) with one label each are needed"
            )
        signed = pictures.astype(np.float32) / 127.5 - 1
        images = np.stack([fit_square(one, axial.image_size) for one in signed])
        organs = organs.astype(np.int64)
        labels = {"organ": organs, "liver": (organs == ORGANS.index("liver")).astype(np.int64)}
        unknown = np.full(len(images), np.nan, np.float32)
        return Slices(images[..., None], np.full(len(images), part), unknown, None, labels, "CT")


class AnyPicture(Picture):
    """A picture of any mode; its colours are taken for grey."""

    colours = True


def brainmri_items(
    folder: str | Path | None = None, subjects: int | list[str] | None = None
) -> list[Item]:
    """List the pictures in folders named `yes` and `no`: head MR with and without a tumour.

    Exact duplicates are left out (a picture found in both folders is left out altogether). Near
    ones, such as the same slice scaled or compressed again, count as one subject, so that a split
    by subject keeps them on one side. Patients are not known: two subjects may be one patient.

    Args:
        folder: Holds `yes` and `no`, perhaps further down.
        subjects: How many, or which.

    Raises:
        FileNotFoundError: There are no such folders, or no pictures in them.
        ValueError: A picture is damaged, or most are all but empty.
    """
    if folder is None:
        raise ValueError(
            "this data set is handed out by kaggle.com (navoneel/brain-mri-images-for-brain-tumor-"
            "detection) to those who log in: download it and pass folder='path/to/it'"
        )
    paths = _yes_and_no(Path(folder))
    grey = {path: read_picture(path, colours=True) for path in paths}
    empty = [path for path, pixels in grey.items() if pixels.std() < _EMPTY_SD]
    if len(empty) > len(paths) / 2:
        raise ValueError(
            f"{folder}: {len(empty)} of {len(paths)} pictures are all but empty (one grey level), "
            f"for example {empty[0].name}; was the download cut short, or are these masks?"
        )
    kept, duplicates, contradicting = _without_copies({p: grey[p] for p in paths if p not in empty})
    groups = near_groups([grey[path] for path in kept])
    near = len(kept) - len(set(groups))
    if empty or duplicates or contradicting or near:
        warnings.warn(
            f"{folder}: of {len(paths)} pictures, {duplicates} exact duplicates, {contradicting} "
            f"that are in both yes and no, and {len(empty)} empty ones were left out; {near} more "
            f"are near duplicates of another and share its subject",
            stacklevel=2,
        )
    firsts = [kept[group] for group in groups]
    names = [f"{first.parent.name.lower()}-{first.stem}" for first in firsts]
    chosen = set(choose_subjects(sorted(set(names)), subjects))
    return [
        AnyPicture(path, name, "MR", labels={"tumour": int(path.parent.name.lower() == "yes")})
        for path, name in zip(kept, names, strict=True)
        if name in chosen
    ]


def _yes_and_no(folder: Path) -> list[Path]:
    """Pictures whose folder is named yes or no, each file once."""
    found = walk(folder).images
    paths = [p for p in found if is_picture(p) and p.parent.name.lower() in ("yes", "no")]
    sides = {path.parent.name.lower() for path in paths}
    if sides != {"yes", "no"}:
        raise FileNotFoundError(
            f"{folder} needs a folder yes and a folder no with pictures in both; found "
            f"{', '.join(sorted(sides)) or 'neither'}"
        )
    return paths


def _without_copies(grey: dict[Path, np.ndarray]) -> tuple[list[Path], int, int]:
    """Return paths without exact duplicates, how many those were, and how many contradict."""
    by_content: dict[tuple, list[Path]] = {}
    for path, pixels in grey.items():
        by_content.setdefault((pixels.shape, pixels.tobytes()), []).append(path)
    agreeing = [c for c in by_content.values() if len({p.parent.name.lower() for p in c}) == 1]
    contradicting = len(grey) - sum(len(copies) for copies in agreeing)
    kept = sorted(copies[0] for copies in agreeing)
    return kept, len(grey) - contradicting - len(kept), contradicting


def near_groups(pictures: Iterable[np.ndarray]) -> list[int]:
    """Group pictures that are all but the same.

    Args:
        pictures: (H, W) float32 each, sizes may differ.

    Returns:
        For each picture the index of the first one of its group: those linked by a correlation of
        0.995 or more between thumbnails of 32x32 pixels.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    thumbnails = np.stack([fit_square(picture, 32).ravel() for picture in pictures])
    thumbnails = thumbnails - thumbnails.mean(axis=1, keepdims=True)
    thumbnails /= np.maximum(np.linalg.norm(thumbnails, axis=1, keepdims=True), 1e-6)
    near = csr_matrix(thumbnails @ thumbnails.T >= _NEAR)
    group = connected_components(near, directed=False)[1]
    first = np.unique(group, return_index=True)[1]
    return first[group].tolist()


ORGANAMNIST = Source(
    name="organamnist",
    items=organamnist_items,
    modality="CT",
    anatomy="body",
    licence="CC BY 4.0, MedMNIST (Yang et al. 2023, doi:10.1038/s41597-022-01721-8), from LiTS",
    size="58 830 pictures; 64 pixels by default, other sizes 20 MB to 1.8 GB",
    network="unless folder= is given",
    check="the publisher's MD5",
)
BRAINMRI = Source(
    name="brainmri",
    items=brainmri_items,
    modality="MR",
    anatomy="head",
    licence="not stated; do not pass the pictures on",
    size="253 pictures, 15 MB",
    network="no, folder= is needed",
    check="damaged, empty and doubled pictures are found",
)
