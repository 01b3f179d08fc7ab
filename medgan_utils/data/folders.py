"""Sources that read files already on disk: your own folder, and what the others build on."""

import csv
from pathlib import Path

from .files import IMAGE_SUFFIXES, VOLUME_SUFFIXES, find_mask, subject_of
from .registry import Item, Source, register

_SUBJECT_COLUMNS = ("mrid", "participant_id", "subject")
SEX_CODES = {"F": 0, "M": 1}


def folder_items(
    folder: str | Path | None,
    modality: str = "T1",
    glob: str | None = None,
    masks: str | Path | None = None,
    participants: str | Path | None = None,
    subject_pattern: str | None = None,
) -> list[Item]:
    """List the images of a folder: NIfTI and PNG files, and sub-folders of DICOM files.

    Args:
        folder: Searched with its sub-folders.
        modality: Of all its images.
        glob: Which files, for example `"**/*_T1w.nii.gz"`; by default all that can be read.
        masks: A folder with one mask for each image, named like it.
        participants: A table of age and sex, see `read_participants`.
        subject_pattern: See `subject_of`.

    Raises:
        FileNotFoundError: The folder is missing or holds nothing that can be read.
    """
    if folder is None:
        raise ValueError("this source reads your own files: pass folder='path/to/images'")
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder; pass folder= where the images lie")
    paths = sorted(folder.glob(glob)) if glob else _readable(folder)
    masks = None if masks is None else Path(masks)
    if masks is not None:
        paths = [path for path in paths if masks.resolve() not in path.resolve().parents]
    if not paths:
        raise FileNotFoundError(
            f"{folder} holds no {glob or '.nii, .nii.gz, .png or DICOM files'}; check the folder, "
            f"or use load_slices('brain-phantom'), which needs no files"
        )
    table = read_participants(participants) if participants else {}
    items = []
    for path in paths:
        subject = subject_of(path, subject_pattern)
        unknown = {"age": float("nan"), "sex": -1} if participants else {}
        mask = find_mask(path, masks) if masks else None
        items.append(Item(path, subject, modality, mask, table.get(subject, unknown)))
    return items


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
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")


def _readable(folder: Path) -> list[Path]:
    """Return the NIfTI and PNG files, and the folders with `.dcm` files, below a folder."""
    suffixes = VOLUME_SUFFIXES + IMAGE_SUFFIXES
    files = [path for path in folder.rglob("*") if path.is_file() and path.name[0] != "."]
    images = {path for path in files if path.name.lower().endswith(suffixes)}
    series = {path.parent for path in files if path.suffix.lower() == ".dcm"}
    return sorted(images | series)


register(
    Source(
        name="folder",
        items=folder_items,
        modality="T1",
        anatomy="head",
        licence="yours",
        size="yours",
        network="no",
        check="every file is read; damaged ones are named",
    )
)
