"""Compare the brain phantom with real IXI heads, round by round of its making.

The question SSIM answers here is whether the phantom's subjects are as different from one another
as real people are; a high value between *different* subjects means that they look alike. Beside it
stand the grey levels, and a montage to look at. Run with

    MEDGAN_REAL_DATA=folder python experiments/phantom_realism.py [--montages folder]

where `folder/ixi_t1` holds T1 volumes of IXI (brain-development.org, CC BY-SA 3.0). The montages
show IXI slices: whoever publishes them must say so and keep that licence.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.stats import wasserstein_distance
from skimage.metrics import structural_similarity

from medgan_utils.data import AxialCut, axial_slices, read_volume
from tools.record import record
from tools.tables import filled

ROOT = Path(__file__).parents[1]
ROUNDS = {
    "39c971e": "first usable version: brain, skull, scalp and a face",
    "49ba78e": "tilted as in IXI, brain and head warped apart, new face and neck, darker fat",
    "": "folds in the cortex, leaves of the cerebellum, size and pose closer to IXI",
}
"""Commit of every round -> what it changed; "" is the code as it stands."""

WRITE = """
import sys, time
try:
    from medgan_utils.phantoms import write_brain_phantom
except ImportError:  # where it was in the first rounds
    from medgan_utils.data.brain_phantom import write_brain_phantom
started = time.perf_counter()
write_brain_phantom(sys.argv[1], int(sys.argv[2]), lesion_fraction=0.0, progress=False)
print(time.perf_counter() - started)
"""
LEVELS_MM = (24, 40, 56, 72, 88, 104, 120)
AXIAL = AxialCut(image_size=120, levels=(LEVELS_MM[0], LEVELS_MM[-1]), step_mm=16)
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


def draw_montage(path: Path, phantom: np.ndarray, real: np.ndarray, subjects: int = 5) -> None:
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


def write_cohort(commit: str, subjects: int, folder: Path) -> tuple[list[Path], float]:
    """Write a cohort with the package as it was at a commit; its T1 files, and the seconds."""
    package = ROOT
    if commit:
        package = folder / "package"
        package.mkdir()
        archive = ["git", "-C", str(ROOT), "archive", commit, "medgan_utils"]
        packed = subprocess.run(archive, check=True, stdout=subprocess.PIPE).stdout
        subprocess.run(["tar", "-x", "-C", str(package)], check=True, input=packed)
    command = [sys.executable, "-c", WRITE, str(folder / "cohort"), str(subjects)]
    environment = os.environ | {"PYTHONPATH": str(package)}
    seconds = subprocess.check_output(command, text=True, cwd=package, env=environment)
    return sorted(folder.glob("cohort/sub-*/anat/*_T1w.nii.gz")), round(float(seconds), 1)


def measure_round(commit: str, subjects: int, real: np.ndarray, montage: Path | None) -> dict:
    """Write, compare and draw one round; one row of the results."""
    with tempfile.TemporaryDirectory() as folder:
        paths, seconds = write_cohort(commit, subjects, Path(folder))
        phantom = load(paths)
    if montage:
        draw_montage(montage, phantom, real)
    return {
        "commit": commit or "as it stands",
        "change": ROUNDS[commit],
        "seconds_to_write": seconds,
        "ssim": compare(phantom, real),
        "grey_levels": grey_levels(phantom, real),
    }


def summary(content: dict) -> str:
    """Return the stored rounds as Markdown, for `data/README.md`."""
    rounds, real = content["results"], {}
    columns = [f"{mm} mm" for mm in LEVELS_MM]
    lines = [["round", "what it changed", *columns, "grey levels"], ["---"] * (len(columns) + 3)]
    for number, row in enumerate(rounds, 1):
        cells = [f"{level['phantom_slice']:.2f}" for level in row["ssim"]]
        distance = f"{row['grey_levels']['wasserstein_phantom_ixi']:.3f}"
        lines.append([str(number), f"{row['change']} (`{row['commit']}`)", *cells, distance])
        real = row
    cells = [f"{level['ixi_slice']:.2f}" for level in real["ssim"]]
    halves = f"{real['grey_levels']['wasserstein_ixi_halves']:.3f}"
    lines.append(["IXI", "real heads; grey levels: one half against the other", *cells, halves])
    made = content["provenance"]
    note = f"*{content['subjects']} heads each, {made['date']}, {made['machine']}.*"
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + f"\n\n{note}"


def write_readme(content: dict) -> None:
    """Put the summary where `data/README.md` keeps it."""
    path = ROOT / "data" / "README.md"
    text = path.read_text(encoding="utf-8")
    path.write_text(filled(text, lambda _: summary(content)), encoding="utf-8")


def main() -> None:
    """Measure every round, store the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=40)
    parser.add_argument(
        "--out", type=Path, default=ROOT / "experiments/results/phantom_realism.json"
    )
    parser.add_argument("--montages", type=Path, help="folder for phantom above IXI, one a round")
    arguments = parser.parse_args()
    if "MEDGAN_REAL_DATA" not in os.environ:
        sys.exit("set MEDGAN_REAL_DATA to the folder that holds ixi_t1/; nothing to compare with")
    real_paths = sorted(Path(os.environ["MEDGAN_REAL_DATA"], "ixi_t1").glob("*.nii.gz"))
    step = max(1, len(real_paths) // arguments.subjects)
    real = load(real_paths[::step][: arguments.subjects])
    rows = []
    for number, commit in enumerate(ROUNDS, 1):
        montage = arguments.montages and arguments.montages / f"round-{number}.png"
        rows.append(measure_round(commit, arguments.subjects, real, montage))
        for row in rows[-1]["ssim"]:
            print(number, row)
    record(arguments.out, rows, seeds=[0], subjects=arguments.subjects)
    write_readme(json.loads(arguments.out.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
