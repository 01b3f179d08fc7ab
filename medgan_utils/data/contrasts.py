"""Contrasts of one anatomy as channels of one image: what a translation is trained on."""

from collections import defaultdict
from dataclasses import replace

import numpy as np

from .slices import Slices


def as_channels(slices: Slices) -> Slices:
    """Put the contrasts of each subject and level on top of each other.

    Args:
        slices: Of several contrasts on one grid, with the label "contrast", as
            `load_slices(..., modalities=("T1", "T2"))` gives them; one channel.

    Returns:
        Slices whose images (N, H, W, contrasts) have a channel a contrast, in the order of
        `info["contrasts"]`; the label "contrast" is gone.

    Raises:
        ValueError: There is one contrast only, a contrast of a subject or level is missing, or
            each was cut in places of its own.
    """
    names = slices.info.get("contrasts", [])
    if len(names) < 2 or "contrast" not in slices.labels:
        raise ValueError(
            f"these slices have one contrast ({slices.modality}); a translation takes two or more: "
            'load_slices(..., modalities=("T1", "T2"))'
        )
    if not slices.info.get("together", True):  # older files do not say
        raise ValueError(
            "contrasts of a folder are each cut by its own body mask, so they need not lie on each "
            "other; use `python -m medgan_utils translate`, which cuts pairs in the same places"
        )
    places = defaultdict(dict)
    for index, code in enumerate(slices.labels["contrast"]):
        key = slices.subjects[index], float(np.round(slices.positions[index], 3))
        if int(code) in places[key]:
            raise ValueError(
                f"{key[0]} has {names[int(code)]} more than once at {key[1]:g} (two visits?); take "
                "one visit with glob=, the other stays out: as two subjects, one person might be "
                "trained on and judged by"
            )
        places[key][int(code)] = index
    for (subject, position), found in places.items():
        if missing := [name for code, name in enumerate(names) if code not in found]:
            raise ValueError(
                f"{subject} has no {' and no '.join(missing)} at {position:g}: each contrast is "
                "needed on the same levels; leave the subject out, or find the missing file"
            )
    table = np.array([[found[code] for code in range(len(names))] for found in places.values()])
    first = slices.select(table[:, 0])
    images = np.concatenate([slices.images[column] for column in table.T], axis=-1)
    masks = None if slices.masks is None else slices.masks[table].max(axis=1)
    labels = {name: values for name, values in first.labels.items() if name != "contrast"}
    return replace(first, images=images, masks=masks, labels=labels)
