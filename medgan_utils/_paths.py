"""Where the files that travel with the package lie."""

from pathlib import Path


def repository_root() -> Path | None:
    """Return the root of the checkout this package runs from, or None when it was installed."""
    root = Path(__file__).resolve().parents[1]
    return root if (root / "pyproject.toml").is_file() and (root / "notebooks").is_dir() else None


def checkpoints_folder() -> Path:
    """Return the folder of the shipped weights: `data/checkpoints`, or its copy in the wheel."""
    root = repository_root()
    return root / "data" / "checkpoints" if root else Path(__file__).parent / "_checkpoints"


def results_folders() -> list[Path]:
    """Return the folders of stored results: those of the checkout, or their copy in the wheel."""
    root = repository_root()
    if root is None:
        return [Path(__file__).parent / "_results"]
    return [root / name / "results" for name in ("experiments", "benchmarks")]
