"""The course's workflow as one command: `python -m medgan_utils fetch|train|sample|evaluate`."""

import argparse
import json
import sys
from pathlib import Path

from . import workflow

EXAMPLES = """
a folder of your own, from files to a report:
  python -m medgan_utils fetch folder --folder my/volumes --out runs/mine
  python -m medgan_utils train runs/mine --steps 6000
  python -m medgan_utils sample runs/mine --count 64 --out samples.png
  python -m medgan_utils evaluate runs/mine

Each step reads what the one before left in the run's folder. `train` goes on where it was
stopped. Every command explains its options: python -m medgan_utils train --help
"""


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
    _add_fetch(commands)
    _add_train(commands)
    _add_sample(commands)
    _add_evaluate(commands)
    return top


def _command(commands, name: str, function, help: str) -> argparse.ArgumentParser:
    formatter = argparse.ArgumentDefaultsHelpFormatter
    one = commands.add_parser(
        name, help=help, description=help, formatter_class=formatter, allow_abbrev=False
    )
    one.set_defaults(function=function)
    return one


def _add_fetch(commands) -> None:
    one = _command(
        commands, "fetch", workflow.fetch, "Read a source, cut axial slices, keep them for a run."
    )
    one.add_argument("source", help="a name listed by `fetch list`, for example brain-phantom")
    one.add_argument("--out", type=Path, default=Path("runs/first"), help="folder of the run")
    one.add_argument("--folder", type=Path, help="where your files lie (source `folder`, `ixi`)")
    one.add_argument("--image-size", type=int, default=64, help="pixels a side: 32, 64, 128, 256")
    one.add_argument("--subjects", type=int, help="how many subjects; all by default")
    one.add_argument("--modality", help="what your files show, for example CT (kept in HU)")


def _add_train(commands) -> None:
    one = _command(
        commands, "train", workflow.train, "Train a DCGAN on a run's slices; resumes by itself."
    )
    one.add_argument("run", type=Path, help="folder that `fetch` made")
    one.add_argument("--steps", type=int, default=6000, help="steps in all, earlier ones included")
    one.add_argument("--batch-size", type=int, default=16, help="images a step")
    one.add_argument("--rate", type=float, default=1e-3, help="learning rate of both networks")
    one.add_argument("--r1-gamma", type=float, default=0.1, help="strength of the R1 penalty")
    one.add_argument("--loss", default="non-saturating", choices=workflow.LOSSES)
    one.add_argument("--ema", type=float, default=0.998, help="decay of the averaged generator")
    one.add_argument("--flip", action="store_true", help="mirror slices; never where side matters")
    one.add_argument("--seed", type=int, default=2026)
    one.add_argument("--every", type=int, default=1000, help="steps between two saves and scores")
    one.add_argument("--restart", action="store_true", help="forget an earlier training")


def _add_sample(commands) -> None:
    one = _command(commands, "sample", workflow.sample, "Draw images from a trained generator.")
    one.add_argument("run", help="folder of a trained run, or a checkpoint such as brain-mri-64")
    one.add_argument("--count", type=int, default=64)
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--labels", help="of a conditional checkpoint, for example 1,3,0")
    one.add_argument("--out", type=Path, default=Path("samples.png"), help=".png or .npz")


def _add_evaluate(commands) -> None:
    one = _command(
        commands,
        "evaluate",
        workflow.evaluate,
        "Score a trained run on its test subjects; write model card and HTML report.",
    )
    one.add_argument("run", type=Path, help="folder of a trained run")
    one.add_argument("--seeds", type=int, default=3, help="how many sets of samples to score")


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return 0, or 1 after a clear error (2 for a wrong command line)."""
    options = vars(parser().parse_args(arguments))
    function, command = options.pop("function"), options.pop("command")
    try:
        function(**options)
    except (ValueError, TypeError, OSError, json.JSONDecodeError) as error:
        print(f"medgan_utils {command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from the last save", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
