"""Sources of abdominal CT with liver masks: the offline phantom, LiTS, the Decathlon's Task03."""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..cache import cache_folder
from ..download import fetch_unpacked
from ..files import stem
from ..nifti import is_identity, read_affine
from ..volumes import Volume, read_volume
from .ct_cases import read_liver_ct
from .item import Item
from .people import read_table
from .source import Source, choose_subjects, phantom_folder
from .walk import walk

MSD_ADDRESS = "https://msd-for-monai.s3-us-west-2.amazonaws.com/Task03_Liver.tar"
MSD_HASH = "md5:a90ec6c4aa7f6a3d087205e23d4e6397"
_ORGANS = "organs_"
LIVER_LABELS = {"liver": (1, 2), "tumour": (2,)}


class LiverCase(Item):
    """An abdominal CT with its liver mask."""

    def read(self) -> tuple[Volume, Volume]:
        """Read both, repaired or refused; see `read_liver_ct`."""
        return read_liver_ct(self)


class OrganCase(LiverCase):
    """A phantom whose mask names every organ; its liver mask lies beside it."""

    def read(self) -> tuple[Volume, Volume]:
        """Read both, cut to the planes that `read_liver_ct` keeps of the liver."""
        liver = self.mask.with_name(self.mask.name.removeprefix(_ORGANS))
        volume, _ = read_liver_ct(replace(self, mask=liver))
        organs = read_volume(self.mask, "labels", self.subject)
        first = round((volume.affine[2, 3] - organs.affine[2, 3]) / organs.spacing_mm[2])
        kept = organs.voxels[:, :, first : first + volume.voxels.shape[2]]
        return volume, replace(organs, voxels=kept, affine=volume.affine)


def liver_phantom_items(
    subjects: int | list[str] | None = None,
    seed: int = 0,
    matrix: int = 256,
    slices: int = 40,
    dose: float = 1.0,
    phase: str | None = None,
    masks: str = "liver",
) -> list[Item]:
    """Write the liver phantom once, then list its files.

    The label "phase" is 0 plain, 1 arterial, 2 venous.

    Args:
        subjects: How many to make (30 by default), or which of the 30.
        seed: Which cohort.
        matrix: Voxels along x and y.
        slices: Of each volume, over 200 mm.
        dose: Share of the usual number of photons.
        phase: "plain", "arterial" or "venous" for all; by default drawn for each.
        masks: "liver" (0 none, 1 liver, 2 tumour), "organs" (codes of
            `medgan_utils.phantoms.ORGANS`, the same for liver and tumour) or "tissues" (codes of
            `medgan_utils.phantoms.BODY_TISSUES`: the vessels of the liver as well).

    Raises:
        ValueError: Other masks are asked for.
    """
    if masks not in ("liver", "organs", "tissues"):
        raise ValueError(
            f"masks={masks!r}; the phantom has masks='liver', masks='organs' and masks='tissues'"
        )
    from ...phantoms.cohort import write_liver_phantom
    from ...phantoms.ct_physics import PHASES

    count = subjects if isinstance(subjects, int) else 30
    settings = (count, seed, matrix, slices, dose, phase)
    settings += ("tissues",) if masks == "tissues" else ()
    folder = phantom_folder("liver-phantom", write_liver_phantom, *settings)
    rows = {row["participant_id"]: row for row in read_table(folder / "participants.tsv")}
    kind, prefix = (LiverCase, "") if masks == "liver" else (OrganCase, _ORGANS)
    cases = []
    for name in choose_subjects(list(rows), subjects):
        path, mask = folder / f"{name}.nii.gz", folder / f"{prefix}{_mask_name(name)}.nii.gz"
        labels = {"phase": PHASES.index(rows[name]["phase"])}
        cases.append(kind(path, name, "CT", mask, labels))
    return cases


def lits_items(
    folder: str | Path | None = None, subjects: int | list[str] | None = None
) -> list[Item]:
    """List LiTS volumes that have a segmentation (volume-N.nii, segmentation-N.nii, gzipped or
    not).

    Volumes 28 to 47 come with an identity affine: their spacing is not known. They get the label
    "spacing_known" 0, so that they can be left out, see `read_liver_ct`.

    Args:
        folder: Searched with its sub-folders (the training batches).
        subjects: How many, or which ("volume-0", …).

    Raises:
        FileNotFoundError: The folder is missing or holds no such pair.
    """
    if folder is None:
        raise ValueError(
            "LiTS is handed out after registration: get 'Training Batch 1' and '2' from "
            "competitions.codalab.org/competitions/17094 and pass folder='path/to/them'; "
            "load_slices('liver-phantom') has the same layout and needs no files"
        )
    return _pairs(Path(folder), "volume-{}", subjects)


def msd_liver_items(
    folder: str | Path | None = None, subjects: int | list[str] | None = None
) -> list[Item]:
    """List the labelled volumes of the Medical Segmentation Decathlon, Task03 Liver.

    Args:
        folder: Where imagesTr and labelsTr lie; by default they are downloaded (29 GB) and
            unpacked once.
        subjects: How many, or which ("liver_0", …).
    """
    if folder is None:
        folder = fetch_unpacked(MSD_ADDRESS, cache_folder("msd-liver") / "volumes", MSD_HASH)
    return _pairs(Path(folder), "liver_{}", subjects)


def _mask_name(image_name: str) -> str:
    """Return LiTS's name of a mask; the Decathlon's is its image's."""
    return image_name.replace("volume", "segmentation")


def _pairs(folder: Path, image_name: str, subjects: int | list[str] | None) -> list[Item]:
    """List images whose mask is there; images without one (the test sets) are left out."""
    found = walk(folder)
    images = {stem(path): path for path in found.images if path.parent.name != "imagesTs"}
    masks = {stem(path): path for path in found.label_maps if path.parent.name != "labelsTs"}
    pattern, mask_name = image_name.format(r"(\d+)"), _mask_name(image_name)
    by_number = {}
    for name, path in images.items():
        match = re.fullmatch(pattern, name)
        if match and (mask := masks.get(mask_name.format(match[1]))):
            by_number[int(match[1])] = (path, mask)
    if not by_number:
        raise FileNotFoundError(
            f"{folder} holds no images with masks named {image_name.format('N')}.nii.gz and "
            f"{mask_name.format('N')}.nii.gz; load_slices('liver-phantom') needs no files"
        )
    names = {image_name.format(number): pair for number, pair in sorted(by_number.items())}
    cases = []
    for name in choose_subjects(list(names), subjects):
        path, mask = names[name]
        labels = {"spacing_known": int(not is_identity(read_affine(path)))}
        cases.append(LiverCase(path, name, "CT", mask, labels))
    return cases


_source = partial(Source, modality="CT", anatomy="body", mask_labels=LIVER_LABELS)
LIVER_PHANTOM = _source(
    name="liver-phantom",
    items=liver_phantom_items,
    licence="made here, Apache-2.0",
    size="written: about 3 MB a subject",
    network="no",
    check="the same bytes for the same seed",
)
LITS = _source(
    name="lits",
    items=lits_items,
    licence="CC BY-NC-ND 4.0, LiTS (Bilic et al. 2023, doi:10.1016/j.media.2022.102680)",
    size="131 volumes, about 50 GB",
    network="no, folder= is needed",
    check="orientation, grids and HU of every liver",
)
MSD_LIVER = _source(
    name="msd-liver",
    items=msd_liver_items,
    licence="CC BY-SA 4.0, Medical Segmentation Decathlon "
    "(Antonelli et al. 2022, doi:10.1038/s41467-022-30695-9)",
    size="29 GB, 131 volumes with masks",
    network="unless folder= is given",
    check="MD5 as other projects publish it; orientation, grids and HU of every liver",
)
