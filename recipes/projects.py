"""What each generator of `data/checkpoints` is trained on: cohort, settings, facts of its card."""

import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from medgan_utils import profiles

profiles.quiet_tensorflow()

# isort: split
import numpy as np

from medgan_utils.data import Slices, load_slices
from medgan_utils.phantoms import HEAD_TISSUES, VERSION
from recipes.ixi_split import AGE_LIMIT, ixi_splits, with_age_group
from recipes.liver_split import MAP_CLASSES, MATRIX, map_splits, phantom_splits, real_splits
from recipes.settings import FINE, LABELLED, LONG, MAPS, VARIANTS, Recipe

LEVELS, CONTRASTS = 6, ("T1", "T2", "FLAIR")
IXI_DATA = (
    "IXI (T1, Hammersmith site), https://brain-development.org/ixi-dataset/, downsampled\n"
    "  subset (2 mm); slices every {} mm from 20 to 120 mm below the vertex, 240 mm square,\n"
    "  mirrored at random."
)
IXI = {
    "data": IXI_DATA.format(4),
    "licence": "CC BY-SA 3.0 (https://creativecommons.org/licenses/by-sa/3.0/), attribution:\n"
    "  IXI dataset, Imperial College London and partners.",
}
DECATHLON = {
    "data": "Medical Segmentation Decathlon, Task03 Liver (Antonelli et al. 2022,\n"
    "  doi:10.1038/s41467-022-30695-9), through a public 8-bit JPEG copy: grey is HU clipped to\n"
    "  [0, 255], the spacing is not known; not mirrored. The cases below, by case.",
    "licence": "CC BY-SA 4.0 (https://creativecommons.org/licenses/by-sa/4.0/),\n"
    "  attribution: Medical Segmentation Decathlon.",
}

LIVER = replace(
    VARIANTS["strong augment"], mode_seeking=0.1, ema_images=20_000, decay_images=240_000
)
LIVER_FINE = replace(
    LIVER,
    about=LIVER.about + ", 128 pixels, batches of 32",
    image_size=128,
    widths=(*LIVER.widths, 16),
    subpixel=True,
    batch_size=32,
    decay_images=500_000,
)
MAP = replace(
    LONG,
    about="of a label map, fewer channels, batches of 32, mode seeking 0.1, a slow average, the"
    " rate falling to 2 %",
    widths=(128, 64, 32, 24),
    decay_images=200_000,
)
MAP_FINE = replace(
    MAP,
    about=MAP.about + ", 128 pixels, the mode-seeking term in the start alone",
    image_size=128,
    widths=(*MAP.widths, 16),
    mode_seeking=0.0,
    decay_images=300_000,
)
MAP_ABOUT = (
    ", drawn from a *label map*: what the map has stands\nwhere the map has it. Classes of the map:"
    "\n{0}.\n"
    "Tumours were shown half of the time. For the scores it was shown the test subjects' own maps:"
    " so it\ncomes nearer to them than other subjects do, and copying and membership inference,"
    " which weigh that\nnearness against the training subjects', say nothing here.{1}"
)
MAP_STARTED = (
    "\nIts networks started from others of 64 × 64 pixels (`{}`, not shipped), with which the\n"
    "mode-seeking term was in use."
)


def map_about(what: str, classes: Iterable[str], more: str = "") -> str:
    """Return a card's first paragraph: what is drawn from a label map, its classes, and more."""
    numbered = ", ".join(f"{code} {name}" for code, name in enumerate(classes))
    return what + MAP_ABOUT.format(numbered, more)


def heads_drawn(pixels: int, mm: float, more: str = "") -> str:
    """Return the same of heads at a number of pixels."""
    what = (
        "A GAN of axial FLAIR slices of the course's brain phantom (version"
        f" {VERSION}), {pixels} × {pixels} pixels\nof {mm} mm"
    )
    return map_about(what, HEAD_TISSUES, more)


def livers_drawn(pixels: int, mm: float, more: str = "") -> str:
    """Return the same of abdomens at a number of pixels."""
    what = (
        "A GAN of axial slices through the liver of the course's CT phantom (version"
        f" {VERSION}),\n{pixels} × {pixels} pixels of {mm} mm, [-160, 240] HU, venous phase"
    )
    return map_about(what, MAP_CLASSES, more)


LIVER_MAP_FACTS = {
    "data": "`recipes/liver_split.py`, `map_splits()`: simulated bodies, nobody's image; not\n"
    "  mirrored.",
    "licence": "CC BY 4.0.",
}
HEAD_MAP_FACTS = {
    "data": "`recipes/projects.py`, `head_maps()`: simulated heads made from the MNI152"
    " template,\n  nobody's image.",
    "licence": "CC BY 4.0; the template's notice (ICBM 152, McGill University) stands in\n"
    "  `data/README.md`.",
}


@dataclass(frozen=True)
class Project:
    """What one checkpoint is trained on.

    Attributes:
        parts: Makes train, reference and test; `encoder`, if any, is not used.
        encoder: Feature space of its scores.
        recipe: Of the training.
        facts: For the card.
        names: Labels that condition it, or `MAPS`.
        num_classes: Of each label, or of the map.
        flip: Whether slices may be mirrored.
        balance: A label of two classes that are to be shown equally often.
        grown_from: Project whose run in `runs/` the networks start from (`recipes/growth.py`).
    """

    parts: Callable[[], dict[str, Slices]]
    encoder: str
    recipe: Recipe
    facts: dict
    names: tuple[str, ...] = ()
    num_classes: tuple[int, ...] | None = None
    flip: bool = False
    balance: str | None = None
    grown_from: str | None = None


def real_folder() -> str:
    """Return the folder of real images, or end with what to do."""
    if "MEDGAN_REAL_DATA" not in os.environ:
        sys.exit("set MEDGAN_REAL_DATA to the folder with ixi_t1/ and liver_ct_slices/")
    return os.environ["MEDGAN_REAL_DATA"]


def brain_parts() -> dict[str, Slices]:
    """Return the IXI slices of subjects of known age, with their age group and level.

    All heads are cut at the same 26 levels, so the bins of one part are those of the others.
    """
    parts = ixi_splits(real_folder()).items()
    return {part: with_age_group(slices).with_levels(LEVELS) for part, slices in parts}


def phantom_heads(subjects: int = 300, seed: int = 5, test: float = 0.05) -> dict[str, Slices]:
    """Return the slices of the brain phantom with their level, by subject.

    Args:
        subjects: How many; half of them have a tumour.
        seed: Of the cohort; not one that a chapter draws.
        test: Share of the subjects in `test`, and as many in `reference`.
    """
    slices = load_slices("brain-phantom", 64, subjects=subjects, modalities=CONTRASTS, seed=seed)
    shares = {"train": 1 - 2 * test, "reference": test, "test": test}
    return slices.with_levels(LEVELS).split(shares, seed=2026)


def head_maps(image_size: int, subjects: int = 160, seed: int = 7) -> dict[str, Slices]:
    """Return FLAIR slices of the brain phantom with their label maps, by subject.

    A slice every 4 mm; masks hold the codes of `HEAD_TISSUES`.
    """
    cut = dict(image_size=image_size, step_mm=4.0, masks="tissues")
    slices = load_slices(
        "brain-phantom", subjects=subjects, modalities=("FLAIR",), seed=seed, **cut
    )
    return slices.split({"train": 0.8, "reference": 0.1, "test": 0.1}, seed=2026)


def flair(slices: Slices) -> Slices:
    """Return the FLAIR slices of the brain phantom's."""
    return slices.select(slices.labels["contrast"] == CONTRASTS.index("FLAIR"))


PROJECTS = {
    "brain-mri-64": Project(
        lambda: ixi_splits(real_folder()),
        "brain-encoder-64",
        LONG,
        {
            "about": "A DCGAN of axial T1-weighted head slices, 64 × 64 pixels of 3.75 mm, made to"
            " be\nexplored and measured in chapters 1 and 9. Trained in two legs: 200,000 images"
            " (commit `ce4440f`,\n5,212 s), then 320,000, for which G started from the averaged"
            " weights of the first leg and D anew.\nThree earlier versions were scored on the same"
            " test subjects: without the mode-seeking term (recall\n0.45 to 0.48), with half the"
            " channels at a constant rate (168,000 images: FD random 6.0 to 6.7 at a\nfloor of"
            " 2.8), and the first leg (6.0 to 6.2; a judge with 390 images 0.88 and 0.84). What"
            "\nchanged was chosen on the reference subjects.",
        }
        | IXI,
        flip=True,
    ),
    "brain-mri-128": Project(
        lambda: ixi_splits(real_folder(), 128, step_mm=2.0),
        "brain-encoder-64",
        FINE,
        IXI
        | {
            "about": "A DCGAN of axial T1-weighted head slices, 128 × 128 pixels of 1.875 mm, made"
            " to be\nlooked at in chapters 1 and 9. Trained in four legs, a million images in all:"
            " 150,000 (commit `4d60346`,\n2,173 s), for which its networks started from those of"
            " `brain-mri-64` with one stage more; then 300,000\n(`e6b506c`, 8,240 s), 200,000"
            " (`cbc9cbd`, 3,667 s) and 350,000 (`ca19f69`, 6,102 s), for which G started from\nthe"
            " averaged weights of the leg before and D anew. Then its output was stretched by 1 %"
            " and cut\n(`correct_black.py`), so that air can be black. After the first two legs it"
            " was scored on the same test\nsubjects (FD random 6.4 to 6.9, then 5.7 to 5.9, at a"
            " floor of 2.3; a judge with 765 images 0.98, 0.94, then\n0.96, 0.90). The last leg's"
            " discriminator told members from reference subjects with an AUC of 0.55,\n0.51 to"
            " 0.59. The encoder sees means of 2 × 2 pixels; the random features, the judge and the"
            " appearance see all.",
            "data": IXI_DATA.format(2),
        },
        flip=True,
        grown_from="brain-mri-64",
    ),
    "brain-phantom-64": Project(
        phantom_heads,
        "brain-encoder-64",
        replace(LABELLED, mismatch=1.0, projection="max"),
        {
            "about": "A DCGAN of axial slices of the course's brain phantom (version"
            f" {VERSION}), 64 × 64 pixels of\n3.75 mm. Labels, in this order: lesion (0 none,"
            f" 1 tumour in the slice), level (0 top to {LEVELS - 1}),\ncontrast"
            f" ({', '.join(f'{code} {name}' for code, name in enumerate(CONTRASTS))}).\n\n"
            "Tumours were shown half of the time, and the discriminator was also shown real slices"
            " under the\nwrong lesion label. Three earlier weights: the first drew one head a"
            " label, whatever z; the second,\nof 42 training subjects, drew no tumours; the third"
            " learned from version 1 of the phantom, at a\nconstant rate. What each help does was"
            " measured apart: `experiments/results/conditional.json`.",
            "data": '`load_slices("brain-phantom", subjects=300, seed=5, '
            f"modalities={CONTRASTS})`\n  with `with_levels({LEVELS})`: simulated heads made from"
            " the MNI152 template, nobody's image.",
            "licence": "CC BY 4.0; the template's notice (ICBM 152, McGill University) stands in\n"
            "  `data/README.md`.",
        },
        ("lesion", "level", "contrast"),
        (2, LEVELS, len(CONTRASTS)),
        flip=True,
        balance="lesion",
    ),
    "liver-phantom-64": Project(
        phantom_splits,
        "liver-encoder-64",
        replace(LABELLED, decay_images=160_000),
        {
            "about": "A DCGAN of axial slices through the liver of the course's CT phantom (version"
            f" {VERSION}),\n64 × 64 pixels of 6.25 mm, [-160, 240] HU. One label: tumour (0 none,"
            " 1 at least 50 mm² in\nthe slice). Earlier weights learned from version 1, at a"
            " constant rate.",
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
        LIVER,
        {
            "about": "A DCGAN of real axial CT slices through the liver, 64 × 64 pixels, [0, 255]"
            " HU, without labels.\nEarlier weights, without the mode-seeking term and at a constant"
            " rate, were scored on the same\ntest cases.",
            **DECATHLON,
        },
    ),
    "liver-ct-128": Project(
        lambda: real_splits(real_folder(), 128),
        "liver-encoder-64",
        LIVER_FINE,
        {
            "about": "A DCGAN of real axial CT slices through the liver, 128 × 128 pixels, [0, 255]"
            " HU, without labels.\nIts networks started from those of `liver-ct-64` with one stage"
            " more. The encoder sees means of\n2 × 2 pixels; the random features, the judge and the"
            " appearance see all. After the training a net\nof dots that its livers shared was"
            " made fainter (`correct_grid.py`); the weights before that were scored\non the same"
            " test subjects, and the discriminator that trained against them told training from"
            " test\ncases (AUC 0.98; it is not shipped).",
            **DECATHLON,
        },
        grown_from="liver-ct-64",
    ),
    "brain-mri-age-64": Project(
        brain_parts,
        "brain-encoder-64",
        replace(LABELLED, decay_images=600_000),
        {
            "about": "A DCGAN of axial T1-weighted head slices, 64 × 64 pixels of 3.75 mm. Labels,"
            f" in this order:\nage group (0 under {AGE_LIMIT:g} years, 1 from {AGE_LIMIT:g} on),"
            f" level (0 top to {LEVELS - 1}). Earlier weights knew the age\ngroup alone, and were"
            " scored on the same test subjects.",
            "data": IXI["data"] + "\n  Subjects of known age only.",
            "licence": IXI["licence"],
        },
        ("age_group", "level"),
        (2, LEVELS),
        flip=True,
    ),
    "liver-map-64": Project(
        lambda: map_splits(64),
        "liver-encoder-64",
        MAP,
        LIVER_MAP_FACTS | {"about": livers_drawn(64, 6.25)},
        MAPS,
        (len(MAP_CLASSES),),
        balance="tumour",
    ),
    "liver-map-128": Project(
        map_splits,
        "liver-encoder-64",
        MAP_FINE,
        LIVER_MAP_FACTS
        | {
            "about": livers_drawn(
                128,
                3.125,
                MAP_STARTED.format("liver-map-64")
                + " When the GAN was trained, readers of\nphantoms made G unlearn what they took"
                " for tumours where the map has none (`correct_painter.py`);\nits tumours"
                " and those of the phantoms are outlined equally well. Earlier weights,"
                " scored\non the same test subjects: 56 subjects, 360,000 images, mode seeking to"
                " the end (30 and 23 % of the\nslices without a tumour called ill), these before"
                " their correction (15 and 18 %), and after a first\ncorrection that had no term"
                " for the grey of tumours (6 and 6 %, and tumours 9 HU too dark).",
            ),
        },
        MAPS,
        (len(MAP_CLASSES),),
        balance="tumour",
        grown_from="liver-map-64",
    ),
    "brain-map-64": Project(
        lambda: head_maps(64),
        "brain-encoder-64",
        MAP,
        HEAD_MAP_FACTS | {"about": heads_drawn(64, 3.75)},
        MAPS,
        (len(HEAD_TISSUES),),
        flip=True,
        balance="lesion",
    ),
    "brain-map-128": Project(
        lambda: head_maps(128),
        "brain-encoder-64",
        MAP_FINE,
        HEAD_MAP_FACTS
        | {
            "about": heads_drawn(
                128,
                1.875,
                MAP_STARTED.format("brain-map-64")
                + " The rate fell twice: to 2 % over 192,000\nimages, then again from 30 % on until"
                " 300,000. The weights of the first fall were scored on the same\ntest subjects.",
            ),
        },
        MAPS,
        (len(HEAD_TISSUES),),
        flip=True,
        balance="lesion",
        grown_from="brain-map-64",
    ),
}


def balanced(slices: Slices, name: str | None) -> Slices:
    """Return the slices with those of the rarer class repeated until both are equally many."""
    if name is None:
        return slices
    groups = [np.flatnonzero(slices.labels[name] == value) for value in (0, 1)]
    count = max(len(group) for group in groups)
    return slices.select(np.concatenate([np.resize(group, count) for group in groups]))
