"""Every exercise of every notebook: its solution passes its check, and its stub does not."""

import contextlib
import io
import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
EXERCISE = re.compile(r"exercise-(\d+)-check")


def cells(path):
    return {cell.id: cell.source for cell in nbformat.read(path, as_version=4).cells}


def exercises():
    for path in NOTEBOOKS:
        for cell_id in cells(path):
            if match := EXERCISE.fullmatch(cell_id):
                yield pytest.param(path, match.group(1), id=f"{path.stem[:2]}-{match.group(1)}")


def run(sources):
    """Execute cells in one namespace and return what the last of them printed."""
    namespace: dict = {}
    for source in sources:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(source, "cell", "exec"), namespace)
    return printed.getvalue()


def solution(markdown):
    assert "<details" in markdown
    return "\n".join(re.findall(r"```python\n(.*?)```", markdown, flags=re.DOTALL))


@pytest.mark.parametrize(("path", "number"), list(exercises()))
def test_solution_passes_and_stub_does_not(path, number):
    source = cells(path)
    imports = [source[name] for name in source if name in ("imports", "imports-course")]
    check = source[f"exercise-{number}-check"]
    solved = run([*imports, solution(source[f"exercise-{number}-solution"]), check])
    assert solved.startswith("✓"), solved
    untouched = run([*imports, source[f"exercise-{number}-answer"], check])
    assert untouched.startswith("○"), untouched


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_at_least_three_exercises(path):
    assert sum(bool(EXERCISE.fullmatch(cell_id)) for cell_id in cells(path)) >= 3
