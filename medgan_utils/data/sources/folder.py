"""The source that reads files already on disk; sources that download build on it."""

import csv
from pathlib import Path

from ..dicom import is_dicom
from ..files import IMAGE_SUFFIXES, VOLUME_SUFFIXES, find_mask, modality_of, subject_of
from .registry import Item, Source, choose_subjects, register

SEX_CODES = {"F": 0, "M": 1}
_SUBJECT_COLUMNS = ("mrid", "participant_id", "subject")


def folder_items(
    folder: str | Path | None = None,
    subjects: int | list[str] | None = None,
    modality: str | None = None,
    glob: str | None = None,
    masks: str | Path | None = None,
    participants: str | Path | None = None,
    subject_pattern: str | None = None,
) -> list[Item]:
    """List the images of a folder: NIfTI and PNG files, and sub-folders of DICOM files.

    Args:
        folder: Searched with its sub-folders.
        subjects: How many, or which; by default all.
        modality: Of all its images; by default what the file names say, see `modality_of`.
        glob: Which files, for example `"**/*_T1w.nii.gz"`; by default all that can be read.
        masks: A folder with one mask for each image, named like it.
        participants: A table of age and sex, see `read_participants`.
        subject_pattern: A regular expression, see `subject_of`.

    Raises:
        FileNotFoundError: The folder is missing or holds nothing that can be read.
        ValueError: PNG files among volumes, or unknown subjects.
    """
    if folder is None:
        raise ValueError("this source reads your own files: pass folder='path/to/images'")
    folder, masks = Path(folder), None if masks is None else Path(masks)
    for needed in (folder, masks):
        if needed is not None and not needed.is_dir():
            raise FileNotFoundError(f"{needed} is no folder; check folder= and masks=")
    paths = _readable(folder, glob)
    if masks is not None:
        paths = [path for path in paths if masks.resolve() not in path.resolve().parents]
    if not paths:
        raise FileNotFoundError(
            f"{folder} holds no {glob or '.nii, .nii.gz, .png or DICOM files'}; check the folder, "
            f"or use load_slices('brain-phantom'), which needs no files"
        )
    if len({path.suffix in IMAGE_SUFFIXES for path in paths}) > 1:
        raise ValueError(f"{folder} holds volumes and PNG files; choose with glob='**/*.nii.gz'")
    by_path = {path: subject_of(path, subject_pattern) for path in paths}
    chosen = set(choose_subjects(sorted(set(by_path.values())), subjects))
    table = read_participants(participants) if participants else {}
    unknown = {"age": float("nan"), "sex": -1} if participants else {}
    return [
        Item(
            path=path,
            subject=subject,
            modality=modality or modality_of(path),
            mask=find_mask(path, masks) if masks else None,
            labels=table.get(subject, unknown),
        )
        for path, subject in by_path.items()
        if subject in chosen
    ]


def read_participants(path: str | Path) -> dict[str, dict[str, float | int]]:
    """Read age and sex by subject from a `.csv` or `.tsv` table.

    Args:
        path: Columns MRID (or participant_id), Age, Sex, in any case; sex F or M.

    Returns:
        Subject -> {"age": years or NaN, "sex": 0 for F, 1 for M, -1 unknown}.

    Raises:
        ValueError: A column is missing.
    """
    path = Path(path)
    delimiter = "\t" if path.suffix == ".tsv" else ","
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = [
            {name.lower(): text for name, text in row.items() if name}
            for row in csv.DictReader(file, delimiter=delimiter)
        ]
    columns = set(rows[0]) if rows else set()
    key = next((name for name in _SUBJECT_COLUMNS if name in columns), None)
    if key is None or not {"age", "sex"} <= columns:
        raise ValueError(f"{path.name} has columns {sorted(columns)}; MRID, Age and Sex are needed")
    return {
        subject_of(row[key]): {
            "age": _number(row["age"]),
            "sex": SEX_CODES.get((row["sex"] or "").strip().upper()[:1], -1),
        }
        for row in rows
    }


def _number(text: str | None) -> float:
    """Return the number, or NaN for n/a and the like."""
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")


def _readable(folder: Path, glob: str | None) -> list[Path]:
    """Return the NIfTI and PNG files, and the folders of DICOM files, that match a glob."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name[0] != "."]
    images = {
        path for path in files if path.name.lower().endswith(VOLUME_SUFFIXES + IMAGE_SUFFIXES)
    }
    series = {path.parent for path in files if is_dicom(path)}
    found = images | series
    return sorted(found & set(folder.glob(glob)) if glob else found)


register(
    Source(
        name="folder",
        items=folder_items,
        modality="yours",
        anatomy="head",
        licence="yours",
        size="yours",
        network="no",
        check="every file is read; damaged ones are named",
    )
)
