"""Whose a DICOM series is, by what headers say of the patient."""

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import PurePosixPath

from .files import drop_words
from .names import NOBODY, SITE, VISIT, spelling

ALIKE = "PatientIDs alike"
"""The rule of a guess: one person under two PatientIDs, or two people under similar ones."""
_MOST = 9  # visits of one person; a longer row of numbers counts people
_MOST_IDS = 3  # of one person; what more PatientIDs share was filled in
_LAST = re.compile(
    r"(?<=\d)(?:[-_. ]\d{1,2}|[-_. ]?(?:bl|fu|pre|post|baseline|followup)\d{0,2}"
    r"|[-_. ]?(?:m|mo|d|w|y|v|t|tp|visit|ses|mr|ct|pet|scan)\d{1,3}|[-_. ]?\d{1,2}(?:m|mo|w|d|y)"
    r"|[-_. ](?:[A-Za-z]|mr|ct|pet|left|right|links|rechts|\d{6}|[A-Za-z]{3,9}(?:19|20)\d\d)"
    r"|/\d{1,3})$",
    re.IGNORECASE,
)
Names = dict[PurePosixPath, tuple[str, str]]


def plain_id(patient_id: str | None) -> str:
    """Return a PatientID without HL7's issuer (`12^^^HOSP`) and empty parts (`Meier^Hans^`)."""
    plain = (patient_id or "").partition("^^^")[0].strip("^ ")
    return "" if NOBODY.fullmatch(plain) else plain


def people_by_id(patients: Mapping[PurePosixPath, str | None]) -> Names:
    """Name the subjects of series by their PatientID, without the words for visits in it.

    IDs that differ in a short last part alone (`P001-1`, `P001_M12`, `P001FU`) are one person,
    which is called a guess; where more of them share one beginning than a person has visits, they
    are left apart, and that is the guess.

    Returns:
        Series -> subject and rule, of those with a PatientID.
    """
    visit = re.compile(VISIT, re.IGNORECASE | re.VERBOSE)
    plain = {path: plain_id(said) for path, said in patients.items() if plain_id(said)}
    ids = {path: drop_words(one, visit) or one for path, one in plain.items()}
    forms, issuers = defaultdict(set), defaultdict(set)
    for path, name in ids.items():
        forms[spelling(_start(name))].add(spelling(name))
        issuers[spelling(name)].add((patients[path] or "").partition("^^^")[2])
    found = {}
    for path, name in ids.items():
        alike = forms[spelling(_start(name))]
        of_one = 1 < len(alike) <= (_MOST if len(forms) > 1 else 2)
        guess = len(alike) > 1 or len(issuers[spelling(name)]) > 1
        found[path] = (_start(name) if of_one else name, ALIKE if guess else "PatientID")
    return found


def _start(patient_id: str) -> str:
    """Return an ID without a short last part; whole where a site stands before that."""
    cut = _LAST.search(patient_id)
    if not cut:
        return patient_id
    start = patient_id[: cut.start()]
    longest = max(map(len, re.findall(r"\d+", start)))
    counter = re.fullmatch(r"[-_. ](\d+)", cut[0])
    of_many = counter and len(counter[1]) >= longest
    return patient_id if of_many or SITE.fullmatch(start) else start


def join_people(
    found: Names, patients: Mapping[PurePosixPath, str | None], shared: Mapping[PurePosixPath, str]
) -> Names:
    """Make one subject of series that share what one person alone has.

    Args:
        found: Series -> subject and rule.
        patients: Series -> PatientID, None where the header does not say.
        shared: Series -> StudyInstanceUID, or name and day of birth; "" where not known.

    Returns:
        The same with one subject where two or three PatientIDs share a value, as a guess. What
        more of them share was filled in, and they stay apart, as a guess. A series without a
        PatientID goes with the others.
    """
    found, series = dict(found), defaultdict(list)
    for path in sorted(shared, key=lambda path: not plain_id(patients.get(path))):
        if shared[path] and path in found:
            series[shared[path]].append(path)
    for paths in series.values():
        said = [path for path in paths if plain_id(patients.get(path))]
        owners = list(dict.fromkeys(found[path][0] for path in said or paths[:1]))
        if len(owners) > 1:
            found |= {path: (found[path][0], ALIKE) for path in paths}
        if 1 < len(owners) <= _MOST_IDS:
            one = {path: (owners[0], ALIKE) for path, (who, _) in found.items() if who in owners}
            found |= one
        if len(owners) <= _MOST_IDS:
            silent = [path for path in paths if path not in said]
            found |= {path: (owners[0], found[path][1]) for path in silent}
    return found
