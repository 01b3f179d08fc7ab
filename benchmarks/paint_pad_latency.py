"""How long from a key on a slider to the painted slice, in JupyterLab and Chromium.

Opens chapter 11's two paint pads (`liver-map-128` and `brain-map-128`, 128 x 128 pixels) and moves
the spot 100 times in each, as `explorer_latency.py` does with the explorer.

    python benchmarks/paint_pad_latency.py [--save benchmarks/results/paint_pad_latency.json]
"""

from benchmarks.explorer_latency import command, in_browser
from medgan_utils.display.paint_pad import IMAGE_TITLE

TARGETS = {"median_ms": 150}
# Checkpoint -> the codes of its maps, what the spot lies in, the code of the tumour.
PAINTERS = {
    "liver-map-128": ("BODY_TISSUES", "liver", 2),
    "brain-map-128": ("HEAD_TISSUES", "white", 4),
}
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
    codes, host, tumour = PAINTERS[checkpoint]
    source = CELL.strip().format(checkpoint=checkpoint, codes=codes, host=host, tumour=tumour)
    return {"checkpoint": checkpoint} | in_browser(source, IMAGE_TITLE, "Column", graphics)


if __name__ == "__main__":
    command(__doc__, measure, PAINTERS, TARGETS)
