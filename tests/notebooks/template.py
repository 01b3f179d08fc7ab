"""Chapter 7 as a template: run it with another cell `your-data`."""

from pathlib import Path

import nbformat

from tools import notebooks

CHAPTER = Path(__file__).resolve().parents[2] / "notebooks" / "07_synthesis_workflow.ipynb"


def outputs_with(your_data: str, folder: Path) -> dict[str, str]:
    """Run the chapter in `smoke` with its cell `your-data` replaced.

    Args:
        your_data: Source of the cell.
        folder: Where the notebook is written and run.

    Returns:
        What every code cell printed, by its id.
    """
    book = nbformat.read(CHAPTER, as_version=4)
    cell = next(cell for cell in book.cells if cell.id == "your-data")
    cell.source = your_data
    path = folder / CHAPTER.name
    nbformat.write(book, path)
    notebooks.run(path, "smoke", folder / "run")
    done = nbformat.read(folder / "run" / CHAPTER.name, as_version=4)
    return {
        cell.id: "".join(output.get("text", "") for output in cell.outputs)
        for cell in done.cells
        if cell.cell_type == "code"
    }
