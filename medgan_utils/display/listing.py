"""Source code on the page: with a note beside the lines it speaks of, or beside other code."""

import ast
import html
import inspect
import textwrap
from collections.abc import Callable, Mapping


class Listing:
    """The source of a function or class as it is now, with notes beside its lines.

    In a notebook it draws itself as a table; printed it is text.

    Args:
        code: A function or class, whose docstring is left out; or the source itself.
        notes: A part of a line -> what there is to say of that line.

    Raises:
        ValueError: A part stands in no line, or in more than one: then the notes are older than
            the source.
    """

    def __init__(self, code: Callable | str, notes: Mapping[str, str] | None = None):
        self.lines = (code if isinstance(code, str) else source(code)).splitlines()
        self.notes = {}
        for part, note in (notes or {}).items():
            found = [number for number, line in enumerate(self.lines) if part in line]
            if len(found) != 1:
                raise ValueError(f"{part!r} stands in {len(found)} lines, not in one")
            self.notes[found[0]] = note

    def _repr_html_(self) -> str:
        rows = []
        for number, line in enumerate(self.lines):
            note = html.escape(self.notes.get(number, ""))
            cells = f"<td>{number + 1}</td>{_code(line)}<td style='text-align:left'>{note}</td>"
            rows.append(f"<tr>{cells}</tr>")
        return f"<table>{''.join(rows)}</table>"

    def __repr__(self) -> str:
        width = max(map(len, self.lines))
        return "\n".join(
            f"{number + 1:3d}  {line:<{width}}  {self.notes.get(number, '')}".rstrip()
            for number, line in enumerate(self.lines)
        )


class Beside:
    """Two pieces of code side by side, line by line from the top.

    Args:
        left: Heading and code.
        right: Heading and code.
    """

    def __init__(self, left: tuple[str, str], right: tuple[str, str]):
        self.parts = (left, right)

    def _repr_html_(self) -> str:
        heads = "".join(f"<th style='text-align:left'>{html.escape(h)}</th>" for h, _ in self.parts)
        codes = "".join(_code(code.strip("\n")) for _, code in self.parts)
        return f"<table><tr>{heads}</tr><tr>{codes}</tr></table>"

    def __repr__(self) -> str:
        return "\n\n".join(
            f"{head}\n\n{textwrap.indent(code, '    ')}" for head, code in self.parts
        )


def source(code: Callable) -> str:
    """Return the source of a function or class from the left margin, without its docstring."""
    text = textwrap.dedent(inspect.getsource(code))
    (node, *_) = ast.parse(text).body
    documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    if not isinstance(node, documented) or ast.get_docstring(node) is None:
        return text
    docstring, lines = node.body[0], text.splitlines(keepends=True)
    before, after = lines[: docstring.lineno - 1], lines[docstring.end_lineno :]
    if docstring.lineno == node.lineno:  # all on one line
        return text
    return "".join(before) + "".join(after).lstrip("\n")


def _code(text: str) -> str:
    style = "text-align:left;vertical-align:top;white-space:pre"
    return f"<td style='{style}'><pre>{html.escape(text)}</pre></td>"
