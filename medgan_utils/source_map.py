"""Which module imports which, read from the source: of this package, also where it is installed."""

import ast
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent


def modules(
    root: Path = PACKAGE.parent, folders: Iterable[str] = (PACKAGE.name,)
) -> dict[str, Path]:
    """Return the name of every module in some folders, and where its file lies.

    Args:
        root: What the names begin below.
        folders: Folders in `root`, by default this package alone.
    """
    found = (path for folder in folders for path in sorted((root / folder).rglob("*.py")))
    return {_dotted(path, root): path for path in found}


def imports(path: Path, known: Mapping[str, Path], root: Path = PACKAGE.parent) -> set[str]:
    """Return those of the known modules that a file imports, relative imports resolved.

    Nothing is executed: the file is parsed, and its import statements are read, also those inside
    functions. A name that a package exports (`from .training import GAN`) counts as an import of
    the module that defines it.

    Args:
        path: A file below `root`.
        known: Names and files as `modules` returns them.
        root: What the names begin below.
    """
    package = path.relative_to(root).parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level] if node.level else ()
            module = ".".join(filter(None, (*above, node.module)))
            names = [f"{module}.{alias.name}" for alias in node.names]
        for name in names:  # of a module, or of something in one
            holder, _, taken = name.rpartition(".")
            exported = _exported(known[holder]) if holder in known else {}
            defined = f"{holder}.{exported[taken]}" if taken in exported else holder
            found.update({name, defined} & set(known))
    return found - {_dotted(path, root)}


def needs() -> dict[str, set[str]]:
    """Return, for each module of this package, the modules of this package that it imports.

    Names are without the package's own, for example `training.gan`; what only says which names a
    room has (`__init__.py`) is left out.
    """
    known = modules()
    files = {name: path for name, path in known.items() if path.name != "__init__.py"}
    own = f"{PACKAGE.name}."
    return {
        name.removeprefix(own): {
            need.removeprefix(own) for need in imports(path, known) & set(files)
        }
        for name, path in files.items()
    }


def title(path: Path) -> str:
    """Return the first sentence of a module's docstring."""
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(said.partition("\n\n")[0].split()).rstrip(".")


@cache
def _exported(path: Path) -> dict[str, str]:
    """Return the names that a package's `__init__.py` hands to `exports`, and their modules."""
    if path.name != "__init__.py":
        return {}
    tables = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "exports":
            tables |= ast.literal_eval(node.args[1])
    return tables


def _dotted(path: Path, root: Path) -> str:
    """Return the name under which a file is imported."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
