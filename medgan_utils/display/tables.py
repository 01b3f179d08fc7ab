"""Tables of results that Lab, Colab and GitHub all show."""

from collections.abc import Mapping, Sequence
from html import escape
from numbers import Integral, Real

import numpy as np


class Table:
    """Rows of results: HTML in a notebook, aligned text elsewhere.

    Attributes:
        rows: The cells as shown, one list of texts a row.
        columns: The heading of each column.
        caption: What the table says.
    """

    def __init__(self, rows: list[list[str]], columns: list[str], caption: str, numeric: list):
        self.rows = rows
        self.columns = columns
        self.caption = caption
        self._numeric = numeric

    def _repr_html_(self) -> str:
        def cell(tag: str, text: str, column: int) -> str:
            side = "right" if self._numeric[column] else "left"
            return f'<{tag} style="text-align:{side}">{escape(text)}</{tag.split()[0]}>'

        def line(cells: list[str], first: str, rest: str) -> str:
            tags = [first] + [rest] * (len(cells) - 1)
            parts = (
                cell(tag, text, k) for k, (tag, text) in enumerate(zip(tags, cells, strict=True))
            )
            return f"<tr>{''.join(parts)}</tr>"

        caption = f"<caption>{escape(self.caption)}</caption>" if self.caption else ""
        head = line(self.columns, 'th scope="col"', 'th scope="col"')
        body = "\n".join(line(row, 'th scope="row"', "td") for row in self.rows)
        return f"<table>{caption}<thead>{head}</thead>\n<tbody>\n{body}\n</tbody></table>"

    def __repr__(self) -> str:
        lines = [self.columns, *self.rows]
        widths = [max(len(line[k]) for line in lines) for k in range(len(self.columns))]

        def text(line: list[str]) -> str:
            cells = (
                cell.rjust(width) if number else cell.ljust(width)
                for cell, width, number in zip(line, widths, self._numeric, strict=True)
            )
            return "  ".join(cells).rstrip()

        rule = "  ".join("-" * width for width in widths)
        parts = [text(self.columns), rule, *(text(row) for row in self.rows)]
        return "\n".join([self.caption, *parts] if self.caption else parts)


def table(
    rows: Sequence[Mapping[str, object]],
    columns: Sequence[str] | None = None,
    caption: str = "",
    digits: int = 3,
) -> Table:
    """Lay out a list of results; make the call the last line of a cell, or `print` it.

    Args:
        rows: One mapping of column -> value a row (or an object with such `.rows`, like the
            table of an evaluation). Numbers are rounded to `digits` significant digits; a tuple
            `(value, low, high)` is shown as "value (low – high)"; None and NaN as "–".
        columns: The columns to show, in order; by default all, as they first appear.
        caption: What the table says.
        digits: Significant digits.

    Raises:
        ValueError: There are no rows, or no row has one of the columns.
    """
    rows = list(getattr(rows, "rows", rows))
    if not rows:
        raise ValueError("there are no rows to show")
    known = list(dict.fromkeys(name for row in rows for name in row))
    unknown = [name for name in columns or () if name not in known]
    if unknown:
        raise ValueError(f"no row has the column {unknown[0]!r}; there are {', '.join(known)}")
    columns = list(columns or known)
    cells = [[format_value(row.get(name), digits) for name in columns] for row in rows]
    numeric = [
        all(isinstance(row.get(name), Real | tuple | None) for row in rows) for name in columns
    ]
    return Table(cells, [str(name) for name in columns], caption, numeric)


def format_value(value: object, digits: int = 3) -> str:
    """One cell of a table as text."""
    if value is None or (isinstance(value, Real) and np.isnan(value)):
        return "–"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, tuple) and len(value) == 3:
        middle, low, high = (format_value(part, digits) for part in value)
        return f"{middle} ({low} – {high})"
    if isinstance(value, Integral):
        return f"{int(value):,}"
    if isinstance(value, Real):
        number = float(value)
        whole = abs(number) >= 10 ** (digits - 1)
        return f"{number:,.0f}" if whole and np.isfinite(number) else f"{number:#.{digits}g}"
    return str(value)
