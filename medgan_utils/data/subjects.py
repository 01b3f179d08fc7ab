"""Who is who: from paths to subjects, so that one person never stands on both sides of a split.

The rules, first that fits: the reader's own pattern, DICOM's PatientID, the way in which a known
data set names its subjects, the folder where file names repeat from folder to folder, the file
name without contrast, visit and slice. Of nested folders the outer is the person where it holds
few studies, the inner where outer ones are visits, both where a group numbers its people (see
`nesting`). Where a rule must guess, it takes too few subjects rather than too many, and says so:
two people taken for one cost a subject, one taken for two spoils every score.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from .files import drop_words, is_picture, stem
from .names import (
    COLLECTION,
    DATE,
    NUMBERED,
    SITE,
    THING,
    VISIT,
    has_number,
    is_number,
    known_name,
    names_somebody,
    person_in_name,
    spelling,
    to_person_number,
    without_short_dates,
    words,
)
from .nesting import people_among, without_visits
from .patients import ALIKE, Names, join_people, people_by_id, plain_id
from .series import counted_on, numbered_series, one_a_study, without_slice_numbers

LAYOUT = "layout"
GUESSES = ("file name", LAYOUT, ALIKE)
"""Rules that may have taken one person for two, so that a reader must look."""
_LAST_PART = re.compile(
    r"[-_. ]+\d{1,4}([-_.]\d{1,4}){1,2}$|[-_. ]+[^-_. /]{1,12}$|(?<=\d)[A-Za-z]{1,4}\d{0,2}$"
)
_UID = re.compile(r"\d+(\.\d+){3,}")


def name_subjects(
    paths: Sequence[PurePosixPath],
    pattern: str | None = None,
    patients: Mapping[PurePosixPath, str | None] | None = None,
    root: str = "subject",
    studies: Mapping[PurePosixPath, str] | None = None,
    persons: Mapping[PurePosixPath, str] | None = None,
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
            subject as the others of its study, and so are two or three PatientIDs in one study.
        persons: DICOM series -> name and day of birth, as for `studies`.
        root: Subject of what neither folder nor name tells apart: `T1.nii.gz` beside `T2.nii.gz`.

    Returns:
        Subject of each path, and the rule that found it: "subject_pattern", "PatientID",
        "known name", "folder", or one of `GUESSES`.

    Raises:
        ValueError: The pattern does not match a path.
    """
    if pattern is not None:
        names = [_by_pattern(str(path), pattern) for path in paths]
        return _spelled_alike(names), ["subject_pattern"] * len(paths)
    patients = {path: plain_id(said) and said for path, said in (patients or {}).items()}
    found = people_by_id(patients)
    known = {path: known_name(path) for path in paths if path not in found}
    things = _things_of_folders({path: name for path, name in known.items() if name})
    found |= {
        path: (name, "known name") for path, name in known.items() if name and name not in things
    }
    unknown = [path for path in paths if path not in found]
    found |= _by_structure(unknown, paths, set(patients), root)
    found |= _as_beside(found, patients, root)
    sites = {path: _site_above(path, found[path][0]) for path in paths}
    sites = {p: site and (drop_words(site, words(VISIT)) or site) for p, site in sites.items()}
    if len(set(sites.values())) > 1:  # each hospital numbers its patients from 1
        for path, (name, rule) in found.items():
            if sites[path] and has_number(name):
                found[path] = (f"{sites[path]}/{name}", rule)
    found = one_a_study(found)
    names = _spelled_alike([found[path][0] for path in paths])
    found = {path: (name, found[path][1]) for path, name in zip(paths, names, strict=True)}
    for shared in (studies or {}, persons or {}):
        found = join_people(found, patients, shared)
    found = _told_where_alike(found)
    return [found[path][0] for path in paths], [found[path][1] for path in paths]


def _things_of_folders(known: Mapping[PurePosixPath, str]) -> set[str]:
    """Find names that only look known: `liver_1` is no person below both Meier and Schulz."""
    above = defaultdict(set)
    for path, name in known.items():
        parts = [part for part in path.parts[:-1] if not SITE.fullmatch(part)]
        people = [one for one in parts if names_somebody(one, words(VISIT, THING, COLLECTION))]
        weak = not name.casefold().startswith("sub-") and name in stem(path)
        if people and weak:
            above[name].add(tuple(people))
    folders = set().union(*above.values())
    return {name for name, some in above.items() if len(some) > 1 and len(above) <= len(folders)}


def _site_above(path: PurePosixPath, person: str) -> str | None:
    """Return the folder of a site that a person belongs to; one below the person is a visit."""
    parts = path.parts[:-1]
    site = next(filter(SITE.fullmatch, parts), None)
    before = parts[: parts.index(site)] if site else ()
    return None if any(person.rpartition("/")[2] in part for part in before) else site


def _told_where_alike(found: Names) -> Names:
    """Call it a guess where most subjects differ from one or a few others in a last part alone.

    `Meier_A` and `Meier_B`, `P01pre` and `P01post`, may be one person; `P01` and `P02` are two. A
    folder that is called by a UID is a series, and nobody knows whose.
    """
    starts = defaultdict(set)
    for name, _ in found.values():
        starts[_LAST_PART.sub("", name)].add(name)
    groups = [names for names in starts.values() if 1 < len(names) < 10]
    alike = set().union(*groups) if len(groups) > 1 else set()
    if 2 * len(alike) < len({name for name, _ in found.values()}):
        alike = set()
    told = {"folder": LAYOUT, "PatientID": ALIKE}
    return {
        path: (
            name,
            told[rule] if rule in told and (name in alike or _UID.fullmatch(name)) else rule,
        )
        for path, (name, rule) in found.items()
    }


def _spelled_alike(names: Sequence[str]) -> list[str]:
    """Give one spelling to names that differ in case, Unicode form, separators or leading zeros."""
    first: dict[str, str] = {}
    names = [unicodedata.normalize("NFC", name).strip() for name in names]
    return [first.setdefault(spelling(name), name) for name in names]


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


def _by_structure(
    paths: list[PurePosixPath],
    everyone: Sequence[PurePosixPath],
    series: set[PurePosixPath],
    root: str,
) -> dict[PurePosixPath, tuple[str, str]]:
    """Decide for names of no known kind whether the folder or the file names the person."""
    plain = without_short_dates(everyone)
    shared = set.intersection(*(set(one.parts[:-1]) for one in plain.values())) if plain else set()
    beside = {plain[path] for path in paths}
    names = {path: "" if path in series else person_in_name(plain[path], beside) for path in paths}
    names = counted_on(without_slice_numbers(names))
    every = {p: _person_in_folders(plain[p], p in series, not names[p]) for p in paths}
    folders = {p: tuple(part for part in parts if part not in shared) for p, parts in every.items()}
    folders, known = without_visits(folders, names)
    if known == "unknown":
        return dict.fromkeys(paths, (root, LAYOUT))
    every = {path: folders[path] or (() if known else every[path]) for path in paths}
    places = defaultdict(set)
    for path, name in names.items():
        places[name].add(folders[path])
    few_names = len(places) <= len(set(folders.values()))
    people, found = people_among(set(folders.values()) - {()}), {}
    above, series = _above_studies(folders, names), numbered_series(folders, names)
    for path, name in names.items():
        nobody = not name or path in series or (is_picture(path) and is_number(name))
        repeats = few_names and len(places[name]) > 1
        if folders[path] and (nobody or repeats or has_number("".join(folders[path]))):
            both = has_number(name) and not is_number(name) and len(places[name]) > 1
            person, guess = people[folders[path]]
            told = both or path in series or (not few_names and _comes_again(name, places))
            rule = "file name" if told else LAYOUT if guess or known else "folder"
            found[path] = (_name_of(person), rule)
        elif name:
            found[path] = (_name_of(above[path]) if path in above else name, "file name")
        else:
            found[path] = ("/".join(every[path]) or root, LAYOUT if known else "folder")
    return found


def _comes_again(name: str, places: Mapping[str, set[tuple[str, ...]]]) -> bool:
    """Whether a name, as most others, is in several folders: these may be visits."""
    again = [one for one, some in places.items() if one and len(some) > 1]
    return name in again and 2 * len(again) > len(places) and not is_number(name)


def _above_studies(
    folders: Mapping[PurePosixPath, tuple[str, ...]], names: Mapping[PurePosixPath, str]
) -> dict[PurePosixPath, tuple[str, ...]]:
    """Find the folders of people whose files are named by study: `Meier/acc123456.nii.gz`."""
    chains = {
        path: (*folders[path], name)
        for path, name in names.items()
        if folders[path] and has_number(name) and not is_picture(path)
    }
    people = people_among(set(chains.values()))
    return {p: people[chain][0] for p, chain in chains.items() if people[chain][0] != chain}


def _as_beside(
    found: Mapping[PurePosixPath, tuple[str, str]],
    patients: Mapping[PurePosixPath, str | None],
    root: str,
) -> dict[PurePosixPath, tuple[str, str]]:
    """Give a series without a PatientID to the one PatientID in the folders of its person."""
    if all(patients.values()) or not any(patients.values()):
        return {}
    folders = _by_structure(list(patients), list(patients), set(patients), root)
    owners = defaultdict(set)
    for path, patient in patients.items():
        owners[folders[path][0]].update({found[path][0]} if patient else ())
    beside = {path: owners[folders[path][0]] for path, patient in patients.items() if not patient}
    return {path: (min(one), "file name") for path, one in beside.items() if len(one) == 1}


def _name_of(folders: tuple[str, ...]) -> str:
    """Return the name of a person's folders, the last without date, visit and study."""
    *above, folder = folders
    for nobody in (DATE, NUMBERED):
        left = re.sub(nobody, "", folder, flags=re.IGNORECASE | re.VERBOSE)
        only_number = re.fullmatch(r"[A-Za-z]+_S\d{3,}", folder)  # XNAT_S00001 is a subject there
        folder = folder if only_number else left or folder
    folder = drop_words(folder, words(VISIT)) or folder
    return "/".join([*above, to_person_number(folder)])


def _person_in_folders(path: PurePosixPath, is_series: bool, needed: bool) -> list[str]:
    """Return the folders above a file, or of a DICOM series, that may name a person.

    Where that is needed since nothing else does, `scan_07` or `data3` will do.
    """
    parts = [part for part in path.parts[:-1] if not SITE.fullmatch(part)]
    likely = [part for part in parts if names_somebody(part, words(VISIT, THING, COLLECTION))]
    if needed and not likely:
        parts += [path.name] if is_series else []
        likely = [part for part in parts if names_somebody(part, words(VISIT))]
    return likely
