"""In Colab's versions the notebooks' first cell installs the course, and leaves Colab's own alone.

`make test-colab` runs this in an environment of its own: it installs and removes packages. The last
test leaves the course installed, for the unit tests and notebooks that follow.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tools.notebooks import MISSING_IN_COLAB, bootstrap

ROOT = Path(__file__).resolve().parents[2]
COLAB = "import sys, types\nsys.modules['google.colab'] = types.ModuleType('google.colab')"
DRAW = """
import medgan_utils, numpy as np
from medgan_utils.models import load_generator
assert "site-packages" in medgan_utils.__file__
print(load_generator("brain-mri-64")(np.zeros((1, 64), "float32")).shape)
"""


def named(lines):
    """Return name to version of lines such as `numpy==2.0.2`."""
    found = re.findall(r"(?m)^([\w.-]+)==(\S+)$", lines.lower())
    return {re.sub("[-_.]+", "-", name): version for name, version in found}


PINNED = named((ROOT / "constraints-colab.txt").read_text(encoding="utf-8"))

pytestmark = pytest.mark.skipif(
    "MEDGAN_TEST_COLAB" not in os.environ, reason="installs packages: run it by `make test-colab`"
)


def versions():
    """Return what is installed, name to version."""
    found = subprocess.run(
        [sys.executable, "-m", "pip", "freeze", "--all"], capture_output=True, text=True, check=True
    )
    return named(found.stdout)


def printed(folder, *cells):
    """Run cells in a fresh kernel as in Colab; return the last line that was printed."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(c) for c in (COLAB, *cells)]
    )
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=600, resources=resources, kernel_name="python3").execute()
    return "".join(output.get("text", "") for output in notebook.cells[-1].outputs).strip()


@pytest.fixture(autouse=True)
def _bare_colab(monkeypatch):
    """Colab before the first cell; kernels do not see the checkout."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    ours = {"medgan-utils", *MISSING_IN_COLAB.split()} - set(PINNED)
    uninstall = [sys.executable, "-m", "pip", "uninstall", "--quiet", "--yes"]
    subprocess.run([*uninstall, *ours], check=True)


def test_without_wheel_and_address_one_line_says_what_to_do(tmp_path):
    with pytest.raises(CellExecutionError, match=r"Upload medgan_utils-.*`make address`"):
        printed(tmp_path, bootstrap(""))


def test_a_wheel_beside_the_notebook_is_taken_before_the_address(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    before = versions()
    assert printed(tmp_path, bootstrap("file:///no/such/address"), DRAW) == "(1, 64, 64, 1)"
    assert before.items() <= versions().items()


def test_the_address_is_installed_and_colab_keeps_its_versions(tmp_path):
    before = versions()
    assert PINNED.items() <= before.items()
    assert printed(tmp_path, bootstrap(f"file://{ROOT}"), DRAW) == "(1, 64, 64, 1)"
    after = versions()
    assert before.items() <= after.items()
    assert set(MISSING_IN_COLAB.split()) <= set(after)
