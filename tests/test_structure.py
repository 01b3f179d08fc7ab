"""The package keeps its shape: folders apart, imports one way and light, modules small."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import medgan_utils

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "medgan_utils"
FOLDERS = ("phantoms", "data", "models", "training", "evaluation", "display", "checks")
MODULES = sorted(PACKAGE.rglob("*.py"))


def imported(path):
    """Yield the dotted names that a module imports from this package, relative ones resolved."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(parts[: len(parts) - node.level]) if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_folders_do_not_import_each_other(path):
    folder = path.relative_to(PACKAGE).parts[0]
    if folder in FOLDERS:
        others = {f"medgan_utils.{other}" for other in FOLDERS if other != folder}
        if "sources" in path.parts:
            others.discard("medgan_utils.phantoms")
        wrong = [name for name in imported(path) if ".".join(name.split(".")[:2]) in others]
        assert not wrong, f"{path.name} imports {wrong}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_inside_a_folder_imports_run_one_way(folder):
    modules = {
        path.stem: path for path in (PACKAGE / folder).glob("*.py") if path.stem != "__init__"
    }
    prefix = f"medgan_utils.{folder}."
    needs = {
        name: {other.removeprefix(prefix).split(".")[0] for other in imported(path)} & set(modules)
        for name, path in modules.items()
    }
    done: set[str] = set()
    while len(done) < len(needs):
        ready = {name for name, others in needs.items() if others - {name} <= done} - done
        assert ready, f"a circle among {sorted(set(needs) - done)}"
        done |= ready


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_stay_small(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 350
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            documented = ast.get_docstring(node, clean=False)
            length = node.end_lineno - node.lineno + 1 - len((documented or "").splitlines())
            assert length <= 40, f"{node.name} has {length} lines beside its docstring"


@pytest.mark.parametrize("module", ["medgan_utils", "medgan_utils.data", "medgan_utils.profiles"])
def test_light_imports_load_no_tensorflow(module):
    code = f"import sys, {module}; print('tensorflow' in sys.modules or 'keras' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_every_exported_name_loads():
    for folder in FOLDERS[1:]:
        module = getattr(medgan_utils, folder)
        for name in module.__all__:
            assert getattr(module, name) is not None
        assert set(module.__all__) <= set(dir(module))
        with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
            module.nonsense  # noqa: B018
