"""A shipped generator in other formats: size, milliseconds an image, and whether pictures change.

    python benchmarks/small_devices.py

LiteRT in three precisions, SavedModel, ONNX where its packages are (pip install tf2onnx
onnxruntime), and LiteRT again with half of the weights pruned, without fine-tuning: only its size
and time mean something; what it costs in quality is for `experiments/pruning.py`.
"""

import argparse
import tempfile
from pathlib import Path

from medgan_utils import profiles

profiles.quiet_tensorflow()

from benchmarks.timing import store
from medgan_utils.models import export_generator, load_generator
from medgan_utils.models.export import FORMATS, ONNX
from medgan_utils.training import prune

GENERATOR, PICTURES, ROUNDS = "brain-mri-64", 64, 200
RESULT = Path(__file__).parent / "results" / "small_devices.json"


def exported(formats: tuple[str, ...], share: float, pictures: int, rounds: int) -> list[dict]:
    """Return the rows of `export_generator`, with a share of the weights pruned."""
    generator = load_generator(GENERATOR)
    prune(generator, share)
    with tempfile.TemporaryDirectory() as folder:
        table = export_generator(generator, folder, formats, pictures, rounds)
    return [dict(row) for row in table]


def main() -> None:
    """Run, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    try:
        rows = exported((*FORMATS, ONNX), 0, PICTURES, options.rounds)
    except ModuleNotFoundError as error:
        print(f"without ONNX: {error}")
        rows = exported(FORMATS, 0, PICTURES, options.rounds)
    for row in exported(FORMATS[:3], 0.5, PICTURES, options.rounds):
        rows.append(row | {"format": f"{row['format']}, half pruned"})
    for row in rows:
        print(", ".join(f"{name} {value}" for name, value in row.items()))
    store(RESULT, rows, generator=GENERATOR, pictures=PICTURES, rounds=options.rounds)


if __name__ == "__main__":
    main()
