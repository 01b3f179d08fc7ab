"""One DICOM data set without what names its patient: the standard's basic profile, item by item.

The rules are table E.1-1 of DICOM PS3.15, annex E (2026c), as the package `dicom-anonymizer` keeps
it. Three libraries were tried on a series with names, dates and ids in nested, private and free
text:

- dicognito 0.19 maps names, UIDs and dates well, also in nested sequences, but knows some thirty
  elements: private elements, descriptions, comments, serial numbers and the age stay.
- deid 0.4.13 is a language for recipes; the one that it brings leaves the institution and the
  descriptions, and deletes every UID, so that no file says any more which series it belongs to.
- dicom-anonymizer 2.1.0 has the standard's whole table, but treats the outermost level alone, makes
  every date the first of January of the year 1, and empties references to other images.

So the table and its actions are dicom-anonymizer's, and `clean` applies them to every nested item.
"""

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from .dicom_dates import KINDS, days, shift_dates

if TYPE_CHECKING:
    import pydicom

EDITION = "dicomfields_2026c"
_STANDARD = "1.2.840.10008."
"""What the UIDs begin with that the standard itself defines: they name no one."""
_IDS = ("PatientID", "OtherPatientIDs", "AccessionNumber", "DeviceSerialNumber", "InstitutionName",
        "InstitutionAddress", "PatientAddress", "PatientTelephoneNumbers")  # fmt: skip
_DAY = ("%Y%m%d", "%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y")
_TEXT = ("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT")
_CODES = ("Modality", "PhotometricInterpretation")  # without them nobody can read the image
_BYTES = ("OB", "OW")
_PIXELS = 0x7FE0


class Pseudonym:
    """What stands for one patient: a code, a map of UIDs, and a shift of all dates.

    Each is a keyed hash (HMAC-SHA-256) of what it replaces. Nothing is stored, and who has the key
    and an original finds its replacement again: keep the key as you keep the names.

    Args:
        key: Secret bytes; the same key maps the same patient alike.
        patient: The original PatientID.
        code: What to call the patient; by default a hash.
    """

    def __init__(self, key: bytes, patient: str, code: str | None = None):
        self._key = key
        self.code = code or f"P{self._number('code', patient) % 16**8:08X}"
        year = 365 * 24 * 60
        minutes = year + self._number("shift", patient) % (9 * year)
        self.shift = timedelta(minutes=-minutes)  # 1 to 10 years back: nothing lies in the future

    def uid(self, original: str) -> str:
        """Return the UID that stands for another, the same for the same; the standard's stay."""
        if not original or original.startswith(_STANDARD):
            return original
        return f"2.25.{self._number('uid', original) % 2**122}"

    def _number(self, purpose: str, text: str) -> int:
        digest = hmac.new(self._key, f"{purpose}\0{text}".encode(), hashlib.sha256).digest()
        return int.from_bytes(digest, "big")


def identifiers(dataset: "pydicom.Dataset") -> set[str]:
    """Return the words of a data set that name someone or a day: names, ids, addresses, dates.

    They are looked for in whatever the profile keeps. Titles ("Mr") and single letters are none.
    """
    found = set()
    for element in dataset.iterall():
        if element.is_empty or element.tag.is_private:
            continue
        values = [element.value] if element.VM == 1 else list(element.value)
        if element.VR == "PN":
            for group in (str(value).split("=") for value in values):
                words = " ".join(word for part in group for word in part.split("^")[:3])
                found.update(w for w in re.split(r"[\W_]+", _plain(words)) if len(w) > 1)
        elif element.keyword in _IDS:
            found.update(str(value).strip() for value in values if len(str(value).strip()) > 2)
        elif element.VR in ("DA", "DT"):
            for day in days(element):
                found.update(map(day.strftime, _DAY))
    return found


def clean(dataset: "pydicom.Dataset", who: Pseudonym, words: set[str]) -> Iterator[tuple[str, str]]:
    """Change a data set in place to what the basic profile leaves of it; see `deidentify_series`.

    Args:
        dataset: A file's, or an item of a sequence.
        who: What stands for the patient.
        words: Of `identifiers`: what is left and holds one is emptied.

    Yields:
        (keyword, what was done) of every element that was changed: "removed", "emptied",
        "replaced", "mapped" (UIDs) or "shifted" (dates and times).
    """
    yield from shift_dates(dataset, who.shift)
    for element in list(dataset):
        tag, rule = element.tag, _rule(element.tag)
        name = element.keyword or ("private" if tag.is_private else str(tag))
        if not element.keyword or element.VR == "UN":  # private, unknown, overlays: who can say
            del dataset[tag]
            yield name, "removed"
        elif element.VR == "SQ":
            yield from _clean_sequence(dataset, element, who, words)
        elif element.is_empty or element.VR in KINDS:
            continue
        elif element.VR == "UI" and getattr(rule, "__name__", "") != "delete":
            yield from _map_uids(element, who)
        elif rule is not None:
            yield name, _by_rule(dataset, tag, rule)
        elif element.VR in ("PN", "UR") or "AlternativeCalendar" in name:
            element.value = None
            yield name, "emptied"
        elif name not in _CODES and (kept := _without(element, words)) is not None:
            element.value = kept or None
            yield name, "emptied"


def _clean_sequence(dataset, element, who, words) -> Iterator[tuple[str, str]]:
    """Remove or empty a sequence where the profile says so; else clean its items."""
    rule = _rule(element.tag)
    if rule is None or rule.__name__ == "delete_or_empty_or_replace_UID":
        for item in element.value:
            yield from clean(item, who, words)
    elif rule.__name__ == "delete":
        del dataset[element.tag]
        yield element.keyword, "removed"
    elif not element.is_empty:
        element.value = []  # where a dummy item would do, none is as good: no image needs one
        yield element.keyword, "emptied"


def _map_uids(element, who: Pseudonym) -> Iterator[tuple[str, str]]:
    values = [element.value] if element.VM == 1 else list(element.value)
    mapped = [str(value) if "ClassUID" in element.keyword else who.uid(value) for value in values]
    if mapped != [str(value) for value in values]:
        element.value = mapped if len(mapped) > 1 else mapped[0]
        yield element.keyword, "mapped"


def _by_rule(dataset, tag, rule) -> str:
    """Apply an action of dicom-anonymizer; return what came of it."""
    try:
        rule(dataset, (tag.group, tag.element))
    except NotImplementedError:  # a type of value that no one expects there
        del dataset[tag]
    if tag not in dataset:
        return "removed"
    return "emptied" if dataset[tag].is_empty else "replaced"


@cache
def _rules() -> dict:
    from dicomanonymizer.simpledicomanonymizer import initialize_actions

    return initialize_actions(EDITION)


def _rule(tag):
    """Return the table's action for an element, None where there is none: it stays."""
    rules = _rules()
    if tag.group & 0xFF00 in (0x5000, 0x6000):  # curves and overlays stand in several groups
        wide = (key for key in rules if len(key) == 4)
        hits = (k for k in wide if tag.group & k[2] == k[0] and tag.element & k[3] == k[1])
        return rules.get(next(hits, None))
    return rules.get((tag.group, tag.element))


def _plain(text: str) -> str:
    """Return a text in one form of Unicode: a header may spell one name in two."""
    return unicodedata.normalize("NFC", text)


def _without(element, words: set[str]) -> list[str] | None:
    """Return a text's values, each that holds one of the words as a word made empty.

    None where no value holds one. Of bytes that are no pixels nothing is left then.
    """
    several = element.VM > 1 and element.VR in _TEXT
    values = list(element.value) if several else [element.value]
    if element.VR in _TEXT:
        texts = [_plain(str(value)) for value in values]
    elif element.VR in _BYTES and element.tag.group != _PIXELS:
        texts = [bytes(element.value).decode("latin-1")]
    else:
        return None
    pattern = rf"(?<![^\W_])({'|'.join(map(re.escape, words))})(?![^\W_])"
    held = [bool(words) and bool(re.search(pattern, text, re.I)) for text in texts]
    if not any(held):
        return None
    return (
        ["" if found else value for found, value in zip(held, values, strict=True)]
        if several
        else []
    )
