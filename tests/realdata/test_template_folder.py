"""Chapters 7 and 8 on real heads: one other cell, nothing else."""

import os
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "notebooks"))

import nbformat
from template import NOTEBOOKS, outputs_with

FOLDER = os.environ.get("MEDGAN_REAL_DATA")

pytestmark = pytest.mark.skipif(not FOLDER, reason="set MEDGAN_REAL_DATA to the folder with IXI")


def test_a_folder_of_real_heads(tmp_path):
    said = outputs_with(
        f"""cohorts = {{
    "IXI": dict(
        source="folder",
        options=dict(folder={str(Path(FOLDER, "ixi_t1"))!r}, anatomy="head", subjects=12),
        label=None,
        encoder="brain-encoder-64",
    ),
}}""",
        tmp_path,
    )
    assert "12 subjects, no label" in said["load-cohorts"]
    assert "no test of use" in said["labelled"]
    assert "IXI: model-card.md" in said["report"]
    assert "profile 'smoke'" in said["finish"]


def test_the_reading_game_with_real_heads_of_128_pixels(tmp_path):
    name, cell_id = "08_outlook_privacy_and_scale", "reading-game"
    book = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    source = next(cell.source for cell in book.cells if cell.id == cell_id)
    folder = Path(FOLDER, "ixi_t1")
    changed = source
    for old, new in (
        ("FOLDER, PIXELS = None, 64", f"FOLDER, PIXELS = {str(folder)!r}, 128"),
        ("folder=folder", "folder=folder, subjects=12"),
    ):
        assert old in changed
        changed = changed.replace(old, new)
    changed += "\nprint(about, readings.shape[1:], fakes.shape[1:])"
    said = outputs_with(changed, tmp_path, name, cell_id, last="marked-samples")
    assert "real heads of ixi_t1 against brain-mri-128 (128, 128, 1)" in said[cell_id]
    assert len(re.findall(r"\d: (?:real|synthetic)", said["game-figure"])) == 8
