"""Every committed notebook: run in order, outputs kept, readable ids, address up to date."""

import importlib.util
import json
import re
from pathlib import Path

import nbformat
import pytest

from tools import covers

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
READABLE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
RANDOM = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){0,3}(-[0-9a-f]{12})?|cell-\d+")
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|tmp|Users)/\w")

spec = importlib.util.spec_from_file_location("tool", ROOT / "tools" / "notebooks.py")
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    book = nbformat.read(request.param, as_version=4)
    nbformat.validate(book)
    book.path = request.param
    return book


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def test_ids_are_unique_and_can_be_read(notebook):
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    assert ids[0] == "title" and {"bootstrap", "imports"} <= set(ids)
    assert not [name for name in ids if not READABLE.fullmatch(name) or RANDOM.fullmatch(name)]


def test_badge_and_bootstrap_are_those_of_pyproject(notebook):
    address = tool.repository()
    cells = {cell.id: cell.source for cell in notebook.cells}
    assert cells["bootstrap"] == tool.bootstrap(address), "run `make address`"
    assert tool.badge(notebook.path, address) in cells["title"], "run `make address`"


def test_the_cover_is_the_picture_of_its_cell_and_is_told(notebook):
    cell, told = covers.COVERS[notebook.path.name[:2]]
    title, line = notebook.cells[0], f"![{told}](attachment:{covers.NAME})"
    assert title.source.count("(attachment:") == title.source.count(line) == 1
    stored = title.attachments[covers.NAME]["image/png"]
    assert stored == covers.picture(notebook, cell).replace("\n", ""), "run `make covers`"
    assert len(told) > 30


def test_outputs_are_those_of_one_run_in_order(notebook):
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1)), "run it with `make cpu`"
    printed = json.dumps(code_cells(notebook)[-1].outputs)
    assert "Ran in" in printed and "profile 'cpu'" in printed, "the last cell: run.finish()"


def test_outputs_are_small_without_errors_and_paths_of_one_machine(notebook):
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    assert len(json.dumps(outputs)) <= 2_000_000
    for cell in code_cells(notebook):
        if "raises-exception" not in cell.metadata.get("tags", []):
            assert all(output.output_type != "error" for output in cell.outputs), cell.id
        said = json.dumps(
            [o.get("text") or o.get("data", {}).get("text/html", "") for o in cell.outputs]
        )
        assert not MACHINE_PATH.search(said), cell.id


def test_cells_are_short(notebook):
    for cell in code_cells(notebook):
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert len(lines) <= 40, f"{cell.id} has {len(lines)} lines"


def test_the_end_leads_on(notebook):
    template = NOTEBOOKS[6]  # where the last one leads back to
    following = dict(zip(NOTEBOOKS, [*NOTEBOOKS[1:], template], strict=True))[notebook.path]
    end = notebook.cells[-1].source
    assert "Next:" in end and f"]({following.name})" in end
    assert "in preparation" not in json.dumps([cell.source for cell in notebook.cells])
