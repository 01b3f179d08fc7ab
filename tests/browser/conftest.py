"""The fixture `lab`: open a notebook in JupyterLab and Chromium."""

from contextlib import ExitStack

import nbformat
import pytest
from lab_driver import chromium, lab_page


@pytest.fixture
def lab(tmp_path):
    """A function that opens a notebook (a path) and returns a `LabPage`.

    Server, kernel and browser end with the test, or with `lab.close()`.
    """
    pytest.importorskip("playwright", reason="playwright is not installed (extra: test)")
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed (extra: lab)")
    if chromium() is None:
        pytest.skip("no Chromium on the path; install it or set MEDGAN_CHROMIUM to its path")
    scratch = tmp_path / "jupyter"
    scratch.mkdir()
    with ExitStack() as stack:

        def open_notebook(notebook):
            return stack.enter_context(lab_page(notebook, scratch))

        open_notebook.close = stack.close
        yield open_notebook


@pytest.fixture
def notebook_of(tmp_path):
    """A function that writes a notebook of one cell and returns its path."""

    def write(source):
        path = tmp_path / "course" / "one_cell.ipynb"
        path.parent.mkdir()
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        cells = [nbformat.v4.new_code_cell(source.strip())]
        book = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
        nbformat.write(book, path)
        return path

    return write
