"""Noisy, undersampled MR restored, in depth: one network for all noises, three losses, classics.

    python experiments/mr_denoising.py

FLAIR of simulated heads (the cohort of `translation.py unpaired`): Gaussian noise in both channels
of k-space, the centre and every other line kept, the magnitude taken. Three levels of noise are
in training, a fourth is not. Beside three networks stand the image as it is, total variation (its
strength chosen on training slices, for each noise) and non-local means (told the noise). Every
method is scored inside the head, by its sliced Wasserstein distance from clean slices, and by what
a detector of tumours, which learned clean FLAIR of the training subjects and stays fixed, calls
wrongly; the first row is that detector's own error on clean slices. The result is
`results/mr_denoising.json`.
"""

import argparse
import sys
from pathlib import Path

from medgan_utils import profiles

profiles.quiet_tensorflow()

# isort: split
import numpy as np
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle

from experiments.other_scans import damaged
from experiments.translation import CHECK, COUNTED, MR, RATE, counted, features, paired, split
from medgan_utils import evaluation
from medgan_utils.evaluation import bodies
from tools.record import finished, record

RESULT = Path(__file__).parent / "results" / "mr_denoising.json"
SEEDS = (0, 1)
NOISES = (0.03, 0.06, 0.12)  # standard deviation in the image, of a range of 1
UNSEEN = 0.2
STRENGTHS = (0.01, 0.02, 0.05, 0.1, 0.2)
LOSSES = {
    "U-Net, L1": 0.0,
    "U-Net, L1 + adversarial": 1.0,
    "U-Net, L1 + adversarial + features": 1.0,
}


def measured(images: np.ndarray, noise: float, random: np.random.Generator) -> np.ndarray:
    """Return images (N, 64, 64, 1) as a scanner would with this noise and every other line."""
    return damaged((images[..., 0] + 1) / 2, random, noise * images.shape[1])


def total_variation(images: np.ndarray, strength: float) -> np.ndarray:
    """Return images denoised one by one."""
    made = [denoise_tv_chambolle(image, weight=strength) for image in images[..., 0]]
    return np.clip(np.stack(made), -1, 1)[..., None]


def non_local_means(images: np.ndarray, noise: float) -> np.ndarray:
    """Return images denoised one by one; on [-1, 1] the noise is twice as large."""
    about = dict(h=1.6 * noise, sigma=2 * noise, patch_size=3, patch_distance=7, fast_mode=False)
    made = [denoise_nl_means(image, **about) for image in images[..., 0]]
    return np.clip(np.stack(made), -1, 1)[..., None]


def best_strength(clean: np.ndarray, noisy: np.ndarray) -> float:
    """Return the strength of total variation with the highest PSNR, on training slices."""
    head = bodies(clean)
    reached = {one: evaluation.psnr(total_variation(noisy, one), clean, head).mean()
               for one in STRENGTHS}  # fmt: skip
    return max(reached, key=reached.get)


def restoring(seed: int, settings: dict) -> list[dict]:
    """Return a row a method and noise, and one for the clean slices."""
    train, test = split(settings)
    flair, random = MR.index("FLAIR"), np.random.default_rng(seed)
    clean, truth = (part.images[..., flair : flair + 1] for part in (train, test))
    noisy = {noise: measured(clean, noise, random) for noise in NOISES}
    asked = {noise: measured(truth, noise, random) for noise in (*NOISES, UNSEEN)}
    detector = evaluation.train_classifier(
        clean, train.labels["lesion"], settings["detector_steps"]
    )
    x, y = np.concatenate([*noisy.values()]), np.concatenate([clean] * len(NOISES))
    networks = {}
    for name, weight in LOSSES.items():
        terms = [features()] if name.endswith("features") else []
        networks[name] = paired(
            x, y, settings["steps"], settings["batch"], seed, weight, terms, rate=RATE
        )
    reference = evaluation.laplacian_descriptors(truth, seed=0)

    def row(name: str, images: np.ndarray) -> dict:
        distance = evaluation.swd(reference, evaluation.laplacian_descriptors(images, seed=0))[0]
        return counted(name, images, truth, test, detector) | {
            "distance": round(float(distance), 5), "seed": seed,
        }  # fmt: skip

    others = evaluation.swd(reference, evaluation.laplacian_descriptors(clean, seed=0))[0]
    rows = [row("clean", truth) | {"distance": round(float(others), 5), "noise": 0.0}]
    for noise, images in asked.items():
        learned = noise if noise in noisy else max(NOISES)
        strength = best_strength(clean[::8], noisy[learned][::8])
        made = {"as it is": images, "total variation": total_variation(images, strength),
                "non-local means": non_local_means(images, noise)}  # fmt: skip
        made |= {name: model.translate(images) for name, model in networks.items()}
        rows += [row(name, each) | {"noise": noise} for name, each in made.items()]
    return rows


def main() -> int:
    """Run the command line."""
    argparse.ArgumentParser(description=__doc__.split("\n", 1)[0]).parse_args()
    rows = []
    for seed in SEEDS:
        for row in finished(restoring)(seed, COUNTED):
            rows.append(row)
            print(row, flush=True)
    check = {"settings": CHECK, "rows": restoring(0, CHECK)}
    record(RESULT, rows, list(SEEDS), settings=COUNTED, noises=NOISES, unseen=UNSEEN, check=check)
    return 0


if __name__ == "__main__":
    sys.exit(main())
