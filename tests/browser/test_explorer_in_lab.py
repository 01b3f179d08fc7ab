"""Both widgets in a real JupyterLab: a key on a slider changes the picture."""

import nbformat
import psutil
import pytest

EXPLORER = """
import keras, numpy as np
from medgan_utils.display import LatentExplorer
keras.utils.set_random_seed(0)
generator = keras.Sequential([
    keras.Input((8,)), keras.layers.Dense(256, activation="tanh"),
    keras.layers.Reshape((16, 16, 1))])
LatentExplorer(generator, np.eye(8)[:3], neighbour=np.fliplr, size=256)
"""
BROWSER = """
from types import SimpleNamespace
from medgan_utils.display import SliceBrowser
voxels = np.random.default_rng(0).normal(40, 30, (24, 28, 20)).astype("float32")
voxels[14:, 16:, 12:] += 300
SliceBrowser(SimpleNamespace(voxels=voxels, spacing_mm=(2, 2, 3), modality="CT"), size=224)
"""


@pytest.fixture
def notebook(tmp_path):
    folder = tmp_path / "course"
    folder.mkdir()
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in (EXPLORER, BROWSER)]
    path = folder / "widgets.ipynb"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


def change(lab, title: str, slider: str, key: str = "ArrowRight") -> None:
    """Press a key on a slider and wait until the picture of this title is another one."""
    picture = lab.image(title)
    before = lab.pixels(picture)
    source = picture.get_attribute("src")
    lab.press(slider, key)
    lab.wait_for_new_source(picture, source)
    assert lab.pixels(picture) != before, f"{slider} did not change {title!r}"


def test_sliders_change_pictures_and_nothing_is_left_running(lab, notebook, tmp_path):
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    opened = lab(notebook)
    opened.run_all()

    change(opened, "The generator's picture at the sliders' position", "Direction 1")
    change(opened, "The image nearest to the generated one", "Truncation", "ArrowLeft")
    opened.page.screenshot(path=tmp_path / "explorer.png")

    change(opened, "Axial slice", "Axial (z)")
    change(opened, "Sagittal slice", "Window (HU)", "ArrowLeft")
    opened.page.screenshot(path=tmp_path / "browser.png")

    assert opened.errors == []
    lab.close()
    after = {process.pid for process in psutil.Process().children(recursive=True)}
    assert after <= before, "a server, kernel or browser is still running"
