"""Draw the map of the house in `CONTRIBUTING.md`: every module, what it is, and what it imports.

python tools/map.py
"""

import argparse
import ast
import graphlib
from functools import cache
from pathlib import Path

from tools.tables import filled

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "CONTRIBUTING.md"
ROOMS = ("phantoms", "data", "models", "training", "evaluation", "display", "checks")
SCRIPTS = ("recipes", "experiments", "benchmarks", "tools")


def dotted(path: Path) -> str:
    """Return the name under which a file is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, Path]:
    """Return every module of the package and of the folders of scripts."""
    folders = ("medgan_utils", *SCRIPTS)
    return {dotted(p): p for folder in folders for p in sorted((ROOT / folder).rglob("*.py"))}


def imports(path: Path) -> set[str]:
    """Return the modules of this project that a file imports, relative imports resolved."""
    package = path.relative_to(ROOT).parts
    known, found = modules(), set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level] if node.level else ()
            module = ".".join(filter(None, (*above, node.module)))
            names = [f"{module}.{alias.name}" for alias in node.names]
        for name in names:  # of a module, or of something in one
            found.update({name, name.rpartition(".")[0]} & set(known))
    return found - {dotted(path)}


@cache
def in_order() -> list[str]:
    """Return the modules, each behind those that it imports; a circle raises `CycleError`."""
    needs = {name: sorted(imports(path)) for name, path in modules().items()}
    return list(graphlib.TopologicalSorter(needs).static_order())


def title(path: Path) -> str:
    """Return the first sentence of a module's docstring."""
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(said.partition("\n\n")[0].split()).rstrip(".")


def line(name: str) -> str:
    """Return what a module is, and what it imports, as an entry of a Markdown list."""
    path, folder = modules()[name], name.rpartition(".")[0]
    needs = [need.removeprefix(f"{folder}.") for need in imports(path) - {"medgan_utils"}]
    needs = sorted(need.removeprefix("medgan_utils.") for need in needs)
    shown = ", ".join(need for need in needs if need[0] != "_")
    link = f"- [`{path.name}`]({path.relative_to(ROOT).as_posix()}): {title(path)}"
    return f"{link} ← {shown}" if shown else link


def drawn() -> str:
    """Return the map as Markdown: the folders, and in each a module below those that it imports."""
    rooms = ["medgan_utils"]
    for room in ROOMS:
        rooms += [f"medgan_utils/{room}"] + ["medgan_utils/data/sources"] * (room == "data")
    parts = []
    for folder in (*rooms, *SCRIPTS):
        inside = [name for name in in_order() if modules()[name].parent == ROOT / folder]
        package = ROOT / folder / "__init__.py"
        about = f": {title(package)}" if package.is_file() else ""
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
