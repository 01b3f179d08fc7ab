"""Dates and times of a DICOM data set, all moved by one interval: what lay between them stays."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pydicom

KINDS = ("DA", "TM", "DT")
"""Types of value: a date, a time of the day, both in one."""
_PRECISIONS = {4: "%Y", 6: "%Y%m", 8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M"}
_MOMENT = re.compile(r"(\d{4,14})((?:\.\d+)?(?:[+-]\d{4})?)")


def shift_dates(dataset: "pydicom.Dataset", shift: timedelta) -> Iterator[tuple[str, str]]:
    """Move every date of a data set (not of its sequences) in place.

    A time moves over midnight together with its date (`StudyTime` with `StudyDate`); one without a
    date moves around the clock, and a date without a time as if it were noon. What belongs to the
    patient's life (the birth date), and what is no date, is emptied.

    Args:
        dataset: The data set.
        shift: Whole minutes.

    Yields:
        (keyword, "shifted" or "emptied") of each element that held something.
    """
    filled = {e.keyword: e for e in dataset if e.VR in KINDS and e.keyword and not e.is_empty}
    while filled:
        keyword, element = min(filled.items(), key=lambda one: KINDS.index(one[1].VR))
        del filled[keyword]
        partner = None
        if element.VR == "DA":
            partner = filled.pop(keyword.replace("Date", "Time"), None)
        elements = [one for one in (element, partner) if one is not None]
        moved = None if keyword.startswith("Patient") else _moved(elements, shift)
        for number, one in enumerate(elements):
            one.value = None if moved is None else moved[number]
            yield one.keyword, "emptied" if moved is None else "shifted"


def days(element: "pydicom.DataElement") -> list[datetime]:
    """Return the days that an element with dates names; what is no date is passed over."""
    found = (_MOMENT.match(text.replace(".", "", 2)) for text in _texts(element))
    return [day for one in found if one and (day := _read(one[1][:8])) is not None]


def _texts(element: "pydicom.DataElement") -> list[str]:
    values = [element.value] if element.VM == 1 else element.value
    return [str(value).strip() for value in values]


def _moved(elements: list, shift: timedelta) -> list[list[str]] | None:
    """Return new values of a date and its time, or of one of them; None where one is no date."""
    columns, kinds = [_texts(element) for element in elements], [one.VR for one in elements]
    if len({len(column) for column in columns}) > 1:
        return None
    rows = []
    for values in zip(*columns, strict=True):
        if kinds == ["DT"]:
            row = [_shifted(values[0], shift)]
        else:  # as a moment, and apart again
            date = values[0].replace(".", "") if kinds[0] == "DA" else "20000102"
            time = values[-1].replace(":", "") if kinds[-1] == "TM" else "12"
            moment = _shifted(date + time, shift) if len(date) == 8 else None
            parts = {"DA": moment and moment[:8], "TM": moment and moment[8:]}
            row = [parts[kind] for kind in kinds]
        if None in row:
            return None
        rows.append(row)
    return [list(column) for column in zip(*rows, strict=True)]


def _shifted(moment: str, shift: timedelta) -> str | None:
    """Move YYYYMMDDHHMMSS.F&ZZXX, or less of it, as precise as it was; None where it is none."""
    parts = _MOMENT.fullmatch(moment)
    read = parts and _read(parts[1])
    if not read or read + shift < datetime(1000, 1, 1):
        return None
    return f"{read + shift:%Y%m%d%H%M%S}"[: len(parts[1])] + parts[2]


def _read(digits: str) -> datetime | None:
    try:
        read = datetime.strptime(digits, _PRECISIONS.get(len(digits), "%Y%m%d%H%M%S"))
    except ValueError:
        return None
    return read if read.year > 1800 else None
