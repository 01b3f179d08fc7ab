"""How long from a key on a slider to the new picture, in JupyterLab and Chromium.

Opens the latent explorer on an untrained 64 × 64 DCGAN (the weights do not matter for the time),
presses an arrow key 50 times, and prints the median and the 95th percentile as JSON.

    python benchmarks/explorer_latency.py [--save benchmarks/results/explorer_latency.json]
"""

import argparse
import json
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import nbformat
import numpy as np
from record import record

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "browser"))
from lab_driver import lab_page

PRESSES = 50
WARM_UP = 5
CELL = """
from medgan_utils.display import LatentExplorer
from medgan_utils.models import dcgan_generator, sefa_directions
generator = dcgan_generator(image_size=64, latent_dim=64)
explorer = LatentExplorer(generator, sefa_directions(generator, 6))
print(f"kernel {1000 * explorer.seconds:.1f} ms")
explorer
"""


def measure() -> dict:
    """Run the notebook and press the keys."""
    with tempfile.TemporaryDirectory() as folder:
        course, scratch = Path(folder) / "course", Path(folder) / "jupyter"
        course.mkdir()
        scratch.mkdir()
        cell = nbformat.v4.new_code_cell(CELL.strip())
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel})
        nbformat.write(notebook, course / "latency.ipynb")
        with lab_page(course / "latency.ipynb", scratch) as lab:
            lab.run_all()
            kernel_ms = lab.page.get_by_text("kernel ").last.inner_text().split()[1]
            title = "The generator's picture at the sliders' position"
            times = lab.time_presses(title, "Direction 1", WARM_UP + PRESSES)[WARM_UP:]
            chromium = lab.page.context.browser.version
    return {
        "presses": PRESSES,
        "median_ms": round(float(np.median(times)), 1),
        "p95_ms": round(float(np.percentile(times, 95)), 1),
        "of_which_kernel_ms": float(kernel_ms),
        "load_average": os.getloadavg()[0],
        "chromium": chromium,
        "jupyterlab": version("jupyterlab"),
        "ipywidgets": version("ipywidgets"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--save", type=Path, help="also keep the result with its provenance")
    arguments = parser.parse_args()
    results = measure()
    print(json.dumps(results, indent=2))
    if arguments.save:
        record(arguments.save, results, seeds=[])


if __name__ == "__main__":
    main()
