"""The source that reads files already on disk; sources that download build on it."""

import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..dicom import NO_MODALITY
from ..files import is_picture, modality_of, spelled
from ..subjects import GUESSES, name_subjects
from .item import Item, Picture
from .masks import mask_files, match_masks
from .people import Labels, few, labels_by_image, read_labels, read_participants
from .source import Source, choose_subjects
from .walk import LABEL_MAPS, Walk, walk


@dataclass(frozen=True)
class Survey:
    """What would be read from a folder, before anything is.

    Attributes:
        folder: That was searched.
        items: One for each image file or DICOM series.
        rules: Rule -> how many items it named, see `name_subjects`.
        passed_over: Reason -> files and folders that are not read.
        faults: DICOM folder -> why it cannot be read, as far as headers say.
    """

    folder: Path
    items: list[Item]
    rules: dict[str, int]
    passed_over: dict[str, list[Path]]
    faults: dict[Path, str]

    @property
    def subjects(self) -> list[str]:
        """Names of all subjects, sorted."""
        return sorted({item.subject for item in self.items})

    @property
    def understood(self) -> bool:
        """Whether no subject was guessed."""
        return not set(GUESSES) & self.rules.keys() or len(self.items) == 1

    def notes(self, masks: bool = True) -> list[str]:
        """Say what a reader must know: guessed subjects, and what was passed over and why.

        Args:
            masks: Whether who reads can hand label maps over, and is told how.
        """
        notes = []
        if not self.understood:
            notes.append(
                f"{self.folder}: names of no known kind; {len(self.subjects)} subjects were "
                f"guessed in {len(self.items)} files ({few(self.subjects)}). If one person counts "
                f"more than once, or several as one, say where the name stands: subject_pattern= "
                f"(--subject-pattern)"
            )
        if self.passed_over:
            reasons = [f"{len(paths)} {reason}" for reason, paths in self.passed_over.items()]
            hint = "; masks= takes label maps" * (masks and LABEL_MAPS in self.passed_over)
            notes.append(f"{self.folder}: passed over: {', '.join(reasons)}{hint}")
        return notes


def survey(
    folder: str | Path,
    modality: str | None = None,
    glob: str | None = None,
    masks: str | Path | None = None,
    participants: str | Path | None = None,
    labels: str | Path | Mapping[str, Labels] | None = None,
    subject_pattern: str | None = None,
) -> Survey:
    """Say what would be read from a folder: NIfTI, PNG, JPEG and folders of DICOM files.

    Args:
        folder: Searched with its sub-folders.
        modality: What all its images show; by default what header or file name say, see
            `modality_of`. It chooses no files: that does `glob`.
        glob: Which files, for example `"**/*_T1w.nii.gz"`; by default all that can be read.
        masks: A folder with one mask for each image, or a pattern of masks beside the images
            (`"*_seg.nii.gz"`), named as `match_masks` says.
        participants: A table of age and sex, see `read_participants`.
        labels: A table of labels by file or subject, see `read_labels`.
        subject_pattern: A regular expression, see `name_subjects`.

    Raises:
        FileNotFoundError: The folder is missing or holds nothing that can be read.
        ValueError: Pictures among volumes, a table or pattern that does not fit, or files of
            several contrasts for one `modality`.
    """
    folder = Path(folder)
    modality = spelled(modality)
    found = walk(folder, glob)
    found_masks = [] if masks is None else mask_files(folder, masks)
    paths = _without(found.images, found_masks)
    left = _without(found.passed_over.pop(LABEL_MAPS, []), found_masks)
    found.passed_over |= {LABEL_MAPS: left} if left else {}
    _check_kinds(folder, paths, glob, found)
    relative = [PurePosixPath(path.relative_to(folder).as_posix()) for path in paths]
    headers = [found.patients.get(path, (None, "MR", "", "")) for path in paths]
    subjects, rules = _subjects(folder, paths, relative, found, subject_pattern)
    their_masks = [None] * len(paths) if masks is None else match_masks(paths, found_masks)
    known = _what_is_known(list(map(str, relative)), subjects, participants, labels)
    items, named = [], {}
    rows = zip(paths, relative, headers, subjects, their_masks, known, strict=True)
    for path, name, (_, shown, _, description), subject, mask, row in rows:
        unsaid = modality and not shown  # of a DICOM header without the tag
        contrast = modality_of(name) if unsaid else _modality(path, name, shown, description)
        named.setdefault(contrast, path)
        kind = Picture if is_picture(path) else Item
        items.append(kind(path, subject, modality or contrast, mask, row))
    _check_masks(items)
    if modality and len(named.keys() - {"MR"}) > 1:
        raise ValueError(
            f"{folder} holds {' and '.join(sorted(named))} by their names, and modality="
            f"{modality!r} says that all show one; choose some: glob='**/*_T1w.nii.gz' (--glob)"
        )
    return Survey(folder, items, dict(Counter(rules)), dict(found.passed_over), found.faults)


def _subjects(
    folder: Path, paths: list[Path], relative: list[PurePosixPath], found: Walk, pattern: str | None
) -> tuple[list[str], list[str]]:
    """Return the subject of each path and the rule that found it, see `name_subjects`."""
    series = {path: name for path, name in zip(paths, relative, strict=True) if path.is_dir()}
    patients = {name: found.patients[path][0] for path, name in series.items()}
    studies = {name: found.patients[path][2] for path, name in series.items()}
    persons = {name: found.persons.get(path, "") for path, name in series.items()}
    root = folder.resolve().name or "subject"
    return name_subjects(relative, pattern, patients, root, studies, persons)


def folder_items(
    folder: str | Path | None = None, subjects: int | list[str] | None = None, **options
) -> list[Item]:
    """List the images of a folder, and warn of what a reader must know.

    Args:
        folder: See `survey`, as for the options.
        subjects: How many, or which; by default all.
        **options: Of `survey`.

    Raises:
        ValueError: No folder, unknown subjects, or a DICOM header that lacks something.
    """
    if folder is None:
        raise ValueError("this source reads your own files: pass folder='path/to/images'")
    found = survey(folder, **options)
    for note in found.notes():
        warnings.warn(note, stacklevel=2)
    chosen = set(choose_subjects(found.subjects, subjects))
    items = [item for item in found.items if item.subject in chosen]
    for item in items:
        if item.path in found.faults:
            raise ValueError(found.faults[item.path])
    return items


def _what_is_known(
    paths: list[str],
    subjects: list[str],
    participants: str | Path | None,
    labels: str | Path | Mapping[str, Labels] | None,
) -> list[Labels]:
    """Return the labels of each path from both tables."""
    known: list[Labels] = [{} for _ in paths]
    tables = (("participants=", read_participants, participants), ("labels=", read_labels, labels))
    for name, read, table in tables:
        if table is not None:
            rows = labels_by_image(read(table), paths, subjects, name)
            known = [one | row for one, row in zip(known, rows, strict=True)]
    return known


def _without(paths: list[Path], others: list[Path]) -> list[Path]:
    """Leave out files that also stand in another list, whichever way they are spelled."""
    others = {path.resolve() for path in others}
    return [path for path in paths if path.resolve() not in others]


def _check_kinds(folder: Path, paths: list[Path], glob: str | None, found: Walk) -> None:
    """Refuse a folder without images, or with two kinds of them."""
    if not paths:
        reasons = [f"{len(files)} {reason}" for reason, files in found.passed_over.items()]
        there = f" (passed over: {', '.join(reasons)})" if reasons else ""
        raise FileNotFoundError(
            f"{folder} holds no {glob or '.nii, .nii.gz, .png, .jpg or DICOM files'}{there}; check "
            f"the folder, choose files with glob= (even label maps), or use "
            f"load_slices('brain-phantom'), which needs no files"
        )
    if len({path.is_dir() for path in paths}) > 1:
        raise ValueError(
            f"{folder} holds DICOM series and other images, perhaps the same scans twice; choose "
            f"with glob='**/*.nii.gz' or glob='**/*.dcm'"
        )
    if len(set(map(is_picture, paths))) > 1:
        raise ValueError(
            f"{folder} holds volumes and pictures (PNG, JPEG); choose with glob='**/*.nii.gz'"
        )


def _modality(path: Path, name: PurePosixPath, header: str, description: str) -> str:
    """Return what a DICOM header says, else the path; of MR it only describes the contrast."""
    if header not in ("", "MR"):
        return header
    named = modality_of(name)
    if header == "" and named == "MR":
        raise ValueError(f"{path} {NO_MODALITY}")
    if named != "MR":
        return named
    described = modality_of(description)
    return "MR" if described in ("CT", "PET") else described  # which the header contradicts


def _check_masks(items: list[Item]) -> None:
    """Refuse one mask for two people."""
    owners: dict[Path, Item] = {}
    for item in items:
        other = owners.setdefault(item.mask, item) if item.mask else item
        if other.subject != item.subject:
            raise ValueError(
                f"{item.mask} is the only mask that fits {other.path} and {item.path}, of two "
                f"subjects; name masks like their images"
            )


FOLDER = Source(
    name="folder",
    items=folder_items,
    modality="yours",
    anatomy="head",
    licence="yours",
    size="yours",
    network="no",
    check="every file is read; damaged ones are named",
    passes_on=survey,
)
