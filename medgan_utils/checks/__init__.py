"""One module a chapter: what each exercise's answer must satisfy, and the hint when it does not."""

from pathlib import Path

from .._lazy import exports

__getattr__, __dir__, __all__ = exports(
    __name__,
    {path.stem: path.stem for path in sorted(Path(__file__).parent.glob("chapter*.py"))},
)
