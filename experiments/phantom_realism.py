"""Compare the brain phantom with real IXI heads, round by round of its making.

Three questions. Can a small network tell the phantom from real heads (`train_judge`, at 64
pixels, a slice every 8 mm; other heads to learn from than to be asked about)? Are the
phantom's subjects as different from one another as real people are (SSIM between *different*
subjects: high where they look alike)? Are the grey levels those of IXI? Beside them stands a
montage to look at. Run with

    MEDGAN_REAL_DATA=folder python -m experiments.phantom_realism [--rounds 0 1] [--montages folder]

where `folder` holds `ixi_t1/`, `ixi_seg/` and `ixi_participants.csv` (IXI, brain-development.org,
CC BY-SA 3.0). Only heads of the split's training part are looked at. Rounds that are not asked for
keep their stored rows. The montages show IXI slices: whoever publishes them must say so and keep
that licence.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from medgan_utils import profiles

profiles.quiet_tensorflow()

# isort: split
import numpy as np
from scipy.stats import wasserstein_distance
from skimage.metrics import structural_similarity

from medgan_utils.data import AxialCut, Slices, axial_slices, read_volume
from medgan_utils.evaluation import bootstrap_auc, train_judge
from recipes.ixi_split import ixi_splits
from tools.record import provenance, record
from tools.tables import filled

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "experiments" / "results" / "phantom_realism.json"
ROUNDS = {
    "65198bf": "version 1 of the phantom",
    "": "posed and sized as in IXI, a folded ribbon of cortex, ventricles that vary, "
    "new face and neck",
}
"""Commit of every round -> what it changed; "" is the code as it stands."""
SEEDS = (0, 1)
ALIKE = 8
"""Heads whose similarity is measured, pair by pair."""

WRITE = """
import sys, time
from medgan_utils.phantoms import write_brain_phantom
started = time.perf_counter()
write_brain_phantom(sys.argv[1], int(sys.argv[2]), lesion_fraction=0.0, progress=False)
print(time.perf_counter() - started)
"""
LEVELS_MM = (24, 40, 56, 72, 88, 104, 120)
JUDGED = AxialCut(image_size=64, step_mm=8)
AXIAL = AxialCut(image_size=120, levels=(LEVELS_MM[0], LEVELS_MM[-1]), step_mm=16)
BRAIN = (slice(34, 86), slice(34, 86))
"""The middle 104 mm of the 240 mm square: brain without skull at most levels."""


def load(paths: list[Path]) -> np.ndarray:
    """Slices of every volume, (subjects, levels, 120, 120) float32 in [-1, 1]."""
    return np.stack([axial_slices(read_volume(path), AXIAL)[0][..., 0] for path in paths])


def judge(phantom: list[Path], real: Slices, learn: int) -> dict[str, dict]:
    """AUC by seed, with its interval over subjects: how surely a judge tells the two apart.

    Args:
        phantom: T1 files of phantom heads.
        real: Slices of as many real ones.
        learn: Heads of each kind that the judge learns from; it is asked about the others.
    """
    heads = [axial_slices(read_volume(path), JUDGED)[0] for path in phantom]
    images = np.concatenate([real.images, *heads])
    truth = np.arange(len(images)) < len(real.images)
    whose = np.unique(real.subjects, return_inverse=True)[1]
    whose = np.concatenate([whose, np.repeat(np.arange(len(heads)), [len(h) for h in heads])])
    learned, scores = whose < learn, {}
    for seed in SEEDS:
        network = train_judge(images[learned & truth], images[learned & ~truth], seed)
        logits = network.predict(images[~learned], batch_size=256, verbose=0).ravel()
        asked = (whose + 1000 * truth)[~learned]
        auc = bootstrap_auc(logits, truth[~learned], asked, 500)
        scores[f"seed {seed}"] = {k: round(float(v), 3) for k, v in auc._asdict().items()}
    return scores


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


def measure_round(commit: str, real: Slices, learn: int, montage: Path | None) -> dict:
    """Write, judge, compare and draw one round; one row of the results."""
    names = sorted(set(real.subjects))
    with tempfile.TemporaryDirectory() as folder:
        paths, seconds = write_cohort(commit, len(names), Path(folder))
        judged = judge(paths, real, learn)
        phantom, people = load(paths[:ALIKE]), load([t1_file(name) for name in names[:ALIKE]])
    if montage:
        draw_montage(montage, phantom, people)
    made = provenance(list(SEEDS))
    return {
        "commit": commit or made["commit"][:7],
        "change": ROUNDS[commit],
        "judge_auc": judged,
        "heads_learned": learn,
        "heads_asked": len(names) - learn,
        "seconds_to_write": seconds,
        "ssim": compare(phantom, people),
        "grey_levels": grey_levels(phantom, people),
        "date": made["date"],
    }


def t1_file(name: str) -> Path:
    """Where the T1 volume of one IXI subject lies."""
    return next(Path(os.environ["MEDGAN_REAL_DATA"], "ixi_t1").glob(f"{name}*"))


def summary(content: dict) -> str:
    """Return the stored rounds as Markdown, for `data/README.md`."""
    columns = [f"{mm} mm" for mm in LEVELS_MM]
    lines = [["round", "what it changed", "judge's AUC", *columns, "grey levels"]]
    lines.append(["---"] * len(lines[0]))
    for number, row in enumerate(content["results"]):
        judged = ", ".join(f"{auc['value']:.2f}" for auc in row["judge_auc"].values())
        cells = [f"{level['phantom_slice']:.2f}" for level in row["ssim"]]
        distance = f"{row['grey_levels']['wasserstein_phantom_ixi']:.3f}"
        change = f"{row['change']} (`{row['commit']}`)"
        lines.append([str(number), change, judged, *cells, distance])
    cells = [f"{level['ixi_slice']:.2f}" for level in row["ssim"]]
    halves = f"{row['grey_levels']['wasserstein_ixi_halves']:.3f}"
    lines.append(["IXI", "real heads; grey levels: one half against the other", "", *cells, halves])
    made = content["provenance"]
    note = (
        f"*Judge: {row['heads_learned']} heads of each kind to learn from, {row['heads_asked']} "
        f"others asked about, seeds {SEEDS[0]} and {SEEDS[1]}. Similarity and grey levels: {ALIKE} "
        f"heads. {made['date']}, {made['machine']}.*"
    )
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + f"\n\n{note}"


def write_readme(content: dict) -> None:
    """Put the summary where `data/README.md` keeps it."""
    path = ROOT / "data" / "README.md"
    text = path.read_text(encoding="utf-8")
    path.write_text(filled(text, lambda _: summary(content)), encoding="utf-8")


def main() -> None:
    """Measure the rounds that are asked for, store the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, nargs="*", choices=range(len(ROUNDS)),
                        default=range(len(ROUNDS)))  # fmt: skip
    parser.add_argument("--heads", type=int, default=18, help="two thirds teach the judge")
    parser.add_argument("--montages", type=Path, help="folder for phantom above IXI, one a round")
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    if "MEDGAN_REAL_DATA" not in os.environ:
        sys.exit("set MEDGAN_REAL_DATA to the folder that holds ixi_t1/; nothing to compare with")
    people = ixi_splits(os.environ["MEDGAN_REAL_DATA"], JUDGED.image_size, step_mm=8)["train"]
    names = sorted(set(people.subjects))[: arguments.heads]
    real = people.select(np.flatnonzero(np.isin(people.subjects, names)))
    out = arguments.out
    stored = json.loads(out.read_text(encoding="utf-8"))["results"] if out.exists() else []
    rows = {row["change"]: row for row in stored}
    for number, (commit, change) in enumerate(ROUNDS.items()):
        if number in arguments.rounds:
            montage = arguments.montages and arguments.montages / f"round-{number}.png"
            rows[change] = measure_round(commit, real, 2 * len(names) // 3, montage)
            print(number, rows[change]["judge_auc"], flush=True)
            kept = [rows[name] for name in ROUNDS.values() if name in rows]
            record(out, kept, seeds=list(SEEDS))
    if out == RESULT:
        write_readme(json.loads(out.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
