"""One table for every room: it prints, draws itself as HTML or Markdown, and saves itself."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from html import escape
from numbers import Integral, Real
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ._files import written_whole


class Estimate(NamedTuple):
    """A value with the ends of its interval; NaN ends where there is none."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return format_value(self)


class Table:
    """Rows of results: HTML in a notebook, aligned text elsewhere.

    Make it the last line of a cell, or `print` it. Numbers are rounded; an `Estimate` is shown as
    "value (low – high)", None and NaN as "–".

    Args:
        rows: One mapping of column -> value a row; another table will do.
        columns: The columns to show, in order; by default all, as they first appear.
        caption: What the table says.
        digits: Significant digits.
        notes: What a reader has to know, shown below it.

    Attributes:
        rows: The rows as given, with every column.

    Raises:
        ValueError: There are no rows, or no row has one of the columns.
    """

    def __init__(
        self,
        rows: Iterable[Mapping[str, object]],
        columns: Sequence[str] | None = None,
        caption: str = "",
        digits: int = 3,
        notes: str = "",
    ):
        self.rows = [dict(row) for row in rows]
        if not self.rows:
            raise ValueError("there are no rows to show")
        known = list(dict.fromkeys(name for row in self.rows for name in row))
        if unknown := [name for name in columns or () if name not in known]:
            raise ValueError(f"no row has the column {unknown[0]!r}; there are {', '.join(known)}")
        self.columns = list(columns or known)
        self.caption, self.digits, self.notes = caption, digits, notes

    def __iter__(self) -> Iterator[dict]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> dict:
        """Return the row whose first column says `name`."""
        first = self.columns[0]
        for row in self.rows:
            if row.get(first) == name:
                return row
        names = ", ".join(str(row.get(first)) for row in self.rows)
        raise KeyError(f"no row {name!r}; there are: {names}")

    def cells(self) -> list[list[str]]:
        """Return the cells as shown, one list of texts a row."""
        return [[format_value(row.get(c), self.digits) for c in self.columns] for row in self.rows]

    def __repr__(self) -> str:
        lines = [self.columns, *self.cells()]
        widths = [max(len(line[k]) for line in lines) for k in range(len(self.columns))]
        sides = [str.rjust if number else str.ljust for number in self._numeric()]

        def text(line: list[str]) -> str:
            cells = zip(sides, line, widths, strict=True)
            return "  ".join(side(cell, width) for side, cell, width in cells).rstrip()

        rule = "  ".join("-" * width for width in widths)
        body = "\n".join([text(self.columns), rule, *(text(line) for line in lines[1:])])
        return "\n".join(part for part in (self.caption, body, self.notes) if part)

    def markdown(self) -> str:
        """Return caption, table and notes as Markdown."""
        lines = [self.columns, ["---"] * len(self.columns), *self.cells()]
        lines = [[cell.replace("|", "\\|") for cell in line] for line in lines]
        body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return "\n\n".join(part for part in (self.caption, body, self.notes) if part)

    def html(self) -> str:
        """Return caption, table and notes as HTML, with headings for screen readers."""
        sides = ["right" if number else "left" for number in self._numeric()]

        def line(cells: list[str], tag: Callable[[int], str]) -> str:
            parts = (
                f'<{tag(k)} style="text-align:{side}">{escape(text)}</{tag(k).split()[0]}>'
                for k, (text, side) in enumerate(zip(cells, sides, strict=True))
            )
            return f"<tr>{''.join(parts)}</tr>"

        def tag_of_row(column: int) -> str:
            return "td" if column else 'th scope="row"'

        caption = f"<caption>{escape(self.caption)}</caption>" if self.caption else ""
        head = line(self.columns, lambda _: 'th scope="col"')
        body = "\n".join(line(row, tag_of_row) for row in self.cells())
        notes = f'\n<p class="notes">{escape(self.notes)}</p>' if self.notes else ""
        return f"<table>{caption}<thead>{head}</thead>\n<tbody>\n{body}\n</tbody></table>{notes}"

    _repr_html_ = html  # what a notebook shows

    def plain_rows(self) -> list[dict]:
        """Return rows for JSON: an estimate becomes `[value, low, high]`, NumPy's numbers plain.

        NaN and infinity become None, which JSON can hold; what it cannot, its text.
        """

        def plain(value: object) -> object:
            if isinstance(value, Estimate):
                return [plain(float(part)) for part in value]
            value = value.item() if isinstance(value, np.generic) else value
            if isinstance(value, tuple) and (len(value) != 3 or _is_shape(value)):
                return str(value)
            if isinstance(value, float):
                return value if np.isfinite(value) else None
            return value if isinstance(value, str | int | list | dict | None) else str(value)

        return [{name: plain(value) for name, value in row.items()} for row in self.rows]

    @classmethod
    def from_plain_rows(cls, rows: Iterable[Mapping], **options) -> "Table":
        """Build a table from what `plain_rows` returned; `options` are those of the class."""

        def known(value: object) -> object:
            if not isinstance(value, list):
                return np.nan if value is None else value
            return Estimate(*(np.nan if part is None else part for part in value))

        return cls(({k: known(v) for k, v in row.items()} for row in rows), **options)

    def save(self, path: str | Path) -> Path:
        """Write caption, notes and rows as JSON, whole or not at all."""
        content = {"caption": self.caption, "notes": self.notes, "rows": self.plain_rows()}
        with written_whole(Path(path)) as unfinished:
            unfinished.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        return Path(path)

    def _numeric(self) -> list[bool]:
        """Which columns hold numbers only: they are aligned to the right."""
        return [
            all(isinstance(row.get(name), Real | tuple | None) for row in self.rows)
            for name in self.columns
        ]


def format_value(value: object, digits: int = 3) -> str:
    """Write one value for a reader: numbers with so many significant digits.

    Args:
        value: Text, a number, a truth value, None, or `(value, low, high)`. Three whole numbers
            are a shape, unless they are an `Estimate`.
        digits: Significant digits.
    """
    if value is None or (isinstance(value, Real) and np.isnan(value)):
        return "–"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, tuple) and len(value) == 3 and not _is_shape(value):
        middle, low, high = (format_value(part, digits) for part in value)
        return middle if "–" in (low, high) else f"{middle} ({low} – {high})"
    if isinstance(value, Integral):
        return f"{int(value):,}"
    if isinstance(value, Real):
        number = float(value)
        whole = abs(float(f"{number:.{digits}g}")) >= 10 ** (digits - 1)  # 99.97 is 100
        return f"{number:,.0f}" if whole and np.isfinite(number) else f"{number:#.{digits}g}"
    return str(value)


def _is_shape(value: tuple) -> bool:
    """Whether three whole numbers are a size, such as (64, 64, 1), rather than an interval."""
    return not isinstance(value, Estimate) and all(isinstance(part, int) for part in value)
