"""Chapter 11's networks, asked about scans of another kind than they learned from: what breaks.

    MEDGAN_REAL_DATA=folder python experiments/other_scans.py

Five networks learn as in the chapter, and each is asked at home (people of the same source, who
did not train it) and abroad:

- *FLAIR from T1 and T2*, learned from phantoms; asked about two patients with multiple sclerosis
  (`ms_mni`; Lesjak et al. 2018, doi:10.1007/s12021-017-9348-7) and one with a glioma (`brats`;
  BraTS 2021), all three with the skull removed;
- *FLAIR from T1 before and after contrast* and *tumours on FLAIR*, learned from 40 patients with a
  lower-grade glioma (`lgg_slices`, see `translation.py`); asked about the same three;
- *T1 from CT*, learned from phantom heads; asked about the limbs of five patients with a sarcoma
  (`sts_ct_mr_pet`; Vallières et al. 2015, doi:10.1088/0031-9155/60/14/5471);
- *T2 from noisy T2 with lines missing*, learned from phantoms, which are real-valued; asked about
  three measured slices (`siat_complex_mr`) with their own phase, and with it removed.

Every answer stands beside controls that learn nothing or little: the best input copied, a linear
regression of grey values fitted at home, total variation; and the one grey that fits best, which
knows one number of the answer. No weights are kept. One row a network,
subject and seed; subjects abroad are one to five, so there are no intervals, only rows. The result
is `results/other_scans.json`.
"""

import argparse
import os
import sys
from functools import cache
from pathlib import Path

from medgan_utils import profiles

profiles.quiet_tensorflow()

# isort: split
import nibabel as nib
import numpy as np
import scipy.io
from nibabel.processing import resample_from_to
from skimage.filters import threshold_otsu
from skimage.restoration import denoise_tv_chambolle

from experiments import segmentation
from experiments.translation import (
    CT,
    MR,
    SETTINGS,
    paired,
    patients_slices,
    split,
)
from medgan_utils import evaluation
from medgan_utils.data import scale_percentiles
from medgan_utils.evaluation import bodies, line_of_grey_values
from tools.record import finished, record

RESULT = Path(__file__).parent / "results" / "other_scans.json"
SEEDS = (0, 1)
T1, T2, FLAIR = (MR.index(name) for name in ("T1", "T2", "FLAIR"))
WINDOW = (0.0, 80.0)  # of CT, as in `translation.cohort`
STEP_MM, LEAST = 8.0, 0.03  # between slices; share of a slice that must be body

Stacks = dict[str, np.ndarray]  # name of a contrast -> slices (N, 64, 64)


def folder(name: str) -> Path:
    """Return a folder of the real data."""
    return Path(os.environ["MEDGAN_REAL_DATA"], name)


def grid(reference: nib.Nifti1Image, pixel_mm: float) -> tuple[tuple, np.ndarray]:
    """Return shape and affine of axial slices as the heads have them, around a scan's middle.

    Rows go from anterior to posterior, columns from the patient's right to the left.
    """
    corners = nib.affines.apply_affine(reference.affine, [(0, 0, 0), np.array(reference.shape) - 1])
    x, y, _ = corners.mean(axis=0) + 31.5 * pixel_mm
    low, high = sorted(corners[:, 2])
    affine = np.zeros((4, 4))
    affine[0, 1] = affine[1, 0] = -pixel_mm
    affine[2, 2], affine[3, 3], affine[:3, 3] = STEP_MM, 1, (x, y, low + STEP_MM / 2)
    return (64, 64, int((high - low) // STEP_MM)), affine


def slices_of(paths: dict[str, Path], labels: tuple[str, ...], pixel_mm: float) -> Stacks:
    """Cut the scans of one patient along the grid of the first; those slices that show a body.

    MR is scaled as `patients_slices` does it, "CT" is windowed; `labels` stay as they are. Where
    MR was not measured it is NaN.
    """
    target = grid(nib.load(next(iter(paths.values()))), pixel_mm)
    stacks = {}
    for name, path in paths.items():
        image = nib.load(path)
        order = 0 if name in labels else 1
        outside = -1000.0 if name == "CT" else 0.0
        smooth = resample_from_to(image, target, order=order, cval=outside)
        stack = np.moveaxis(np.asarray(smooth.dataobj, np.float32), 2, 0)
        if name == "CT":
            low, high = WINDOW
            stack = np.clip(2 * (stack - low) / (high - low) - 1, -1, 1)
        elif name not in labels:
            body = stack > 0.5 * (threshold_otsu(stack) + stack.min())
            ones = nib.Nifti1Image(np.ones(image.shape, np.float32), image.affine)
            there = np.moveaxis(np.asarray(resample_from_to(ones, target, order=0).dataobj), 2, 0)
            stack = np.where(there > 0, scale_percentiles(stack, body), np.nan)
        stacks[name] = stack.astype(np.float32)
    first = next(iter(stacks.values()))
    shown = (np.nan_to_num(first, nan=-1) > -0.8).mean(axis=(1, 2)) > LEAST
    return {name: stack[shown] for name, stack in stacks.items()}


@cache
def heads_abroad(pixel_mm: float) -> dict[str, Stacks]:
    """Return the three patients with T1, T1POST, T2, FLAIR and `lesion`, True where it is."""
    name = "BraTS2021_00006"
    files = {"T1": "t1", "T1POST": "t1ce", "T2": "t2", "FLAIR": "flair", "lesion": "seg"}
    paths = {"glioma": {
        key: folder("brats") / f"{name}_{ending}.nii.gz" for key, ending in files.items()
    }}  # fmt: skip
    for patient in sorted(folder("ms_mni").iterdir()):
        names = dict.fromkeys(("T1", "T1POST", "T2", "FLAIR")) | {"lesion": "lesions"}
        paths[f"multiple sclerosis, {patient.name}"] = {
            key: patient / f"{ending or key}.nii.gz" for key, ending in names.items()
        }
    found = {}
    for who, files in paths.items():
        stacks = slices_of(files, ("lesion",), pixel_mm)
        found[who] = {name: np.nan_to_num(stack, nan=-1) for name, stack in stacks.items()}
        found[who]["lesion"] = stacks["lesion"] > 0
    return found


@cache
def limbs(pixel_mm: float) -> dict[str, Stacks]:
    """Return the five patients with CT and T1 (NaN where it was not measured)."""
    paths = {
        patient.name: {
            "CT": patient / "CT_image.nii.gz",
            "T1": patient / "MR_T1_image.nii.gz",
        }
        for patient in sorted(folder("sts_ct_mr_pet").iterdir())
    }
    return {f"limb, {who}": slices_of(files, (), pixel_mm) for who, files in paths.items()}


def decibels(made: np.ndarray, target: np.ndarray, inside: np.ndarray) -> float:
    """Return the mean PSNR over the slices, inside a mask (N, 64, 64)."""
    some = inside.any(axis=(1, 2))
    values = evaluation.psnr(made[some], np.nan_to_num(target[some], nan=-1), inside[some])
    return round(float(values.mean()), 2)


def translated(
    network: str,
    seed: int,
    home: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    abroad: dict[str, tuple[np.ndarray, np.ndarray]],
) -> list[dict]:
    """Return a row for home and each subject abroad: the network, and three controls.

    Args:
        network: Name of the row.
        seed: Of the training.
        home: Input and target (N, 64, 64, C) of those who train, then of those who do not.
        abroad: Subject -> input and target; NaN in a target where it was not measured.
    """
    x, y, *asked = home
    model = paired(x, y, SETTINGS["steps"], SETTINGS["batch"], seed)
    rows = []
    for who, (given, target) in {"home": asked, **abroad}.items():
        measured = np.isfinite(target).all(axis=-1)
        inside = bodies(np.concatenate([given, np.nan_to_num(target, nan=-1)], -1)) & measured
        own = target[measured & inside].mean()
        row = {"network": network, "asked about": who, "seed": seed, "slices": len(given)}
        row["PSNR"] = decibels(model.translate(given), target, inside)
        row["best input copied"] = max(
            decibels(given[..., [k]], target, inside) for k in range(given.shape[-1])
        )
        row["regression fitted at home"] = decibels(
            line_of_grey_values(x, y, given), target, inside
        )
        row["its own mean grey"] = decibels(np.full_like(target, own), target, inside)
        rows.append(row)
    return rows


def from_phantoms(seed: int) -> list[dict]:
    """Return the rows of FLAIR from T1 and T2, and of T1 from CT."""
    train, test = split(SETTINGS)
    x, y, pixel_mm = train.images, test.images, train.spacing_mm
    patients, legs = heads_abroad(pixel_mm), limbs(pixel_mm)
    abroad = {
        who: (np.stack([one["T1"], one["T2"]], -1), one["FLAIR"][..., None])
        for who, one in patients.items()
    }
    home = x[..., [T1, T2]], x[..., [FLAIR]], y[..., [T1, T2]], y[..., [FLAIR]]
    rows = translated("FLAIR from T1 and T2", seed, home, abroad)
    abroad = {who: (one["CT"][..., None], one["T1"][..., None]) for who, one in legs.items()}
    home = x[..., [CT]], x[..., [T1]], y[..., [CT]], y[..., [T1]]
    return rows + translated("T1 from CT", seed, home, abroad)


def from_patients(seed: int) -> list[dict]:
    """Return the rows of FLAIR from T1 before and after contrast, and of tumours on FLAIR."""
    slices = patients_slices()
    names = np.random.default_rng(7).permutation(np.unique(slices["names"]))
    away = np.isin(slices["names"], names[seed::3])
    images, tumours = slices["images"], slices["tumours"]
    patients = heads_abroad(split(SETTINGS)[0].spacing_mm)
    abroad = {
        who: (np.stack([one["T1"], one["T1POST"]], -1), one["FLAIR"][..., None])
        for who, one in patients.items()
    }
    home = [
        part for mine in (~away, away) for part in (images[mine][..., :2], images[mine][..., 2:])
    ]
    rows = translated("FLAIR from T1 before and after contrast", seed, tuple(home), abroad)
    found = {"home": (images[away][..., 2:], tumours[away])}
    found |= {who: (one["FLAIR"][..., None], one["lesion"]) for who, one in patients.items()}
    return rows + outlined(images[~away][..., 2:], tumours[~away], found, seed)


def outlined(
    images: np.ndarray, tumours: np.ndarray, asked: dict[str, tuple], seed: int
) -> list[dict]:
    """Return the rows of the segmenter: Dice and areas, as they are and with home's median."""
    settings = segmentation.SETTINGS
    model = segmentation.train_segmenter(
        images, tumours.astype(np.uint8), None, ((1,),), seed, settings
    )
    target, rows = median_of(images), []
    for who, (flair, truth) in asked.items():
        row = {
            "network": "tumours on FLAIR",
            "asked about": who,
            "seed": seed,
            "slices": len(flair),
        }
        scaled = np.clip((flair + 1) * target / median_of(flair) - 1, -1, 1)
        for way, given in (("", flair), (", median as at home", scaled)):
            found = model.translate(given)[..., 0] > 0
            both = found.sum() + truth.sum()
            row[f"Dice{way}"] = round(2 * float((found & truth).sum() / both), 3)
            row[f"found, of the true area{way}"] = round(float(found.sum() / truth.sum()), 2)
        everywhere = bodies(flair)
        both = everywhere.sum() + truth.sum()
        row["Dice of the whole head"] = round(2 * float((everywhere & truth).sum() / both), 3)
        rows.append(row)
    return rows


def median_of(images: np.ndarray) -> float:
    """Return the median grey value of the heads, of 0 to 2."""
    return float(np.median(images[bodies(images)] + 1))


def kept_lines() -> np.ndarray:
    """Return which of 64 lines of k-space are measured: the centre, and every other one."""
    lines = np.arange(64)
    return (np.abs(lines - 32) < 6) | (lines % 2 == 0)


def damaged(
    pictures: np.ndarray, seed: int | np.random.Generator, noise: float = 3.0
) -> np.ndarray:
    """Measure complex or real pictures (N, 64, 64), of magnitude 0 to 1, with noise and gaps.

    Returns:
        Magnitude (N, 64, 64, 1) in [-1, 1].
    """
    spectrum = np.fft.fftshift(np.fft.fft2(pictures), axes=(1, 2))
    grain = np.random.default_rng(seed).normal(0, noise, (2, *spectrum.shape))
    spectrum = (spectrum + grain[0] + 1j * grain[1]) * kept_lines()[:, None]
    found = np.fft.ifft2(np.fft.ifftshift(spectrum, axes=(1, 2)))
    return as_image(np.clip(np.abs(found), 0, 1))


def as_image(magnitude: np.ndarray) -> np.ndarray:
    """Return (N, 64, 64) of 0 to 1 as images (N, 64, 64, 1) in [-1, 1]."""
    return (2 * magnitude - 1)[..., None].astype(np.float32)


@cache
def complex_slices() -> dict[str, np.ndarray]:
    """Return the measured slices (64, 64) complex, front up, the 99.5th percentile at 1."""
    found = {}
    for path in sorted(folder("siat_complex_mr").glob("*.mat")):
        picture = np.rot90(scipy.io.loadmat(path)["Img"])
        spectrum = np.fft.fftshift(np.fft.fft2(picture))
        row, column = (size // 2 - 32 for size in spectrum.shape)
        centre = spectrum[row : row + 64, column : column + 64]  # as a scan of 64 × 64
        small = np.fft.ifft2(np.fft.ifftshift(centre))
        small /= np.percentile(np.abs(small), 99.5)
        found[path.stem] = small / np.maximum(1, np.abs(small))
    return found


def denoised(seed: int) -> list[dict]:
    """Return the rows of noisy, undersampled T2: phantoms, and measured slices with their phase."""
    train, test = split(SETTINGS)
    x, y = ((part.images[..., T2] + 1) / 2 for part in (train, test))
    network = paired(
        damaged(np.tile(x, (3, 1, 1)), seed), as_image(np.tile(x, (3, 1, 1))),
        SETTINGS["steps"], SETTINGS["batch"], seed,
    )  # fmt: skip
    rows = []
    asked = {"home": y} | {
        f"{name}, own phase": one[None] for name, one in complex_slices().items()
    }
    asked |= {f"{name}, phase removed": np.abs(one)[None] for name, one in complex_slices().items()}
    for who, pictures in asked.items():
        pictures = np.tile(pictures, (8, 1, 1)) if len(pictures) == 1 else pictures  # eight scans
        given, target = damaged(pictures, 100 + seed), as_image(np.abs(pictures))
        smooth = np.stack([denoise_tv_chambolle(one, 0.05, channel_axis=-1) for one in given])
        inside = bodies(target)
        row = {"network": "T2 from noisy T2 with lines missing", "asked about": who, "seed": seed}
        row |= {"slices": len(target), "PSNR": decibels(network.translate(given), target, inside)}
        row["best input copied"] = decibels(given, target, inside)
        row["total variation"] = decibels(smooth, target, inside)
        rows.append(row)
    return rows


def main() -> int:
    """Run the command line."""
    argparse.ArgumentParser(description=__doc__.split("\n", 1)[0]).parse_args()
    rows = []
    for part in (from_phantoms, from_patients, denoised):
        for seed in SEEDS:
            for row in finished(part, SETTINGS)(seed):
                rows.append(row)
                print(row, flush=True)
    record(RESULT, rows, list(SEEDS), settings=SETTINGS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
