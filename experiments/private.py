"""What privacy costs: GANs of one cohort with and without DP-SGD, attacked; and heads defaced.

    python experiments/private.py

The same small GAN is trained on the same subjects without protection, with clipped gradients and no
noise, and at three noise levels. Each is scored against subjects that it never saw, and attacked
twice: by the discriminator's logits and by the distance to the nearest sample (0.5: the attacker
guesses). The controls: a GAN of eight subjects, trained until it knows them by heart, shows that
the attacks can succeed; one that knows *another* eight, and is asked about the first, what they
read where nothing is known; GANs trained on *as many other people*, of whom neither group is, what
a trained D and its samples read of strangers; and one that was not trained what its random weights
read: `by_chance` draws its D many times, for all members and for the eight. ε is for one subject,
at a δ of a tenth of one in the number of subjects; since a cohort of this size buys little privacy,
ε is also given for larger ones, at the same lot, noise and steps.

Last, phantom heads are defaced, and an attacker who has another scan of each (T2 beside T1) looks
for the owner of each defaced head by what is left of its outline. Both scans lie in one pose, which
helps the attacker.

A stored result of the same settings is gone on with: what it holds is not run again, and `kept` in
the new one says what made those rows.
"""

import argparse
import json
import sys
import time
from functools import partial
from pathlib import Path

from medgan_utils import profiles

profiles.quiet_tensorflow()

import keras
import numpy as np

from medgan_utils import data, evaluation
from medgan_utils.models import dcgan_discriminator, dcgan_generator
from medgan_utils.phantoms import make_head
from medgan_utils.protection import deface
from medgan_utils.training import GAN, R1, DiffAugment, PrivateGAN, epsilon
from tools.record import finished, record

RESULT = Path(__file__).parent / "results" / "private.json"
AIR = 100.0  # of a scan: air reads near 20, the brain near 600
COHORT = dict(image_size=32, spacing_mm=4.0, step_mm=8.0, levels=(30.0, 94.0), fov_mm=208.0, seed=8)
SETTINGS = dict(members=64, others=32, steps=800, lot=16, images=4, few=8, clip_norm=1.0)
WIDTHS = (8, 16, 32)  # of D: noise grows with the number of its weights
NOISE = (0.5, 1.0, 4.0)
LARGER = (64, 640, 6_400, 64_000)
HELPED, PLAIN, BY_HEART, ANOTHER_EIGHT, CLIPPED = (
    "R1 and DiffAugment",
    "no protection",
    "eight subjects by heart",
    "another eight by heart",
    "clipped, no noise",
)
UNTRAINED = "untrained"  # what the two groups of subjects differ by without any training
OTHER_PEOPLE = {f"{arm}, other people": arm for arm in (PLAIN, HELPED)}  # recipe of each
ARMS = (UNTRAINED, HELPED, PLAIN, *OTHER_PEOPLE, BY_HEART, ANOTHER_EIGHT, CLIPPED)
STRANGERS = 9  # seed of the cohort that the other people are from
HEADS = 12
DRAWN = 20  # discriminators that were not trained


def cohort(settings: dict) -> tuple[data.Slices, data.Slices]:
    """Return slices of the members, on whom all is trained, and of the others."""
    count = settings["members"] + settings["others"]
    slices = data.load_slices(
        "brain-phantom", subjects=count, modalities=("T1",), cache=True, **COHORT
    )
    who = np.random.default_rng(0).permutation(np.unique(slices.subjects))
    parts = who[: settings["members"]], who[settings["members"] :]
    return tuple(slices.for_subjects(list(part)) for part in parts)


def strangers(settings: dict) -> data.Slices:
    """Return slices of as many people as there are members, none of them in `cohort`."""
    scan = COHORT | {"seed": STRANGERS}
    return data.load_slices(
        "brain-phantom", subjects=settings["members"], modalities=("T1",), cache=True, **scan
    )


def trained(arm: str | float, members: data.Slices, seed: int, settings: dict) -> GAN:
    """Train one GAN: an arm's, or a private one at a noise level."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    networks = dcgan_generator(32), dcgan_discriminator(32, widths=WIDTHS)
    steps = settings["steps"]
    if isinstance(arm, float) or arm == CLIPPED:
        noise = 0.0 if arm == CLIPPED else arm
        lots = {"lot": settings["lot"], "images_per_subject": settings["images"]}
        gan = PrivateGAN(*networks, noise=noise, clip_norm=settings["clip_norm"], **lots, seed=seed)
        gan.compile()
        gan.fit(members.images, members.subjects, steps_per_epoch=steps, verbose=0)
        return gan
    gan = GAN(*networks, seed=seed)
    if arm == HELPED:
        gan.compile(penalties=[R1()], augment=DiffAugment())
    else:
        gan.compile(penalties=[])
    if arm == UNTRAINED:
        return gan
    batches = members.to_dataset(settings["lot"] * settings["images"], seed=seed)
    gan.fit(batches, steps_per_epoch=steps, verbose=0)
    return gan


def run_once(arm: str | float, seed: int, settings: dict) -> dict:
    """Train, score and attack one GAN; return its row."""
    members, others = cohort(settings)
    shown = members
    if arm in (BY_HEART, ANOTHER_EIGHT):
        members, another = eights(members, settings["few"])
        shown = members if arm == BY_HEART else another
    elif arm in OTHER_PEOPLE:
        shown = strangers(settings)
    started = time.perf_counter()
    gan = trained(OTHER_PEOPLE.get(arm, arm), shown, seed, settings)
    seconds = round(time.perf_counter() - started, 1)
    fake = gan.sample(len(others), seed=seed + 1)
    describe = evaluation.laplacian_descriptors
    distance = float(evaluation.swd(describe(others.images), describe(fake)).mean())
    logits = [
        gan.discriminator.predict(part.images, verbose=0).ravel() for part in (members, others)
    ]
    who = members.subjects, others.subjects
    by_logit = evaluation.membership_by_logit(*logits, *who)
    by_distance = evaluation.membership_by_distance(members.images, others.images, fake, *who)
    private = isinstance(arm, float)
    return {
        "arm": f"noise {arm:g}" if private else arm,
        "seed": seed,
        "subjects": len(np.unique(members.subjects)),
        "epsilon": round(gan.epsilon(delta(settings["members"])), 3) if private else None,
        "swd": round(distance, 3),
        "spread": round(float(fake.std(axis=0).mean()), 4),
        "attack_by_logit": [round(float(value), 4) for value in by_logit],
        "attack_by_distance": [round(float(value), 4) for value in by_distance],
        "seconds": seconds,
    }


def eights(members: data.Slices, few: int) -> tuple[data.Slices, data.Slices]:
    """Return the slices of the first few members, and of as many who come next."""
    names = list(np.unique(members.subjects))
    return members.for_subjects(names[:few]), members.for_subjects(names[few : 2 * few])


def by_chance(settings: dict, few: bool = False) -> list[float]:
    """Return the attack by logits, on all members or few, of many D that were not trained."""
    members, others = cohort(settings)
    if few:
        members, _ = eights(members, settings["few"])
    attacks = []
    for seed in range(DRAWN):
        keras.utils.set_random_seed(seed)
        critic = dcgan_discriminator(32, widths=WIDTHS)
        logits = [critic.predict(part.images, verbose=0).ravel() for part in (members, others)]
        attack = evaluation.membership_by_logit(*logits, members.subjects, others.subjects)
        attacks.append(round(float(attack.value), 4))
    return attacks


def delta(subjects: int) -> float:
    """Return the δ for a cohort of this size."""
    return 0.1 / subjects


def larger_cohorts(settings: dict) -> list[dict]:
    """Return ε by noise and number of subjects, at the lot and the steps of the trainings."""
    counted = partial(epsilon, steps=settings["steps"])
    return [
        {"noise": noise, "subjects": count}
        | {"epsilon": round(counted(noise, settings["lot"] / count, delta=delta(count)), 4)}
        for noise in NOISE
        for count in LARGER
    ]


def floors(settings: dict) -> dict:
    """Return the ends of the scales: SWD of members and of one mean picture, a blind attack."""
    members, others = cohort(settings)
    describe, few = evaluation.laplacian_descriptors, members.images[: len(others)]
    real = describe(others.images)
    mean = np.broadcast_to(members.images.mean(axis=0), few.shape)
    blank = np.full_like(few[:1], -1.0)  # samples that know nothing of anyone
    who = members.subjects, others.subjects
    blind = evaluation.membership_by_distance(members.images, others.images, blank, *who)
    return {
        "blind_attack_by_distance": [round(float(value), 4) for value in blind],
        "members": round(float(evaluation.swd(real, describe(few)).mean()), 3),
        "mean_image": round(float(evaluation.swd(real, describe(mean)).mean()), 3),
        "spread": round(float(others.images.std(axis=0).mean()), 4),
    }


def defacing(count: int, spacing_mm: float = 4.0) -> dict:
    """Deface heads; return what is left of them and how many are found again by their outline.

    The control asks for heads that were not defaced.
    """
    rows, gallery, probes, whole = [], [], [], []
    for seed in range(count):
        head = make_head(seed, spacing_mm)
        brain = head.tissue("grey") + head.tissue("white") > 0.5
        solid = head.tissue("air") < 0.5
        scans = {name: head.render(name) for name in ("T1", "T2")}
        volume = data.Volume(scans["T2"], head.affine, "T2", str(seed), "phantom")
        defaced = deface(volume, brain).voxels
        left = defaced != 0  # air of a scan is noise, never exactly 0
        gallery.append(scans["T1"] > AIR)
        probes.append((defaced > AIR, left))
        whole.append((scans["T2"] > AIR, np.ones_like(left)))
        eyes = head.tissue("vitreous") + head.tissue("lens")
        rows.append(
            {
                "brain_changed": int((defaced[brain] != scans["T2"][brain]).sum()),
                "head_left": round(float(solid[left].sum() / solid.sum()), 3),
                "eyes_left": round(float(eyes[left].sum() / eyes.sum()), 3),
            }
        )
    found = {"found_again": _found(probes, gallery), "whole_found_again": _found(whole, gallery)}
    return {"heads": rows, **found, "of": count}


def _found(probes: list[tuple], gallery: list[np.ndarray]) -> int:
    """Return how many outlines overlap most with that of their own head."""
    overlap = np.array([[_overlap(*probe, other) for other in gallery] for probe in probes])
    return int((overlap.argmax(axis=1) == np.arange(len(probes))).sum())


def _overlap(outline: np.ndarray, left: np.ndarray, other: np.ndarray) -> float:
    """Return intersection over union of two outlines where the defaced head still has one."""
    other = other & left
    return float((outline & other).sum() / (outline | other).sum())


def stored(path: Path, about: dict) -> dict:
    """Return the stored result, or an empty one where there is none of these settings."""
    if path.exists():
        found = json.loads(path.read_text(encoding="utf-8"))
        asked = json.loads(json.dumps(about))
        if all(asked.get(name) == value for name, value in found["settings"].items()):
            return found
    return {"results": {"training": []}}


def train_missing(rows: list[dict], seeds: list[int], settings: dict) -> list[dict]:
    """Return the rows of all arms and seeds, in order; only those that are not there are trained.

    Args:
        rows: What was trained before.
        seeds: Seeds of the trainings.
        settings: Of all.
    """
    once = finished(run_once, settings, COHORT, WIDTHS, STRANGERS)
    before = {(row["arm"], row["seed"]): row for row in rows}
    every = []
    for seed in seeds:
        for arm in (*ARMS, *NOISE):
            name = f"noise {arm:g}" if isinstance(arm, float) else arm
            every.append(before.get((name, seed)) or once(arm, seed, settings))
            print(every[-1], flush=True)
    return every


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--steps", type=int, default=SETTINGS["steps"])
    parser.add_argument("--members", type=int, default=SETTINGS["members"])
    parser.add_argument("--others", type=int, default=SETTINGS["others"])
    parser.add_argument("--heads", type=int, default=HEADS, help="how many are defaced")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    chosen = {name: getattr(options, name) for name in ("steps", "members", "others")}
    settings = SETTINGS | chosen | {"lot": min(SETTINGS["lot"], options.members // 4)}
    about = settings | COHORT | {"noise": NOISE, "widths": WIDTHS, "strangers": STRANGERS}
    about |= {"heads": options.heads, "drawn": DRAWN}
    before = stored(options.out, about)
    results = before["results"]
    results["training"] = train_missing(results["training"], options.seeds, settings)
    rest = {
        "scale": lambda: floors(settings),
        "by_chance": lambda: by_chance(settings),
        "by_chance_few": lambda: by_chance(settings, few=True),
        "larger_cohorts": lambda: larger_cohorts(settings),
        "defacing": lambda: defacing(options.heads),
    }
    results |= {name: make() for name, make in rest.items() if name not in results}
    made = [*before.get("kept", []), *([before["provenance"]] if "provenance" in before else [])]
    record(options.out, results, options.seeds, settings=about, kept=made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
