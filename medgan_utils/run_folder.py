"""A run's folder: its slices, its settings, and whether they still belong to each other.

`slices.npz` (from `fetch`); `settings.json`, `state/`, `grids/`, `scores.jsonl` and `generator.*`
(from `train`); `model-card.md`, `report.html` and `evaluation.json` (from `evaluate`). What was
made of other slices or with other settings is refused, never mixed.
"""

import hashlib
import json
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from ._files import written_whole
from .data import Slices

SHARES = {"train": 0.6, "reference": 0.2, "test": 0.2}
TO_TRAIN, TO_EVALUATE = 4, 9
"""Subjects: so that no part is empty, and so that reference and test have two each."""
SLICES_TO_EVALUATE = 7
"""In reference and test each: precision and recall look at five neighbours."""

_MADE_BY_TRAIN = ("state", "grids", "scores.jsonl", "settings.json", "generator.weights.h5")
_MADE_BY_TRAIN += ("generator.json", "generator.md")
_MADE_BY_EVALUATE = ("model-card.md", "report.html", "evaluation.json")


def fingerprint(slices: Slices) -> str:
    """Return 16 hexadecimal digits that change with any pixel, mask, label or subject."""
    digest = hashlib.sha256(f"{slices.modality} {slices.spacing_mm}".encode())
    parts = {"images": slices.images, "positions": slices.positions, "masks": slices.masks}
    parts["subjects"] = slices.subjects.astype(str)
    for name, values in sorted(slices.labels.items()):
        parts[name if name not in parts else f"label {name}"] = values
    for name, values in parts.items():
        if values is not None:
            digest.update(f"{name} {values.dtype} {values.shape}".encode())
            digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()[:16]


def enough_to_train(subjects: Collection[str]) -> None:
    """Refuse so few subjects that one of the parts would be empty.

    Raises:
        ValueError: The message counts and names them.
    """
    if len(subjects) < TO_TRAIN:
        names = ", ".join(sorted(subjects))
        raise ValueError(
            f"{len(subjects)} subject{'s'[: len(subjects) != 1]} found ({names}): training, "
            f"reference and test part by subject and need {TO_TRAIN} at least, `evaluate` about "
            f"{TO_EVALUATE}; add more, or show with --subject-pattern how files name them "
            f"(`inspect` tells what was found)"
        )


def too_few_to_evaluate(parts: Mapping[str, Slices]) -> str:
    """Say what `evaluate` lacks; nothing where it can be run."""
    judged = [parts["reference"], parts["test"]]
    subjects = [len(np.unique(part.subjects)) for part in judged]
    if min(subjects) >= 2 and min(map(len, judged)) >= SLICES_TO_EVALUATE:
        return ""
    return (
        f"these slices can be trained on, but `evaluate` needs 2 subjects and {SLICES_TO_EVALUATE} "
        f"slices or more in reference and test each; there are {subjects[0]} and {subjects[1]} "
        f"subjects, {len(judged[0])} and {len(judged[1])} slices: about {TO_EVALUATE} subjects in "
        f"all are enough, if each has several slices"
    )


def keep_slices(run: Path, slices: Slices, replace: bool) -> Path:
    """Write `slices.npz`; slices of another folder are replaced only if that was asked for.

    Slices of the same folder that were cut otherwise give way, as long as nothing was trained.

    Args:
        run: The run's folder, made if it is missing.
        slices: With `info["fetched"]`, the source and the options they came from.
        replace: Delete what the folder holds of other data, and what was trained from it.

    Raises:
        ValueError: The run holds slices of another folder, or a training from other slices.
    """
    path = run / "slices.npz"
    if replace:
        check_is_a_run(run, "--replace")
    elif path.is_file() and place(old := Slices.load(path)) != place(slices):
        raise ValueError(
            f"{run} holds slices of {origin(old)}; these are of {origin(slices)}: give another "
            f"--out, or --replace to delete the old ones and what was trained from them"
        )
    elif (settings := read_settings(run)) and settings.get("data") != fingerprint(slices):
        raise ValueError(
            f"{run} holds a training from other slices than these of {origin(slices)}: give "
            f"another --out, or --replace to delete it"
        )
    slices.save(path)  # before anything is deleted: there may be no room for it
    if replace:
        forget(run)
    return path


def check_is_a_run(run: Path, option: str) -> None:
    """Refuse to clear a folder that none of our commands made: its files are somebody else's.

    Args:
        run: What would be cleared.
        option: That asks for it, for the message.

    Raises:
        ValueError: It holds files named as ours are, and nothing shows that we made them.
    """
    saved = (run / "slices.npz").is_file() or any((run / "state").glob("step-*"))
    ours = saved or "data" in (read_settings(run) or {})
    theirs = [name for name in _MADE_BY_TRAIN + _MADE_BY_EVALUATE if (run / name).exists()]
    if theirs and not ours:
        raise ValueError(
            f"{run} is no run of this course, and {option} would delete its {theirs[0]}; give "
            f"another --out"
        )


def with_known_labels(slices: Slices, names: Collection[str]) -> Slices:
    """Leave out slices of which one of these labels is not known (below 0), and say how many."""
    known = np.ones(len(slices), bool)
    for name in names:
        known &= slices.labels.get(name, known) >= 0
    if known.all():
        return slices
    print(f"left out: {(~known).sum()} of {len(known)} slices, whose {', '.join(names)} is unknown")
    return slices.select(known)


def say_unseen_classes(train: Slices, names: Collection[str], classes: Collection[int]) -> None:
    """Say which classes, numbered from 0 to the highest, no training slice has."""
    for name, count in zip(names, classes, strict=True):
        if missing := sorted(set(range(count)) - set(train.labels[name].tolist())):
            which = ", ".join(map(str, missing))
            print(f"note: no slice to train on has {name} {which}: what is drawn for it is noise")


def place(slices: Slices) -> str:
    """Return the folder that slices were fetched from, else the name of their source."""
    source = str(slices.info.get("source", "an unknown source"))
    return slices.info.get("fetched", {}).get("folder", source)


def origin(slices: Slices) -> str:
    """Say in one line where slices come from, for example "my/heads (12 subjects: a, b, c, …)"."""
    subjects = np.unique(slices.subjects)
    names = ", ".join(subjects[:3]) + (", …" if len(subjects) > 3 else "")
    return f"{place(slices)} ({len(subjects)} subjects: {names})"


def generator(run: str | Path) -> Path:
    """Return where a run's generator lies, absolute: a bare name is a checkpoint of the course."""
    return Path(run).resolve() / "generator"


def read_slices(run: Path) -> Slices:
    """Load a run's slices.

    Raises:
        FileNotFoundError: There are none.
    """
    path = run / "slices.npz"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; make it with `fetch SOURCE --out {run}`")
    return Slices.load(path)


def read_settings(run: Path) -> dict | None:
    """Return what the run was trained with, or None.

    Raises:
        ValueError: The file is damaged.
    """
    path = run / "settings.json"
    if not path.is_file():
        return None
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}); train again with --restart") from error


def write_settings(run: Path, settings: dict, steps: int | None = None) -> None:
    """Keep the settings beside what they made.

    Args:
        run: The run's folder.
        settings: Of the training.
        steps: After which the generator in the folder was written; None: as was said before.
    """
    steps = generator_step(run) if steps is None else steps
    settings = settings if steps is None else settings | {"steps": steps}
    with written_whole(run / "settings.json") as temporary:
        temporary.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def generator_step(run: Path) -> int | None:
    """Return the step of the generator in a run's folder; None where there is none, or no word."""
    there = (run / "generator.weights.h5").is_file()
    return (read_settings(run) or {}).get("steps") if there else None


def last_saved(run: Path) -> int:
    """Return the last step that `state/` holds, 0 where it holds none."""
    names = (path.name.removeprefix("step-") for path in (run / "state").glob("step-*"))
    return max((int(name) for name in names if name.isdigit()), default=0)


def say_unfinished(run: Path) -> None:
    """Say so where a training went on and was stopped before it wrote a later generator."""
    done, last = generator_step(run), last_saved(run)
    if done is not None and last > done:
        print(
            f"note: the generator in {run} is of step {done}; the training went on to step {last} "
            f"and was stopped: `train {run} --steps {last}`, with its other options, makes the "
            f"generator of that step"
        )


def check_settings(run: Path, settings: dict) -> None:
    """Refuse to go on with a training that began with other slices or settings.

    Raises:
        ValueError: Something differs; the message names it.
    """
    before = read_settings(run)
    if before is None:
        return
    if before.get("data") != settings["data"]:
        raise ValueError(
            f"{run / 'slices.npz'} is not what the training in {run} began with; put it back, or "
            f"train anew from it with --restart"
        )
    before = {"workers": 1} | before  # as it was before there were several
    changed = [name for name in settings if before.get(name) != settings[name]]
    if changed:
        named = ", ".join(f"{name} {before.get(name)} → {settings[name]}" for name in changed)
        raise ValueError(
            f"{run} holds a training with other settings ({named}); use those, another run's "
            "folder, or --restart"
        )


def forget(run: Path, names: tuple[str, ...] = _MADE_BY_TRAIN + _MADE_BY_EVALUATE) -> None:
    """Delete what `train` and `evaluate` made; nothing else that lies there is touched."""
    for path in (run / name for name in names):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def forget_report(run: Path) -> None:
    """Delete card and report: they speak of an earlier state of the generator."""
    forget(run, _MADE_BY_EVALUATE)
