"""What `translate` does: learn one contrast from another, and write it for scans that lack it."""

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import __version__, profiles, run_folder
from ._files import write_nifti_whole
from .data import AxialCut, Slices, read_volume
from .data.axial import axial_slices, body_mask, check_grid, every_plane
from .data.files import modality_of, spelled
from .data.loading import check_cut, warn_of_copies
from .data.slices import join
from .data.sources.folder import survey
from .data.sources.item import Item, Picture
from .protection.synthetic import mark_nifti
from .table import Table

if TYPE_CHECKING:
    from .training import Pix2Pix

CUT = ("window", "levels", "fov_mm")  # of `AxialCut`, refused where they would change nothing
LEAST = 3  # subjects: at least one is kept to judge by
SHARES = {"train": 0.8, "test": 0.2}
NOTE = "SYNTHETIC: translated by a network, never measured"


@dataclass(frozen=True)
class Pair:
    """One person in two contrasts.

    Attributes:
        subject: Who.
        given: The contrast that is translated.
        wanted: The contrast that it is translated to.
    """

    subject: str
    given: Item
    wanted: Item


def translate(
    folder: Path,
    given: str,
    wanted: str,
    out: Path,
    apply: list[Path],
    into: Path,
    steps: int,
    every: int,
    restart: bool,
    **settings,
) -> None:
    """Train on the pairs of a folder, say how good it is, and translate files.

    Args:
        folder: With both contrasts of each subject, named so that subject and contrast are known.
        given: The contrast that is translated, as `inspect` names it, for example "T1".
        wanted: The contrast that it is translated to.
        out: Folder of the run: what was trained before is used again.
        apply: NIfTI files of the given contrast to be translated.
        into: Folder for what comes out.
        steps: Of training, in all.
        every: Steps between two saves.
        restart: Delete what an earlier training left.
        **settings: image_size, batch_size, l1, seed, anatomy, window, levels, fov_mm, glob,
            index, fill_nan, subject_pattern.

    Raises:
        ValueError: Pairs are incomplete or do not fit, or a value is out of range.
        FileNotFoundError: There is nothing to read.
    """
    positive = min(steps, every, settings["batch_size"]) >= 1
    if not (positive and settings["l1"] >= 0 and settings["seed"] >= 0):  # NaN is neither
        raise ValueError("--steps, --every and --batch-size must be positive, --l1 and --seed 0+")
    given, wanted = spelled(given), spelled(wanted)
    files = _checked_files(apply, given, into)  # before hours of training
    axial = _axial(settings)
    options = {name: settings[name] for name in ("glob", "subject_pattern")}
    pairs = find_pairs(folder, given, wanted, **options)
    cut = [name for name in CUT if settings[name] is not None]
    check_cut([item for one in pairs for item in (one.given, one.wanted)], cut)
    reading = {name: settings[name] for name in ("index", "fill_nan")}
    pairs = [
        Pair(one.subject, replace(one.given, **reading), replace(one.wanted, **reading))
        for one in pairs
    ]
    print(f"{len(pairs)} subjects with {given} and {wanted}")
    slices = pair_slices(pairs, axial)
    parts = slices.split(SHARES, settings["seed"])
    model = train(parts["train"], out, steps, every, restart, settings, (given, wanted))
    print(judged(model, parts["test"], parts["train"]))
    _keep(model, out, given, wanted)
    for path in files:
        print(f"{path} -> {apply_to(model, path, into, given, wanted, axial, reading)}")


def _axial(settings: dict) -> AxialCut:
    """Return how slices are cut: what was not given is as usual."""
    names = ("image_size", "anatomy", *CUT)
    chosen = {name: settings[name] for name in names if settings[name] is not None}
    pairs = {name: tuple(chosen[name]) for name in ("window", "levels") if name in chosen}
    return AxialCut(**chosen | pairs)


def find_pairs(folder: Path, given: str, wanted: str, **options) -> list[Pair]:
    """Return the subjects of a folder with one file of each of two contrasts.

    Raises:
        ValueError: A contrast is not there, a file of a pair is missing or there are two of it, or
            there are too few subjects.
        FileNotFoundError: There is nothing to read.
    """
    if given == wanted:
        raise ValueError(f"--from {given} and --to {wanted} are one contrast; name two")
    by_subject: dict[str, dict[str, list[Item]]] = {}
    for item in _volumes_of(folder, (given, wanted), **options):
        by_subject.setdefault(item.subject, {}).setdefault(item.modality, []).append(item)
    pairs = []
    for subject, contrasts in sorted(by_subject.items()):
        for name, other in ((given, wanted), (wanted, given)):
            if name not in contrasts:
                raise ValueError(
                    f"{subject} has no {name} beside {contrasts[other][0].path}: each subject "
                    f"needs both; add the file, or take the other out of the folder"
                )
            if len(contrasts[name]) > 1:
                first, second = (str(item.path) for item in contrasts[name][:2])
                raise ValueError(
                    f"{subject} has {len(contrasts[name])} files of {name} ({first}, {second}); "
                    f"choose one visit with --glob, the other stays out: named as two subjects, "
                    f"one person might be trained on and judged by"
                )
        pairs.append(Pair(subject, contrasts[given][0], contrasts[wanted][0]))
    if len(pairs) < LEAST:
        raise ValueError(
            f"{len(pairs)} subjects have both {given} and {wanted}; {LEAST} are the least: one is "
            f"kept to judge by"
        )
    return pairs


def _volumes_of(folder: Path, contrasts: tuple[str, str], **options) -> list[Item]:
    """Return the readable volumes of two contrasts in a folder; tell what was guessed of it."""
    surveyed = survey(folder, **options)
    for note in surveyed.notes(masks=False):
        warnings.warn(note, stacklevel=3)
    if isinstance(surveyed.items[0], Picture):
        raise ValueError(
            f"{folder} holds pictures (PNG, JPEG); `translate` reads volumes: NIfTI files or "
            f"folders of DICOM files"
        )
    found = sorted({item.modality for item in surveyed.items})
    for name in contrasts:
        if name not in found:
            there = ", ".join(found)
            alone = " A translation needs two contrasts of each subject." * (len(found) == 1)
            raise ValueError(
                f"{folder} holds no {name}; its files name: {there}.{alone} The contrast must "
                f"stand in the file's name (sub-01_T1w.nii.gz); see `inspect {folder}`"
            )
    items = [item for item in surveyed.items if item.modality in contrasts]
    if fault := next((surveyed.faults[i.path] for i in items if i.path in surveyed.faults), None):
        raise ValueError(fault)
    return items


def pair_slices(pairs: list[Pair], axial: AxialCut) -> Slices:
    """Cut both contrasts of each subject in the same places: two channels an image.

    Raises:
        ValueError: The two volumes of a subject are not on one grid, or cannot be cut.
    """
    parts = []
    for pair in pairs:
        first, second = pair.given.read()[0], pair.wanted.read()[0]
        check_grid(first, second, of="contrast")
        body = body_mask(first)
        images, positions, _ = axial_slices(first, axial, body=body)
        others, _, _ = axial_slices(second, axial, body=body)
        both = np.concatenate([images, others], axis=-1)
        names = np.full(len(both), pair.subject)
        spacing = axial.fov_mm / axial.image_size
        parts.append(Slices(both, names, positions, modality="pair", spacing_mm=spacing))
    slices = join(parts)
    for channel in np.moveaxis(slices.images, -1, 0):
        warn_of_copies(channel, slices.subjects)
    return slices


def train(
    slices: Slices,
    out: Path,
    steps: int,
    every: int,
    restart: bool,
    settings: dict,
    contrasts: tuple[str, str],
) -> "Pix2Pix":
    """Train a U-Net with a critic of patches, from the last save where there is one."""
    profiles.quiet_tensorflow()
    import keras

    from .models import patch_discriminator, unet_generator
    from .training import L1, Pix2Pix, ResumableCheckpoint

    chosen = {name: settings[name] for name in ("image_size", "batch_size", "l1", "seed")}
    chosen |= {"data": run_folder.fingerprint(slices), "contrasts": list(contrasts)}
    if restart:
        run_folder.check_is_a_run(out, "--restart")
    else:
        run_folder.check_settings(out, {"workers": 1} | chosen)
    keras.utils.set_random_seed(settings["seed"])
    size = settings["image_size"]
    model = Pix2Pix(unet_generator(size), patch_discriminator(size), seed=settings["seed"])
    model.compile(terms=[L1(settings["l1"])])
    if restart:  # only now: what is refused deletes nothing
        run_folder.forget(out)
    run_folder.write_settings(out, {"workers": 1} | chosen)
    keeper = ResumableCheckpoint(out / "state", every)
    start = keeper.restore(model)
    print(f"{'going on from' if start else 'starting at'} step {start} of {steps}", flush=True)
    if start < steps:
        batches = slices.to_dataset(settings["batch_size"], settings["seed"], start)
        pairs = batches.map(lambda both: (both[..., :1], both[..., 1:]))
        model.fit(pairs, steps_per_epoch=steps - start, verbose=1, callbacks=[keeper])
    return model


def judged(model: "Pix2Pix", test: Slices, training: Slices) -> Table:
    """Return how near the translations of subjects kept aside come, beside what costs nothing.

    Inside the body, for air is easy, with 95 % intervals over subjects. What does not beat the
    curve has learned nothing of a pixel's neighbours.
    """
    from . import evaluation

    (x, y), (given, wanted) = (np.split(part.images, 2, axis=-1) for part in (training, test))
    learned, inside = evaluation.bodies(training.images), evaluation.bodies(test.images)
    answers = {
        "translated": model.translate(given),
        "a curve through the grey values": evaluation.curve_of_grey_values(
            x, y, given, body=learned
        ),
        "a line through the grey values": evaluation.line_of_grey_values(x, y, given, learned),
        "the input itself": given,
    }
    rows = []
    for name, images in answers.items():
        row = {"image": name}
        for column, measure in (("PSNR (dB)", evaluation.psnr), ("SSIM", evaluation.ssim)):
            scores = measure(images, wanted, inside)
            row[column] = evaluation.bootstrap_mean(scores, test.subjects)
        rows.append(row)
    people = len(np.unique(test.subjects))
    caption = f"Inside the body: {len(test)} slices of {people} subjects not trained on"
    return Table(rows, caption=caption)


def _keep(model: "Pix2Pix", out: Path, given: str, wanted: str) -> None:
    from .models import save_generator

    done = f"Trained for {int(model.step.numpy())} steps. Not for clinical use."
    save_generator(
        model.ema_generator, run_folder.generator(out), f"# {given} to {wanted}\n\n{done}"
    )


def _checked_files(apply: list[Path], given: str, into: Path) -> list[Path]:
    """Refuse files that cannot be translated, or whose translations would have one name."""
    files = [check_file(path, given) for path in apply]
    names = [path.name.lower() for path in files]
    if twice := next((path for path in files if names.count(path.name.lower()) > 1), None):
        raise ValueError(
            f"--apply names several files called {twice.name}, which would overwrite each other in "
            f"{into}; give each folder's an --into of its own"
        )
    return files


def check_file(path: Path, given: str) -> Path:
    """Refuse what cannot be written back as NIfTI with its own affine, or shows no `given`."""
    if not path.is_file():
        raise FileNotFoundError(f"--apply {path} is no file; name NIfTI files (.nii, .nii.gz)")
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        raise ValueError(f"--apply {path} must end in .nii or .nii.gz")
    if (named := modality_of(path.name)) not in ("MR", given):
        raise ValueError(f"--apply {path} is {named} by its name; --from {given} needs such a file")
    return path


def apply_to(
    model: "Pix2Pix",
    path: Path,
    into: Path,
    given: str,
    wanted: str,
    axial: AxialCut,
    reading: dict | None = None,
) -> Path:
    """Translate one file; what comes out has its grid and affine, and says what it is.

    CT comes out in HU (within the window), other contrasts from 0 (black) to 1000 (white): MR has
    no unit. Planes without body, and what lies outside of the square, are black.
    """
    import nibabel

    volume = read_volume(path, given, **(reading or {}))
    cut = every_plane(volume, axial)
    voxels = cut.onto_grid(model.translate(cut.images))
    low, high = axial.window if wanted == "CT" else (0.0, 1000.0)
    voxels = low + (voxels + 1) / 2 * (high - low)
    original = nibabel.load(path)
    image = _as_stored(nibabel.Nifti1Image(voxels.astype(np.float32), volume.affine), original)
    mark_nifti(image, NOTE, f"{wanted} from {given}, medgan_utils {__version__}")
    name = path.name.lower()
    suffix = ".nii.gz" if name.endswith(".gz") else ".nii"
    target = into / f"{path.name[: -len(suffix)]}_to-{wanted}{suffix}"
    write_nifti_whole(image, target)
    return target


def _as_stored(image, original):
    """Return a canonical image with the axes and the very affine of the file it was made from."""
    from nibabel import orientations

    stored = orientations.io_orientation(original.affine)
    turn = orientations.ornt_transform(orientations.io_orientation(image.affine), stored)
    turned = image.as_reoriented(turn)
    return type(image)(np.asarray(turned.dataobj), original.affine)
