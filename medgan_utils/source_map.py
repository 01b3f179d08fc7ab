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
    functions. A name that a package exports counts as an import of the module that defines it, also
    as an attribute (`from .training import GAN`; `from . import training`, `training.GAN`).

    Args:
        path: A file below `root`.
        known: Names and files as `modules` returns them.
        root: What the names begin below.
    """
    nodes = [*ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    bound = _imported(nodes, path.relative_to(root).parts)
    names = {name for some in bound.values() for name in some}
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names |= {f"{holder}.{node.attr}" for holder in bound.get(node.value.id, ())}
    found = set()
    for name in names:  # of a module, or of something in one
        holder, _, taken = name.rpartition(".")
        exported = _exported(known[holder]) if holder in known else {}
        defined = f"{holder}.{exported[taken]}" if taken in exported else holder
        found |= {name, defined} & set(known)
    return found - {_dotted(path, root)}


def _imported(nodes: Iterable[ast.AST], package: tuple[str, ...]) -> dict[str, set[str]]:
    """Return the names that import statements bind in a file, and what each may stand for.

    Args:
        nodes: Of the file.
        package: The parts of its path.
    """
    bound: dict[str, set[str]] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            start = ""
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level] if node.level else ()
            start = "".join(f"{part}." for part in (*above, node.module) if part)
        else:
            continue
        for alias in node.names:
            bound.setdefault(alias.asname or alias.name, set()).add(start + alias.name)
    return bound


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
