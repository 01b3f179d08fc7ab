"""How long from a key on a slider to the new picture, in JupyterLab and Chromium.

Opens the latent explorer on `brain-mri-64`, alone and with the nearest of 624 images beside it (as
in chapter 9), presses an arrow key 100 times in each, and prints median and 95th percentile.
Chromium composes its page in two ways: as it does on a machine without a graphics card (these rows
meet or miss the targets), and through SwiftShader, which imitates a graphics card on the CPU and
is what the browser tests use.

    python benchmarks/explorer_latency.py [--save benchmarks/results/explorer_latency.json]
"""

import argparse
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path

import nbformat
import numpy as np

from tools.record import record

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "browser"))
from lab_driver import SWIFTSHADER, lab_page

PRESSES = 100
WARM_UP = 5
GRAPHICS = {"no graphics card": ("--disable-gpu",), "SwiftShader": SWIFTSHADER}
TARGETS = {"median_ms": 60, "p95_ms": 120}
CELL = """
import numpy as np
from medgan_utils.display import LatentExplorer
from medgan_utils.models import load_generator, sefa_directions
generator = load_generator("brain-mri-64")
others = generator.predict(np.float32(np.random.default_rng(0).normal(size=(624, 64))), verbose=0)
pixels = others.reshape(len(others), -1)
def nearest(image):
    return others[np.square(pixels - image.ravel()).sum(axis=1).argmin()]
"""
SHOW = """
explorer = LatentExplorer(generator, sefa_directions(generator, 6), neighbour={neighbour}, size=288)
print(f"kernel {{1000 * explorer.seconds:.1f}} ms")
explorer
"""


def measure(neighbour: str, graphics: str) -> dict:
    """Run the explorer in a fresh JupyterLab and press the keys.

    Args:
        neighbour: What stands beside the generated image: `"None"` or `"nearest"`.
        graphics: How the browser composes its page, one of `GRAPHICS`.

    Returns:
        What `in_browser` does, and whether there was a neighbour.
    """
    source = CELL.strip() + SHOW.format(neighbour=neighbour)
    title = "The generator's picture at the sliders' position"
    return {"neighbour": neighbour != "None"} | in_browser(source, title, "Direction 1", graphics)


def in_browser(source: str, title: str, slider: str, graphics: str) -> dict:
    """Run one cell in a fresh JupyterLab, and press keys on a slider of what it shows.

    Args:
        source: The cell; it prints "kernel … ms", the kernel's own time for a picture.
        title: Of the picture that is to change.
        slider: Its label.
        graphics: How the browser composes its page, one of `GRAPHICS`.

    Returns:
        Median and 95th percentile in milliseconds, and the kernel's share of them.
    """
    with tempfile.TemporaryDirectory() as folder:
        course, scratch = Path(folder) / "course", Path(folder) / "jupyter"
        course.mkdir()
        scratch.mkdir()
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source)], metadata={"kernelspec": kernel}
        )
        nbformat.write(notebook, course / "latency.ipynb")
        with lab_page(course / "latency.ipynb", scratch, graphics=GRAPHICS[graphics]) as lab:
            lab.run_all()
            kernel_ms = (
                lab.page.get_by_text(re.compile(r"^kernel [\d.]+ ms")).inner_text().split()[1]
            )
            times = lab.time_presses(title, slider, WARM_UP + PRESSES)[WARM_UP:]
            chromium = lab.page.context.browser.version
    return {
        "graphics": graphics,
        "presses": PRESSES,
        "median_ms": round(float(np.median(times)), 1),
        "p95_ms": round(float(np.percentile(times, 95)), 1),
        "of_which_kernel_ms": float(kernel_ms),
        "load_average": os.getloadavg()[0],
        "chromium": chromium,
        "jupyterlab": version("jupyterlab"),
        "ipywidgets": version("ipywidgets"),
    }


def command(about: str, measure: Callable[[str, str], dict], of: Iterable, targets: dict) -> None:
    """Run a command line: measure each of `of` in every way of `GRAPHICS`, print, and keep."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--save", type=Path, help="also keep the result with its provenance")
    arguments = parser.parse_args()
    results = [measure(one, graphics) for graphics in GRAPHICS for one in of]
    print(json.dumps(results, indent=2))
    if arguments.save:
        record(arguments.save, results, seeds=[0], targets=targets)


if __name__ == "__main__":
    command(__doc__, measure, ("None", "nearest"), TARGETS)
