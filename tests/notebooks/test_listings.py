"""Source code in a chapter's outputs is the package's of today, as the chapter says."""

import re
from operator import attrgetter
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

from medgan_utils.data import batches
from medgan_utils.display.listing import source
from medgan_utils.models import dcgan
from medgan_utils.training import GAN, losses, optimizers

CHAPTER = next((Path(__file__).resolve().parents[2] / "notebooks").glob("12_*.ipynb"))
KNOWN = SimpleNamespace(batches=batches, dcgan=dcgan, GAN=GAN, losses=losses, optimizers=optimizers)
SHOWN = re.compile(r"(?:Listing|source)\(([\w.]+)")
CELLS = {c.id: c for c in nbformat.read(CHAPTER, 4).cells if SHOWN.search(c.source)}


@pytest.mark.parametrize("name", CELLS)
def test_what_is_shown_is_what_runs(name):
    cell = CELLS[name]
    [output] = cell.outputs
    shown = output.data["text/plain"].splitlines()
    for code in map(attrgetter, SHOWN.findall(cell.source)):
        for line in source(code(KNOWN)).splitlines():
            assert any(line in other for other in shown), f"{name}: run chapter 12 again"


def test_the_chapter_shows_its_six_pieces():
    assert len(CELLS) >= 9
