"""Tables of what is known of subjects or files: age and sex, or labels to train on."""

import csv
import math
import re
import unicodedata
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..files import stem
from ..names import subject_of

SEX_CODES = {"F": 0, "M": 1}
_SUBJECT_COLUMNS = ("mrid", "participant_id", "subject", "subject_id", "patient_id", "id")

_SEX_WORDS = {
    "F": "f female woman weiblich femme féminin mujer femenino".split(),
    "M": "m male man männlich homme masculin hombre masculino".split(),
}
_DECIMAL_COMMA = re.compile(r"^([-+]?\d+),(\d+)$")
_THOUSANDS = re.compile(r"^[-+]?[1-9]\d{0,2}(,\d{3})+$")  # or three decimals: nobody can tell
_POINTS = re.compile(r"^[-+]?[1-9]\d{0,2}\.\d{3}$")  # the same where a comma is the decimal mark
_OLDEST = 120  # years
_UNKNOWN = ("", "n/a", "na", "nan", "none", "?")
_ONE_OF_MANY = re.compile(r"(?:^|[-_. ])(?:slice|ses(?:sion)?|visit)[-_ ]?\d+", re.IGNORECASE)

Labels = dict[str, float | int]


def read_table(path: str | Path) -> list[dict[str, str]]:
    """Read a `.csv` or `.tsv` with a header; columns keep their spelling and order.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It has no rows, or a row with more or fewer cells than columns.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; a .csv or .tsv file is needed")
    text = _text(path)
    reader = csv.DictReader(text.splitlines(), delimiter=_delimiter(text))
    try:
        rows = list(reader)
    except csv.Error as error:
        raise ValueError(f"{path} is no table ({error}): is a quote left open?") from None
    names = [name.strip() for name in reader.fieldnames or []]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"{path.name} has two columns {min(twice)!r}; rename or delete one")
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise ValueError(f"{path.name}, line {number}: not as many cells as columns in line 1")
    if not rows:
        raise ValueError(f"{path.name} holds no rows; a header and a line a subject are needed")
    rows = [{name.strip(): cell.strip() for name, cell in row.items()} for row in rows]
    if names[1:] and not names[-1] and not any(row[""] for row in rows):  # a trailing separator
        rows = [{name: cell for name, cell in row.items() if name} for row in rows]
    return rows


def _delimiter(text: str) -> str:
    """Return what stands between the cells of a table, by its first line."""
    return max("\t;,", key=text.partition("\n")[0].count)


def _text(path: Path) -> str:
    """Return what a table holds, as Excel and others write it, without Excel's line `sep=`."""
    return re.sub(r"^sep=.\r?\n", "", _decoded(path))


def _decoded(path: Path) -> str:
    start = path.read_bytes()[:4]
    if start[:2] == b"PK" or start == b"\xd0\xcf\x11\xe0":
        raise ValueError(f"{path} is an Excel workbook; save it as CSV (UTF-8)")
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return path.read_text(encoding="utf-16")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return path.read_text(encoding="latin-1")


def read_participants(path: str | Path) -> dict[str, Labels]:
    """Read age and sex by subject.

    Args:
        path: A table with the columns MRID (or participant_id), Age, Sex, in any case; sex F or M.

    Returns:
        Subject -> {"age": years or NaN, "sex": 0 for F, 1 for M, -1 unknown}.

    Raises:
        ValueError: A column is missing, or a subject has two rows that differ.
    """
    rows = [{name.lower(): cell for name, cell in row.items()} for row in read_table(path)]
    columns = set(rows[0])
    key = next((name for name in _SUBJECT_COLUMNS if name in columns), None)
    if key is None or not {"age", "sex"} <= columns:
        raise ValueError(
            f"{Path(path).name} has columns {sorted(columns)}; MRID or participant_id, Age and "
            f"Sex are needed"
        )
    ages = _numbers([row["age"] for row in rows], Path(path).name, None)
    ages = [age if 0 <= age <= _OLDEST else math.nan for age in ages]  # -9, 999: not known
    codes = {word: SEX_CODES[sex] for sex, words in _SEX_WORDS.items() for word in words}
    sexes = [codes.get(row["sex"].casefold(), -1) for row in rows]
    unread = {row["age"] for row, age in zip(rows, ages, strict=True) if np.isnan(age)}
    unread |= {row["sex"] for row, sex in zip(rows, sexes, strict=True) if sex < 0}
    if unread := sorted(one for one in unread if one.lower() not in _UNKNOWN):
        warnings.warn(
            f"{Path(path).name}: {few(unread)} say neither an age (34.5) nor a sex (F, M) and "
            f"count as unknown",
            stacklevel=2,
        )
    known = [{"age": age, "sex": sex} for age, sex in zip(ages, sexes, strict=True)]
    return _one_row_each(Path(path).name, [row[key] for row in rows], known)


def read_labels(labels: str | Path | Mapping[str, Labels]) -> dict[str, Labels]:
    """Read labels of subjects or files.

    Args:
        labels: A table: subject or file in the first column, then one column a label; or the same
            as a mapping, `{"sub-01": {"group": 1}}`. Before a column such as `patient_id` the
            first may number the lines.

    Returns:
        Subject or file -> labels. Columns of whole numbers are int, -1 where a cell is empty;
        others are float, NaN where empty.

    Raises:
        ValueError: A cell is no number, a subject has two rows that differ, or subjects stand in
            another column than the first.
    """
    german = False
    if isinstance(labels, Mapping):
        if not all(isinstance(values, Mapping) for values in labels.values()):
            raise ValueError("labels= needs names of labels: {'sub-01': {'group': 1}}")
        name = "labels="
        names = dict.fromkeys(column for values in labels.values() for column in values)
        rows = [{"": str(key), **dict.fromkeys(names, ""), **v} for key, v in labels.items()]
    else:
        name, rows = Path(labels).name, _without_line_numbers(Path(labels).name, read_table(labels))
        german = _delimiter(_text(Path(labels))) == ";"
    first, *columns = rows[0] if rows else [""]
    if rows and not isinstance(labels, Mapping) and re.fullmatch(r"(Unnamed: 0)?", first):
        raise ValueError(
            f"{name}: the first column has no name. Is it pandas' index? Write the table with "
            f"to_csv(..., index=False)"
        )
    if not columns:
        raise ValueError(
            f"{name} needs a subject or file in the first column, then a label a column"
        )
    values = [
        _numbers([row.get(column, "") for row in rows], name, column, german) for column in columns
    ]
    known = [dict(zip(columns, cells, strict=True)) for cells in zip(*values, strict=True)]
    names = [row[first].replace("\\", "/") for row in rows]  # as Windows writes paths
    return _one_row_each(name, names, known)


def _without_line_numbers(table: str, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Leave out a first column that numbers the lines; refuse one that hides that of subjects."""
    first, *others = rows[0]
    spelled = [re.sub(r"[-_ .]", "", name) for name in _SUBJECT_COLUMNS]
    plain = {name: re.sub(r"[-_ .]", "", name.lower()) for name in rows[0]}
    ranks = {name: spelled.index(word) for name, word in plain.items() if word in spelled}
    known = min((name for name in others if name in ranks), key=ranks.get, default=None)
    if not first or known is None or ranks.get(first, math.inf) <= ranks[known]:
        return rows
    start = [int(row[first]) if row[first].isdecimal() else -1 for row in rows]
    if start not in ([*range(len(rows))], [*range(1, len(rows) + 1)]):
        raise ValueError(
            f"{table}: subjects stand in {known!r}, behind {first!r}; make {known!r} the first "
            f"column, or take it out if {first!r} names the subjects or files"
        )
    return [{known: row[known]} | {n: row[n] for n in others if n != known} for row in rows]


def _one_row_each(table: str, names: Sequence[str], rows: Sequence[Labels]) -> dict[str, Labels]:
    """Return name -> row; refuse two of one name, however it is spelled, that differ."""
    known: dict[str, tuple[str, Labels]] = {}
    for name, row in zip(names, rows, strict=True):
        _, first = known.setdefault(_spelled(name), (name, row))
        if str(first) != str(row):
            raise ValueError(f"{table} has two rows for {name} that differ; keep the right one")
    return dict(known.values())


def _numbers(
    cells: list, table: str, column: str | None, german: bool = False
) -> list[float] | list[int]:
    """Return a column as int if all are whole, else as float; without a name, float whatever.

    In a `german` table, with `;` between cells, `1.234` is a thousand if no cell says otherwise.
    """
    pointed = [str(cell) for cell in cells if "." in str(cell)]
    thousands = set(pointed) if german and all(map(_POINTS.match, pointed)) else set()
    numbers = []
    for cell in cells:
        try:
            number = float(_DECIMAL_COMMA.sub(r"\1.\2", str(cell)))
            in_doubt = _THOUSANDS.match(str(cell)) or str(cell) in thousands
            if in_doubt or "_" in str(cell) or np.isinf(number):
                raise ValueError  # Python reads 1_2 as 12
            numbers.append(number)
        except ValueError:
            unknown = column is None or str(cell).lower() in _UNKNOWN
            if not unknown:
                people = str(column).lower() in ("age", "sex")
                raise ValueError(
                    f"{table}: {column} holds {cell!r}; write each class as a whole number, from "
                    f"0 on, and decimals with a point"
                    + ("; participants= (--participants) reads age and sex" if people else "")
                ) from None
            numbers.append(np.nan)
    known = [number for number in numbers if np.isfinite(number)]
    if column is None or not known or any(number != round(number) for number in known):
        return numbers
    return [int(number) if np.isfinite(number) else -1 for number in numbers]


def _rows_of_subjects(table: Mapping[str, Mapping]) -> dict[str, str]:
    """Return subject -> key of its row; not where rows of its visits differ."""
    keys: dict[str, list[str]] = {}
    for key in table:
        person = subject_of(key)
        numbered = re.fullmatch(r"[-_. ]+\d+", stem(key).removeprefix(person))
        if not numbered and not _ONE_OF_MANY.search(stem(key)):  # these speak of themselves alone
            keys.setdefault(_spelled(person), []).append(key)
    return {
        person: some[0]
        for person, some in keys.items()
        if len({str(table[key]) for key in some}) == 1
    }


def _names_of_visits(path: str, subject: str) -> list[str]:
    """Return `sub-1_ses-2` for `sub-1_ses-2_T1w.nii.gz` of sub-1: the longest first."""
    name = stem(path)
    starts = [name[: cut.start()] for cut in re.finditer(r"[-_. ]", name)]
    return [one for one in starts[::-1] if _spelled(one).startswith(_spelled(subject))]


def labels_by_image(
    table: Mapping[str, Labels], paths: Sequence[str], subjects: Sequence[str], name: str
) -> list[Labels]:
    """Find each image's row: by its path, its file name, or its subject.

    Args:
        table: As `read_labels` and `read_participants` return it.
        paths: Of images, relative to their folder, `/` between folders.
        subjects: Of the same images.
        name: Of the option, for the message.

    Raises:
        ValueError: No row fits any image, or one fits images of several subjects.
    """
    files = {_spelled(name) for path in paths for name in (path, Path(path).name, stem(path))}
    rows = _rows_of_subjects({key: row for key, row in table.items() if _spelled(key) not in files})
    rows |= {_spelled(key): key for key in table}
    keys, owners = [], {}
    of_people = set(map(_spelled, table)) <= set(map(_spelled, subjects))
    for path, subject in zip(paths, subjects, strict=True):
        short, visits = subject.removeprefix("sub-"), _names_of_visits(path, subject)
        files, people = (path, Path(path).name, stem(path), *visits), (subject, short)
        aliases = (*(people + files if of_people else files + people), f"sub-{short}")
        keys.append(next((rows[_spelled(a)] for a in aliases if _spelled(a) in rows), None))
        owner = owners.setdefault(keys[-1], subject)
        if keys[-1] is not None and owner != subject:
            raise ValueError(
                f"{name}: the row {keys[-1]} fits images of {owner} and {subject}; write the path "
                f"of its image, such as {path}, or its subject"
            )
    unknown = {label: -1 if isinstance(value, int) else np.nan
               for label, value in next(iter(table.values())).items()}  # fmt: skip
    known = {subject for subject, key in zip(subjects, keys, strict=True) if key is not None}
    missing = [path for path, key in zip(paths, keys, strict=True) if key is None]
    without, idle = sorted(set(subjects) - known) or missing, sorted(set(table) - set(keys))
    if not known:
        raise ValueError(
            f"{name} names none of the images: it has {few(idle)}; the images are of {few(without)}"
        )
    if without:
        warnings.warn(
            f"{name} says nothing of {few(without)}: their labels are unknown", stacklevel=2
        )
    if idle and name == "labels=":
        warnings.warn(f"{name} has rows without an image here: {few(idle)}", stacklevel=2)
    return [unknown if key is None else table[key] for key in keys]


def few(names: Sequence) -> str:
    """Name three of many."""
    shown = ", ".join(map(str, names[:3]))
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown


def _spelled(name: str) -> str:
    """Return one spelling of a name: Excel makes 1 of 001."""
    name = unicodedata.normalize("NFC", str(name)).casefold()
    return re.sub(r"(?<!\d)0+(?=\d)", "", name)
