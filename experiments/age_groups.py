"""Is `brain-mri-age-64` as good for all? Its test subjects, by age group and by sex.

    MEDGAN_REAL_DATA=… python experiments/age_groups.py

The shipped reference features do not say whose they are. This writes the age group (under 50
years, or from 50 on) and the sex of each test subject, nothing else of them, so that the notebook
can score samples by group without the images; and what it cannot: the floor, other real subjects
of the same group. KID, which is unbiased with few images; intervals draw the test subjects again.
The generator knows no sex: the samples for women and men have the ages of their slices. Levels are
ordered as the slices of a head have them. What the encoder reads of the real slices stands beside,
by level and by age group, for who asks whether the labels are obeyed.
"""

import argparse
from pathlib import Path

from medgan_utils import profiles

profiles.quiet_tensorflow()

# isort: split
import numpy as np

from medgan_utils.data import Slices
from medgan_utils.evaluation import KernelDistance, ReferenceFeatures, load_encoder
from medgan_utils.evaluation.intervals import (
    bootstrap_counts,
    centred_interval,
    percentile_interval,
    subject_codes,
)
from medgan_utils.models import load_generator
from recipes.projects import brain_parts
from tools.record import record

RESULT = Path(__file__).parent / "results" / "age_groups.json"
NAME, ENCODER, SEEDS = "brain-mri-age-64", "brain-encoder-64", (1, 2, 3)
GROUPS = ("under 50", "50 and over")
SEXES = ("women", "men")


def distance(real: np.ndarray, fake: np.ndarray, subjects: np.ndarray) -> tuple[float, list[float]]:
    """Return KID and what it is when the subjects are drawn again, 500 times."""
    kid = KernelDistance(real, fake)
    return kid(), [kid(counts) for counts in bootstrap_counts(subjects, 500)]


def samples(group: int, levels: list[int], count: int, seed: int) -> np.ndarray:
    """Return the features of so many samples of a group, at the levels of a head in turn."""
    generator = load_generator(NAME)
    z = np.random.default_rng(seed).standard_normal((count, generator.inputs[0].shape[-1]))
    labels = np.stack([np.full(count, group), np.resize(levels, count)], axis=1)
    images = generator.predict([z.astype(np.float32), labels.astype(np.int32)], verbose=0)
    return load_encoder(ENCODER).features(images)


def rows(
    real: np.ndarray, subjects: np.ndarray, groups: np.ndarray, levels: list[int]
) -> list[dict]:
    """Score samples of the group's own label, and of the other, against each group.

    Args:
        real: Features (N, d) of the test slices.
        subjects: Their subjects (N,), 0, 1, …
        groups: Age group of each subject.
        levels: Level of each slice of a head.
    """
    found = []
    for group, name in enumerate(GROUPS):
        chosen = groups[subjects] == group
        for label, asked in enumerate(GROUPS):
            for seed in SEEDS:
                fake = samples(label, levels, int(chosen.sum()), seed)
                value, draws = distance(real[chosen], fake, subjects[chosen])
                row = {"group": name, "asked for": asked, "seed": seed}
                row["KID"] = [round(v, 4) for v in centred_interval(value, draws)]
                found.append(row | {"deviation": round(float(np.std(draws)), 4)})
    return found


def floors(
    reference: Slices, tested: Slices, groups: dict[str, np.ndarray], real: np.ndarray
) -> list[dict]:
    """Score other real subjects of a group against each.

    Args:
        reference: Slices of the others.
        tested: Slices of the test subjects.
        groups: "age_group" and "sex" -> that of each test subject.
        real: Features of the test slices.
    """
    encoder, found = load_encoder(ENCODER), []
    codes = np.unique(tested.subjects, return_inverse=True)[1]
    for label, names in (("age_group", GROUPS), ("sex", SEXES)):
        for group, name in enumerate(names):
            chosen = groups[label][codes] == group
            others = reference.select(reference.labels[label] == group)
            value, draws = distance(real[chosen], encoder.features(others.images), codes[chosen])
            row = {"group": name, "asked for": "other real subjects"}
            row["of"] = len(np.unique(others.subjects))
            row["KID"] = [round(v, 4) for v in centred_interval(value, draws)]
            found.append(row)
    return found


def levels_read(tested: Slices) -> list[dict]:
    """Return where the test slices of each level lie, and where the encoder reads them."""
    read, level = load_encoder(ENCODER).predict(tested.images)[:, 0], tested.labels["level"]
    found = []
    for label in np.unique(level):
        chosen = level == label
        row = {"level": int(label), "mm": round(float(tested.positions[chosen].mean()), 1)}
        row["read (mm)"] = round(float(read[chosen].mean()), 1)
        found.append(row | {"deviation (mm)": round(float(read[chosen].std()), 1)})
    return found


def tissues_read(part: str, slices: Slices) -> list[dict]:
    """Return how much of each tissue the encoder reads in the slices of each age group.

    Means in % of the image, with intervals over subjects; every head counts with all its levels.
    """
    encoder, found = load_encoder(ENCODER), []
    for group, name in enumerate(GROUPS):
        chosen = slices.select(slices.labels["age_group"] == group)
        codes, read = subject_codes(chosen.subjects, len(chosen)), encoder.predict(chosen.images)
        row = {"heads": part, "group": name, "subjects": int(codes.max()) + 1}
        for target, values in zip(encoder.config.targets[1:], read.T[1:], strict=True):
            draws = [np.average(values, weights=n) for n in bootstrap_counts(codes, 500)]
            row[target] = [round(float(v), 3) for v in percentile_interval(values.mean(), draws)]
        found.append(row)
    return found


def main() -> None:
    """Read, score and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    parts = brain_parts()
    tested, others = parts["test"], parts["reference"]
    stored = ReferenceFeatures.load(NAME)
    real, codes = stored.features[ENCODER], np.unique(tested.subjects, return_inverse=True)[1]
    assert np.array_equal(codes, stored.subjects), "these are not the subjects of the reference"
    apart = np.abs(load_encoder(ENCODER).features(tested.images) - real).max()
    assert apart < 1e-2, f"the features differ by {apart}"
    first = [int(np.flatnonzero(codes == one)[0]) for one in np.unique(codes)]
    levels = tested.labels["level"][codes == 0].tolist()
    same = [tested.labels["level"][codes == one].tolist() == levels for one in np.unique(codes)]
    assert all(same), "the heads were not cut at the same levels"
    groups = {name: tested.labels[name][first] for name in ("age_group", "sex")}
    results = {
        "groups": groups["age_group"].tolist(),
        "sexes": groups["sex"].tolist(),
        "levels": levels,
        "levels read": levels_read(tested),
        "tissues read": [
            row for part in ("train", "test") for row in tissues_read(part, parts[part])
        ],
        "rows": rows(real, codes, groups["age_group"], levels),
        "floor": floors(others, tested, groups, real),
    }
    for key in ("levels read", "tissues read", "rows", "floor"):
        print(*results[key], sep="\n")
    record(options.out, results, seeds=list(SEEDS))


if __name__ == "__main__":
    main()
