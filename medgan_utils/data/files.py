"""What a file says: its name of kind, contrast, level and label map; its mark, of no patient."""

import re
import unicodedata
from pathlib import Path

VOLUME_SUFFIXES = (".nii.gz", ".nii", ".mgz", ".mgh", ".hdr")
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg")
IMAGE_SUFFIXES = VOLUME_SUFFIXES + PICTURE_SUFFIXES
WORD = "SYNTHETIC"
"""Marks generated images in header and pixels, see `medgan_utils.protection.synthetic`."""
IS_SYNTHETIC = "says that it is synthetic: it shows no patient, and belongs apart from real images"

_CONTRASTS = {
    "T1CE": r"t1(ce|c|gd|post|km)",
    "T1": r"t1[wn]?|mprage|mpr\d*|mp2rage",
    "T2": r"t2w?",
    "FLAIR": r"(t2)?flair|t2f",
    "CT": r"(ce|nc)?ct",
    "PET": r"pet|fdg|suv",
    "DWI": r"dwi",
    "ADC": r"adc",
    "SWI": r"swi",
}
CONTRAST_WORDS = f"gadolinium|pdw?|mri?|{'|'.join(_CONTRASTS.values())}"
_LABELS = r"""\w*seg(mentations?|s|\d\w*)?|\w*masks?\d*|labels?\w*|aparc\S*|wmparc|ribbon
    |lesions?|rois?|gt|(ground)?truth|annotations?|parcellations?|contours?|dlmuse|atlas
    |[gcip]tv[a-z]?\d*"""
_LABEL = re.compile(_LABELS, re.IGNORECASE | re.VERBOSE)
_LABEL_FOLDER = re.compile(
    r"labels?(tr|ts|va)?|gt|(.+[-_ ])?(masks?|segs?|segmentations?|annotations?|labelmaps?)"
    r"([-_ ](pngs?|nii|nifti))?|ground[-_ ]?truth",
    re.IGNORECASE,
)
_SEPARATORS = r"[-_. +]+"
_EVENT = r"op|rt|tx|chemo|treat|surg|stroke|train|radio|therap|(?:19|20)\d\d(?!\d)"
_AGENT = (
    r"ce?|gd|gad[a-z]*|km|(?:post[-_ ]?)?contrast(?:[-_ ]?enhanced)?|enhanced"
    rf"|post(?![-_. +]+(?:{_EVENT}))"
)
_ENHANCED = re.compile(
    rf"(?<![^-_. +])(?:({_CONTRASTS['T1']})"
    rf"((?:{_SEPARATORS}(?!pre|non?[-_. +]|ohne|without|vor|before|nativ)[^-_. +]+)*?)"
    rf"{_SEPARATORS}(?:{_AGENT})|ce[-_. ]gad[a-z]*"
    rf"|(?:gd|km|post[-_ ]?contrast){_SEPARATORS}({_CONTRASTS['T1']}))(?![^-_. +])",
    re.IGNORECASE,
)
"""A T1 after contrast agent: `T1_post`, `T1+C`, `t1_sag_km`, BIDS' `ce-gadolinium_T1w`."""


_ONTO = re.compile(
    rf"(?<=[^-_. +])[-_. +]+(?:(?:reg(?:istered)?|in|onto|space)[-_. ]+|to_)(?:{CONTRAST_WORDS})"
    rf"(?![^-_. +])",
    re.IGNORECASE,
)
"""Onto what a scan was laid, which is not what it shows: `FLAIR_to_T1`, `T2_space-T1w`."""


_DARK_FLUID = re.compile(
    r"(?<![^-_. +])(?:da[-_ ]?fl|dark[-_ ]?fl(?:uid)?)(?![^-_. +])", re.IGNORECASE
)
"""How Siemens calls FLAIR: `t2_tirm_tra_dark-fluid`."""

_TESLA = re.compile(r"(?<![^-_. +])(0|1|3|7)[.,]?([05])? ?T(?![^-_. +])", re.IGNORECASE)
"""A field strength, whose point is no separator: `1.5T` is the word `15T`, `3.0 T` is `30T`."""


def stem(path: str | Path) -> str:
    """Return the file name without its suffix, `.nii.gz` counted as one, in one form of Unicode."""
    name = unicodedata.normalize("NFC", Path(path).name)
    for suffix in (*IMAGE_SUFFIXES, ".npz", ".dcm"):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def is_picture(path: str | Path) -> bool:
    """Tell a PNG or JPEG by its suffix, in any case."""
    return str(path).lower().endswith(PICTURE_SUFFIXES)


def is_label_folder(name: str) -> bool:
    """Tell a folder of label maps by its name."""
    return bool(_LABEL_FOLDER.fullmatch(name))


def is_label_map(path: str | Path) -> bool:
    """Tell a label map by its name or by the folders it lies in (`labelsTr`, `…_seg`, `…_dseg`).

    Args:
        path: Relative to the folder that is searched: what lies above says nothing.
    """
    path = Path(path)
    if any(map(is_label_folder, path.parts[:-1])):
        return True
    return any(_LABEL.fullmatch(word) for word in re.split(_SEPARATORS, stem(path)))


def without_label_words(name: str) -> str:
    """Return a stem without the words that mark a label map: `P1_seg` gives `P1`."""
    return drop_words(name, re.compile(f"image|img|volume|{_LABELS}", re.I | re.X))


def without_agent(name: str) -> str:
    """Return a name without the words for contrast agent after T1: `P1_T1_km` gives `P1_T1`."""
    return _ENHANCED.sub(lambda found: "".join(part or "" for part in found.groups()), name)


def drop_words(name: str, words: re.Pattern) -> str:
    """Return a name without the words that match, and without the separators left over."""
    parts = re.split(f"({_SEPARATORS})", _TESLA.sub(r"\1\2T", name))
    kept = ["" if words.fullmatch(part) else part for part in parts]
    name = re.sub(f"({_SEPARATORS[:-1]}){{2,}}", lambda found: found[0][0], "".join(kept))
    return name.strip("-_. +")


def spelled(modality: str | None) -> str | None:
    """Return a modality as the course spells it: `ct` is CT; what it does not know stays."""
    known = {name.casefold(): name for name in (*_CONTRASTS, "PD", "MR")}
    return None if modality is None else known.get(modality.casefold(), modality)


def modality_of(path: str | Path) -> str:
    """Read the modality from a file name (`sub-01_T1w.nii.gz`) or, failing that, from its folders.

    Args:
        path: Relative to the folder that is searched, or a name.

    Returns:
        For example "T1", "FLAIR" or "CT"; "MR" if the path does not say.
    """
    path = Path(path)
    for part in (stem(path), *reversed(path.parts[:-1])):
        words = re.split(_SEPARATORS, _DARK_FLUID.sub("flair", _ONTO.sub("", part)))
        if re.fullmatch("pdw?", words[-1], re.IGNORECASE):  # elsewhere it may be a disease
            return "PD"
        for word in reversed(words):
            for name, pattern in _CONTRASTS.items():
                if re.fullmatch(pattern, word, re.IGNORECASE):
                    flair = name == "T2" and "flair" in map(str.casefold, words)
                    agent = name == "T1" and _ENHANCED.search(part)
                    return "FLAIR" if flair else "T1CE" if agent else name
    return "MR"


def slice_number(path: str | Path) -> int | None:
    """Return the slice number in a name such as `case10007_slice133.png`, or None."""
    match = re.search(r"slice[-_ ]?(\d+)", stem(path), re.IGNORECASE)
    return int(match.group(1)) if match else None
