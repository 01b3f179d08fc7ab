"""Chapter 9's explorer, as its readers meet it: the real cells, checkpoint and neighbours."""

from pathlib import Path

import nbformat
import pytest

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "09_brain_mri.ipynb"
GENERATED = "The generator's picture at the sliders' position"
NEAREST = "The image nearest to the generated one"
CELLS = (
    "bootstrap",
    "imports",
    "sizes",
    "first-look",
    "source",
    "load-cohort",
    "split",
    "shrink",
    "sefa-against-random",
    "explore-mri",
)


@pytest.fixture
def cut(tmp_path, monkeypatch):
    """The cells that lead to the explorer, without the training in between."""
    monkeypatch.setenv("MEDGAN_PROFILE", "smoke")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cells = {cell.id: cell for cell in notebook.cells}
    notebook.cells = [cells[name] for name in CELLS]
    for cell in notebook.cells:
        cell.outputs, cell.execution_count = [], None
    path = tmp_path / "course" / NOTEBOOK.name
    path.parent.mkdir()
    nbformat.write(notebook, path)
    return path


def test_a_key_on_a_slider_changes_the_head(lab, cut):
    opened = lab(cut)
    opened.run_all()
    picture, nearest = opened.image(GENERATED), opened.image(NEAREST)
    seen = [opened.pixels(picture)]
    beside = {opened.pixels(nearest)}
    for key, times in (("ArrowRight", 10), ("PageUp", 2), ("Home", 1)):
        for _ in range(times):
            source = picture.get_attribute("src")
            opened.press("Direction 1", key)
            opened.wait_for_new_source(picture, source)
        seen.append(opened.pixels(picture))
        beside.add(opened.pixels(nearest))
    assert len(set(seen)) == len(seen), "a move of the slider left the head as it was"
    assert len(beside) > 1, "the nearest training slice never changed"
    assert opened.errors == []
