"""Train `liver-phantom-64`, `liver-ct-64` or `brain-mri-age-64`; resumes by itself after a stop.

    python benchmarks/train_others.py liver-phantom-64
    MEDGAN_REAL_DATA=folder python benchmarks/train_others.py liver-ct-64
    MEDGAN_REAL_DATA=folder python benchmarks/train_others.py brain-mri-age-64
    python benchmarks/train_others.py liver-phantom-64 --publish

The recipe is that of `brain-mri-64`, with mode seeking where there is a label to collapse on, and
stronger augmentation for the few real slices. `--publish` opens the test split once and writes
weights, card and the test images' features to `data/checkpoints`.
"""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

from recipe import ROOT, VARIANTS, Recipe, build, scorer  # first: quiets TensorFlow

# isort: split
from ixi_split import AGE_LIMIT, ixi_splits, with_age_group
from liver_split import MATRIX, phantom_splits, real_splits
from publish import publish
from train_brain_mri import FACTS as BRAIN_FACTS
from train_brain_mri import finished, train

from medgan_utils.data import Slices
from medgan_utils.training import Monitor

DECATHLON = (
    "Medical Segmentation Decathlon, Task03 Liver (Antonelli et al. 2022,\n"
    "  doi:10.1038/s41467-022-30695-9), through a public 8-bit JPEG copy: grey is HU clipped to\n"
    "  [0, 255], the spacing is not known; not mirrored. The cases below, by case."
)


@dataclass(frozen=True)
class Project:
    """What one checkpoint is trained on.

    Attributes:
        parts: Makes train, reference and test.
        encoder: Feature space of its scores.
        recipe: Of the training.
        facts: For the card.
        names: Labels that condition it.
        num_classes: Of each label.
        flip: Whether slices may be mirrored.
    """

    parts: Callable[[], dict[str, Slices]]
    encoder: str
    recipe: Recipe
    facts: dict
    names: tuple[str, ...] = ()
    num_classes: tuple[int, ...] | None = None
    flip: bool = False


def real_folder() -> str:
    """Return the folder of real images, or end with what to do."""
    if "MEDGAN_REAL_DATA" not in os.environ:
        sys.exit("set MEDGAN_REAL_DATA to the folder with ixi_t1/ and liver_ct_slices/")
    return os.environ["MEDGAN_REAL_DATA"]


def brain_parts() -> dict[str, Slices]:
    """Return the IXI slices of subjects of known age, with their age group."""
    return {part: with_age_group(slices) for part, slices in ixi_splits(real_folder()).items()}


PROJECTS = {
    "liver-phantom-64": Project(
        phantom_splits,
        "liver-encoder-64",
        VARIANTS["mode seeking"],
        {
            "about": "A DCGAN of axial slices through the liver of the course's CT phantom, 64 × 64"
            " pixels of\n6.25 mm, [-160, 240] HU. One label: tumour (0 none, 1 at least 50 mm² in"
            " the slice).",
            "data": f'`load_slices("liver-phantom", subjects=80, matrix={MATRIX}, step_mm=5.0)`,\n'
            "  slices with liver: simulated bodies, nobody's image; not mirrored.",
            "licence": "CC BY 4.0.",
        },
        ("tumour",),
        (2,),
    ),
    "liver-ct-64": Project(
        lambda: real_splits(real_folder()),
        "liver-encoder-64",
        VARIANTS["strong augment"],
        {
            "about": "A DCGAN of real axial CT slices through the liver, 64 × 64 pixels, [0, 255]"
            " HU, without labels.",
            "data": DECATHLON,
            "licence": "CC BY-SA 4.0 (https://creativecommons.org/licenses/by-sa/4.0/),\n"
            "  attribution: Medical Segmentation Decathlon.",
        },
    ),
    "brain-mri-age-64": Project(
        brain_parts,
        "brain-encoder-64",
        VARIANTS["mode seeking"],
        {
            "about": "A DCGAN of axial T1-weighted head slices, 64 × 64 pixels of 3.75 mm. One"
            f" label: age group\n(0 under {AGE_LIMIT:g} years, 1 from {AGE_LIMIT:g} on).",
            "data": BRAIN_FACTS["data"] + "\n  Subjects of known age only.",
            "licence": BRAIN_FACTS["licence"],
        },
        ("age_group",),
        (2,),
        flip=True,
    ),
}


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("name", choices=list(PROJECTS))
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--every", type=int, default=1500, help="steps between two scores")
    parser.add_argument("--patience", type=int, default=3, help="scores without a new best")
    parser.add_argument("--publish", action="store_true", help="open the test split; write all")
    arguments = parser.parse_args()
    name, project = arguments.name, PROJECTS[arguments.name]
    folder, watch = ROOT / "runs" / name, f"FD {project.encoder}"
    parts, gan = project.parts(), build(project.recipe, project.num_classes)
    if arguments.publish:
        command = f"`python benchmarks/train_others.py {name}`, then `--publish`"
        facts = project.facts | {"command": command}
        run = finished(gan, project.recipe, folder, project.names, facts, watch)
        print(publish(name, run, parts, "test", project.encoder))
        return 0
    monitor = Monitor(
        scorer(parts["reference"], project.encoder, project.names),
        watch,
        arguments.every,
        arguments.patience,
        log=folder / "scores.jsonl",
        best=folder / "best.weights.h5",
    )
    names = project.names or None
    train(gan, project.recipe, parts, monitor, folder, arguments.minutes, names, project.flip)
    return 0


if __name__ == "__main__":
    sys.exit(main())
