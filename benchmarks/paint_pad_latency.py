"""How long from a key on a slider to the painted slice, in JupyterLab and Chromium.

Opens chapter 11's two paint pads (`liver-map-128` and `brain-map-128`, 128 x 128 pixels) and moves
the spot 100 times in each, as `explorer_latency.py` does with the explorer.

    python benchmarks/paint_pad_latency.py [--save benchmarks/results/paint_pad_latency.json]
"""

import argparse
import json
from pathlib import Path

from benchmarks.explorer_latency import GRAPHICS, in_browser
from medgan_utils.display.paint_pad import IMAGE_TITLE
from tools.record import record

TARGETS = {"median_ms": 150}
CODES = {"liver-map-128": ("BODY_TISSUES", "liver"), "brain-map-128": ("HEAD_TISSUES", "white")}
CELL = """
import numpy as np
from medgan_utils import phantoms
from medgan_utils.display import PaintPad
from medgan_utils.models import load_generator
generator, codes = load_generator("{checkpoint}"), phantoms.{codes}
def paint(label_map, seed):
    z = np.random.default_rng(seed).standard_normal((1, 64), dtype=np.float32)
    return generator.predict_on_batch([z, label_map[None]])[0]
label_map = np.zeros((128, 128), int)
label_map[24:104, 24:104] = codes["{host}"]
names = {{code: name for name, code in codes.items()}} | {{{tumour}: "tumour"}}
pad = PaintPad(paint, label_map, names, inside="{host}", radius=6)
print(f"kernel {{1000 * pad.seconds:.1f}} ms")
pad
"""


def measure(checkpoint: str, graphics: str) -> dict:
    """Run a pad in a fresh JupyterLab and press the keys; see `in_browser`."""
    codes, host = CODES[checkpoint]
    tumour = {"liver-map-128": 2, "brain-map-128": 4}[checkpoint]
    source = CELL.strip().format(checkpoint=checkpoint, codes=codes, host=host, tumour=tumour)
    return {"checkpoint": checkpoint} | in_browser(source, IMAGE_TITLE, "Column", graphics)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--save", type=Path, help="also keep the result with its provenance")
    arguments = parser.parse_args()
    cases = [(checkpoint, way) for way in GRAPHICS for checkpoint in CODES]
    results = [measure(checkpoint, way) for checkpoint, way in cases]
    print(json.dumps(results, indent=2))
    if arguments.save:
        record(arguments.save, results, seeds=[0], targets=TARGETS)


if __name__ == "__main__":
    main()
