"""Which mask belongs to which image."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from ..files import (
    CONTRAST_WORDS,
    drop_words,
    is_label_folder,
    is_picture,
    stem,
    without_agent,
    without_label_words,
)
from ..names import day_words, visit_words
from .walk import walk


def mask_files(folder: Path, masks: str | Path) -> list[Path]:
    """List the files that may be masks.

    Args:
        folder: Of the images.
        masks: A folder of masks, or a pattern of files in the images' folder (`"*_seg.nii.gz"`).

    Raises:
        FileNotFoundError: The folder is missing, or nothing matches the pattern.
    """
    if Path(masks).is_dir():
        found = walk(Path(masks))
        if Path(masks).resolve() in (folder.resolve(), *folder.resolve().parents):
            return found.label_maps  # images lie there too
    elif any(character in str(masks) for character in "*?["):
        found = walk(folder, str(masks) if "/" in str(masks) else f"**/{masks}")
        if not found.images + found.label_maps:
            raise FileNotFoundError(f"{folder} holds no files that match masks={str(masks)!r}")
    else:
        raise FileNotFoundError(
            f"{masks} is no folder; check folder= and masks=, or give a pattern for masks beside "
            f"the images: masks={'*' + Path(masks).name!r}"
        )
    return [path for path in found.images + found.label_maps if path.is_file()]


def match_masks(images: Sequence[Path], masks: Sequence[Path]) -> list[Path]:
    """Find the mask of every image: the same name, perhaps with something added or left out.

    `P1_T1.nii.gz` takes `P1_T1.nii.gz`, else `P1_T1_….nii.gz`, else `P1_T1_image`'s `P1_T1_mask`,
    else `P1_seg.nii.gz`, else the one mask in its folder. Of several, that in the folder of the
    same name.

    Raises:
        FileNotFoundError: None fits an image, several do, or only one that is named for another.
    """
    by_name = [_by_name(masks, names) for _, names in _WAYS]
    by_folder = defaultdict(list)
    for mask in masks:
        by_folder[_person_folder(mask)].append(mask)
    found = [_mask_of(image, by_name, by_folder) for image in images]
    named, taken = set(map(_barest, images)), Counter(found)
    folders, others = ({_owner(path) for path in paths} for paths in (images, masks))
    days = defaultdict(set)
    for image, mask in zip(images, found, strict=True):
        days[mask].update(day_words(stem(image)))
    for image, mask in zip(images, found, strict=True):
        doubled = taken[mask] > 1 and _barest(mask) in named - {_barest(image)}
        own, theirs = _owner(image), _owner(mask)
        elsewhere = own != theirs and (theirs in folders or own in others)
        two_days = len(days[mask]) > 1 and taken[mask] > 1
        if doubled or elsewhere or two_days or _of_another(mask, image):
            raise FileNotFoundError(
                f"no mask fits {image}: {mask.name} is another image's (of another visit?); add "
                f"one of its own, or choose images with glob="
            )
    return found


def _mask_of(image: Path, by_name: list[dict], by_folder: dict[tuple, list[Path]]) -> Path:
    kind, found = is_picture(image), []
    for (name_of, _), table in zip(_WAYS, by_name, strict=True):
        name = name_of(image)
        found = [m for m in table.get(name, ()) if is_picture(m) == kind] if name else []
        if found:
            break
    else:
        found = [m for m in by_folder.get(_person_folder(image), ()) if is_picture(m) == kind]
    nearness = [_common_folders(image, mask) for mask in found]
    found = [m for m, near in zip(found, nearness, strict=True) if near == max(nearness)]
    if len(found) == 1:
        return found[0]
    examples = f" ({found[0].name}, {found[1].name}, …)" if found else ""
    raise FileNotFoundError(
        f"{len(found)} masks fit {image}{examples}; exactly one file named {stem(image)}.nii.gz or "
        f"{stem(image)}_….nii.gz (or .png) is needed for each image: check masks= and glob="
    )


def _exact(path: Path) -> str:
    return stem(path).casefold()


def _beginnings(path: Path) -> set[str]:
    name = stem(path).casefold()
    return {name[: found.start()] for found in re.finditer(r"[-_. ]", name)}


def _bare(path: Path) -> str:
    return without_label_words(stem(path)).casefold()


def _barest(path: Path) -> str:
    words = re.compile(CONTRAST_WORDS, re.IGNORECASE)
    return drop_words(re.sub(r"_000\d$", "", without_agent(_bare(path))), words)


def _of_another(mask: Path, image: Path) -> bool:
    """Whether two names differ in their numbers alone: `P2_seg` is not of `P1_T1`."""
    one, other = _barest(mask), _barest(image)
    visits = [visit_words(name) for name in (one, other)]
    if all(visits) and visits[0] != visits[1]:
        return True
    return one != other and re.sub(r"\d+", "0", one) == re.sub(r"\d+", "0", other)


_WAYS: list[tuple[Callable[[Path], str], Callable[[Path], set[str]]]] = [
    (_exact, lambda mask: {_exact(mask)}),
    (_exact, _beginnings),
    (_bare, lambda mask: {_bare(mask)}),
    (_barest, lambda mask: {_barest(mask)}),
]
"""How an image is named, and which names a mask answers to; the first way that fits decides."""


def _by_name(masks: Sequence[Path], names: Callable[[Path], set[str]]) -> dict[str, list[Path]]:
    table = defaultdict(list)
    for mask in masks:
        for name in names(mask):
            table[name].append(mask)
    return table


_IMAGE_FOLDER = re.compile(r"im(g|age)s?(tr|ts|va)?", re.IGNORECASE)


def _person_folder(path: Path) -> tuple[str, ...]:
    """Return the folders above a file, without those that say that label maps are in them."""
    return tuple(part for part in path.parts[:-1] if not is_label_folder(part))


def _without_images(path: Path) -> tuple[str, ...]:
    """Return the folders of `_person_folder` without those that say that images are in them."""
    return tuple(part for part in _person_folder(path) if not _IMAGE_FOLDER.fullmatch(part))


def _owner(path: Path) -> tuple[str, ...]:
    return _without_images(path)[-1:]


def _common_folders(image: Path, mask: Path) -> int:
    """Count how many folders above both have the same names, from the files upwards."""
    pairs = zip(reversed(_without_images(image)), reversed(_without_images(mask)), strict=False)
    return next((n for n, (one, other) in enumerate(pairs) if one != other), 99)
