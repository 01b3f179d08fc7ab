"""Every notebook runs in the sizes of its `gpu` profile, with a thousandth of the steps.

It takes hours without a GPU and is asked for by `make gpu-sizes NOTEBOOKS=notebooks/09_*.ipynb`.
"""

import os
from pathlib import Path

import nbformat
import pytest

from tools import notebooks

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
ASKED = os.environ.get("MEDGAN_TEST_GPU_SIZES", "")


@pytest.mark.skipif(not ASKED, reason="takes hours without a GPU: run it by `make gpu-sizes`")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_in_full_size_with_few_steps(path, tmp_path, monkeypatch):
    if path.name not in {Path(name).name for name in ASKED.split()}:
        pytest.skip("not asked for")
    monkeypatch.setenv("MEDGAN_PROFILE", "gpu")
    monkeypatch.setenv("MEDGAN_STEPS_DIVIDED", "1000")
    notebooks.run(path, "gpu", tmp_path)
    run = nbformat.read(tmp_path / path.name, as_version=4)
    last = [cell for cell in run.cells if cell.cell_type == "code"][-1]
    assert "profile 'gpu'" in "".join(output.get("text", "") for output in last.outputs)
