"""Draw the map of the house in `CONTRIBUTING.md`: every module, what it is, and what it imports.

python tools/map.py
"""

import argparse
import graphlib
from functools import cache
from pathlib import Path

from medgan_utils import source_map
from tools.tables import filled

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "CONTRIBUTING.md"
ROOMS = ("phantoms", "data", "models", "training", "evaluation", "display", "checks")
SCRIPTS = ("recipes", "experiments", "benchmarks", "tools")


@cache
def modules() -> dict[str, Path]:
    """Return every module of the package and of the folders of scripts."""
    return source_map.modules(ROOT, ("medgan_utils", *SCRIPTS))


def imports(path: Path) -> set[str]:
    """Return the modules of this project that a file imports, relative imports resolved."""
    return source_map.imports(path, modules(), ROOT)


@cache
def in_order() -> list[str]:
    """Return the modules, each behind those that it imports; a circle raises `CycleError`."""
    needs = {name: sorted(imports(path)) for name, path in modules().items()}
    return list(graphlib.TopologicalSorter(needs).static_order())


def line(name: str) -> str:
    """Return what a module is, and what it imports, as an entry of a Markdown list."""
    path, folder = modules()[name], name.rpartition(".")[0]
    needs = [need.removeprefix(f"{folder}.") for need in imports(path) - {"medgan_utils"}]
    needs = sorted(need.removeprefix("medgan_utils.") for need in needs)
    shown = ", ".join(need for need in needs if need[0] != "_")
    link = f"- [`{path.name}`]({path.relative_to(ROOT).as_posix()}): {source_map.title(path)}"
    return f"{link} ← {shown}" if shown else link


def drawn() -> str:
    """Return the map as Markdown: the folders, and in each a module below those that it imports."""
    rooms = ["medgan_utils", "medgan_utils/protection"]
    for room in ROOMS:
        rooms += [f"medgan_utils/{room}"] + ["medgan_utils/data/sources"] * (room == "data")
    parts = []
    for folder in (*rooms, *SCRIPTS):
        inside = [name for name in in_order() if modules()[name].parent == ROOT / folder]
        package = ROOT / folder / "__init__.py"
        about = f": {source_map.title(package)}" if package.is_file() else ""
        rows = [line(name) for name in inside if modules()[name] != package]
        parts.append("\n".join([f"**{folder}/**{about}\n", *rows]))
    return "\n\n".join(parts)


def main() -> None:
    """Write the map."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(filled(text, lambda _: drawn()), encoding="utf-8")


if __name__ == "__main__":
    main()
