"""Put each chapter's most telling picture at its head, and one of them into the README.

    python tools/covers.py notebooks/*.ipynb

The picture is that of a cell's own output, attached to the first cell, so it is as new as the run.
`tools/notebooks.py run` does it by itself.
"""

import argparse
import base64
import re
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
NAME = "cover.png"
LINE = re.compile(rf"(?m)^!\[[^\]]*\]\(attachment:{re.escape(NAME)}\)(\n\n)?")
README_CHAPTER = "01"
# Of each chapter: the cell whose first picture it is, and what a reader who cannot see it is told.
COVERS = {
    "01": (
        "heads-along-directions",
        "Three rows of generated axial slices of heads; along each row one latent direction changes"
        " them, in the first row the height of the cut.",
    ),
    "02": (
        "show-modalities",
        "Four images side by side: CT of an abdomen, ultrasound, MR and PET of a head.",
    ),
    "03": (
        "ring-counts",
        "Curves of how many of eight modes a generator finds while it trains, for three losses.",
    ),
    "04": (
        "architecture-figure",
        "The layers of a DCGAN drawn to scale: the generator grows in size and shrinks in channels,"
        " the discriminator mirrors it.",
    ),
    "05": (
        "pointwise-peaks",
        "Three curves of what D earns for each answer; each peaks at the share of real data there.",
    ),
    "06": (
        "trajectories",
        "Paths of two players in the plane: without a penalty they circle, with some they arrive.",
    ),
    "07": (
        "side-by-side-figure",
        "Rows of real and of generated head slices, without and with a lesion, beneath each other.",
    ),
    "08": (
        "marked-samples",
        "Generated head slices with the word SYNTHETIC written into their pixels.",
    ),
    "09": ("first-look", "Eight generated axial slices of heads."),
    "10": (
        "toggle",
        "Generated abdominal slices without and with the label tumour, and their difference.",
    ),
    "11": (
        "pad-still",
        "One abdomen painted four times from its label map: without a tumour, with a small and a"
        " large one, and with one elsewhere.",
    ),
    "12": (
        "follow-figure",
        "A head on its way from a file through a slice and a batch to D's answer to G.",
    ),
}


def picture(notebook: nbformat.NotebookNode, cell_id: str) -> str:
    """Return the first PNG (base64) that a cell shows.

    Raises:
        ValueError: There is no such cell, or it shows none.
    """
    for cell in notebook.cells:
        for output in cell.get("outputs", []) if cell.id == cell_id else []:
            if "image/png" in output.get("data", {}):
                return output["data"]["image/png"]
    raise ValueError(f"no cell {cell_id!r} that shows a picture: run it, or change COVERS")


def put_cover(notebook: nbformat.NotebookNode, chapter: str) -> None:
    """Attach the chapter's picture to its first cell, below heading and badge."""
    cell_id, told = COVERS[chapter]
    title = notebook.cells[0]
    title.attachments = {NAME: {"image/png": picture(notebook, cell_id).replace("\n", "")}}
    parts = LINE.sub("", title.source).strip().split("\n\n")
    title.source = "\n\n".join([*parts[:2], f"![{told}](attachment:{NAME})", *parts[2:]])


def cover(path: Path) -> None:
    """Put a notebook's picture at its head; one chapter's also into the README's folder."""
    notebook, chapter = nbformat.read(path, as_version=4), path.name[:2]
    put_cover(notebook, chapter)
    nbformat.write(notebook, path)
    if chapter == README_CHAPTER and path.resolve().parent == ROOT / "notebooks":
        stored = base64.b64decode(notebook.cells[0].attachments[NAME]["image/png"])
        (ROOT / "docs" / NAME).write_bytes(stored)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("notebooks", nargs="+", type=Path)
    for path in parser.parse_args().notebooks:
        cover(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
