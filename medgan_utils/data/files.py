"""What a file name says: the subject, the level, and which mask belongs to which image."""

import re
from pathlib import Path

VOLUME_SUFFIXES = (".nii", ".nii.gz")
IMAGE_SUFFIXES = (".png",)

_SUBJECT = re.compile(
    r"""^(?P<subject>
        sub-[A-Za-z0-9]+              # BIDS: sub-01_ses-1_T1w.nii.gz
      | IXI\d+                        # IXI012-HH-1211_T1.nii.gz
      | [A-Za-z]+[-_]?\d+(?=_slice)   # case10007_slice133.png
    )""",
    re.VERBOSE,
)


def stem(path: str | Path) -> str:
    """Return the file name without its suffix, `.nii.gz` counted as one."""
    name = Path(path).name
    for suffix in (".nii.gz", ".nii", ".png", ".npz", ".dcm"):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def subject_of(path: str | Path, pattern: str | None = None) -> str:
    """Read the subject from a file name, so that splits go by subject and not by file.

    Args:
        path: For example `IXI012-HH-1211_T1.nii.gz` (gives IXI012), `case10007_slice133.png`
            (case10007), `sub-01_ses-2_T1w.nii.gz` (sub-01). Any other name is the subject itself.
        pattern: A regular expression for other names; its first group (or the whole match) is
            the subject.

    Raises:
        ValueError: The pattern does not match the name.
    """
    name = stem(path)
    if pattern is None:
        match = _SUBJECT.match(name)
        return match["subject"] if match else name
    match = re.search(pattern, name)
    if match is None:
        raise ValueError(
            f"{Path(path).name} does not match subject_pattern={pattern!r}; write a pattern whose "
            f"first group is the subject, for example r'^([A-Za-z]+\\d+)'"
        )
    return match.group(1) if match.re.groups else match.group(0)


def modality_of(path: str | Path) -> str:
    """Read the modality from the end of a file name (`sub-01_T1w.nii.gz`), or return "MR"."""
    match = re.search(r"[-_](T1|T2|PD|FLAIR|CT|PET)w?$", stem(path), re.IGNORECASE)
    return match.group(1).upper() if match else "MR"


def slice_number(path: str | Path) -> int | None:
    """Return the slice number in a name such as `case10007_slice133.png`, or None."""
    match = re.search(r"slice[-_]?(\d+)", stem(path), re.IGNORECASE)
    return int(match.group(1)) if match else None


def find_mask(image: Path, folder: Path) -> Path:
    """Find the mask of an image in another folder: the same name, perhaps with something added.

    Raises:
        FileNotFoundError: No mask, or several, begin with the image's name.
    """
    name = stem(image)
    found = [path for path in sorted(folder.iterdir()) if stem(path) == name]
    found = found or sorted(folder.glob(f"{name}[_-]*"))
    if len(found) != 1:
        raise FileNotFoundError(
            f"{folder} holds {len(found)} masks for {image.name}; exactly one file named "
            f"{name}.nii.gz or {name}_….nii.gz (or .png) is needed for each image"
        )
    return found[0]
