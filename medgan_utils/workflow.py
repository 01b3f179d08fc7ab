"""What the command line does, step by step: list, fetch, sample.

The same functions that the notebooks call, composed once. What a run's folder holds, and when it
is refused, stands in `run_folder`; how a run is trained in `fitting`, and judged in `judging`;
`inspect` in `inspection`.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import __version__, profiles, run_folder
from ._files import check_place, refuse_existing, written_whole
from .data.files import spelled

if TYPE_CHECKING:
    import keras

ENDINGS = {"png": (".png",), "npz": (".npz",), "nifti": (".nii.gz", ".nii"), "dicom": ("",)}
_NOT_FROM_Z = {
    "unet_generator": ("images", "see `translate --apply`"),
    "fusion_generator": ("images", "see chapter 11"),
    "map_generator": ("label maps", "see chapter 10"),
}
"""Builder -> what its generators make images from, and the way out."""


def show_sources() -> None:
    """Print what `fetch` knows: name, modality, licence, size, and whether it needs the network."""
    from .data import list_sources

    for entry in list_sources():
        print(f"{entry['name']:14} {entry['modality']}; {entry['licence']}")
        network = entry["network"].replace("folder=", "--folder")
        print(f"{'':14} {entry['size']}; network: {network}")


def fetch(
    source: str, out: Path, image_size: int, subjects: int | None, discard: bool, **reading
) -> None:
    """Write `slices.npz` of a source into a run's folder.

    Args:
        source: A name that `list_sources()` lists; `list` prints them.
        out: The run's folder.
        image_size: Pixels a side.
        subjects: How many; None for all.
        discard: Delete what the folder holds of other data.
        **reading: Options of `load_slices`; those that are None are left out.

    Raises:
        ValueError: Unknown source or option, too few subjects, a file that cannot be used, or a
            folder that holds other data.
        OSError: No files, no network, or no place to write.
    """
    from .data import load_slices
    from .data.loading import find_items

    if source == "list":
        return show_sources()
    if out.exists() and not out.is_dir():
        raise FileExistsError(f"--out {out} is a file; name a folder for the run")
    if source == "organamnist":  # before anything is downloaded
        raise ValueError(
            f"organamnist says of no image whose it is: its 3 parts stand for subjects, and a run "
            f"needs {run_folder.TO_TRAIN}; use it in Python, load_slices('organamnist')"
        )
    given = {name: value for name, value in reading.items() if value is not None}
    if source == "brain-phantom" and "modality" in given:
        given["modalities"] = (spelled(given.pop("modality")),)
    try:
        _, items, _ = find_items(source, image_size, subjects, given)
    except TypeError as error:  # an option that this source does not take
        raise ValueError(str(error).partition(";")[0] + ": leave it out") from error
    run_folder.enough_to_train({item.subject for item in items})
    check_place(out / "slices.npz" if out.is_dir() else out)  # before the slicing, which takes long
    slices = load_slices(source, image_size, subjects=subjects, **given)
    fetched = {
        name: str(value.resolve() if isinstance(value, Path) else value)
        for name, value in given.items()
    }
    slices = replace(slices, info=slices.info | {"fetched": fetched})
    path = run_folder.keep_slices(out, slices, discard)
    parts = slices.split(run_folder.SHARES)
    who = ", ".join(f"{name} {len(np.unique(p.subjects))}" for name, p in parts.items())
    print(f"{len(slices)} slices of {len(np.unique(slices.subjects))} subjects ({who})")
    how = f"cut as {slices.info['anatomy']}" if np.isfinite(slices.spacing_mm) else "as they are"
    print(f"{slices.modality}, {how}, {image_size} × {image_size} pixels")
    print(f"licence: {slices.info.get('licence', 'unknown')}\nkept in {path}")
    if short := run_folder.too_few_to_evaluate(parts):
        print(f"note: {short}")


def sample(
    run: str,
    count: int,
    seed: int,
    labels: str | None,
    out: Path | None,
    format: str | None = None,
    enlarge: int | None = None,
    spacing_mm: float | None = None,
) -> None:
    """Write samples: a grid, an array, or files for medical software that say what they are.

    Args:
        run: Folder of a run, or the name of a checkpoint of the course.
        count: How many.
        seed: Draws the same z as `gan.sample(count, seed=seed)`.
        labels: For a conditional generator, whole numbers with commas between.
        out: Where to; by default `samples` with the format's ending.
        format: "png": one grid. "npz": `images` (N, H, W, C) in [-1, 1]. "nifti": one file, an
            image a slice, and "dicom": a folder with a file an image, both marked synthetic in
            header and pixels. By default what the ending of `out` says, else "png".
        enlarge: Of NIfTI and DICOM: how often to repeat each pixel; None: as the mark needs.
        spacing_mm: Of NIfTI and DICOM: between pixels of the generator; None: as the run's slices.

    Raises:
        ValueError: Labels, format or ending do not fit, or the generator needs more than z.
        FileNotFoundError: There is no such run or checkpoint.
        FileExistsError: `out` is there already. A grid that was drawn by this package is replaced.
    """
    format, out = _format(format, out)
    _check_numbers(format, count, seed, enlarge, spacing_mm)
    if format == "png":
        from .display.pictures import refuse_other_picture

        refuse_other_picture(out)
    else:
        refuse_existing(out, folder=format == "dicom")
    if Path(run).is_dir() and not (Path(run) / "generator.weights.h5").is_file():
        raise FileNotFoundError(f"{run} holds no trained generator; run `train {run}` first")
    profiles.quiet_tensorflow()
    from .models import load_generator

    run_folder.say_unfinished(Path(run))
    generator = load_generator(run_folder.generator(run) if Path(run).is_dir() else run)
    _check_it_takes_z(generator, run)
    names = (run_folder.read_settings(Path(run)) or {}).get("condition", ())
    images = draw(generator, count, seed, _labels(generator, labels, names))
    about = f"medgan_utils {__version__}, generator {Path(run).resolve().name}, seed {seed}"
    if format in ("nifti", "dicom"):
        if spacing_mm is None and Path(run).is_dir():
            spacing_mm = run_folder.read_slices(Path(run)).spacing_mm
        _write_scan(images, format, out, enlarge, spacing_mm, about)
    else:
        _write_file(images, format, out, about)
    print(f"{count} images of {images.shape[1]} × {images.shape[2]} pixels in {out}")


def _check_numbers(
    format: str, count: int, seed: int, enlarge: int | None, spacing_mm: float | None
) -> None:
    """Refuse numbers out of range, and those that the format has no use for (ValueError)."""
    if count < 1 or seed < 0:
        raise ValueError(f"--count {count} must be at least 1, --seed {seed} must be at least 0")
    if spacing_mm is not None and not 0.01 <= spacing_mm <= 100:
        raise ValueError(f"--spacing-mm {spacing_mm} must lie between 0.01 and 100")
    if format in ("png", "npz") and (enlarge is not None or spacing_mm is not None):
        raise ValueError(f"--enlarge and --spacing-mm are for nifti and dicom, not for {format}")


def _format(format: str | None, out: Path | None) -> tuple[str, Path]:
    """Return the format and where to, each from the other where only one is given."""
    if out is None:
        return format or "png", Path("samples" + ENDINGS[format or "png"][0])
    name = out.name.lower()
    found = next((f for f, ends in ENDINGS.items() if ends[0] and name.endswith(ends)), None)
    if format is None and found is None:
        raise ValueError(f"--out {out} must end in .png, .npz or .nii.gz, or give --format dicom")
    if format is not None and found != format and (format != "dicom" or found is not None):
        ending = ENDINGS[format][0] or "nothing: it is a folder"
        raise ValueError(f"--format {format} and --out {out}: it must end in {ending}")
    return format or found, out


def _write_file(images: np.ndarray, format: str, out: Path, about: str) -> None:
    """Write one grid, or one array."""
    from .display import plots
    from .protection import synthetic

    with written_whole(out) as temporary:
        if format == "png":
            temporary.write_bytes(plots.grid_png(images, about=f"{synthetic.NOTE}. {about}"))
        else:
            with temporary.open("wb") as file:  # to a path it adds .npz, to .NPZ as well
                np.savez_compressed(file, images=images)


def _write_scan(
    images: np.ndarray,
    format: str,
    out: Path,
    enlarge: int | None,
    spacing_mm: float | None,
    about: str,
) -> None:
    """Write NIfTI or DICOM, and say what is not known of the size."""
    from .protection import synthetic

    if spacing_mm is None or not np.isfinite(spacing_mm):
        spacing_mm = 1.0
        print("note: how far pixels lie apart is not known; written as 1 mm (--spacing-mm)")
    levels = synthetic.marked(images, enlarge)
    write = synthetic.write_nifti if format == "nifti" else synthetic.write_dicom
    write(levels, out, spacing_mm * images.shape[1] / levels.shape[1], about)


def draw(
    generator: "keras.Model", count: int, seed: int, labels: np.ndarray | None = None
) -> np.ndarray:
    """Generate `count` images (N, H, W, C) from the z that `gan.sample(count, seed=seed)` draws.

    Args:
        generator: Of a run or a checkpoint.
        count: How many.
        seed: Seed of z.
        labels: (n,) for all, or (count, n); None for a generator without labels.

    Raises:
        ValueError: A label is below 0 (unknown), or above what the generator has learned.
    """
    latent_dim = generator.inputs[0].shape[-1]
    z = np.random.default_rng(seed).standard_normal((count, latent_dim), dtype=np.float32)
    if labels is None:
        return generator.predict(z, verbose=0)
    rows = np.broadcast_to(labels, (count, np.shape(labels)[-1]))
    classes = np.atleast_1d(generator.architecture.arguments["num_classes"])
    if (rows < 0).any() or (rows >= classes).any():
        most = ", ".join(map(str, classes - 1))
        raise ValueError(f"labels {np.unique(rows).tolist()} must lie between 0 and {most}")
    return generator.predict([z, np.int32(rows)], verbose=0)


def _check_it_takes_z(generator: "keras.Model", run: str) -> None:
    """Refuse a generator that needs images or maps (ValueError)."""
    if needs := _NOT_FROM_Z.get(generator.architecture.builder):
        given, way_out = needs
        raise ValueError(f"{run} makes images from {given}, not from z alone; {way_out}")


def _labels(
    generator: "keras.Model", text: str | None, names: Sequence[str] = ()
) -> np.ndarray | None:
    """Return the labels (n,) that a user asked for, checked against the generator's classes."""
    classes = generator.architecture.arguments["num_classes"]
    if classes is None:
        if text:
            raise ValueError("this generator takes no --labels")
        return None
    counts = np.atleast_1d(classes).tolist()
    values = [part.strip() for part in (text or "").split(",")]
    if len(values) != len(counts) or not all(value.isdecimal() for value in values):
        example = ",".join("0" for _ in counts)
        meant = f" ({', '.join(names)})" if names else ""
        raise ValueError(
            f"--labels needs {len(counts)} whole number{'s'[: len(counts) != 1]}{meant}, for "
            f"example {example}"
        )
    names = names if len(names) == len(counts) else ["label"] * len(counts)
    for name, value, count in zip(names, map(int, values), counts, strict=True):
        if value >= count:
            known = "0 alone" if count == 1 else f"0 and {count - 1}"
            known = known if count < 3 else f"0 to {count - 1}"
            raise ValueError(f"{name} {value}: this generator knows {known}")
    return np.array([int(value) for value in values])
