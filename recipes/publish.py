"""Put a trained GAN into `data/checkpoints`: weights, reference features and a measured card."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from medgan_utils._paths import checkpoints_folder
from medgan_utils.data import Slices
from medgan_utils.evaluation import (
    Table,
    copying,
    evaluate,
    landmarks,
    load_encoder,
    membership_by_distance,
    membership_by_logit,
    random_encoder,
    reference_features,
    score,
)
from medgan_utils.evaluation.evaluate import FLOOR
from medgan_utils.models import save_generator
from medgan_utils.training import GAN
from tools.record import provenance

SEEDS = (1, 2, 3)
AGE_GROUPS = {"under 45": (0, 45), "45 to 60": (45, 60), "over 60": (60, 200)}

CARD = """# {name}

{about}

- **Data**: {data}
- **Licence** of the data **and of these weights**: {licence}
- **Networks**: generator {g_weights:,} weights, discriminator {d_weights:,} (not shipped).
- **Recipe**: {recipe}.
- **Training**: {steps:,} steps of {batch_size} images, {seconds:,} s on {machine}, shared
  with other work; the weights are those of the best score on the reference subjects (step
  {best_step:,}).
- **Command**: {command}; commit `{commit}`; {date}.
- **Seeds**: {seeds}.
- **Versions**: {versions}.
- **Subjects** ({counts}):
{subjects}

**Not for**: diagnosis, teaching anatomy as fact, measuring disease, filling gaps in a patient's
study, or testing any method: a sample is nobody's image, and its grey values measure nothing.

## How good

Scored on the **{split}** subjects{opened}, {images} images a set.

{table}

Score while training (reference subjects): {course}

## By group

{groups}

## Memorisation and privacy

{privacy}
"""


@dataclass
class Finished:
    """A trained GAN and what made it.

    Attributes:
        gan: With the averaged generator's weights to be published.
        names: Labels that condition it, empty for none.
        rows: Rows of the monitor; `watch` is the score that chose the weights.
        watch: Name of that score.
        facts: Entries of the card: about, data, licence, recipe, batch_size, command, seeds.
    """

    gan: GAN
    names: tuple[str, ...]
    rows: list[dict]
    watch: str
    facts: dict

    def sample(self, real: Slices, seed: int) -> np.ndarray:
        """Return as many samples as there are slices, with the labels of the slices."""
        labels = real.label_table(self.names) if self.names else None
        return self.gan.sample(len(real), labels, seed=seed)

    def logits(self, real: Slices) -> np.ndarray:
        """Return the discriminator's logits (N,) of real slices."""
        inputs = [real.images, real.label_table(self.names)] if self.names else real.images
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
    judged, train = parts[split], parts["train"]
    others = parts["reference" if split == "test" else "encoder"]
    count = min(len(judged), len(others))
    judged = judged.select(np.sort(np.random.default_rng(0).permutation(len(judged))[:count]))
    trained = load_encoder(encoder)
    encoders = {encoder: trained, "random": random_encoder(trained)}
    info = {key: finished.facts[key] for key in ("data", "licence")} | {"split": split}
    reference = reference_features(judged.images, encoders, judged.subjects, info=info)
    training = reference_features(train.images, encoders, train.subjects)
    marks = landmarks(others.images, count, train.images)
    fakes = {f"{name}, seed {seed}": finished.sample(judged, seed) for seed in SEEDS}
    table = evaluate(fakes, reference, encoders, marks, training)
    floor_rows = [row for row in table.to_rows() if row["set"] in marks]
    features = trained.features(next(iter(fakes.values())))
    groups = group_table(finished, judged, others, encoders)
    content = finished.facts | card_entries(name, finished, parts, split)
    content |= {
        "images": count,
        "table": table.markdown(),
        "groups": groups.markdown() if groups.rows else "Age and sex have no meaning here.",
        "privacy": "\n".join(privacy_lines(finished, features, parts, judged, trained)),
    }
    replace(reference, landmarks=floor_rows).save(checkpoints_folder() / f"{name}.reference.npz")
    return save_generator(finished.gan.ema_generator, name, CARD.format(**content))


def group_table(finished: Finished, judged: Slices, others: Slices, encoders: dict) -> Table:
    """Score the samples against the real images of each age group and sex, beside the floor."""
    notes = (
        "Samples against the real images of one group only, beside other real subjects against "
        "that group (the floor); equal numbers of images. Few subjects: read differences with care."
    )
    rows = []
    for group, chosen in group_masks(judged):
        real = judged.select(chosen)
        if len(np.unique(real.subjects)) < 2:
            continue
        described = reference_features(real.images, encoders, real.subjects)
        fakes = finished.sample(judged, SEEDS[0])
        sets = {FLOOR: others.images, "generated": fakes}
        for which, images in sets.items():
            some = images[np.random.default_rng(0).permutation(len(images))[: len(real)]]
            row = score(reference_features(some, encoders), described, repeats=0)
            row = {k: getattr(v, "value", v) for k, v in row.items()}
            subjects = len(np.unique(real.subjects))
            rows.append({"group": f"{group}: {which}", "subjects": subjects} | row)
    return Table(rows, notes=notes if rows else "")


def group_masks(slices: Slices) -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and mask of each sex and age group that the labels tell."""
    for code, sex in enumerate(("women", "men")):
        if "sex" in slices.labels:
            yield sex, slices.labels["sex"] == code
    for name, (low, high) in AGE_GROUPS.items():
        if "age" in slices.labels:
            yield name, (slices.labels["age"] >= low) & (slices.labels["age"] < high)


def privacy_lines(
    finished: Finished, features: np.ndarray, parts: dict[str, Slices], judged: Slices, trained
) -> Iterator[str]:
    """Yield one Markdown line a measurement."""
    train = parts["train"]
    inner, outer = trained.features(train.images), trained.features(judged.images)
    near = copying(features, inner, outer, judged.subjects)
    yield f"- Copying (0.5 none, 1 copies), on encoder features: {near.auc.text()}."
    pixels = finished.sample(judged, SEEDS[0])
    near = copying(pixels, train.images, judged.images, judged.subjects)
    yield f"- The same on pixels: {near.auc.text()}."
    attack = membership_by_distance(inner, outer, features, train.subjects, judged.subjects)
    yield f"- Membership inference from samples (AUC, 0.5 no leak): {attack.text()}."
    logits = finished.logits(train), finished.logits(judged)
    attack = membership_by_logit(*logits, train.subjects, judged.subjects)
    yield (
        f"- Membership inference from the discriminator of the last step (AUC): {attack.text()}. "
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
        "steps": finished.rows[-1]["step"],
        "seconds": round(finished.rows[-1]["seconds"]),
        "best_step": best["step"],
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
