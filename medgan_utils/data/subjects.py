"""Who is who: from paths to subjects, so that one person never stands on both sides of a split.

The rules, first that fits: the reader's own pattern, DICOM's PatientID, the way in which a known
data set names its subjects, the folder where file names repeat from folder to folder, the file
name without contrast, visit and slice. Where a rule must guess, it takes too few subjects rather
than too many: two people taken for one cost a subject, one taken for two spoils every score.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from .files import CONTRAST_WORDS, drop_words, is_picture, stem, without_agent

_KNOWN = re.compile(
    r"""(?<![A-Za-z0-9])(?:
        sub-[A-Za-z0-9]+                                # sub-01_ses-1_T1w, FreeSurfer's folders
      | IXI\d+                                          # IXI012-HH-1211_T1
      | \d{3}_S_\d{4,5}                                 # ADNI_002_S_0413_MR_MPR__N3_Br_2006…
      | OAS[12]_\d{4} | OAS[3-9]\d{4}                   # OAS1_0001_MR1, OAS30001_MR_d0129
      | 00[25]\d{4} (?![A-Za-z0-9])                     # ABIDE and its kin: NYU_0051036
      | TCGA[-_][A-Z0-9]{2}[-_][A-Z0-9]{4}              # TCGA_CS_4941_19960909_slice12
      | LIDC-IDRI-\d{4}
      | BraTS-[A-Z]+-\d+ | BraTS20\d\d_\d+              # BraTS-GLI-00000-000, BraTS2021_00006
      | BraTS\d\d_(?:Training|Validation)_\d+           # BraTS20_Training_001_flair
      | BraTS1\d_[A-Z0-9]+_[A-Z0-9]+ (?=_\d+)           # Brats18_CBICA_AAM_1_t1
      | \d{6} (?=_[37]T_(?:T[12]w_(?:MPR|SPC)|[rt]fMRI|d?MRI|DWI))   # 100307_3T_T1w_MPR1
      | (?:patients?|pat|subjects?|subj|case|participant|volunteer|proband|person)
        (?:[-_ ][A-Z]{0,3}[-_]?)?\d+                   # case10007_slice133, patient001_frame01
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_KNOWN_VOLUME = re.compile(  # LiTS; the Decathlon, with or without _0000
    r"volume-\d+|(?:BRATS|heart|la|liver|hippocampus|prostate|lung|pancreas|hepatic(?:vessel)?"
    r"|spleen|colon)_\d{1,4}(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_BEFORE_SLICE = re.compile(r"(.*[^-_ ])[-_ ]+slice[-_ ]?\d+", re.IGNORECASE)
_VISIT = r"""ses(sion)?\d*|wave\d*|exam\d*|visit\d*|v\d\d?|baseline|bl|follow|up|followup\d*|fu\d*
    |screening
    |(pre|post)(op|rt|tx|chemo|treatment|surgery|contrast)?|before|after|(month|week|day|year)s?\d*
    |(tp|time|timepoint)\d*|(19|20)\d\d(\d{4})?|run\d*|re?test|echo\d*|rep\d*|acq\d*|se\d+
    |ser(ies)?\d*|copy|kopie|checkpoint|arterial|venous|portal|delayed|plain|contrast|left|right|[lr]h
    |ax(ial)?|sag(ittal)?|cor(onal)?
    |(ge|siemens|philips|canon|toshiba|hitachi)([137]5?t)?|[137]5?t"""
_THING = r"scans?\d*|im(g|age|ages)?\d*|slices?\d*|slc?\d*|z\d+|frames?\d*"
_COLLECTION = r"""anat(omical)?|func|dicoms?|dcm|niftii?|nii|pngs?|data\d*|raw\w*|orig
    |train\w*|test\w*|val\w*|images?(tr|ts|va)|unprocessed|preproc\w*|derivatives|[37]t|scanner\w*
    |(batch|fold|part|group|class|grade|stage|set|split|cohort)\w*"""
_DATE = r"""(?<!\d)((19|20)\d\d[-_.]?\d\d[-_.]?\d\d|\d\d[-_.]\d\d[-_.](19|20)\d\d)
    (?:[-_.t]?\d{6}(?:\.?\d{1,3})?(?:_\d{1,4}[a-z]?(?![^-_. ]))?)?(?!\d)"""
_NUMBERED = r"""(?<=[^-_ ])[-_ ]+(?:[ism]\d{1,7}|(?:slice|slc?|z|frame|patch|tile|img|im|run|ses
    |session|visit|v|scan|rec|echo|acq|tp|time(?:point)?|month|week|day|year|fu
    |ser(?:ies)?)[-_ ]?\d+)(?=$|[-_ .])"""
_YEAR = re.compile(r"(?<!\d)(19|20)\d\d(?!\d)")
_SITE = re.compile(
    r"(site|hospital|cent(er|re)|clinic|institution)"
    r"([-_ ]?\d+|(?-i:[A-Z])|[-_ ](?!(crop|slice|cut|patch)\w*$)\w+)",
    re.IGNORECASE,
)


def _words(*patterns: str) -> re.Pattern:
    return re.compile("|".join((CONTRAST_WORDS, *patterns)), re.IGNORECASE | re.VERBOSE)


def subject_of(path: str | Path) -> str:
    """Read the subject from one file name; for a whole folder, `name_subjects` knows more.

    Args:
        path: For example `IXI012-HH-1211_T1.nii.gz` (gives IXI012), `case10007_slice133.png`
            (case10007), `sub-01_ses-2_T1w.nii.gz` (sub-01). Any other name is the subject itself.
    """
    name = Path(path).name
    return _known(PurePosixPath(name)) or stem(name)


def name_subjects(
    paths: Sequence[PurePosixPath],
    pattern: str | None = None,
    patients: Mapping[PurePosixPath, str | None] | None = None,
    root: str = "subject",
    studies: Mapping[PurePosixPath, str] | None = None,
) -> tuple[list[str], list[str]]:
    """Name the subject of every image of a folder.

    Args:
        paths: Relative to that folder.
        pattern: A regular expression, searched in the whole path, `/` between folders; its first
            group (or the whole match) is the subject, and no other rule is asked. Names that differ
            in case, Unicode form, separators or leading zeros alone are one subject, here as by
            every rule.
        patients: DICOM series -> PatientID, None where the header does not say.
        studies: DICOM series -> StudyInstanceUID; a series without a PatientID is of the same
            subject as the others of its study.
        root: Subject of what neither folder nor name tells apart: `T1.nii.gz` beside `T2.nii.gz`.

    Returns:
        Subject of each path, and the rule that found it: "subject_pattern", "PatientID",
        "known name", "folder" or "file name" (a guess).

    Raises:
        ValueError: The pattern does not match a path.
    """
    if pattern is not None:
        names = [_by_pattern(str(path), pattern) for path in paths]
        return _spelled_alike(names), ["subject_pattern"] * len(paths)
    patients, visit = patients or {}, re.compile(_VISIT, re.IGNORECASE | re.VERBOSE)
    found = {}
    for path in paths:
        if patients.get(path):
            without_visit = drop_words(patients[path], visit)
            found[path] = (without_visit or patients[path], "PatientID")
        elif known := _known(path):
            found[path] = (known, "known name")
    unknown = [path for path in paths if path not in found]
    found |= _by_structure(unknown, paths, set(patients), root)
    sites = {path: next(filter(_SITE.fullmatch, path.parts[:-1]), None) for path in paths}
    sites = {p: site and (drop_words(site, _words(_VISIT)) or site) for p, site in sites.items()}
    if len(set(sites.values())) > 1:  # each hospital numbers its patients from 1
        for path, (name, rule) in found.items():
            if sites[path] and any(map(str.isdigit, name)):
                found[path] = (f"{sites[path]}/{name}", rule)
    names = dict(zip(paths, _spelled_alike([found[path][0] for path in paths]), strict=True))
    of_study: dict[str, str] = {}  # a series that does not say whose it is: as others of its study
    for path in sorted(paths, key=lambda path: not patients.get(path)):
        if study := (studies or {}).get(path):
            owner = of_study.setdefault(study, names[path])
            names[path] = names[path] if patients.get(path) else owner
    return [names[path] for path in paths], [found[path][1] for path in paths]


def _spelled_alike(names: Sequence[str]) -> list[str]:
    """Give one spelling to names that differ in case, Unicode form, separators or leading zeros."""
    spelling: dict[str, str] = {}
    names = [unicodedata.normalize("NFC", name).strip() for name in names]
    keys = (re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(r"[-_. ]+", "_", n.casefold())) for n in names)
    return [spelling.setdefault(key, name) for key, name in zip(keys, names, strict=True)]


def _by_pattern(path: str, pattern: str) -> str:
    try:
        match = re.search(pattern, path) or re.search(pattern, stem(path))
    except re.error as error:
        raise ValueError(f"subject_pattern={pattern!r} is no regular expression: {error}") from None
    groups = [group for group in (match.groups() or (match[0],)) if group] if match else []
    if not groups:
        raise ValueError(
            f"{path} does not match subject_pattern={pattern!r}; write a pattern whose first "
            f"group is the subject, for example r'^([A-Za-z]+\\d+)'"
        )
    return groups[0]


def _known(path: PurePosixPath) -> str | None:
    """Find a name as known data sets give it, in the file name or in the folders above it."""
    for part in (stem(path), *reversed(path.parts[:-1])):
        match = _KNOWN.search(part)
        if match and not (is_picture(path) and match[0].isdigit()):  # a picture's own number
            return match[0]
    name = stem(path)
    if not is_picture(path) and (match := _KNOWN_VOLUME.match(name)):
        return match[0]
    before = _BEFORE_SLICE.match(name)
    person = drop_words(before[1], _words(_VISIT, _THING)) if before else ""
    return person if any(map(str.isdigit, person)) else None


def _by_structure(
    paths: list[PurePosixPath],
    everyone: Sequence[PurePosixPath],
    series: set[PurePosixPath],
    root: str,
) -> dict[PurePosixPath, tuple[str, str]]:
    """Decide for names of no known kind whether the folder or the file names the person."""
    shared = set.intersection(*(set(path.parts[:-1]) for path in everyone)) if everyone else set()
    names = {path: "" if path in series else _person_in_name(path, set(paths)) for path in paths}
    names = _counted_on(_without_slice_numbers(names))
    every = {path: _person_in_folders(path, path in series, not names[path]) for path in paths}
    folders = {p: tuple(part for part in parts if part not in shared) for p, parts in every.items()}
    if _are_scanners({parts[:2] for parts in folders.values() if len(parts) > 1}):
        folders = {path: parts[1:] or parts for path, parts in folders.items()}
    places = defaultdict(set)
    for path, name in names.items():
        places[name].add(folders[path])
    few_names = len(places) <= len(set(folders.values()))
    found = {}
    for path, name in names.items():
        nobody = not name or (is_picture(path) and _is_number(name))
        repeats = few_names and len(places[name]) > 1
        numbered = any(map(str.isdigit, "".join(folders[path])))
        if folders[path] and (nobody or repeats or numbered):
            both = any(map(str.isdigit, name)) and not _is_number(name) and len(places[name]) > 1
            found[path] = (_person_among(folders[path]), "file name" if both else "folder")
        elif name:
            found[path] = (name, "file name")
        else:
            found[path] = ("/".join(every[path]) or root, "folder")
    return found


def _without_slice_numbers(names: dict[PurePosixPath, str]) -> dict[PurePosixPath, str]:
    """Give `p1_012.png`, `p1_016.png`, `p1_020.png` to p1 where others are numbered so, too.

    Only of pictures, each with a number of its own; sites and years number people.
    """
    pictures = {path: name for path, name in names.items() if is_picture(path)}
    once = {name for name, count in Counter(pictures.values()).items() if count == 1}
    starts = {}
    for path, name in pictures.items():
        match = re.fullmatch(r"(.*\d)[-_. ]+\d+", name)
        if match and name in once and not _SITE.fullmatch(match[1]) and not _YEAR.search(match[1]):
            starts[path] = match[1]
    people = {start for start, count in Counter(starts.values()).items() if count >= 3}
    if len(people) < 2:
        return names
    return {p: starts[p] if starts.get(p) in people else name for p, name in names.items()}


def _counted_on(names: dict[PurePosixPath, str]) -> dict[PurePosixPath, str]:
    """Give `P1_10` to P1 where `P1_9` is P1's: longer numbers of slices or visits are no people."""
    known = {name for name in names.values() if any(map(str.isdigit, name))}

    def person(name: str) -> str:
        starts = (name[: cut.start()] for cut in re.finditer(r"[-_. ]+\d", name))
        return next((start for start in starts if start in known), name)

    return {path: person(name) for path, name in names.items()}


def _are_scanners(pairs: set[tuple[str, ...]]) -> bool:
    """Whether the outer folders are scanners, or the like: far more people lie below, some twice.

    P1, P2, … are people, whatever repeats below; and below AD and CN, 001 may be two people.
    """
    outer, inner = ({pair[level] for pair in pairs} for level in (0, 1))
    people = len({re.sub(r"\d+", "", name) for name in outer}) == 1
    anew = all(map(str.isdigit, inner)) and not any(map(str.isdigit, "".join(outer)))
    return len(outer) ** 2 <= len(inner) < len(pairs) and not people and not anew


def _person_among(folders: tuple[str, ...]) -> str:
    """Return the folders down to the first with a number: those below it are studies of a person.

    Without a number it is the first folder: rather too few subjects than one on two sides.
    """
    first = next((n for n, part in enumerate(folders) if any(map(str.isdigit, part))), 0)
    *above, folder = folders[: first + 1]
    for nobody in (_DATE, _NUMBERED):
        folder = re.sub(nobody, "", folder, flags=re.IGNORECASE | re.VERBOSE) or folder
    folder = drop_words(folder, _words(_VISIT)) or folder
    return "/".join([*above, _to_person_number(folder)])


def _is_number(name: str) -> bool:
    """Whether a name is a number, perhaps of a picture: `12`, `(12)`, `img_12`."""
    return not drop_words(name, _words(_THING)).strip("()").strip("0123456789")


def _person_in_name(path: PurePosixPath, paths: set[PurePosixPath]) -> str:
    """Return a stem without contrast, visit, slice and marks of a copy (`P1 (1)` beside `P1`)."""
    name = stem(path)
    before_copy = re.sub(r" ?\(\d+\)$", "", name)
    beside = {stem(other) for other in paths if other.parent == path.parent}
    name = without_agent(before_copy if before_copy in beside else name)
    before_slice = _BEFORE_SLICE.match(name)
    name = before_slice[1] if before_slice else name
    name = re.sub(r"(?<=\d)_000\d$", "", name)  # nnU-Net's channels
    for nobody in (_DATE, _NUMBERED):
        name = re.sub(nobody, "", name, flags=re.IGNORECASE | re.VERBOSE)
    person, thing = drop_words(name, _words(_VISIT, _THING)), drop_words(name, _words(_VISIT))
    if re.fullmatch(r"[A-Za-z]+[-_ ]?\d+", thing):
        return thing
    return _to_person_number(person)


def _to_person_number(name: str) -> str:
    """Cut after the person's number: what follows with no more digits is a visit, view or image.

    `00000001_003` is 00000001, `UPENN-GBM-00006_11` is UPENN-GBM-00006; `site1_012` stays.
    """
    numbers = list(re.finditer(r"\d+", name))
    if not numbers or not name.strip("0123456789."):  # a UID is nobody's number
        return name
    longest = max(len(number[0]) for number in numbers)
    last = next(number for number in numbers if len(number[0]) == longest)
    return name[: last.end()] + re.match(r"[^-_. ]*", name[last.end() :])[0]


def _person_in_folders(path: PurePosixPath, is_series: bool, needed: bool) -> list[str]:
    """Return the folders above a file, or of a DICOM series, that may name a person.

    Where that is needed since nothing else does, `scan_07` or `data3` will do.
    """
    parts = [part for part in path.parts[:-1] if not _SITE.fullmatch(part)]
    likely = [part for part in parts if _names_somebody(part, _words(_VISIT, _THING, _COLLECTION))]
    if needed and not likely:
        parts += [path.name] if is_series else []
        likely = [part for part in parts if _names_somebody(part, _words(_VISIT))]
    return likely


def _names_somebody(folder: str, nobody: re.Pattern) -> bool:
    """Whether more is left of a folder's name than the number of a batch, a visit or a contrast."""
    left = "" if re.fullmatch(_DATE, folder, re.VERBOSE) else drop_words(folder, nobody)
    return bool(left) and not (left.isdigit() and left != folder)


def visit_words(name: str) -> set[str]:
    """Return the words of a name that say which visit or side it is."""
    visit = re.compile(_VISIT, re.IGNORECASE | re.VERBOSE)
    return {word for word in re.split("[-_. ]+", name.casefold()) if visit.fullmatch(word)}
