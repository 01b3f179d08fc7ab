"""Cohorts as files: heads with BIDS-like names, abdomens in the layout of LiTS."""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nibabel as nib
import numpy as np
from tqdm.auto import tqdm

from .._files import refuse_existing, written_whole
from .abdomens import Abdomen, make_abdomen
from .brain_template import load_template
from .heads import Head, make_head
from .mr_physics import TISSUE_NAMES, tissue_values

BIDS_NAMES = {
    "T1": ("anat", "T1w"),
    "T1CE": ("anat", "ce-gadolinium_T1w"),
    "T2": ("anat", "T2w"),
    "PD": ("anat", "PDw"),
    "FLAIR": ("anat", "FLAIR"),
    "CT": ("ct", "ct"),
    "PET": ("pet", "trc-FDG_pet"),
}
"""Modality -> folder of a subject, and suffix of the file."""


def write_brain_phantom(
    folder: str | os.PathLike,
    subjects: int = 40,
    spacing_mm: float = 2.0,
    modalities: Sequence[str] = ("T1",),
    seed: int = 0,
    lesion_fraction: float = 0.5,
    progress: bool = True,
) -> list[Path]:
    """Write heads as NIfTI files with BIDS-like names; the same arguments give the same bytes.

    The folder appears whole or not at all.

    Args:
        folder: new folder.
        subjects: how many heads.
        spacing_mm: edge of the cubic voxels.
        modalities: any of `mr_physics.MODALITIES`.
        seed: which cohort, from 0. Subject i of it is number 1000 seed + i: cohorts of more than
            1,000 subjects share some with the next.
        lesion_fraction: share of the subjects with a tumour, 0 to 1.
        progress: show a progress bar.

    Returns:
        The image files, by subject, then modality.

    Raises:
        FileExistsError: `folder` exists and is not empty.
        ValueError: an unknown modality, none or one twice, or a number out of range.
    """
    _check_seed(seed)
    if not 0 <= lesion_fraction <= 1:
        raise ValueError(f"lesion_fraction is {lesion_fraction}; it is a share between 0 and 1")
    if not modalities or len(set(modalities)) < len(modalities):
        raise ValueError(f"modalities is {modalities!r}; name at least one, and each once")
    for modality in modalities:
        tissue_values(modality)
    count = round(lesion_fraction * subjects)
    ill = np.random.default_rng([seed, 11]).permutation(max(subjects, 0)) < count
    names = [f"sub-{number:03d}" for number in range(1, subjects + 1)]

    def one(work: Path, index: int) -> dict[str, object]:
        head = make_head(1000 * seed + index, spacing_mm, lesion=bool(ill[index]))
        return _write_head(work, names[index], head, modalities)

    load_template()  # once, before two threads ask for it
    folder = _write_cohort(folder, subjects, one, "brain phantom", ".3f", progress, _descriptions())
    return [bids_path(folder, name, modality) for name in names for modality in modalities]


def write_liver_phantom(
    folder: str | os.PathLike,
    subjects: int = 30,
    seed: int = 0,
    matrix: int = 256,
    slices: int = 40,
    dose: float = 1.0,
    phase: str | None = None,
    maps: str = "organs",
    progress: bool = True,
) -> list[Path]:
    """Write abdomens as `volume-N.nii.gz` (HU) and `segmentation-N.nii.gz` (0, 1, 2).

    A third file, `organs_segmentation-N.nii.gz`, holds the codes of `organs.ORGANS`, or of
    `organs.BODY_TISSUES`.
    The same arguments give the same bytes. The folder appears whole or not at all.

    Args:
        folder: new folder.
        subjects: how many.
        seed: which cohort, from 0. Subject i of it is number 1000 seed + i: cohorts of more than
            1,000 subjects share some with the next.
        matrix: voxels along x and y.
        slices: of each volume.
        dose: see `ct_physics.scan`.
        phase: of all subjects; by default drawn for each.
        maps: "organs" or "tissues", what the third file is to name.
        progress: show a progress bar.

    Returns:
        The volumes.

    Raises:
        FileExistsError: `folder` exists and is not empty.
        ValueError: a number out of range, or `maps` is neither of the two.
    """
    _check_seed(seed)
    if maps not in ("organs", "tissues"):
        raise ValueError(f"maps is {maps!r}; choose 'organs' or 'tissues'")

    def one(work: Path, index: int) -> dict[str, object]:
        body = make_abdomen(1000 * seed + index, phase=phase, matrix=matrix, slices=slices)
        return _write_abdomen(work, index, body, dose, getattr(body, maps))

    folder = _write_cohort(folder, subjects, one, "liver phantom", ".4g", progress, {})
    return [folder / f"volume-{number}.nii.gz" for number in range(subjects)]


def bids_path(folder: Path, name: str, modality: str) -> Path:
    """Return where the image of one subject in one modality lies in a cohort of heads."""
    kind, suffix = BIDS_NAMES[modality]
    return folder / name / kind / f"{name}_{suffix}.nii.gz"


def _check_seed(seed: int) -> None:
    if seed < 0:
        raise ValueError(f"seed is {seed}; a cohort's seed is a whole number from 0")


def _write_cohort(
    folder: str | os.PathLike,
    subjects: int,
    one: Callable[[Path, int], dict[str, object]],
    title: str,
    number_format: str,
    progress: bool,
    descriptions: dict[str, str],
) -> Path:
    """Let `one(folder, index)` write every subject, and keep the rows it returns as a table."""
    folder = Path(folder)
    refuse_existing(folder, folder=True)
    if subjects < 1:
        raise ValueError(f"subjects is {subjects}; ask for at least one")
    with written_whole(folder, folder=True) as work, ThreadPoolExecutor(max_workers=2) as pool:
        made = pool.map(lambda index: one(work, index), range(subjects))
        rows = list(tqdm(made, title, subjects, disable=not progress))
        columns = dict.fromkeys(key for row in rows for key in row)
        with open(work / "participants.tsv", "w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, columns, "n/a", delimiter="\t", lineterminator="\n")
            table.writeheader()
            for row in rows:
                numbers = {
                    k: f"{v:{number_format}}" for k, v in row.items() if isinstance(v, float)
                }
                table.writerow(row | numbers)
        for name, text in descriptions.items():
            (work / name).write_text(text, encoding="utf-8")
    return folder


def _descriptions() -> dict[str, str]:
    """Files of a cohort of heads that BIDS asks for -> their text."""
    labels = "".join(f"{index}\t{name}\n" for index, name in enumerate(TISSUE_NAMES))
    dataset = {
        "Name": "medgan-utils brain phantom",
        "BIDSVersion": "1.8.0",
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "medgan_utils.data.write_brain_phantom"}],
    }
    return {
        "dseg.tsv": "index\tname\n" + labels,
        "dataset_description.json": json.dumps(dataset, indent=2) + "\n",
    }


def _write_head(folder: Path, name: str, head: Head, modalities: Sequence[str]) -> dict:
    """Write the volumes of one head; returns its row of `participants.tsv`."""
    for modality in modalities:
        voxels = np.rint(head.render(modality)).astype(np.int16)
        _save(bids_path(folder, name, modality), voxels, head.affine, 3)
    anatomy, lesion = folder / name / "anat", head.lesion
    _save(anatomy / f"{name}_dseg.nii.gz", head.labels, head.affine, 3)
    if lesion is not None:
        _save(anatomy / f"{name}_label-lesion_mask.nii.gz", lesion, head.affine, 3)
    voxel_ml = head.spacing_mm**3 / 1000
    return {
        "participant_id": name,
        "lesion": int(lesion is not None),
        "lesion_ml": 0.0 if lesion is None else float((lesion > 0).sum() * voxel_ml),
        "brain_ml": float((head.tissue("grey") + head.tissue("white")).sum() * voxel_ml),
        **head.parameters,
    }


def _write_abdomen(
    folder: Path, number: int, body: Abdomen, dose: float, label_map: np.ndarray
) -> dict:
    """Write volume, segmentation and label map of one abdomen; returns its row of the table."""
    volume = np.rint(body.scan(dose)).astype(np.int16)
    _save(folder / f"volume-{number}.nii.gz", volume, body.affine, 1)
    _save(folder / f"segmentation-{number}.nii.gz", body.segmentation, body.affine, 1)
    _save(folder / f"organs_segmentation-{number}.nii.gz", label_map, body.affine, 1)
    voxel_ml = float(np.prod(np.diag(body.affine)[:3])) / 1000
    return {
        "participant_id": f"volume-{number}",
        "phase": body.phase,
        "liver_ml": float((body.segmentation > 0).sum() * voxel_ml),
        "tumour_ml": float((body.segmentation == 2).sum() * voxel_ml),
        "tumours": json.dumps([tumour["kind"] for tumour in body.tumours]),
        "dose": dose,
        **body.scanner,
        **body.shape,
    }


def _save(path: Path, voxels: np.ndarray, affine: np.ndarray, level: int) -> None:
    """Write a NIfTI, compressed to a level of gzip, whose bytes depend on its content alone."""
    image = nib.Nifti1Image(voxels, affine)
    image.header.set_xyzt_units("mm")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(image.to_bytes(), compresslevel=level, mtime=0))
