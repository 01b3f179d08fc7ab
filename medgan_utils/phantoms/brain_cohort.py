"""A cohort of the brain phantom as NIfTI files with BIDS-like names."""

from __future__ import annotations

import csv
import gzip
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nibabel as nib
import numpy as np
from tqdm.auto import tqdm

from .brain_phantom import Subject, make_subject, render
from .brain_template import load_template
from .head_model import NAMES
from .mr_physics import tissue_values

SUFFIXES = {
    "T1": ("anat", "T1w"),
    "T2": ("anat", "T2w"),
    "PD": ("anat", "PDw"),
    "FLAIR": ("anat", "FLAIR"),
    "CT": ("ct", "ct"),
    "PET": ("pet", "trc-FDG_pet"),
}


def write_brain_phantom(
    folder: str | os.PathLike,
    subjects: int = 40,
    spacing_mm: float = 2.0,
    modalities: Sequence[str] = ("T1",),
    seed: int = 0,
    lesion_fraction: float = 0.5,
    progress: bool = True,
) -> list[Path]:
    """Write a cohort as NIfTI files with BIDS-like names; the same arguments give the same bytes.

    Everything is written into a temporary folder first and renamed at the end: `folder` is whole or
    absent.

    Args:
        folder: new folder.
        subjects: how many heads.
        spacing_mm: edge of the cubic voxels.
        modalities: any of `mr_physics.MODALITIES`.
        seed: which cohort.
        lesion_fraction: share of the subjects with a tumour, 0 to 1.
        progress: show a progress bar.

    Returns:
        The image files, by subject, then modality.

    Raises:
        FileExistsError: `folder` exists and is not empty.
        ValueError: unknown modality, or a number out of range.
    """
    folder = Path(folder)
    _check_arguments(folder, subjects, modalities, lesion_fraction)
    load_template()
    ill = np.random.default_rng([seed, 11]).permutation(subjects) < round(
        lesion_fraction * subjects
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))

    def one(index: int) -> dict[str, object]:
        subject = make_subject(1000 * seed + index, spacing_mm, lesion=bool(ill[index]))
        return _write_subject(work, f"sub-{index + 1:03d}", subject, modalities)

    try:
        with ThreadPoolExecutor(max_workers=2) as pool:
            bar = tqdm(
                pool.map(one, range(subjects)), "brain phantom", subjects, disable=not progress
            )
            _write_tables(work, list(bar))
        os.chmod(work, 0o755)
        work.replace(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    names = [f"sub-{index + 1:03d}" for index in range(subjects)]
    return [_image_path(folder, name, modality) for name in names for modality in modalities]


def _check_arguments(folder: Path, subjects: int, modalities, lesion_fraction: float) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty; name a new folder, or delete it first")
    if subjects < 1:
        raise ValueError(f"subjects is {subjects}; ask for at least one")
    if not 0 <= lesion_fraction <= 1:
        raise ValueError(f"lesion_fraction is {lesion_fraction}; it is a share between 0 and 1")
    for modality in modalities:
        tissue_values(modality)


def _image_path(folder: Path, name: str, modality: str) -> Path:
    kind, suffix = SUFFIXES[modality]
    return folder / name / kind / f"{name}_{suffix}.nii.gz"


def _write_subject(folder: Path, name: str, subject: Subject, modalities) -> dict[str, object]:
    """Write the volumes of one subject; returns its row of `participants.tsv`."""
    for modality in modalities:
        image = np.rint(render(subject, modality)).astype(np.int16)
        _save(_image_path(folder, name, modality), image, subject.affine)
    anatomy = folder / name / "anat"
    _save(anatomy / f"{name}_dseg.nii.gz", subject.labels, subject.affine)
    if subject.lesion is not None:
        _save(anatomy / f"{name}_label-lesion_mask.nii.gz", subject.lesion, subject.affine)
    voxel_ml = subject.spacing_mm**3 / 1000
    row = {"participant_id": name, "lesion": int(subject.lesion is not None)}
    row["lesion_ml"] = (
        0.0 if subject.lesion is None else float((subject.lesion > 0).sum() * voxel_ml)
    )
    row["brain_ml"] = float((subject.tissue("grey") + subject.tissue("white")).sum() * voxel_ml)
    return row | subject.parameters


def _save(path: Path, voxels: np.ndarray, affine: np.ndarray) -> None:
    """Write a compressed NIfTI whose bytes depend on its content alone."""
    image = nib.Nifti1Image(voxels, affine)
    image.header.set_xyzt_units("mm")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(image.to_bytes(), compresslevel=3, mtime=0))


def _write_tables(folder: Path, rows: list[dict[str, object]]) -> None:
    """`participants.tsv` (n/a where a head has no tumour), the label names and the description."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with open(folder / "participants.tsv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(columns)
        for row in rows:
            values = [row.get(column, "n/a") for column in columns]
            table.writerow([f"{v:.3f}" if isinstance(v, float) else v for v in values])
    labels = "index\tname\n" + "".join(f"{i}\t{name}\n" for i, name in enumerate(NAMES))
    (folder / "dseg.tsv").write_text(labels, encoding="utf-8")
    about = {
        "Name": "medgan-utils brain phantom",
        "BIDSVersion": "1.8.0",
        "DatasetType": "derivative",
    }
    about["GeneratedBy"] = [{"Name": "medgan_utils.data.write_brain_phantom"}]
    (folder / "dataset_description.json").write_text(
        json.dumps(about, indent=2) + "\n", encoding="utf-8"
    )
