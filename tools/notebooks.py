"""Keep the notebooks in order: run them, and write the repository's address into them.

    python tools/notebooks.py run notebooks/09_*.ipynb --profile cpu
    python tools/notebooks.py setup notebooks/*.ipynb

`run` executes in a fresh kernel and stores the outputs in the notebook (or in `--out`). `setup`
writes badge and bootstrap cell from `[tool.medgan]` in `pyproject.toml`: the one place that holds
the repository's address.
"""

import argparse
import base64
import io
import os
import re
import sys
import time
import tomllib
from pathlib import Path

import nbformat
import numpy as np
from PIL import Image

from tools.covers import COVERS, cover

ROOT = Path(__file__).resolve().parents[1]
BADGE = re.compile(r"(?m)^(\[!\[Open in Colab\].*|\*To open this notebook in Colab.*\*)$")
BAR = re.compile(r"\d%\|.*\| \d+/\d+ \[")  # as tqdm writes what its widget shows
NO_ADDRESS = (
    "*To open this notebook in Colab, set `repository` under `[tool.medgan]` in `pyproject.toml` "
    "and run `make address`; or upload it there beside the wheel that `make wheel` builds.*"
)
# Named without what they depend on, so that Colab keeps its own TensorFlow, NumPy and ipywidgets.
# The rest of our dependencies Colab has. Two of these ask for more than Colab has, without need:
# dp-accounting for attrs below 24 (it defines classes with `attr.s`, which 25 has too), nilearn for
# pandas 2.3 and requests 2.33 (we read the templates in its wheel: no tables, no downloads).
MISSING_IN_COLAB = "nibabel nilearn pydicom dicom-anonymizer pooch prdc dp-accounting"
BOOTSTRAP = """\
# Set-up. On your own machine nothing is installed; in Colab the course's helper package is:
# from a wheel uploaded beside this notebook (`make wheel` builds it), or else from its repository.
import sys
from glob import glob

if "google.colab" in sys.modules:
    repository = "{repository}"  # from pyproject.toml, written by `make address`
    wheels = glob("medgan_utils-*.whl") or glob("/content/medgan_utils-*.whl")
    assert wheels or repository, "Upload medgan_utils-….whl (`make wheel`), or run `make address`."
    package = max(wheels) if wheels else f"git+{{repository}}"
    %pip install -q --no-deps "{{package}}" {missing}
from medgan_utils import profiles

profiles.quiet_tensorflow()"""


def repository() -> str:
    """Return the repository's address, `""` while it is not set."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return settings["tool"]["medgan"]["repository"].rstrip("/")


def badge(path: Path, address: str) -> str:
    """Return the Markdown line that opens the notebook in Colab, or says what is missing."""
    if not address:
        return NO_ADDRESS
    owner = address.removeprefix("https://github.com/").removesuffix(".git")
    link = f"https://colab.research.google.com/github/{owner}/blob/main/notebooks/{path.name}"
    return f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({link})"


def bootstrap(address: str) -> str:
    """Return the first code cell of every notebook."""
    return BOOTSTRAP.format(repository=address, missing=MISSING_IN_COLAB)


def setup(path: Path) -> bool:
    """Write badge and bootstrap cell; return whether anything changed."""
    notebook = nbformat.read(path, as_version=4)
    address = repository()
    before = [cell.source for cell in notebook.cells]
    for cell in notebook.cells:
        if cell.id == "bootstrap":
            cell.source = bootstrap(address)
        elif cell.id == "title":
            head, _, rest = BADGE.sub("", cell.source).strip().partition("\n")
            rest = rest.strip("\n")
            cell.source = f"{head}\n\n{badge(path, address)}\n\n{rest}"
    changed = before != [cell.source for cell in notebook.cells]
    if changed:
        nbformat.write(notebook, path)
    return changed


def run(path: Path, profile: str, out: Path | None) -> float:
    """Execute a notebook in a fresh kernel, store it with its outputs, return the seconds."""
    from nbclient import NotebookClient

    target = path if out is None else out / path.name
    target.parent.mkdir(parents=True, exist_ok=True)
    notebook = nbformat.read(path, as_version=4)
    os.environ["MEDGAN_PROFILE"] = profile
    started = time.perf_counter()
    resources = {"metadata": {"path": str(ROOT / "notebooks")}}
    NotebookClient(notebook, timeout=3600, resources=resources, coalesce_streams=True).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # time stamps would change with every run
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not _is_bar(output)]
        for output in cell.get("outputs", []):
            _shorten_progress(output)
            _with_palette(output.get("data", {}))
    notebook.metadata.pop("widgets", None)  # widget state is large; the static figures stay
    unfinished = target.with_suffix(".unfinished")
    nbformat.write(notebook, unfinished)
    unfinished.replace(target)
    seconds = time.perf_counter() - started
    if path.name[:2] in COVERS:  # after the outputs are safe: a cell that shows nothing is an error
        cover(target)
    return seconds


def _is_bar(output: dict) -> bool:
    """Tell a progress bar, which nobody saw any more when its cell had run."""
    text = output.get("data", {}).get("text/plain", "")
    return output.get("output_type") == "display_data" and bool(BAR.search(text))


def _shorten_progress(output: dict) -> None:
    """Keep only the last state of lines that a progress bar wrote over."""
    if output.get("output_type") == "stream":
        lines = output["text"].split("\n")
        output["text"] = "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines)


def _with_palette(data: dict) -> None:
    """Store a picture of at most 256 colours with a palette: the same pixels, a fifth smaller."""
    if "image/png" not in data:
        return
    stored = base64.b64decode(data["image/png"])
    picture = Image.open(io.BytesIO(stored)).convert("RGB")
    smaller = picture.convert("P", palette=Image.Palette.ADAPTIVE, colors=256)
    smaller.save(file := io.BytesIO(), "PNG", optimize=True)
    same = np.array_equal(np.asarray(smaller.convert("RGB")), np.asarray(picture))
    if same and file.tell() < len(stored):
        data["image/png"] = base64.b64encode(file.getvalue()).decode()


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("action", choices=("run", "setup"))
    parser.add_argument("notebooks", nargs="+", type=Path)
    parser.add_argument("--profile", choices=("smoke", "cpu", "gpu"), default="cpu")
    parser.add_argument("--out", type=Path, help="folder to write to, not into the notebooks")
    arguments = parser.parse_args()
    for path in arguments.notebooks:
        if arguments.action == "setup":
            print(f"{path.name}: {'written' if setup(path) else 'up to date'}")
        else:
            seconds = run(path.resolve(), arguments.profile, arguments.out)
            print(f"{path.name}: {seconds:.0f} s in {arguments.profile}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
