"""Put a trained GAN into `data/checkpoints`: weights, reference features and a measured card."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np

from medgan_utils._paths import checkpoints_folder
from medgan_utils.data import Slices
from medgan_utils.evaluation import (
    appearance_table,
    copying,
    evaluate,
    judge_table,
    landmarks,
    load_encoder,
    membership_by_distance,
    membership_by_logit,
    random_encoder,
    reference_features,
    score,
    verdict,
)
from medgan_utils.evaluation.evaluate import BLURRED, FLOOR, NOISY, RealSet
from medgan_utils.models import load_generator, save_generator
from medgan_utils.table import Table
from medgan_utils.training import GAN
from recipes.settings import MAPS, conditions
from tools.record import provenance

SEEDS = (1, 2, 3)
MOST_JUDGED = 8000  # samples that a judge is shown
AGE_GROUPS = {"under 45": (0, 45), "45 to 60": (45, 60), "over 60": (60, 200)}

CARD = """# {name}

{about}

- **Data**: {data}
- **Licence** of the data **and of these weights**: {licence}
- **Networks**: generator {g_weights:,} weights, discriminator {d_weights:,} (not shipped).
- **Recipe**: {recipe}.
- **Training**: {steps:,} steps of {batch_size} images, {seconds:,} s on {machine}, shared
  with other work; {weights}.
- **Command**: {command}; commit `{commit}`; {date}.
- **Seeds**: {seeds}.
- **Versions**: {versions}.
- **Subjects** ({counts}):
{subjects}

**Not for**: diagnosis, teaching anatomy as fact, measuring disease, filling gaps in a patient's
study, or testing any method: a sample is nobody's image, and its grey values measure nothing.

## How good

Scored on the **{split}** subjects{opened}, {images} images a set.

{verdict}

{table}

Score while training (reference subjects): {course}

## Can it be told from real images?

{judge}

## How it looks

{appearance}

## By group

{groups}

## Memorisation and privacy

{privacy}
"""


GROUP_NOTES = (
    "Samples against the real images of one group only, beside other real subjects against that "
    "group (the floor); equal numbers of images. Where labels condition the generator, the samples "
    "have those of the group. Few subjects: read differences with care."
)
OWN_MAPS = (
    "Copying and membership inference say nothing here: the generator was shown the test subjects' "
    "own maps."
)
NO_GROUPS = "Age and sex have no meaning here."


@dataclass
class Finished:
    """A trained GAN and what made it.

    Attributes:
        gan: With the averaged generator's weights to be published.
        names: Labels that condition it, or `MAPS`; empty for none.
        rows: Rows of the monitor.
        watch: Name of the score that the monitor watched.
        weights: Which weights these are, as half a sentence of the card.
        facts: Entries of the card: about, data, licence, recipe, batch_size, command, seeds.
        discriminator: Whether the GAN's is the one that trained against these weights.
        flip: Whether it was trained on mirrored images as well: copies may then be mirrored.
    """

    gan: GAN
    names: tuple[str, ...]
    rows: list[dict]
    watch: str
    weights: str
    facts: dict
    discriminator: bool = True
    flip: bool = False

    def sample(self, real: Slices, seed: int) -> np.ndarray:
        """Return as many samples as there are slices, with the labels of the slices."""
        return self.gan.sample(len(real), conditions(real, self.names), seed=seed)

    def sample_like(self, real: Slices, count: int, seed: int) -> np.ndarray:
        """Return so many samples, with the labels of the slices again and again."""
        rows = np.resize(np.arange(len(real)), count)
        return self.sample(real.select(rows), seed)

    def logits(self, real: Slices) -> np.ndarray:
        """Return the discriminator's logits (N,) of real slices."""
        labels = conditions(real, self.names)
        inputs = real.images if labels is None else [real.images, labels]
        return np.asarray(self.gan.discriminator.predict(inputs, verbose=0)).ravel()


def publish(
    name: str, finished: Finished, parts: dict[str, Slices], split: str, encoder: str
) -> Path:
    """Score on a split and write weights, architecture, card and reference features.

    Args:
        name: Of the checkpoint.
        finished: The trained GAN.
        parts: `train`, `reference`, `test` and, for landmarks on the reference, `encoder`.
        split: `"test"` (opened once), or `"reference"` for a checkpoint still to be improved.
        encoder: Name of the encoder; a random twin is scored beside it.

    Returns:
        The path without suffix.
    """
    tested, train = parts[split], parts["train"]
    others = parts["reference" if split == "test" else "encoder"]
    count = min(len(tested), len(others))
    tested = tested.select(np.sort(np.random.default_rng(0).permutation(len(tested))[:count]))
    trained = load_encoder(encoder)
    size = tested.images.shape[1]
    encoders = {encoder: trained, "random": random_encoder(trained, image_size=size)}
    info = {key: finished.facts[key] for key in ("data", "licence")} | {"split": split}
    reference = reference_features(
        tested.images, encoders, tested.subjects, info=info, mirrored=finished.flip
    )
    training = reference_features(train.images, encoders, train.subjects)
    sets = landmarks(others.images, others.subjects, count, train.images, train.subjects)
    fakes = {f"{name}, seed {seed}": finished.sample(tested, seed) for seed in SEEDS}
    table = evaluate(fakes, reference, encoders, sets, training)
    floor_rows = [row for row in table.plain_rows() if row["set"] in sets]
    judge = ask_judge(finished, sets, train, tested)
    groups = group_rows(finished, tested, others, encoders)
    content = finished.facts | card_entries(name, finished, parts, split)
    content |= {
        "images": count,
        "verdict": "\n".join(f"- {line}" for line in said_of(finished, table, judge)),
        "table": table.markdown(),
        "judge": judge.markdown(),
        "appearance": appearance(fakes, sets, tested).markdown(),
        "groups": Table(groups, notes=GROUP_NOTES).markdown() if groups else NO_GROUPS,
        "privacy": OWN_MAPS
        if finished.names == MAPS
        else "\n".join(privacy_lines(finished, train, tested, trained)),
    }
    replace(reference, landmarks=floor_rows).save(checkpoints_folder() / f"{name}.reference.npz")
    return save(finished.gan.ema_generator, checkpoints_folder() / name, CARD.format(**content))


def said_of(finished: Finished, table: Table, judge: Table) -> list[str]:
    """Return the lines of the verdict; of a generator of maps without one on copying."""
    lines = verdict(table, judge)
    if finished.names != MAPS:
        return lines
    return [OWN_MAPS if line.startswith("Copying") else line for line in lines]


def asked_for(generator: keras.Model, count: int = 64) -> list[np.ndarray]:
    """Return latents and, where it takes them, labels or maps of all classes (blocks of them)."""
    random = np.random.default_rng(0)
    classes = generator.architecture.arguments.get("num_classes")
    inputs = [random.normal(size=(count, *generator.inputs[0].shape[1:])).astype("float32")]
    for one in generator.inputs[1:]:
        shape = (count, *one.shape[1:])
        if len(shape) == 3:  # a map
            blocks = random.integers(0, classes, (count, shape[1] // 16, shape[2] // 16))
            labels = np.kron(blocks, np.ones((16, 16), int))
        else:
            labels = random.integers(0, classes, shape)
        inputs.append(labels.astype(one.dtype))
    return inputs


def save(generator: keras.Model, path: Path, card: str) -> Path:
    """Save a generator in 16 bits where its pictures stay the same, and otherwise in 32.

    The same: no pixel moves by more than a grey level of 256.

    Raises:
        ValueError: 32 bits, too, move a pixel by more; the checkpoint is there.
    """
    inputs = asked_for(generator)
    pictures = generator.predict(inputs, verbose=0)
    for half in (True, False):
        save_generator(generator, path, card, shipped=True, half=half)
        apart = np.abs(pictures - load_generator(path).predict(inputs, verbose=0)).max()
        if apart <= 2 / 255:
            return path
    raise ValueError(f"{path}: saving moves a pixel by {apart * 255 / 2:.1f} of 256 levels")


def appearance(fakes: dict[str, np.ndarray], sets: dict[str, RealSet], tested: Slices) -> Table:
    """Describe samples, floor and blurred and noisy reals beside the split's images."""
    shown = {name: sets[name] for name in (FLOOR, BLURRED, NOISY)}
    shown |= {name: RealSet(images, None) for name, images in fakes.items()}
    return appearance_table(RealSet(tested.images, tested.subjects), shown)


def ask_judge(finished: Finished, sets: dict[str, RealSet], train: Slices, tested: Slices) -> Table:
    """Ask a judge about floor, landmarks and samples: as many as those, and many more.

    More are at most twice the training images, and `MOST_JUDGED`, so that it takes minutes.

    Args:
        finished: The trained GAN.
        sets: Result of `landmarks`.
        train: What the GAN was trained on.
        tested: Held-out subjects.
    """
    count, most = len(next(iter(sets.values())).images), min(2 * len(train), MOST_JUDGED)
    samples = {
        f"generated, {number:,} images": RealSet(finished.sample_like(tested, number, 1), None)
        for number in (count, most)
    }
    training, held_out = (RealSet(part.images, part.subjects) for part in (train, tested))
    return judge_table(training, held_out, sets | samples)


def group_rows(
    finished: Finished, tested: Slices, others: Slices, encoders: dict
) -> list[dict[str, object]]:
    """Score the samples against the real images of each age group and sex, beside the floor."""
    rows = []
    for group, chosen in group_masks(tested):
        real = tested.select(chosen)
        if len(np.unique(real.subjects)) < 2:
            continue
        described = reference_features(real.images, encoders, real.subjects)
        fakes = finished.sample(real, SEEDS[0])  # with the labels of this group
        sets = {FLOOR: others.images, "generated": fakes}
        for which, images in sets.items():
            some = images[np.random.default_rng(0).permutation(len(images))[: len(real)]]
            row = score(reference_features(some, encoders), described, repeats=0)
            subjects = len(np.unique(real.subjects))
            rows.append({"group": f"{group}: {which}", "subjects": subjects} | row)
    return rows


def group_masks(slices: Slices) -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and mask of each sex and age group that the labels tell."""
    for code, sex in enumerate(("women", "men")):
        if "sex" in slices.labels:
            yield sex, slices.labels["sex"] == code
    for name, (low, high) in AGE_GROUPS.items():
        if "age" in slices.labels:
            yield name, (slices.labels["age"] >= low) & (slices.labels["age"] < high)


def privacy_lines(finished: Finished, train: Slices, tested: Slices, trained) -> Iterator[str]:
    """Yield one Markdown line a measurement."""
    pixels = finished.sample(tested, SEEDS[0])

    def both_ways(*images: np.ndarray) -> tuple[list, list | None]:
        """Return the encoder's features of sets, and of their mirror images if those were shown."""
        turned = [trained.features(x[:, :, ::-1]) for x in images] if finished.flip else None
        return [trained.features(x) for x in images], turned

    (fake, outer), turned = both_ways(pixels, tested.images)
    inner = trained.features(train.images)
    near = copying(fake, inner, outer, tested.subjects, mirrored=turned)
    where = ", mirrored or not" if finished.flip else ""
    yield f"- Copying (0.5 none, 1 copies), on encoder features{where}: {near.auc}."
    turned = [x[:, :, ::-1] for x in (pixels, tested.images)] if finished.flip else None
    near = copying(pixels, train.images, tested.images, tested.subjects, mirrored=turned)
    yield f"- The same on pixels: {near.auc}."
    who = train.subjects, tested.subjects
    members, turned = both_ways(train.images, tested.images)
    attack = membership_by_distance(*members, fake, *who, turned)
    yield f"- Membership inference from samples (AUC, 0.5 no leak): {attack}."
    if not finished.discriminator:
        yield "- No discriminator was at hand to be asked."
        return
    logits = finished.logits(train), finished.logits(tested)
    attack = membership_by_logit(*logits, *who)
    yield (
        f"- Membership inference from the discriminator of the last step (AUC): {attack}. "
        "It is not shipped."
    )


def card_entries(name: str, finished: Finished, parts: dict[str, Slices], split: str) -> dict:
    """Return what the card says of run, machine and subjects."""
    made = provenance([])
    best = min(finished.rows, key=lambda row: row[finished.watch])
    lists = {part: np.unique(slices.subjects) for part, slices in parts.items()}
    shown = [row for row in finished.rows if row is best or row is finished.rows[-1]]
    course = "; ".join(f"step {row['step']:,}: {row[finished.watch]:.2f}" for row in shown)
    return {
        "name": name,
        "g_weights": finished.gan.generator.count_params(),
        "d_weights": finished.gan.discriminator.count_params(),
        "steps": int(finished.gan.step.numpy()),
        "seconds": round(finished.rows[-1]["seconds"]),
        "weights": finished.weights,
        "machine": made["machine"],
        "commit": made["commit"],
        "date": made["date"],
        "versions": ", ".join(f"{k} {v}" for k, v in made["versions"].items()),
        "counts": ", ".join(f"{part} {len(names)}" for part, names in lists.items()),
        "subjects": "\n".join(f"  - {part}: {', '.join(names)}" for part, names in lists.items()),
        "split": split,
        "opened": ", opened once for this card" if split == "test" else " (the test is unopened)",
        "course": f"{finished.watch}, {course} ({len(finished.rows)} scores).",
    }
