"""Which of nested folders is the person: the outer of `Meier/M0`, the inner of `M0/P01`.

Names of visits decide where there are such. Else counts do: a person has few studies, a group or a
visit holds many people, and names of people recur from visit to visit. Where neither tells, all
are one subject, or the answer is called a guess.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from pathlib import PurePosixPath
from statistics import median_high

from .files import is_picture
from .names import has_number, is_number, visit_level

Folders = tuple[str, ...]
_CERTAINTY = ("", "perhaps", "surely")
_MORE_OUTER = {"": 1, "perhaps": 3, "surely": math.inf}
"""How often outer folders count against what one holds, by how much that looks like visits."""


def without_visits(
    folders: Mapping[PurePosixPath, Folders], names: Mapping[PurePosixPath, str]
) -> tuple[dict[PurePosixPath, Folders], str]:
    """Leave out folders that are visits or scanners of the people below them.

    Args:
        folders: Those above each file that may name a person, the outermost first.
        names: What may be a person in each file's own name.

    Returns:
        The folders that are left, and how far that is known: "", "guess", or "unknown" where
        both outer and inner folders may be people and names recur.
    """
    folders, known, level = dict(folders), "", 0
    while level < 2:
        verdict = _visits(folders, names, level)
        if verdict == "unknown":
            return folders, verdict
        if verdict == "visits":
            left = {path: _without(parts, level) for path, parts in folders.items()}
            if left == folders:  # the files themselves are visits: of one person
                return folders, "unknown"
            folders, known = left, "guess"
        level += verdict != "visits"
    folders = _without_kinds(folders)
    pairs = {parts[:2] for parts in folders.values() if len(parts) > 1}
    if _are_scanners(pairs):
        return {path: parts[1:] or parts for path, parts in folders.items()}, known
    return folders, _either(pairs) or known


def _without_kinds(folders: Mapping[PurePosixPath, Folders]) -> dict[PurePosixPath, Folders]:
    """Leave out `brain` of `brain/Meier` where most of its folders lie beside it: `Meier`."""
    alone = {parts[0] for parts in folders.values() if len(parts) == 1}
    below = defaultdict(set)
    for parts in folders.values():
        below[parts[0] if len(parts) > 1 else None].update(parts[1:2])
    kinds = {one for one, inner in below.items() if one and 2 * len(inner & alone) > len(inner)}
    within = {p for p, parts in folders.items() if len(parts) > 1 and parts[0] in kinds}
    return {path: parts[path in within :] for path, parts in folders.items()}


def _without(parts: Folders, level: int) -> Folders:
    """Leave out the folder of one level if it is a visit: above some people there is none."""
    visit = visit_level(parts[level : level + 1])
    return parts[:level] + parts[level + 1 :] if visit else parts


def _visits(
    folders: Mapping[PurePosixPath, Folders], names: Mapping[PurePosixPath, str], level: int
) -> str:
    """Say whether the folders of one level are "visits" of those below, or that is "unknown"."""
    pairs, alone, of_files = _pairs(folders, names, level)
    below = {inner for _, inner in pairs}
    beside = {outer for outer, _ in pairs if outer in below} | (alone & below)
    counts = Counter(inner for outer, inner in pairs if outer not in below)
    outer = {one for one, _ in pairs if one not in below} | (alone if not alone & below else set())
    visits, studies = visit_level(outer, bool(beside)), visit_level(set(counts))
    above = {parts[:level] for parts in folders.values()} if level else ()
    few = len(outer) < 2 - bool(beside) or (level and len(above) >= len(counts))
    if few or _CERTAINTY.index(visits) <= _CERTAINTY.index(studies):
        return ""
    again = sum(count + (inner in alone) > 1 for inner, count in counts.items())
    mostly, counted = 2 * again > len(counts), _counted(set(counts))
    if visits == "surely":
        nameless = not pairs and not any(names[path] for path in folders if folders[path][level:])
        of_people = mostly or (counted and again) or nameless
        return "visits" if of_people else "unknown" if again or not pairs else ""
    if not mostly or len(counts) <= len(outer) or (of_files and not all(map(has_number, counts))):
        return ""
    return "visits" if counted and len(outer) ** 2 <= len(counts) else "unknown"


def _pairs(
    folders: Mapping[PurePosixPath, Folders], names: Mapping[PurePosixPath, str], level: int
) -> tuple[set[tuple[str, str]], set[str], bool]:
    """Pair the folders of one level with those below them, or with the names of their files.

    Returns:
        The pairs; folders without anything below; whether all pairs are with files.
    """
    pairs, alone, of_files = set(), set(), True
    for path, parts in folders.items():
        name = names[path]
        may_be = name.isdigit() or (name and not is_number(name))  # scan1 is nobody
        own = (name,) if may_be and not is_picture(path) else ()
        here = (*parts, *own)[level : level + 2]
        if len(here) == 2:
            pairs.add(here)
            of_files = of_files and len(parts) == level + 1
        elif here:
            alone.add(here[0])
    return pairs, alone, of_files


def _counted(names: Collection[str]) -> bool:
    """Whether names differ in their numbers alone, as P1 and P2 do."""
    return all(map(has_number, names)) and len({re.sub(r"\d+", "", name) for name in names}) == 1


def _are_scanners(pairs: set[tuple[str, str]]) -> bool:
    """Whether the outer folders are scanners, or the like: far more people lie below, some twice.

    P1, P2, … are people, whatever repeats below; and below AD and CN, 001 may be two people.
    """
    outer, inner = ({pair[level] for pair in pairs} for level in (0, 1))
    people = len({re.sub(r"\d+", "", name) for name in outer}) == 1
    anew = all(map(str.isdigit, inner)) and not any(map(has_number, outer))
    others = people or anew or visit_level(inner)
    return len(outer) ** 2 <= len(inner) < len(pairs) and not others


def _either(pairs: set[tuple[str, str]]) -> str:
    """Say where numbered outer folders need not be people, since more inner names recur below."""
    outer, counts = {one for one, _ in pairs}, Counter(inner for _, inner in pairs)
    again = sum(count > 1 for count in counts.values())
    more = 2 * again > len(counts) > 0 and len(counts) > len(outer)
    if not more or visit_level(set(counts)) or not all(map(has_number, outer)):
        return ""
    return "unknown" if _counted(outer) and _counted(set(counts)) else "guess"


def people_among(folders: Collection[Folders]) -> dict[Folders, tuple[Folders, bool]]:
    """Find the person in each chain of nested folders, and whether that is a guess.

    The first folder with a number is the person; folders above it without one are a group, which
    stays part of the name. But where there are more such outer folders than one of them usually
    holds, those are the people and the numbers are studies, and so they are where these are series
    by their words. Without any number the person is the first folder: rather too few subjects than
    one on two sides.
    """
    found, numbered = {}, defaultdict(list)
    for parts in folders:
        first = next((n for n, part in enumerate(parts) if has_number(part)), 0)
        found[parts] = (parts[: first + 1], False)
        if first:
            numbered[first].append(parts)
    for first, some in numbered.items():
        held = defaultdict(set)
        for parts in some:
            held[parts[:first]].add(parts[first])
        visits = visit_level({parts[first] for parts in some})
        few = len(held) * _MORE_OUTER[visits] > median_high(map(len, held.values()))
        outer = few or are_series(held.values())
        people = _first_or_all(held) if outer else {}
        for parts in some:
            person = people.get(parts[:first], parts[: first + 1])
            found[parts] = (person, not outer or visits != "surely")
    return found


def are_series(held: Collection[Collection[str]]) -> bool:
    """Whether what each of some folders holds are series: different words, most of them again.

    `Meier/tirm_4` and `Meier/diff_5` beside `Schulz/tirm_3` and `Schulz/diff_4`.
    """
    kinds = [[re.sub(r"\d+", "", name) for name in some] for some in held]
    apart = all(len(set(some)) == len(some) for some in kinds)
    counts = Counter(kind for some in kinds for kind in some)
    return apart and len(counts) > 1 and 2 * sum(n > 1 for n in counts.values()) > len(counts)


def _first_or_all(chains: Collection[Folders]) -> dict[Folders, Folders]:
    """Tell `Meier/knee` (Meier) from `AD/Meier` (both), by the counts and by names that recur."""
    below, counts = defaultdict(set), Counter(chain[1:] for chain in set(chains))
    for chain in chains:
        below[chain[0]].add(chain[1:])
    again = 2 * sum(count > 1 for count in counts.values()) > len(counts)
    few = len(below) > median_high(map(len, below.values()))
    return {chain: chain[:1] if again or few else chain for chain in chains}
