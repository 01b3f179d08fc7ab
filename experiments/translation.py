"""Chapter 11's translations, longer and with several seeds: completion, and CT to MR.

    python experiments/translation.py completion
    python experiments/translation.py unpaired
    MEDGAN_REAL_DATA=folder python experiments/translation.py patients

`completion`: one generator for any subset of T1, T2, FLAIR and PD, beside a generator for each
missing contrast with the same number of steps, and with a quarter of them; the controls are a
linear regression of grey values, and the most similar contrast copied. `unpaired`: CT to FLAIR by
pairs and by CycleGAN, whose pile of MR holds tumours never, as often as the CTs, or always; tumours
invented and erased are counted by a classifier whose own error is measured beside it. `patients`:
FLAIR from T1 before and after contrast, and T1 after contrast from T1 and FLAIR, in 60 patients
(TCGA-LGG; Buda et al. 2019, doi:10.1016/j.compbiomed.2019.05.002; CC BY-NC-SA 4.0), by patient; no
weights are kept.

The results are `results/translation_*.json`.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from medgan_utils import profiles

profiles.quiet_tensorflow()

# isort: split
import keras
import numpy as np
import tensorflow as tf
from PIL import Image
from skimage.filters import threshold_otsu

from medgan_utils import evaluation
from medgan_utils.data import Slices, as_channels, load_slices, scale_percentiles
from medgan_utils.data.pictures import fit_square
from medgan_utils.evaluation import bodies, line_of_grey_values
from medgan_utils.models import fusion_generator, patch_discriminator, unet_generator
from medgan_utils.training import L1, CycleGAN, FeatureDistance, Pix2Pix
from medgan_utils.training.penalties import Term
from tools.record import finished, record

RESULTS = Path(__file__).parent / "results"
MR, CT = ("T1", "T2", "FLAIR", "PD"), 4
SEEN = ("T1", "T1 after contrast", "FLAIR")  # in patients
COHORT = dict(image_size=64, spacing_mm=3.0, step_mm=8.0, lesion_fraction=0.7, seed=31)
SETTINGS = dict(subjects=32, train=24, steps=800, batch=8, detector_steps=400)
RATE = 4e-3  # not of `unpaired`: at 1e-3 all networks of completion stayed 0.8 to 2.6 dB lower
# To count tumours, more subjects and a detector that has learned for longer.
COUNTED = SETTINGS | dict(subjects=64, train=44, steps=1000, detector_steps=1500)
SEEDS = {"completion": (0, 1, 2), "unpaired": (0, 1), "patients": (0, 1, 2)}
# So small that a test can repeat one row.
CHECK = dict(subjects=6, train=4, steps=5, batch=2, detector_steps=6)
PILES = dict(subjects=8, train=6)  # each pile needs people with a tumour


@cache
def cohort(subjects: int, modalities: tuple[str, ...] = (*MR, "CT")) -> Slices:
    """Return slices (N, 64, 64, modalities), by default T1, T2, FLAIR, PD, and CT of 0 to 80 HU."""
    return as_channels(
        load_slices("brain-phantom", subjects=subjects, modalities=modalities,
                    window=(0.0, 80.0), **COHORT)
    )  # fmt: skip


def split(settings: dict, *modalities: str) -> tuple[Slices, Slices]:
    """Return the slices of the training and of the test subjects."""
    slices = cohort(settings["subjects"], *([modalities] if modalities else []))
    names = np.unique(slices.subjects)
    return (slices.for_subjects(names[: settings["train"]]),
            slices.for_subjects(names[settings["train"] :]))  # fmt: skip


def adam(rate: float = 1e-3) -> keras.optimizers.Optimizer:
    """Return the optimiser of every network here."""
    return keras.optimizers.Adam(rate, beta_1=0.5, beta_2=0.99)


def pairs(x: np.ndarray, y: np.ndarray, batch: int, seed: int) -> tf.data.Dataset:
    """Return endless batches of pairs."""
    data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x), seed=seed)
    return data.repeat().batch(batch)


def paired(
    x: np.ndarray,
    y: np.ndarray,
    steps: int,
    batch: int,
    seed: int,
    weight: float = 0.0,
    terms: tuple[Term, ...] = (),
    rate: float = 1e-3,
) -> Pix2Pix:
    """Train by pairs: L1, the adversarial loss with a weight, further terms.

    Where all contrasts are to come out, any of the inputs may be missing.
    """
    keras.utils.set_random_seed(seed)
    count, size = x.shape[-1], x.shape[1]
    joint = y.shape[-1] > 1
    build = fusion_generator if joint else unet_generator
    critic = patch_discriminator(size, y.shape[-1], count)
    model = Pix2Pix(build(size, count, y.shape[-1]), critic, ema=0.98, seed=seed)
    model.compile(adam(rate), adam(), adversarial_weight=weight, terms=[L1(100.0), *terms],
                  steps_per_execution=5)  # fmt: skip
    started = time.perf_counter()
    model.fit(pairs(x, y, batch, seed), steps_per_epoch=steps, verbose=0)
    model.seconds = time.perf_counter() - started
    return model


def scores(images: np.ndarray, target: np.ndarray, masks: np.ndarray, who: np.ndarray) -> dict:
    """Return PSNR and SSIM inside the head with intervals over subjects, rounded."""
    numbers = {}
    for name, measure in (("psnr", evaluation.psnr), ("ssim", evaluation.ssim)):
        estimate = evaluation.bootstrap_mean(measure(images, target, masks), who)
        numbers[name] = [round(float(value), 4) for value in estimate]
    return numbers


def texture(images: np.ndarray, target: np.ndarray, masks: np.ndarray) -> float:
    """Return the sliced Wasserstein distance inside the head, finest level, rounded."""
    inside = [np.where(masks[..., None], one, -1.0) for one in (target, images)]
    described = [evaluation.laplacian_descriptors(one) for one in inside]
    return round(float(evaluation.swd(*described)[0]), 4)


def completion(seed: int, settings: dict, contrasts: Sequence[str] = MR) -> list[dict]:
    """Return a row an arm and missing contrast."""
    train, test = split(settings)
    x, y = train.images[..., :CT], test.images[..., :CT]
    masks, steps, rows = bodies(y), settings["steps"], []

    def add(arm, missing, images, taken, parameters, seconds):
        target = y[..., missing : missing + 1]
        numbers = scores(images, target, masks, test.subjects)
        numbers["swd"] = texture(images, target, masks)
        rows.append(
            {"arm": arm, "missing": MR[missing], "seed": seed, "steps": taken, **numbers}
            | {"parameters": parameters, "seconds": round(seconds, 1)}
        )

    def cost(model):
        return model.generator.count_params(), model.seconds

    joint = paired(x, x, steps, settings["batch"], seed, rate=RATE)
    for missing in map(MR.index, contrasts):
        others = [k for k in range(CT) if k != missing]
        there = np.array([k != missing for k in range(CT)], int)
        given, asked = x[..., others], x[..., [missing]]
        like = max(others, key=lambda k: evaluation.psnr(x[..., [k]], asked, bodies(x)).mean())
        add("most similar contrast copied", missing, y[..., [like]], 0, 0, 0.0)
        line = line_of_grey_values(given, asked, y[..., others])
        add("regression of grey values", missing, line, 0, len(others) + 1, 0.0)
        filled = joint.translate(y, there)[..., [missing]]
        add("one for all", missing, filled, steps, *cost(joint))
        for taken in (steps, steps // CT):
            own = paired(given, asked, taken, settings["batch"], seed, rate=RATE)
            arm = "one for each" if taken == steps else "one for each, a quarter of the steps"
            add(arm, missing, own.translate(y[..., others]), taken, *cost(own))
    return rows


def cycle(ct: np.ndarray, mr: np.ndarray, settings: dict, seed: int) -> CycleGAN:
    """Train between two piles of images (N, 64, 64, 1)."""
    keras.utils.set_random_seed(seed)
    networks = [unet_generator(64), unet_generator(64)]
    networks += [patch_discriminator(64, condition=0) for _ in range(2)]
    model = CycleGAN(*networks, ema=0.98, seed=seed)
    model.compile(adam(5e-4), adam(5e-4), steps_per_execution=5)
    piles = [tf.data.Dataset.from_tensor_slices(pile).shuffle(len(pile), seed=seed + k).repeat()
             for k, pile in enumerate((ct, mr))]  # fmt: skip
    data = tf.data.Dataset.zip(*piles).batch(settings["batch"])
    started = time.perf_counter()
    model.fit(data, steps_per_epoch=settings["steps"], verbose=0)
    model.seconds = time.perf_counter() - started
    return model


def unpaired(seed: int, settings: dict, only: Sequence[str] = ()) -> list[dict]:
    """Return a row an arm, all or some: fidelity, and tumours invented and erased."""
    train, test = split(settings)
    flair = MR.index("FLAIR")
    images = {name: (part.images[..., CT:], part.images[..., flair : flair + 1])
              for name, part in (("train", train), ("test", test))}  # fmt: skip
    ill, (ct, mr) = train.labels["lesion"] == 1, images["train"]
    steps, batch = settings["steps"], settings["batch"]
    half = np.isin(train.subjects, np.unique(train.subjects)[::2])  # piles of different people
    detector = evaluation.train_classifier(mr, train.labels["lesion"], settings["detector_steps"])
    arms = {
        "pairs, L1": lambda: paired(ct, mr, steps, batch, seed),
        "pairs, L1 + adversarial": lambda: paired(ct, mr, steps, batch, seed, 1.0),
        "CycleGAN, tumours in both piles": lambda: cycle(ct[half], mr[~half], settings, seed),
        "CycleGAN, tumours in no MR": lambda: cycle(ct[half], mr[~half & ~ill], settings, seed),
        "CycleGAN, tumours in every MR": lambda: cycle(ct[half], mr[~half & ill], settings, seed),
    }
    given, asked = images["test"]
    rows = [counted("real FLAIR", asked, asked, test, detector) | {"seed": seed}]
    for arm in only or arms:
        model = arms[arm]()
        row = counted(arm, model.translate(given), asked, test, detector)
        row |= {"parameters": model.generator.count_params(), "seconds": round(model.seconds, 1)}
        rows.append(row | {"seed": seed})
    return rows


def counted(arm: str, images: np.ndarray, mr: np.ndarray, test: Slices, detector) -> dict:
    """Return one row: PSNR, SSIM, and the shares of slices called wrongly by the detector."""
    ill, who = test.labels["lesion"] == 1, test.subjects
    called = np.asarray(detector(images, training=False)).ravel() > 0
    row = {"arm": arm}
    if images is not mr:
        row |= scores(images, mr, bodies(mr), who)
    for name, wrong, of in (("invented", called, ~ill), ("erased", ~called, ill)):
        estimate = evaluation.bootstrap_mean(wrong[of].astype(float), who[of])
        row[name] = [round(float(value), 4) for value in estimate]
    return row


@cache
def patients_slices() -> dict[str, np.ndarray]:
    """Read the patients: T1, T1 after contrast and FLAIR (N, 64, 64, 3), tumours, names."""
    folder = Path(os.environ["MEDGAN_REAL_DATA"], "lgg_slices")
    paths = sorted(p for p in folder.glob("*.png") if not p.stem.endswith("_mask"))
    pixels = np.stack([np.asarray(Image.open(path)) for path in paths]).astype(np.float32)
    masks = [np.asarray(Image.open(path.with_name(f"{path.stem}_mask.png"))) for path in paths]
    names = np.array([path.stem.rsplit("_", 2)[0] for path in paths])
    images = np.empty((len(paths), 64, 64, 3), np.float32)
    for name in np.unique(names):
        for channel, target in ((0, 0), (2, 1), (1, 2)):
            stack = pixels[names == name, ..., channel]
            if np.ptp(stack) == 0:  # this patient was scanned without the contrast
                images[names == name, ..., target] = np.nan
                continue
            body = stack > 0.5 * (threshold_otsu(stack) + stack.min())
            scaled = scale_percentiles(stack, body)
            images[names == name, ..., target] = [fit_square(picture, 64) for picture in scaled]
    whole = np.isfinite(images).all(axis=(1, 2, 3))
    tumours = np.stack([fit_square((mask > 0).astype(np.float32), 64) > 0.5 for mask in masks])
    return {"images": images[whole], "tumours": tumours[whole], "names": names[whole]}


def third_of(names: np.ndarray, seed: int) -> np.ndarray:
    """Return which slices (N,) are of the third of the patients that a seed asks about."""
    patients = np.random.default_rng(7).permutation(np.unique(names))
    return np.isin(names, patients[seed::3])


def patients(seed: int, settings: dict) -> list[dict]:
    """Return rows for a fold of a third of the patients: FLAIR, and T1 after contrast.

    Each is drawn from the two others. Scores lie inside the head and inside the tumour; beside
    stand the copied inputs and a regression of grey values.
    """
    slices = patients_slices()
    asked = third_of(slices["names"], seed)
    train = {key: value[~asked] for key, value in slices.items()}
    test = {key: value[asked] for key, value in slices.items()}
    ill, around, who = test["tumours"].any(axis=(1, 2)), bodies(test["images"]), test["names"]
    rows = []
    for target in (SEEN.index("FLAIR"), SEEN.index("T1 after contrast")):
        real = test["images"][..., [target]]
        drawn = {f"real {SEEN[target]}": real} | drawn_for(target, train, test, seed, settings)
        for arm, made in drawn.items():
            row = {"target": SEEN[target], "arm": arm, "seed": seed}
            row |= {"patients": len(np.unique(who)), "images": len(made)}
            row |= {} if made is real else scores(made, real, around, who)
            row["excess"] = excess(made[ill], test["tumours"][ill], around[ill], who[ill])
            rows.append(row)
    return rows


def drawn_for(target: int, train: dict, test: dict, seed: int, settings: dict) -> dict:
    """Return arm -> the images (N, 64, 64, 1) of one contrast of test patients."""
    others = [k for k in range(len(SEEN)) if k != target]
    x, y = train["images"][..., others], train["images"][..., [target]]
    given, steps, batch = test["images"][..., others], settings["steps"], settings["batch"]
    drawn = {f"{SEEN[k]} copied": test["images"][..., [k]] for k in others}
    drawn["regression of grey values"] = line_of_grey_values(x, y, given)
    losses = {"L1": (0.0, []), "L1 + adversarial": (1.0, []), "L1 + features": (0.0, [features()])}
    for name, (weight, terms) in losses.items():
        model = paired(x, y, steps, batch, seed, weight, terms, rate=RATE)
        drawn[f"U-Net, {name}"] = model.translate(given)
    return drawn


def features() -> FeatureDistance:
    """Return the distance in the convolutions of an encoder that learned T1 of healthy heads."""
    network = evaluation.load_encoder("brain-encoder-64").network
    maps = [one.output for one in network.layers if isinstance(one, keras.layers.Conv2D)]
    return FeatureDistance(keras.Model(network.input, maps[:3]), 30.0)


def excess(images: np.ndarray, tumours: np.ndarray, around: np.ndarray, who: np.ndarray) -> list:
    """Return how much brighter tumours are than the head around them, with an interval."""
    grey, rest = images[..., 0], around & ~tumours
    values = [one[t].mean() - one[r].mean() for one, t, r in zip(grey, tumours, rest, strict=True)]
    estimate = evaluation.bootstrap_mean(np.array(values), who)
    return [round(float(value), 4) for value in estimate]


RUNS = {"completion": completion, "unpaired": unpaired, "patients": patients}


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("what", choices=RUNS)
    parser.add_argument("--seeds", nargs="+", type=int)
    arguments = parser.parse_args()
    seeds, rows = arguments.seeds or SEEDS[arguments.what], []
    run = finished(RUNS[arguments.what], COHORT)
    settings = COUNTED if arguments.what == "unpaired" else SETTINGS
    for seed in seeds:
        for row in run(seed, settings):
            rows.append(row)
            print(row, flush=True)
    check = {"settings": CHECK | (PILES if arguments.what == "unpaired" else {})}
    if arguments.what != "patients":
        check["rows"] = RUNS[arguments.what](0, check["settings"])
    out = RESULTS / f"translation_{arguments.what}.json"
    record(out, rows, list(seeds), settings=settings | COHORT, check=check)
    return 0


if __name__ == "__main__":
    sys.exit(main())
