"""Compare the brain phantom with real IXI heads: pairwise SSIM by level, grey levels, a montage.

The question SSIM answers here is whether the phantom's subjects are as different from one another
as real people are; a high value between *different* subjects means that they look alike. Run with

    MEDGAN_REAL_DATA=folder python benchmarks/phantom_realism.py [--montage montage.png]

where `folder/ixi_t1` holds T1 volumes of IXI (brain-development.org, CC BY-SA 3.0). The montage is
of IXI slices: whoever publishes it must say so and keep that licence.
"""

import argparse
import itertools
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from record import record
from scipy.stats import wasserstein_distance
from skimage.metrics import structural_similarity

from medgan_utils.data import Axial, axial_slices, read_volume
from medgan_utils.data.brain_cohort import write_brain_phantom

LEVELS_MM = (24, 40, 56, 72, 88, 104, 120)
AXIAL = Axial(image_size=120, levels=(LEVELS_MM[0], LEVELS_MM[-1]), step_mm=16)
BRAIN = (slice(34, 86), slice(34, 86))
"""The middle 104 mm of the 240 mm square: brain without skull at most levels."""


def load(paths: list[Path]) -> np.ndarray:
    """Slices of every volume, (subjects, levels, 120, 120) float32 in [-1, 1]."""
    return np.stack([axial_slices(read_volume(path), AXIAL)[0][..., 0] for path in paths])


def pairwise_ssim(images: np.ndarray) -> np.ndarray:
    """SSIM between all pairs of different subjects, images (subjects, H, W); (pairs,) float64."""
    pairs = itertools.combinations(range(len(images)), 2)
    return np.array([structural_similarity(images[a], images[b], data_range=2.0) for a, b in pairs])


def compare(phantom: np.ndarray, real: np.ndarray) -> list[dict]:
    """One row a level: mean and SD of the pairwise SSIM, whole slice and middle of the brain."""
    rows = []
    for level, mm in enumerate(LEVELS_MM):
        row = {"mm_below_vertex": mm}
        for name, images in (("phantom", phantom[:, level]), ("ixi", real[:, level])):
            for part, cut in (("slice", images), ("middle", images[:, BRAIN[0], BRAIN[1]])):
                ssim = pairwise_ssim(cut)
                row[f"{name}_{part}"] = round(float(ssim.mean()), 3)
                row[f"{name}_{part}_sd"] = round(float(ssim.std()), 3)
        rows.append(row)
    return rows


def grey_levels(phantom: np.ndarray, real: np.ndarray) -> dict:
    """Distance of the grey-level histograms, beside that of two halves of the real subjects."""
    bins = np.linspace(-1, 1, 33)

    def share(images: np.ndarray) -> list[float]:
        counts = np.histogram(images, bins)[0]
        return [round(float(c), 5) for c in counts / counts.sum()]

    def distance(a: np.ndarray, b: np.ndarray) -> float:
        return round(float(wasserstein_distance(a.ravel()[::7], b.ravel()[::7])), 4)

    return {
        "bins": [round(float(b), 4) for b in bins],
        "phantom": share(phantom),
        "ixi": share(real),
        "wasserstein_phantom_ixi": distance(phantom, real),
        "wasserstein_ixi_halves": distance(real[::2], real[1::2]),
    }


def draw_montage(path: str, phantom: np.ndarray, real: np.ndarray, subjects: int = 5) -> None:
    """Phantom subjects (upper rows) above IXI subjects (lower rows), and the two histograms."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2 * subjects, len(LEVELS_MM), figsize=(14, 4 * subjects))
    for row, images in enumerate([*phantom[:subjects], *real[:subjects]]):
        for ax, image, mm in zip(axes[row], images, LEVELS_MM, strict=True):
            ax.imshow(image, cmap="gray", vmin=-1, vmax=1)
            ax.set_axis_off()
            name = "phantom" if row < subjects else "IXI, CC BY-SA 3.0"
            ax.set_title(f"{name}, {mm} mm", fontsize=8)
    figure.tight_layout(pad=0.2)
    figure.savefig(path, dpi=80)


def main() -> None:
    """Write the cohort, compare it, store the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=40)
    parser.add_argument("--out", default=Path(__file__).parent / "results/phantom_realism.json")
    parser.add_argument("--montage", help="where to draw phantom slices above IXI slices")
    arguments = parser.parse_args()
    if "MEDGAN_REAL_DATA" not in os.environ:
        sys.exit("set MEDGAN_REAL_DATA to the folder that holds ixi_t1/; nothing to compare with")
    real_paths = sorted(Path(os.environ["MEDGAN_REAL_DATA"], "ixi_t1").glob("*.nii.gz"))
    step = max(1, len(real_paths) // arguments.subjects)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        cohort = Path(folder, "phantom")
        paths = write_brain_phantom(cohort, arguments.subjects, lesion_fraction=0.0)
        seconds = time.perf_counter() - started
        phantom = load(paths)
    real = load(real_paths[::step][: arguments.subjects])
    rows = compare(phantom, real)
    results = {"ssim": rows, "grey_levels": grey_levels(phantom, real)}
    for row in rows:
        print(row)
    print({k: v for k, v in results["grey_levels"].items() if k.startswith("wasserstein")})
    print(f"{arguments.subjects} phantom subjects written in {seconds:.0f} s")
    record(arguments.out, results, seeds=[0], seconds_to_write=round(seconds, 1))
    if arguments.montage:
        draw_montage(arguments.montage, phantom, real)


if __name__ == "__main__":
    main()
