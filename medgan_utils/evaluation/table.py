"""A small table: rows of numbers that can be printed, drawn and saved."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .intervals import Estimate


@dataclass
class Table:
    """Rows with the same columns.

    Attributes:
        rows: Column -> value; a value is text, a number or an `Estimate`.
        title: What the table shows.
        notes: What a reader has to know, printed below it.
    """

    rows: list[dict]
    title: str = ""
    notes: str = ""

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in the order of their first appearance."""
        return list(dict.fromkeys(column for row in self.rows for column in row))

    def __iter__(self) -> Iterator[dict]:
        return iter(self.rows)

    def __getitem__(self, name: str) -> dict:
        """Return the row whose first column says `name`."""
        for row in self.rows:
            if row[self.columns[0]] == name:
                return row
        names = ", ".join(str(row[self.columns[0]]) for row in self.rows)
        raise KeyError(f"no row {name!r}; there are: {names}")

    def to_rows(self) -> list[dict]:
        """Return plain rows for JSON: an estimate becomes `[value, low, high]`."""
        return [
            {k: [float(x) for x in v] if isinstance(v, Estimate) else v for k, v in row.items()}
            for row in self.rows
        ]

    @classmethod
    def from_rows(cls, rows: list[dict], title: str = "", notes: str = "") -> "Table":
        """Build a table from what `to_rows` returned."""
        restored = [
            {k: Estimate(*v) if isinstance(v, list | tuple) else v for k, v in row.items()}
            for row in rows
        ]
        return cls(restored, title, notes)

    def markdown(self, digits: int = 3, intervals: bool = True) -> str:
        """Return the table as Markdown.

        Args:
            digits: Significant digits.
            intervals: Whether to print intervals beside their values.

        Returns:
            Title, table and notes.
        """
        lines = [" | ".join(self.columns), " | ".join("---" for _ in self.columns)]
        for row in self.rows:
            cells = (_cell(row.get(column, ""), digits, intervals) for column in self.columns)
            lines.append(" | ".join(cells))
        body = "\n".join(f"| {line} |" for line in lines)
        return "\n\n".join(part for part in (self.title, body, self.notes) if part)

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def save(self, path: str | Path) -> Path:
        """Write title, notes and rows as JSON."""
        content = {"title": self.title, "notes": self.notes, "rows": self.to_rows()}
        path = Path(path)
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        return path


def _cell(value: object, digits: int, intervals: bool) -> str:
    if isinstance(value, Estimate):
        if intervals:
            return value.text(digits)
        value = value.value
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)
