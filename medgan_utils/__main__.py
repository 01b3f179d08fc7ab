"""The course's workflow as one command: `python -m medgan_utils inspect|fetch|train|…`."""

import argparse
import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from . import fitting, inspection, judging, translating, workflow
from .protection.command import decrypt, deidentify, encrypt

EXAMPLES = """
a folder of your own, from files to a report:
  python -m medgan_utils inspect my/heads
  python -m medgan_utils fetch folder --folder my/heads --out runs/mine
  python -m medgan_utils train runs/mine --steps 6000
  python -m medgan_utils sample runs/mine --count 64 --out samples.png
  python -m medgan_utils evaluate runs/mine

Each step reads what the one before left in the run's folder. `train` goes on where it was
stopped. Every command explains its options: python -m medgan_utils train --help
"""
SIZES = (32, 64, 128, 256)
MOST_NOTES = 3
PACKAGE = Path(__file__).resolve().parent


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Names the defaults, but for options that are left out by default."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        unset = action.default is None or isinstance(action.default, bool | list)
        return action.help if unset else super()._get_help_string(action)


def parser() -> argparse.ArgumentParser:
    """Return the command line; its help is meant to be read."""
    top = argparse.ArgumentParser(
        prog="python -m medgan_utils",
        description="Train a GAN on medical slices and judge it. Not for clinical use.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _command(commands, "list", workflow.show_sources, "List the sources that `fetch` knows.")
    _add_inspect(commands)
    _add_fetch(commands)
    _add_train(commands)
    _add_sample(commands)
    _add_evaluate(commands)
    _add_translate(commands)
    _add_protection(commands)
    return top


def _command(commands, name: str, function, help: str) -> argparse.ArgumentParser:
    one = commands.add_parser(
        name, help=help, description=help, formatter_class=_Help, allow_abbrev=False
    )
    one.set_defaults(function=function)
    return one


def _add_inspect(commands) -> None:
    help = "Say what would be read from a folder, and draw a contact sheet, before anything is."
    one = _command(commands, "inspect", inspection.inspect, help)
    one.add_argument("folder", type=Path, help="where your files lie")
    one.add_argument("--out", type=Path, default=Path("contact-sheet.png"), help="contact sheet")
    _add_reading(one)


def _add_fetch(commands) -> None:
    help = "Read a source, cut axial slices, keep them for a run."
    one = _command(commands, "fetch", workflow.fetch, help)
    one.add_argument("source", help="a name that `list` prints, for example brain-phantom")
    one.add_argument("--out", type=Path, default=Path("runs/first"), help="folder of the run")
    one.add_argument("--replace", dest="discard", action="store_true",
                     help="delete what --out holds, slices and training")  # fmt: skip
    one.add_argument("--subjects", type=int, help="how many subjects; all by default")
    one.add_argument(
        "--folder", type=Path, help="where your files lie (any source but the phantoms)"
    )
    _add_reading(one)


def _add_reading(one: argparse.ArgumentParser) -> None:
    """Add the options that say how files are read and cut; they are those of `load_slices`."""
    add = _add_cutting(one, "how to cut; by default as the source says")
    add("--modality", help="what your files show, for example CT (kept in HU) or T1")
    add("--masks", help="folder with a mask for each image, or a pattern such as '*_seg.nii.gz'")
    add("--labels", type=Path, help="CSV: file or subject, then one column a label")
    add("--participants", type=Path, help="CSV or TSV with the subjects' age and sex")


def _add_cutting(one: argparse.ArgumentParser, anatomy: str) -> Callable:
    """Add the options that `translate` has as well; return what adds more to their group."""
    add = one.add_argument_group("how files are read and cut").add_argument
    add("--image-size", type=int, default=64, choices=SIZES, help="pixels a side")
    add("--anatomy", choices=("head", "body"), help=anatomy)
    add("--window", type=float, nargs=2, metavar=("LOW", "HIGH"), help="grey scale of CT in HU")
    add("--levels", type=float, nargs=2, metavar=("FIRST", "LAST"),
        help="heads: mm below the vertex; bodies: share of the length, 0 at the top")  # fmt: skip
    add("--fov-mm", type=float, help="side of the square; by default 240 for heads, else 400")
    add("--glob", help="which files, for example '**/*_T1w.nii.gz'")
    add("--subject-pattern", help="regular expression; its first group is the subject")
    add("--index", type=int, help="which volume of a file that holds several")
    add("--fill-nan", type=float, help="what replaces voxels that are no numbers")
    return add


def _add_train(commands) -> None:
    help = "Train a DCGAN on a run's slices; resumes by itself."
    one = _command(commands, "train", fitting.train, help)
    one.add_argument("run", type=Path, help="folder that `fetch` made")
    one.add_argument("--steps", type=int, default=6000, help="steps in all, earlier ones included")
    one.add_argument("--batch-size", type=int, default=16, help="images a step")
    one.add_argument("--rate", type=float, default=1e-3, help="learning rate of both networks")
    one.add_argument("--r1-gamma", type=float, default=0.1, help="strength of the R1 penalty")
    one.add_argument("--loss", default="non-saturating", help="as in chapter 5, for example hinge")
    one.add_argument("--ema", type=float, default=0.998, help="decay of the averaged generator")
    one.add_argument("--flip", action="store_true", help="mirror slices; never where side matters")
    one.add_argument("--condition", nargs="+", default=[], metavar="LABEL",
                     help="train a conditional GAN on these labels of the slices")  # fmt: skip
    one.add_argument("--seed", type=int, default=2026)
    one.add_argument("--every", type=int, default=1000, help="steps between two saves and scores")
    one.add_argument("--restart", action="store_true", help="delete an earlier training")
    one.add_argument("--workers", type=int, default=1,
                     help="processes here that share each batch (docs/workers.md)")  # fmt: skip


def _add_sample(commands) -> None:
    one = _command(commands, "sample", workflow.sample, "Draw images from a trained generator.")
    one.add_argument("run", help="folder of a trained run, or a checkpoint such as brain-mri-64")
    one.add_argument("--count", type=int, default=64)
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--labels", help="of a conditional checkpoint, for example 1,3,0")
    one.add_argument("--out", type=Path, help="a file; for dicom a folder; by default samples.png")
    one.add_argument("--format", choices=tuple(workflow.ENDINGS),
                     help="nifti and dicom are marked synthetic in header and pixels")  # fmt: skip
    one.add_argument("--enlarge", type=int, help="nifti, dicom: repeat each pixel so often")
    one.add_argument("--spacing-mm", type=float, help="nifti, dicom: from pixel to pixel")


def _add_evaluate(commands) -> None:
    help = "Score a trained run on its test subjects; write model card and HTML report."
    one = _command(commands, "evaluate", judging.evaluate, help)
    one.add_argument("run", type=Path, help="folder of a trained run")
    one.add_argument("--seeds", type=int, default=3, help="how many sets of samples to score")


def _add_translate(commands) -> None:
    help = "Learn one contrast from another where subjects have both; write it for other scans."
    one = _command(commands, "translate", translating.translate, help)
    one.add_argument("folder", type=Path, help="with both contrasts of each subject, on one grid")
    one.add_argument("--from", dest="given", required=True, help="contrast in hand, such as T1")
    one.add_argument("--to", dest="wanted", required=True, help="contrast to make, such as FLAIR")
    one.add_argument("--out", type=Path, default=Path("runs/translate"), help="folder of the run")
    one.add_argument("--apply", type=Path, nargs="+", default=[], metavar="FILE",
                     help="NIfTI files to translate; their grid and affine are kept")  # fmt: skip
    one.add_argument("--into", type=Path, default=Path("translated"), help="folder for them")
    one.add_argument("--steps", type=int, default=3000, help="steps in all, earlier ones included")
    one.add_argument("--every", type=int, default=500, help="steps between two saves")
    one.add_argument("--batch-size", type=int, default=16, help="images a step")
    one.add_argument("--l1", type=float, default=100.0, help="weight of the distance from the pair")
    one.add_argument("--seed", type=int, default=2026)
    one.add_argument("--restart", action="store_true", help="delete an earlier training")
    _add_cutting(one, "how to cut; heads by default")


def _add_protection(commands) -> None:
    help = "Copy a DICOM series or a NIfTI file without what names its patient."
    one = _command(commands, "deidentify", deidentify, help)
    one.add_argument("source", type=Path, help="folder with one patient's series, or a .nii(.gz)")
    one.add_argument("into", type=Path, help="new folder, or new .nii(.gz)")
    one.add_argument("--code", help="what to call the patient (DICOM); by default a hash")
    one.add_argument("--secret-file", type=Path,
                     help="secret that keeps series of one patient together (DICOM)")  # fmt: skip
    for name, function, help in (
        ("encrypt", encrypt, "Encrypt a file under a passphrase."),
        ("decrypt", decrypt, "Decrypt a file, if not a bit of it was changed."),
    ):
        one = _command(commands, name, function, help)
        one.add_argument("source", type=Path, help="file to read; it stays")
        one.add_argument("into", type=Path, help="new file")


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return 0, or 1 after a clear error (2 for a wrong command line).

    What a user can cause leaves as one line: values, files, memory, numbers that overflow. Other
    exceptions are faults of the package and keep their traceback.
    """
    options = vars(parser().parse_args(arguments))
    function, command = options.pop("function"), options.pop("command")
    with warnings.catch_warnings(), _as_notes(options):
        try:
            function(**options)
        except (ValueError, OSError, ArithmeticError, MemoryError) as error:
            print(f"medgan_utils {command}: {in_options(str(error), options)}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\nstopped; the same command goes on from the last save", file=sys.stderr)
            return 130
    return 0


@contextmanager
def _as_notes(options: Iterable[str]) -> Iterator[None]:
    """Print the package's warnings as notes, a few of a kind: one may come from every file."""
    said, seen = set(), Counter()

    def note(message: Warning, category: type[Warning], filename: str, line: int, *_) -> None:
        ours = PACKAGE in Path(filename).parents or not Path(filename).is_file()
        if category is not UserWarning or not ours or str(message) in said:
            return  # what libraries warn of is nothing that a user of the command can mend
        said.add(str(message))
        seen[filename, line] += 1
        if seen[filename, line] <= MOST_NOTES:
            print(f"note: {in_options(str(message), options)}", file=sys.stderr)

    warnings.showwarning = note
    try:
        yield
    finally:
        more = sum(max(0, count - MOST_NOTES) for count in seen.values())
        if more:
            print(f"note: {more} more of these kinds", file=sys.stderr)


def in_options(text: str, names: Iterable[str]) -> str:
    """Turn a function's advice into the command's: `fill_nan=0` becomes `--fill-nan 0`.

    What stands in brackets as "(command: --fill-nan 0)" is then said twice, and left out.

    Args:
        text: An error or a warning of the package.
        names: Arguments of the function that are options of the command; where their values are
            given, too, what stands in them (a folder `seed=3`) is left as it is.
    """
    text = re.sub(r" \((?:command: )?--[^)]*\)", "", " ".join(text.split()))
    given = map(str, names.values()) if isinstance(names, Mapping) else ()
    own = [re.escape(value) for value in given if "=" in value]
    advice = rf"\b({'|'.join(names)})=(r?'[^']*'|[(\[][^)\]]*[)\]]|[\w.+-]*)"

    def option(match: re.Match) -> str:
        if match[1] is None:
            return match[0]
        value = match[2].strip("()[]").replace(",", "")
        value = value.strip("'") if re.fullmatch(r"'[\w.-]+'", value) else value
        return f"--{match[1].replace('_', '-')} {value}".rstrip()

    return re.sub("|".join([*own, advice]), option, text)


if __name__ == "__main__":
    sys.exit(main())
