"""Do painted pairs of image and mask help a segmenter that has few labelled subjects?

    python experiments/segmentation.py --tasks brain --seeds 0
    python experiments/segmentation.py --tasks brain --sizes 3 24
    MEDGAN_REAL_DATA=folder python experiments/segmentation.py --tasks patients
    MEDGAN_REAL_DATA=folder python experiments/segmentation.py --tasks liver

Brain tumours on FLAIR heads of chapter 9's cohort (5, 10 and 20 labelled subjects); the same on
FLAIR of 60 patients with a lower-grade glioma (TCGA-LGG; Buda et al. 2019,
doi:10.1016/j.compbiomed.2019.05.002; CC BY-NC-SA 4.0), of which no weights are kept; and the liver,
its tumours included, on CT slices of 88 patients (3, 6 and 12; Medical Segmentation Decathlon,
Task03; CC BY-SA 4.0). For each number and seed a generator learns to paint
label maps *of the same subjects*, no others, and a U-Net is trained with and without what it
painted: all arms see as many batches, in which every fourth slice is a labelled one with the
finding. `REFERENCE` alone borrows: its generator saw the whole pool. It and three more arms are run
with the fewest subjects only. New pairs show a finding more often than a subject's own slices do;
one arm repeats the own slices with findings as often. An organ cannot lie just anywhere: the new
maps of the liver are turned and scaled, so that "+ classical" shows the same without a generator.
Half of the subjects are ill where the cohort has healthy ones; both are from one source. Dice is
that of a subject's slices together, on subjects nobody trained on; nothing was chosen on them. A
finished cell is not run again, so a stopped run resumes by row. The result is
`results/segmentation_<tasks>.json`; with other `--sizes`, which the name then ends with, those are
the ends of the curve: three subjects and the whole pool.
"""

import argparse
import os
import sys
import time
from dataclasses import dataclass
from functools import cache

from medgan_utils import profiles

profiles.quiet_tensorflow()

# isort: split
import keras
import numpy as np

from experiments.phantom_transfer import real_slices
from medgan_utils.data import Slices, load_slices, moved_findings, shifted, with_bands
from medgan_utils.evaluation import annotation_bias, false_area, mean_dice
from medgan_utils.models import patch_discriminator, unet_generator
from medgan_utils.training import (
    L1,
    DiceCrossEntropy,
    JointPix2Pix,
    L1Inside,
    Pix2Pix,
    Segmenter,
    finding_channels,
    map_channels,
    start_anew,
)
from recipes import liver_split
from tools.record import ROOT, finished, record

RESULTS = ROOT / "experiments" / "results"
SEEDS = (0, 1, 2)
SETTINGS = dict(
    unet_steps=400, painter_steps=400, batch_size=8, extra=600, adversarial_weight=0.05,
    repeats=500,
)  # fmt: skip
BANDS, DEPTH, PAINTER_L1, PAINTER_CRITIC, WIDTHS = 3, 8.0, 100.0, 0.3, (8, 16, 32)
ALONE, AS_OFTEN, CLASSICAL, PAIRS, BOTH, PASTED, REFERENCE, CRITIC, JOINT, SHUFFLED = (
    "alone",
    "alone, findings as often",
    "+ classical",
    "+ painted pairs",
    "+ both",
    "+ pasted findings",
    "+ pairs of a generator of all",
    "with a critic",
    "trained jointly",
    "shuffled masks",
)
ARMS = (ALONE, AS_OFTEN, CLASSICAL, PAIRS, BOTH, PASTED)
MORE_ARMS = (REFERENCE, CRITIC, JOINT, SHUFFLED)  # with the fewest subjects
# One more run, so small that a test can repeat it.
CHECK = dict(
    task="brain", subjects=10, size=2, seed=0, arms=(ALONE, CLASSICAL),
    settings=SETTINGS | dict(unet_steps=6, painter_steps=2, extra=16, repeats=10),
)  # fmt: skip


@dataclass(frozen=True)
class Task:
    """What is to be outlined.

    Attributes:
        source: Options of `load_slices`.
        findings: Name -> codes of the masks.
        sizes: Numbers of labelled subjects.
        moves: Whether a finding may lie elsewhere; an organ may not.
        flip: Whether side is free.
    """

    source: dict
    findings: dict[str, tuple[int, ...]]
    sizes: tuple[int, ...]
    moves: bool
    flip: bool

    @property
    def codes(self) -> tuple[int, ...]:
        """Codes of all findings."""
        return tuple(sorted({code for codes in self.findings.values() for code in codes}))

    @property
    def arms(self) -> tuple[str, ...]:
        """What is compared with every number of subjects."""
        return ARMS if self.moves else (ALONE, CLASSICAL, PAIRS, BOTH)


TASKS = {
    "brain": Task(
        dict(source="brain-phantom", subjects=40, seed=9, modalities=("T1", "FLAIR")),
        {"tumour": (1, 2, 3, 4)}, (5, 10, 20), moves=True, flip=True,
    ),
    "patients": Task({}, {"tumour": (1,)}, (5, 10, 20), moves=True, flip=True),
    "liver": Task({}, {"liver": (1,)}, (3, 6, 12), moves=False, flip=False),
}  # fmt: skip


@cache
def parts_of(name: str, subjects: int | None = None) -> dict[str, Slices]:
    """Return the slices of a task, by subject: the pool to draw from, and the test subjects."""
    if name == "patients":
        read = real_slices()
        positions = read["numbers"].astype(np.float32)
        slices = Slices(read["images"][..., None], read["patients"], positions,
                        masks=read["masks"].astype(np.uint8))  # fmt: skip
    elif name == "liver":
        slices = liver_split.real_slices(os.environ["MEDGAN_REAL_DATA"])
    else:
        source = TASKS[name].source | ({} if subjects is None else {"subjects": subjects})
        slices = load_slices(image_size=64, **source)
        slices = slices.select(np.flatnonzero(slices.labels["contrast"] == 1))
    return slices.split({"pool": 0.6, "test": 0.4}, seed=2026)


def draw(pool: Slices, codes: tuple[int, ...], size: int, seed: int) -> Slices:
    """Return the slices of `size` subjects, half of them with the finding where others are there.

    The smaller number of a seed is part of the larger one.
    """
    names = np.unique(pool.subjects)
    ill = [n for n in names if np.isin(pool.for_subjects(n).masks, codes).any()]
    random = np.random.default_rng(seed)
    ill, well = random.permutation(ill), random.permutation(np.setdiff1d(names, ill))
    count = min(len(ill), max((size + 1) // 2, size - len(well)))
    return pool.for_subjects([*ill[:count], *well[: size - count]])


def classical(images: np.ndarray, masks: np.ndarray, count: int, flip: bool, seed: int):
    """Return images and masks turned, scaled, shifted and (where side is free) mirrored alike."""
    from scipy.ndimage import affine_transform

    random = np.random.default_rng(seed)
    middle = (np.array(images.shape[1:3]) - 1) / 2
    chosen = random.integers(len(images), size=count)
    results = []
    for index in chosen:
        angle, scale = np.deg2rad(random.uniform(-12, 12)), random.uniform(0.88, 1.12)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / scale
        if flip and random.random() < 0.5:
            turn[:, 1] *= -1
        offset = middle - turn @ middle + random.uniform(-4, 4, 2)
        image = affine_transform(images[index, ..., 0], turn, offset, order=1, cval=-1.0)
        mask = affine_transform(masks[index], turn, offset, order=0)
        results.append((np.clip(image, -1, 1)[..., None], mask))
    return tuple(np.stack(each) for each in zip(*results, strict=True))


def repeated(slices: Slices, codes: tuple[int, ...], masks: np.ndarray, seed: int):
    """Return images and masks, so drawn that a finding is there as often as in other masks."""
    random = np.random.default_rng(seed)
    ill = np.isin(slices.masks, codes).any(axis=(1, 2))
    asked = np.isin(masks, codes).any(axis=(1, 2))
    chosen = [random.choice(np.flatnonzero(ill == kind), (asked == kind).sum())
              for kind in (True, False)]  # fmt: skip
    chosen = np.concatenate(chosen)
    return slices.images[chosen], slices.masks[chosen]


@dataclass
class Pairs:
    """Label maps of the labelled subjects, and new ones with findings at new places."""

    maps: np.ndarray
    masks: np.ndarray
    pasted: np.ndarray

    @classmethod
    def of(cls, task: Task, slices: Slices, count: int, seed: int) -> "Pairs":
        """Make `count` maps: half as they are, half with a finding elsewhere (or turned)."""
        maps = maps_of(slices)
        random = np.random.default_rng(seed)
        own = random.integers(len(maps), size=count - count // 2)
        if task.moves:
            pasted, new = moved(task, slices.images, maps, count // 2, seed)
        else:
            pasted, new = classical(slices.images, maps, count // 2, task.flip, seed)
        maps = np.concatenate([maps[own], new])
        masks = np.where(maps > BANDS, maps.astype(int) - BANDS, 0)
        return cls(maps, masks, np.concatenate([slices.images[own], pasted]))


def moved(task: Task, images: np.ndarray, maps: np.ndarray, count: int, seed: int):
    """Return images and maps with a finding moved to another slice; its pixels are pasted."""
    codes = [BANDS + code for code in task.codes]
    inside = list(range(1, BANDS + 1))
    new, bases, sources = moved_findings(maps, codes, count, inside=inside, depth=DEPTH, seed=seed)
    pasted = images[bases].copy()
    for image, made, (source, *shift) in zip(pasted, new, sources, strict=True):
        there = np.isin(made, codes)
        image[there, 0] = shifted(images[source, ..., 0], shift, -1)[there]
    return pasted, new


def maps_of(slices: Slices) -> np.ndarray:
    """Return what the generator paints from: bands of grey around what was outlined."""
    return with_bands(slices.images, slices.masks, BANDS)


def adam(rate: float, beta: float = 0.9) -> keras.optimizers.Adam:
    """Return an optimiser."""
    return keras.optimizers.Adam(rate, beta_1=beta, beta_2=0.99)


def reader_network(findings: int) -> keras.Model:
    """Return a U-Net with a channel a finding."""
    return unet_generator(64, outputs=findings, widths=WIDTHS, last="logits")


def segmenter_networks(findings: int) -> tuple[keras.Model, keras.Model]:
    """Return a segmenter and the critic that sees image and mask."""
    return reader_network(findings), patch_discriminator(64, findings, widths=WIDTHS)


@cache
def segmenter_model(findings: int, adversarial_weight: float) -> Segmenter:
    """Return a compiled segmenter: Dice + cross-entropy, and perhaps a critic."""
    model = Segmenter(*segmenter_networks(findings), ema=0.95)
    model.compile(
        adam(1e-3), adam(4e-4, 0.0), adversarial_weight=adversarial_weight,
        terms=[DiceCrossEntropy()],
    )  # fmt: skip
    return model


def batches_of(ill: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Return which slices are shown, every fourth of them with all findings.

    Half of the heads of a phantom are healthy, and few slices of the others show a tumour.
    """
    chosen = random.integers(len(ill), size=count)
    chosen[1::4] = random.choice(np.flatnonzero(ill), size=len(chosen[1::4]))
    return chosen


def train_segmenter(images, masks, extra, findings, seed, settings, adversarial_weight=0.0):
    """Train a U-Net on images and masks, half of each batch from `extra` (images, masks) if any.

    Returns:
        The model; `translate(images) > 0` are its masks.
    """
    model = segmenter_model(len(findings), adversarial_weight)
    keras.utils.set_random_seed(seed)  # after the model, which is built once and draws weights
    fresh = segmenter_networks(len(findings))
    start_anew(model, *fresh)
    random = np.random.default_rng(seed)
    count = settings["unet_steps"] * settings["batch_size"]
    targets = finding_channels(masks, findings)
    chosen = batches_of(targets.any(axis=(1, 2)).all(axis=-1), count, random)
    x, y = images[chosen], targets[chosen]
    if extra is not None:
        others = finding_channels(extra[1], findings)
        half = random.integers(len(extra[0]), size=count // 2)
        x[::2], y[::2] = extra[0][half], others[half]
    model.fit(x, y, batch_size=settings["batch_size"], verbose=0)
    return model


def painter_networks(classes: int) -> tuple[keras.Model, keras.Model]:
    """Return a painter of label maps and its critic."""
    channels = classes + 1  # the noise
    networks = unet_generator(64, channels, widths=WIDTHS)
    return networks, patch_discriminator(64, condition=channels, widths=WIDTHS)


def painter_terms(classes: int) -> list:
    """Return what holds a painted image to its target; findings count by their own size."""
    return [L1(PAINTER_L1), L1Inside(range(BANDS + 1, classes))]


@cache
def painter_model(classes: int) -> Pix2Pix:
    """Return a compiled painter of label maps."""
    model = Pix2Pix(*painter_networks(classes), ema=0.95)
    model.compile(
        adam(2e-3, 0.5), adam(4e-4, 0.5), adversarial_weight=PAINTER_CRITIC,
        terms=painter_terms(classes),
    )  # fmt: skip
    return model


def shown(task: Task, slices: Slices, seed: int, settings: dict) -> tuple[np.ndarray, np.ndarray]:
    """Return the maps' channels and the images that a painter is shown, batch after batch."""
    count = settings["painter_steps"] * settings["batch_size"]
    ill = np.isin(slices.masks, task.codes).any(axis=(1, 2))
    chosen = batches_of(ill, count, np.random.default_rng(seed))
    maps = maps_of(slices)[chosen]
    return map_channels(maps, classes_of(task), seed), slices.images[chosen]


def train_painter(task: Task, slices: Slices, seed: int, settings: dict) -> Pix2Pix:
    """Train a generator that paints the label maps of some subjects."""
    classes = classes_of(task)
    model = painter_model(classes)
    keras.utils.set_random_seed(seed)
    fresh = painter_networks(classes)
    start_anew(model, *fresh)
    maps, images = shown(task, slices, seed, settings)
    model.fit(maps, images, batch_size=settings["batch_size"], verbose=0)
    return model


@cache
def weights_of_pool_painter(name: str, seed: int, **settings: float) -> list[np.ndarray]:
    """Return the weights of a painter that saw the whole pool, once for each seed."""
    model = train_painter(TASKS[name], parts_of(name)["pool"], seed, settings)
    return model.ema_generator.get_weights()


def classes_of(task: Task) -> int:
    """Return how many codes the label maps of a task have."""
    return 1 + BANDS + max(max(codes) for codes in task.findings.values())


@cache
def joint_model(classes: int, findings: tuple) -> JointPix2Pix:
    """Return a compiled painter and reader."""
    reader = reader_network(len(findings))
    model = JointPix2Pix(*painter_networks(classes), reader, ema=0.95)
    model.compile(
        adam(2e-3, 0.5), adam(4e-4, 0.5), findings=findings, segmenter_optimizer=adam(1e-3),
        adversarial_weight=PAINTER_CRITIC, terms=painter_terms(classes),
    )  # fmt: skip
    return model


def train_jointly(task: Task, slices: Slices, seed: int, settings: dict) -> JointPix2Pix:
    """Train painter and reader together; the reader takes as many steps as a segmenter alone."""
    findings = tuple(tuple(BANDS + c for c in codes) for codes in task.findings.values())
    classes = classes_of(task)
    model = joint_model(classes, findings)
    keras.utils.set_random_seed(seed)
    fresh = painter_networks(classes)
    start_anew(model, *fresh)
    model.segmenter.set_weights(reader_network(len(findings)).get_weights())
    settings = settings | {"painter_steps": settings["unet_steps"]}
    maps, images = shown(task, slices, seed, settings)
    model.fit(maps, images, batch_size=settings["batch_size"], verbose=0)
    return model


def paint(model: Pix2Pix, task: Task, pairs: Pairs, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return painted images and the masks they were painted from."""
    return model.translate(map_channels(pairs.maps, classes_of(task), seed)), pairs.masks


def extras(name, few, seed, settings, arms) -> dict:
    """Return for each arm what stands beside the labelled images in half of each batch."""
    task = TASKS[name]
    count = settings["extra"]
    turned = classical(few.images, few.masks, count, task.flip, seed)
    shuffled = np.random.default_rng(seed).permutation(len(few))
    result = {ALONE: None, CLASSICAL: turned, CRITIC: None}
    result[SHUFFLED] = few.images, few.masks[shuffled]
    if {AS_OFTEN, PAIRS, BOTH, PASTED, REFERENCE} & {*arms}:
        pairs = Pairs.of(task, few, count, seed)
        if AS_OFTEN in arms:
            result[AS_OFTEN] = repeated(few, task.codes, pairs.masks, seed)
        result[PASTED] = pairs.pasted, pairs.masks
        result[PAIRS] = paint(train_painter(task, few, seed, settings), task, pairs, seed)
        both = zip(turned, result[PAIRS], strict=True)
        result[BOTH] = tuple(np.concatenate(each) for each in both)
        if REFERENCE in arms:
            model = painter_model(classes_of(task))
            model.ema_generator.set_weights(weights_of_pool_painter(name, seed, **settings))
            result[REFERENCE] = paint(model, task, pairs, seed)
    return result


def run_cell(
    name: str, size: int, seed: int, arms: tuple, settings: dict, subjects: int | None = None
) -> list[dict]:
    """Return one row an arm for one number of labelled subjects and one seed."""
    task, parts = TASKS[name], parts_of(name, subjects)
    findings, test = tuple(task.findings.values()), parts["test"]
    few = draw(parts["pool"], task.codes, size, seed)
    beside = extras(name, few, seed, settings, arms)
    about = {"task": name, "subjects": len(np.unique(few.subjects)), "seed": seed}
    rows = []
    for arm in arms:
        started = time.perf_counter()
        if arm == JOINT:
            found = train_jointly(task, few, seed, settings).segment(test.images) > 0
        else:
            images, masks = beside[arm] if arm == SHUFFLED else (few.images, few.masks)
            weight = settings["adversarial_weight"] if arm == CRITIC else 0.0
            extra = None if arm == SHUFFLED else beside[arm]
            model = train_segmenter(images, masks, extra, findings, seed, settings, weight)
            found = model.translate(test.images) > 0
        row = about | {"arm": arm, "images": len(few)}
        rows.append(row | scores(task, test, found, settings))
        rows[-1]["seconds"] = round(time.perf_counter() - started, 1)
    return rows


def scores(task: Task, test: Slices, found: np.ndarray, settings: dict) -> dict:
    """Return Dice with its interval over subjects, false area and bias, for each finding."""
    result = {}
    for index, (name, codes) in enumerate(task.findings.items()):
        truth, mine = np.isin(test.masks, codes), found[..., index]
        dice = mean_dice(truth, mine, test.subjects, settings["repeats"])
        result[f"Dice {name}"] = [round(float(value), 4) for value in dice]
        nobody = ~truth.any(axis=(1, 2))  # where all subjects are ill: their slices without it
        if nobody.any():
            false = false_area(truth, mine, test.subjects)
            false = mine[nobody].sum(axis=(1, 2)).mean() if np.isnan(false) else false
            result[f"false pixels {name}"] = round(float(false), 2)
        if np.isnan(test.spacing_mm):  # its numbers are millimetres
            continue
        bias = annotation_bias(
            truth, mine, test.subjects, test.spacing_mm, repeats=settings["repeats"]
        )
        result[f"bias {name}"] = {
            key: [round(float(value), 3) for value in estimate] for key, estimate in bias.items()
        }
    return result


def baselines(name: str) -> list[dict]:
    """Return what costs no training: no finding anywhere, and the pool's mean mask."""
    task, parts = TASKS[name], parts_of(name)
    pool, test = parts["pool"], parts["test"]
    shape = (*test.masks.shape, len(task.findings))
    nothing = np.zeros(shape, bool)
    mean = np.stack([np.isin(pool.masks, c).mean(0) for c in task.findings.values()], -1)
    best = [mean[..., k] >= _best_level(pool, codes, mean[..., k])
            for k, codes in enumerate(task.findings.values())]  # fmt: skip
    everywhere = np.broadcast_to(np.stack(best, -1), shape)
    sets = {"no finding anywhere": nothing, "the pool's mean mask": everywhere}
    return [
        {"task": name, "arm": arm} | scores(task, test, found, SETTINGS)
        for arm, found in sets.items()
    ]


def _best_level(pool: Slices, codes: tuple, mean: np.ndarray) -> float:
    """Return the level at which the pool's mean mask agrees best with the pool's own masks."""
    truth = np.isin(pool.masks, codes)
    levels = np.linspace(mean.max() / 20, mean.max(), 20)

    def agreement(level: float) -> float:
        found = np.broadcast_to(mean >= level, truth.shape)
        return mean_dice(truth, found, pool.subjects, repeats=2).value

    return max(levels, key=agreement)


def painted_bias(name: str, sizes: tuple[int, ...], seed: int, settings: dict) -> list[dict]:
    """Return how well painted findings fit the maps they were painted from, by number of subjects.

    A segmenter of the whole pool reads them; its own bias on real test slices stands beside.
    """
    task, parts = TASKS[name], parts_of(name)
    pool, test, findings = parts["pool"], parts["test"], tuple(task.findings.values())
    turned = classical(pool.images, pool.masks, settings["extra"], task.flip, seed)
    reader = train_segmenter(pool.images, pool.masks, turned, findings, seed, settings)
    read = reader.translate(test.images) > 0
    rows = [{"task": name, "seed": seed, "read": "real test slices"}
            | scores(task, test, read, settings)]  # fmt: skip
    for size in sizes:
        few = draw(pool, task.codes, size, seed)
        pairs = Pairs.of(task, few, 300, seed)
        images, masks = paint(train_painter(task, few, seed, settings), task, pairs, seed)
        each = np.array([f"map-{index:03d}" for index in range(len(images))])
        painted = Slices(images, each, np.zeros(len(images), np.float32),
                         masks=masks.astype(np.uint8), spacing_mm=test.spacing_mm)  # fmt: skip
        row = {"task": name, "seed": seed, "read": "painted slices", "subjects": size}
        rows.append(row | scores(task, painted, reader.translate(images) > 0, settings))
    return rows


def run_check() -> list[dict]:
    """Return the rows of the small run that a test repeats."""
    return run_cell(*(CHECK[k] for k in ("task", "size", "seed", "arms", "settings", "subjects")))


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--tasks", nargs="+", choices=list(TASKS), default=["brain"])
    parser.add_argument("--sizes", nargs="+", type=int, help="other numbers of labelled subjects")
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--minutes", type=float, default=1e9, help="stop before the next cell then")
    arguments = parser.parse_args()
    if {"patients", "liver"} & {*arguments.tasks} and "MEDGAN_REAL_DATA" not in os.environ:
        parser.error("set MEDGAN_REAL_DATA to the folder of real images (CONTRIBUTING.md)")
    started = time.perf_counter()
    rows, biases = [], []
    for task in arguments.tasks:
        sizes = tuple(arguments.sizes or TASKS[task].sizes)
        for seed in arguments.seeds:
            for size in sizes:
                if time.perf_counter() - started > 60 * arguments.minutes:
                    print("stopped; the same command goes on", flush=True)
                    return 3
                arms = TASKS[task].arms + MORE_ARMS * (size == TASKS[task].sizes[0])
                cell = finished(run_cell)(task, size, seed, arms, SETTINGS)
                rows += cell
                first = next(iter(TASKS[task].findings))
                shown = "  ".join(f"{row['arm']} {row[f'Dice {first}'][0]:.3f}" for row in cell)
                print(f"{task}, {size} subjects, seed {seed}: {shown}", flush=True)
        biases += finished(painted_bias)(task, sizes, arguments.seeds[0], SETTINGS)
        rows += baselines(task)
    tests = {task: len(np.unique(parts_of(task)["test"].subjects)) for task in arguments.tasks}
    check = CHECK | {"rows": run_check()}  # of phantoms, for everybody can make those
    named = "_".join([*arguments.tasks, *map(str, arguments.sizes or ())])
    out = RESULTS / f"segmentation_{named}.json"
    about = dict(settings=SETTINGS, test_subjects=tests, painted=biases, check=check)
    record(out, rows, arguments.seeds, **about)
    return 0


if __name__ == "__main__":
    sys.exit(main())
