"""A chapter as a template: run it with another cell in the place of one of its own."""

from pathlib import Path

import nbformat

from tools import notebooks

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def outputs_with(
    source: str,
    folder: Path,
    name: str = "07_synthesis_workflow",
    cell_id: str = "your-data",
    last: str | None = None,
) -> dict[str, str]:
    """Run a chapter in `smoke` with one cell replaced.

    Args:
        source: Of that cell.
        folder: Where the notebook is written and run.
        name: Of the notebook.
        cell_id: Which cell.
        last: Where to end; None runs all.

    Returns:
        What every code cell printed, by its id.
    """
    chapter = NOTEBOOKS / f"{name}.ipynb"
    book = nbformat.read(chapter, as_version=4)
    ids = [cell.id for cell in book.cells]
    book.cells[ids.index(cell_id)].source = source
    if last is not None:
        del book.cells[ids.index(last) + 1 :]
    path = folder / chapter.name
    nbformat.write(book, path)
    notebooks.run(path, "smoke", folder / "run")
    done = nbformat.read(folder / "run" / chapter.name, as_version=4)
    return {
        cell.id: "".join(output.get("text", "") for output in cell.outputs)
        for cell in done.cells
        if cell.cell_type == "code"
    }
