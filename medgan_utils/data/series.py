"""Several files of one person: the series of a study, the slices of a volume."""

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import PurePosixPath

from .files import is_picture, stem
from .names import SITE, STAMP, YEAR, has_number, is_number
from .nesting import are_series
from .patients import Names

_NUMBERED_PERSON = re.compile(r"[-_ ]*[A-Za-z]{0,4}\d+")


def one_a_study(found: Names) -> Names:
    """Make one subject of files that share the second of a study and their first words.

    Protocols have words that no list knows: `Doe_John_x_20190101120000_5` is Doe_John where another
    file of that second is, and so in their other studies. Where all files have one stamp it was
    filled in, and what differs in a number alone (`sub_1`, `sub_2`) are people.
    """
    studies = defaultdict(list)
    for path, (_, rule) in found.items():
        if rule == "file name" and (stamp := STAMP.search(path.name)):
            studies["".join(stamp.groups())].append(path)
    for paths in studies.values() if len(studies) > 1 else ():
        names = {found[path][0] for path in paths}
        words = [re.split("([-_ ]+)", name) for name in names]
        same = itertools.takewhile(lambda one: len(set(one)) == 1, zip(*words, strict=False))
        person = "".join(one[0] for one in same).strip("-_ ")
        people = all(_NUMBERED_PERSON.fullmatch(name[len(person) :]) for name in names)
        if len(names) > 1 and person and not people:
            begun = re.compile(re.escape(person) + r"(?![^-_ ])")
            stamped = itertools.chain(*studies.values())
            theirs = [path for path in stamped if begun.match(found[path][0])]
            found = found | dict.fromkeys(theirs, (person, "file name"))
    return found


def numbered_series(
    folders: Mapping[PurePosixPath, tuple[str, ...]], names: Mapping[PurePosixPath, str]
) -> set[PurePosixPath]:
    """Find files that number the series of their folder: `Meier/5_MPRAGE` beside `Meier/7_FLAIR`.

    Each has another contrast (in a folder of patients, `tumour/5_T1` and `tumour/7_T1`, some
    repeat), or other words, most of which come again in other folders: `Meier/diff_5`.
    """
    numbered, worded = defaultdict(list), defaultdict(list)
    for path, name in names.items():
        if folders[path] and has_number(stem(path)) and not is_picture(path):
            worded[folders[path]].append(path)
            if name and is_number(name):
                numbered[folders[path]].append(path)
    found = set()
    for paths in numbered.values():
        contrasts = {re.sub(r"\d+", "", stem(path), count=1) for path in paths}
        if len(paths) > 1 and len(contrasts) == len({names[path] for path in paths}) == len(paths):
            found.update(paths)
    if are_series([[stem(path) for path in paths] for paths in worded.values()]):
        found.update(*worded.values())
    return found


def without_slice_numbers(names: dict[PurePosixPath, str]) -> dict[PurePosixPath, str]:
    """Give `p1_012.png`, `p1_016.png`, `p1_020.png` to p1 where others are numbered so, too.

    Only of pictures, each with a number of its own; sites and years number people.
    """
    pictures = {path: name for path, name in names.items() if is_picture(path)}
    once = {name for name, count in Counter(pictures.values()).items() if count == 1}
    starts = {}
    for path, name in pictures.items():
        match = re.fullmatch(r"(.*\d)[-_. ]+\d+", name)
        if match and name in once and not SITE.fullmatch(match[1]) and not YEAR.search(match[1]):
            starts[path] = match[1]
    people = {start for start, count in Counter(starts.values()).items() if count >= 3}
    if len(people) < 2:
        return names
    return {p: starts[p] if starts.get(p) in people else name for p, name in names.items()}


def counted_on(names: dict[PurePosixPath, str]) -> dict[PurePosixPath, str]:
    """Give `P1_10` to P1 where `P1_9` is P1's: longer numbers of slices or visits are no people."""
    known = {name for name in names.values() if any(map(str.isdigit, name))}

    def person(name: str) -> str:
        starts = (name[: cut.start()] for cut in re.finditer(r"[-_. ]+\d", name))
        return next((start for start in starts if start in known), name)

    return {path: person(name) for path, name in names.items()}
