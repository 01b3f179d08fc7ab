"""The one walk through a folder: which files are images, which label maps, what is passed over."""

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..dicom import check_tags, look, modality_tag
from ..files import IMAGE_SUFFIXES, is_label_map, is_picture
from ..nifti import few_values
from ..patients import plain_id
from ..pictures import few_grey_values

_HIDDEN = re.compile(r"\..*|__MACOSX|__pycache__|@eaDir|\$RECYCLE\.BIN|System Volume Information")
LABEL_MAPS = "label maps"
NO_IMAGES = "no images"


@dataclass
class Walk:
    """What a folder holds.

    Attributes:
        images: Files with a known suffix, and folders of DICOM files, sorted.
        label_maps: Files with a known suffix that are label maps by their name or folder.
        patients: DICOM folder -> (PatientID or None, modality, StudyInstanceUID,
            SeriesDescription) as its header says, "" where it does not.
        persons: DICOM folder -> name and day of birth, of those whose header says both.
        series: (PatientID, SeriesInstanceUID) -> the first DICOM folder with it.
        faults: DICOM folder -> why it cannot be read, as far as headers say.
        passed_over: Reason -> files and folders, label maps included.
    """

    images: list[Path] = field(default_factory=list)
    label_maps: list[Path] = field(default_factory=list)
    patients: dict[Path, tuple[str | None, str, str, str]] = field(default_factory=dict)
    persons: dict[Path, str] = field(default_factory=dict)
    series: dict[tuple, Path] = field(default_factory=dict)
    faults: dict[Path, str] = field(default_factory=dict)
    passed_over: dict[str, list[Path]] = field(default_factory=lambda: defaultdict(list))


def walk(folder: Path, glob: str | None = None) -> Walk:
    """Look at every file below a folder once.

    Hidden files and folders are passed over; links are followed, but no file is taken twice.

    Args:
        folder: Where to look.
        glob: Which files, for example `"**/*_T1w.nii.gz"`, in any case; others are not even
            counted. What is chosen so may be called a label map, if nothing else is.

    Raises:
        FileNotFoundError: There is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder; check folder= and masks=")
    found, chosen = Walk(), _glob_pattern(glob)
    for path in _files(folder, found):
        relative = path.relative_to(folder)
        if chosen and not any(chosen.fullmatch(p.as_posix()) for p in (relative, relative.parent)):
            continue
        reason = _look_at(path, relative, found)
        if reason and not (glob and reason.startswith(NO_IMAGES)):
            found.passed_over[reason].append(path)
    _set_outlines_apart(found)
    if glob and not found.images:
        found.images, found.label_maps = found.label_maps, []
        found.passed_over.pop(LABEL_MAPS, None)
    found.images = sorted(found.images + list(found.patients))
    return found


def _look_at(path: Path, relative: Path, found: Walk) -> str | None:
    """Add a file to the images or label maps, or return why it is passed over."""
    if path.stat().st_size == 0:
        return "empty files (0 bytes)"
    if path.suffix.lower() == ".png" and b"medgan_utils" in _start(path):
        return "contact sheets and samples of ours"
    if path.name.lower().endswith(IMAGE_SUFFIXES):
        labels = is_label_map(relative)
        (found.label_maps if labels else found.images).append(path)
        return LABEL_MAPS if labels else None
    if path.suffix.lower() == ".img" and path.with_suffix(".hdr").exists():
        return None  # read with its header
    try:
        header, reason = look(path)
    except ValueError:
        return "damaged DICOM files"
    if reason:
        named = f"{NO_IMAGES} ({path.suffix.lower() or 'no suffix'})"
        return named if header is None else f"DICOM {reason}"
    try:
        check_tags(path, header)
    except ValueError as error:
        found.faults.setdefault(path.parent, str(error))
    patient = str(header.get("PatientID") or "").strip()
    patient = patient if plain_id(patient) else None
    said = (str(header.get(tag) or "") for tag in ("StudyInstanceUID", "SeriesDescription"))
    found.patients.setdefault(path.parent, (patient, modality_tag(header), *said))
    name, born = (str(header.get(tag) or "") for tag in ("PatientName", "PatientBirthDate"))
    if plain_id(name) and born:
        found.persons.setdefault(path.parent, f"{plain_id(name)} {born}".casefold())
    if series := str(header.get("SeriesInstanceUID") or ""):
        other = found.series.setdefault((patient, series), path.parent)
        if other != path.parent:
            found.faults.setdefault(
                path.parent,
                f"{path.parent} and {other} hold parts or copies of one series; put its files into "
                f"one folder, or take the copy out",
            )
    return None


def _set_outlines_apart(found: Walk) -> None:
    """Call images of a few labels label maps, whatever their names, if other images are there."""
    counts = {p: (few_grey_values if is_picture(p) else few_values)(p) for p in found.images}
    outlines = [path for path, count in counts.items() if count]
    if any(counts[path] > 1 for path in outlines) and (found.patients or None in counts.values()):
        found.images = [path for path in found.images if not counts.get(path)]
        found.label_maps += outlines
        found.passed_over[LABEL_MAPS] += outlines


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(512)


def _files(folder: Path, found: Walk) -> Iterator[Path]:
    """Yield every file below a folder, by its real place first; links are followed once."""
    folders, links, seen = [folder], [], set()
    while folders or links:
        here = (folders or links).pop(0)
        real = os.path.realpath(here)  # Path.resolve fails on a link to itself
        if real in seen or not os.path.exists(real):
            found.passed_over["links to nowhere or to what was already seen"].append(here)
            continue
        seen.add(real)
        if not here.is_dir():
            yield here
            continue
        try:
            entries = sorted(here.iterdir())
        except PermissionError:
            found.passed_over["folders that may not be read"].append(here)
            continue
        if here != folder and (here / "slices.npz").is_file():
            found.passed_over["folders that a run of ours wrote"].append(here)
            continue
        for entry in entries:
            if _HIDDEN.fullmatch(entry.name):
                found.passed_over["hidden"].append(entry)
            elif entry.is_symlink():
                links.append(entry)
            elif entry.is_dir():
                folders.append(entry)
            elif entry.is_file():  # neither a socket nor a device
                seen.add(os.path.realpath(entry))
                yield entry


def _glob_pattern(glob: str | None) -> re.Pattern | None:
    """Translate a glob into a regular expression: `**/` is any folder, `*` stays inside a name."""
    if glob is None:
        return None
    wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^]]+\])", glob)
    parts = [f"[^{p[2:]}" if p[:2] == "[!" else p for p in parts]  # as Python and shells say "not"
    text = "".join(wild.get(p) or (p if p[:1] == "[" else re.escape(p)) for p in parts)
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"glob={glob!r} is no pattern ({error})") from error
