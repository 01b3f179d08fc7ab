"""Sources of heads: the offline phantom, IXI, and AOMIC from OpenNeuro."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ..cache import cache_folder
from ..download import fetch, fetch_unpacked
from ..volumes import Volume
from .folder import folder_items, survey
from .item import Item
from .people import read_table
from .source import Source, choose_subjects, phantom_folder

IXI_ADDRESS = "http://biomedic.doc.ic.ac.uk/brain-development/downloads/IXI/IXI-T1.tar"
IXI_HASH = "md5:34901a0593b41dd19c1a1f746eac2d58"
AOMIC_ADDRESS = "https://s3.amazonaws.com/openneuro.org/ds002785"
AOMIC_SUBJECTS = [f"sub-{number:04d}" for number in range(1, 41)]


class TissueHead(Item):
    """A head of the phantom whose mask names every tissue, in the codes of `HEAD_TISSUES`."""

    def read(self) -> tuple[Volume, Volume]:
        """Read both; the file holds the phantom's own order of tissues."""
        from ...phantoms.mr_physics import HEAD_TISSUES, TISSUE_NAMES

        volume, tissues = super().read()
        codes = np.array([HEAD_TISSUES[name] for name in TISSUE_NAMES], np.float32)
        return volume, replace(tissues, voxels=codes[tissues.voxels.astype(int)])


def phantom_items(
    subjects: int | list[str] | None = None,
    modalities: Sequence[str] = ("T1",),
    seed: int = 0,
    spacing_mm: float = 2.0,
    lesion_fraction: float = 0.5,
    masks: str = "lesion",
) -> list[Item]:
    """Write the brain phantom once, then list its files.

    Args:
        subjects: How many to make (40 by default), or which of the 40.
        modalities: For example `("T1", "FLAIR")`, on one grid.
        seed: Which cohort.
        spacing_mm: Edge of a voxel.
        lesion_fraction: Share of the subjects with a tumour.
        masks: "lesion" (0 none, 1 necrotic core, 2 enhancing ring, 3 oedema, 4 tumour that does
            not enhance) or "tissues" (codes of `medgan_utils.phantoms.HEAD_TISSUES`, the same for
            the tumour's).

    Raises:
        ValueError: Other masks are asked for.
    """
    if masks not in ("lesion", "tissues"):
        raise ValueError(f"masks={masks!r}; the phantom has masks='lesion' and masks='tissues'")
    from ...phantoms.cohort import bids_path, write_brain_phantom

    count = subjects if isinstance(subjects, int) else 40
    modalities = (modalities,) if isinstance(modalities, str) else tuple(modalities)
    settings = (count, spacing_mm, modalities, seed, lesion_fraction)
    folder = phantom_folder("brain-phantom", write_brain_phantom, *settings)
    names = [row["participant_id"] for row in read_table(folder / "participants.tsv")]
    items = []
    for name in choose_subjects(names, subjects):
        kind, suffix = (TissueHead, "dseg") if masks == "tissues" else (Item, "label-lesion_mask")
        mask = folder / name / "anat" / f"{name}_{suffix}.nii.gz"
        for modality in modalities:
            path = bids_path(folder, name, modality)
            items.append(kind(path, name, modality, mask if mask.exists() else None, group=name))
    return items


def ixi_items(
    folder: str | Path | None = None,
    subjects: int | list[str] | None = None,
    modality: str = "T1",
    **options,
) -> list[Item]:
    """List the volumes of IXI.

    Args:
        folder: Where they lie; by default the T1 volumes are downloaded (4.8 GB) and unpacked once.
        subjects: How many, or which (IXI012, …).
        modality: "T1"; "T2" or "PD" from a folder.
        **options: Of `survey`; `glob` is that of the modality by default.
    """
    if folder is None:
        if modality != "T1":
            raise ValueError(
                f"only the T1 volumes of IXI are downloaded here; get IXI-{modality}.tar from "
                f"brain-development.org, unpack it and pass folder='path/to/it'"
            )
        folder = fetch_unpacked(IXI_ADDRESS, cache_folder("ixi") / "volumes", IXI_HASH)
    usual = {"modality": modality, "glob": f"**/IXI*{modality}.nii*"}
    return folder_items(folder, subjects, **usual | options)


def aomic_items(
    folder: str | Path | None = None,
    subjects: int | list[str] | None = None,
    **options,
) -> list[Item]:
    """List T1 volumes of AOMIC PIOP1 (students, 3 T, faces removed).

    Args:
        folder: Where they lie; by default each subject's file (about 10 MB) is downloaded once.
        subjects: How many, or which; by default all of a folder, or 20 of the `AOMIC_SUBJECTS`
            that are offered for download.
        **options: Of `survey`.
    """
    if folder is None:
        folder = cache_folder("aomic")
        subjects = choose_subjects(AOMIC_SUBJECTS, 20 if subjects is None else subjects)
        for name in subjects:
            fetch(f"{AOMIC_ADDRESS}/{name}/anat/{name}_T1w.nii.gz", folder)
    usual = {"modality": "T1", "glob": "**/sub-*_T1w.nii*"}
    return folder_items(folder, subjects, **usual | options)


BRAIN_PHANTOM = Source(
    name="brain-phantom",
    items=phantom_items,
    modality="T1, T1CE, T2, PD, FLAIR, CT, PET",
    anatomy="head",
    licence="made here from the ICBM 152 template (McGill); notice in data/README.md",
    size="written: about 1.5 MB a subject and modality",
    network="no",
    check="the same bytes for the same seed",
    mask_labels={"lesion": (1, 2, 3, 4)},
)
_source = partial(
    Source, modality="T1", anatomy="head", network="unless folder= is given", passes_on=survey
)
IXI = _source(
    name="ixi",
    items=ixi_items,
    licence="CC BY-SA 3.0, brain-development.org",
    size="4.8 GB, 581 heads",
    check="MD5 as other projects publish it",
)
AOMIC = _source(
    name="aomic",
    items=aomic_items,
    licence="CC0, OpenNeuro ds002785 (Snoek et al. 2021, doi:10.1038/s41597-021-00870-6)",
    size="about 10 MB a head; 40 heads are offered, 20 by default",
    check="SHA-256 recorded at the first download",
)
