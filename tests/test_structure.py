"""The package keeps its shape: rooms apart, imports one way and light, modules small, all used."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import medgan_utils
from tools import map as house

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "medgan_utils"
MODULES = sorted(PACKAGE.rglob("*.py"))
GROUND_FLOOR = {"_checkpoint_files", "_files", "_lazy", "_paths", "_restart", "profiles", "table"}

by_path = pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))


@by_path
def test_rooms_stand_on_the_ground_floor_alone(path):
    """Nothing is imported from another room, nor from those who compose rooms."""
    floor = path.relative_to(PACKAGE).with_suffix("").parts[0]
    if floor not in {*house.ROOMS, *GROUND_FLOOR}:
        return  # it composes rooms
    allowed = GROUND_FLOOR | {floor} | ({"phantoms"} if "sources" in path.parts else set())
    needed = {name.split(".")[1] for name in house.imports(path) if "." in name}
    wrong = needed - (GROUND_FLOOR if floor in GROUND_FLOOR else allowed)
    assert not wrong, f"{path.name} imports {sorted(wrong)}"


def test_imports_run_one_way():
    """A circle, also through a sub-package, raises."""
    assert sorted(house.in_order()) == sorted(house.modules())


@by_path
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


@pytest.mark.parametrize("room", house.ROOMS)
def test_every_exported_name_loads(room):
    module = getattr(medgan_utils, room)
    for name in module.__all__:
        assert getattr(module, name) is not None
    assert set(module.__all__) <= set(dir(module))
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        module.nonsense  # noqa: B018


def code_of_users():
    """Yield the code of all that is no test: package, scripts, notebooks, and the README."""
    yield from (path.read_text(encoding="utf-8") for path in house.modules().values())
    yield from re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                yield re.sub(r"^( *)[%!].*", r"\1pass", "".join(cell["source"]), flags=re.M)


def test_nothing_is_there_for_tests_alone():
    used = set()
    for node in (node for code in code_of_users() for node in ast.walk(ast.parse(code))):
        if isinstance(node, ast.Name | ast.Attribute):
            used.add(node.id if isinstance(node, ast.Name) else node.attr)
        elif isinstance(node, ast.ImportFrom):
            used.update(alias.name for alias in node.names)
    idle = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in MODULES
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and node.name not in used
        and node.name[0] != "_"
    ]
    assert not idle, f"used by no notebook, command or script: {idle}"


def test_the_map_of_the_house_is_the_present_one():
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert f"<!-- map -->\n{house.drawn()}\n<!-- end -->" in page, "run `python tools/map.py`"
