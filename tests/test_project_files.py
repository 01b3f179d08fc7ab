"""The files around the package agree with each other and with what is there."""

import base64
import io
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distributions
from pathlib import Path

import nbformat
import numpy as np
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from PIL import Image

from tools import notebooks, tables

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAGES = [path for glob in ("*.md", "[!.]*/*.md", "data/*/*.md") for path in ROOT.glob(glob)]
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)")


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def names(requirements):
    """The distributions that requirements name, as pip compares them."""
    found = (re.match(r"[\w.-]+", line)[0] for line in requirements)
    return {re.sub(r"[-_.]+", "-", name).lower() for name in found}


def test_conda_installs_what_pip_does():
    *conda, pip = yaml.safe_load(text("environment.yml"))["dependencies"]
    assert conda == [f"python{PROJECT['requires-python']}", "pip"]
    assert pip == {"pip": ["-c constraints.txt", "-e .[lab,test]"]}
    assert set(EXTRAS) == {"lab", "test", "gpu", "onnx"}
    assert "[lab,test,gpu]" in text("environment.yml")


def pins(name):
    """The lines of a file of constraints: names and versions alone."""
    lines = [line for line in text(name).splitlines() if line[:1] != "#"]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
    return lines


def test_colab_has_every_dependency_or_the_first_cell_installs_it():
    colab = dict(line.lower().split("==") for line in pins("constraints-colab.txt"))
    installed = set(notebooks.MISSING_IN_COLAB.split())
    for requirement in map(Requirement, PROJECT["dependencies"]):
        version = colab.get(requirement.name)
        assert requirement.name in installed or requirement.specifier.contains(version)
    assert (colab["tensorflow"], colab["keras"], colab["numpy"]) == ("2.20.0", "3.13.2", "2.0.2")
    assert not {"tensorflow", "numpy", "ipywidgets"} & installed


def test_constraints_pin_every_dependency_by_name_and_version_alone():
    lines = pins("constraints.txt")
    wanted = names(PROJECT["dependencies"] + EXTRAS["lab"] + EXTRAS["test"])
    assert wanted <= names(lines), f"not pinned: {sorted(wanted - names(lines))}"


def test_constraints_pin_all_that_is_installed_and_every_python_that_is_promised_can_have_it():
    """pip refuses a pin whose own Requires-Python leaves out the reader's; Debian 12 has 3.11.2."""
    pinned = {names([line]).pop(): line.split("==")[1] for line in pins("constraints.txt")}
    least = PROJECT["requires-python"].split(",")[0].removeprefix(">=") + ".0"
    there = {names([one.name]).pop(): one for one in distributions()}
    waiting = list(names(PROJECT["dependencies"] + EXTRAS["lab"] + EXTRAS["test"]))
    seen = set()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in there:  # not installed: asked for by another system alone
            continue
        seen.add(name)
        for line in there[name].requires or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                waiting += names([needed.name])
    assert not seen - set(pinned), f"not pinned: {sorted(seen - set(pinned))}"
    for name in seen:
        if there[name].version == pinned[name]:
            takes = there[name].metadata["Requires-Python"] or ""
            assert SpecifierSet(takes).contains(least), f"{name} {pinned[name]} needs {takes}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    broken = [link for link in LINK.findall(page.read_text("utf-8")) if not exists(page, link)]
    assert not broken


def exists(page, link):
    return (page.parent / link).exists()


def test_readme_links_every_notebook_that_exists_and_no_other():
    rows = dict(re.findall(r"(?m)^\| (\d\d) \| (.*?) \|", text("README.md")))
    assert sorted(rows) == [f"{number:02d}" for number in range(1, 13)]
    linked = {Path(link).name for row in rows.values() for link in LINK.findall(row)}
    assert linked == {path.name for path in NOTEBOOKS}
    for number, row in rows.items():
        assert bool(LINK.search(row)) != ("in preparation" in row), f"README, notebook {number}"


def test_readme_code_runs(tmp_path):
    code = re.search(r"```python\n(.*?)```", text("README.md"), re.DOTALL)[1]
    for large, small in (
        ("subjects=10", "subjects=2"),
        ("steps_per_epoch=500", "steps_per_epoch=2"),
    ):
        assert large in code
        code = code.replace(large, small)
    code += (
        "\nassert images.shape == (16, 64, 64, 1)\nassert heads.output_shape == (None, 64, 64, 1)\n"
    )
    script = tmp_path / "readme.py"
    script.write_text(code, encoding="utf-8")
    done = subprocess.run([sys.executable, script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_every_cell_that_the_errata_name_exists():
    places = re.findall(
        r"\[\d\d\]\(\.\./notebooks/([\w.]+)\) ((?:`[\w-]+`(?:, )?)+)", text("docs/errata.md")
    )
    assert places
    for notebook, cells in places:
        ids = {cell.id for cell in nbformat.read(ROOT / "notebooks" / notebook, 4).cells}
        missing = set(re.findall(r"`([\w-]+)`", cells)) - ids
        assert not missing, f"{notebook} has no cell {sorted(missing)}"


def test_every_correction_that_a_chapter_shows_is_listed():
    for path in NOTEBOOKS:
        rows = re.findall(
            rf"\({re.escape(f'../notebooks/{path.name}')}\) ([^|;]+)", text("docs/errata.md")
        )
        listed = set(re.findall(r"`([\w-]+)`", " ".join(rows)))
        cells = nbformat.read(path, 4).cells
        shown = {cell.id for cell in cells if "> **The article says" in cell.source}
        assert shown <= listed, f"{path.name}: {sorted(shown - listed)}"


def test_errata_are_placed_in_every_notebook_that_exists():
    rows = [row for row in text("docs/errata.md").splitlines() if re.match(r"\| \d", row)]
    assert len(rows) >= 34
    existing = {path.name[:2] for path in NOTEBOOKS}
    for row in rows:
        waiting = re.findall(r"(\d\d): not (?:written|shown) yet", row)
        assert not existing & set(waiting), row
        assert waiting or "](../notebooks/" in row, row


def test_the_tables_are_those_of_the_results():
    pages = [text(f"{folder.name}/README.md") for folder in tables.FOLDERS]
    assert [tables.filled(page) for page in pages] == pages, "run `python tools/tables.py`"
    assert set(tables.TABLES) | {"end"} == set(re.findall(r"<!-- (\w+) -->", "".join(pages)))


@pytest.mark.parametrize("folder", tables.FOLDERS, ids=lambda folder: folder.name)
def test_every_script_is_listed(folder):
    page = (folder / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in folder.glob("*.py") if f"`{path.name}`" not in page] == []


def test_the_wheel_carries_the_checkpoints(tmp_path):
    """Built, unpacked elsewhere and imported from there: a checkpoint loads and draws."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        files = archive.namelist()
        archive.extractall(installed)
    kept = [path.name for path in (ROOT / "data" / "checkpoints").iterdir() if path.is_file()]
    assert {f"medgan_utils/_checkpoints/{name}" for name in kept} <= set(files)
    assert "medgan_utils/display/course.mplstyle" in files
    assert wheel.stat().st_size < 25e6
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import medgan_utils; assert medgan_utils.__file__.startswith(sys.argv[1])\n"
        "from medgan_utils import profiles; profiles.quiet_tensorflow()\n"
        "import numpy as np\n"
        "from medgan_utils.models import checkpoint_names, load_card, load_generator\n"
        "assert 'brain-mri-64' in checkpoint_names() and load_card('brain-mri-64')\n"
        "generator = load_generator('brain-mri-64')\n"
        "print(generator(np.zeros((1, 64), np.float32), training=False).shape)\n"
    )
    command = [sys.executable, "-c", code, str(installed)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == "(1, 64, 64, 1)", done.stderr[-2000:]


def test_licences_are_whole():
    assert "Apache License" in text("LICENSE") and "END OF TERMS" in text("LICENSE")
    assert text("LICENSE-docs").rstrip().endswith("contacted at creativecommons.org.")
    for version in ("3.0", "4.0"):
        licence = text(f"data/checkpoints/LICENSE-CC-BY-SA-{version}.txt")
        assert f"ShareAlike {version}" in licence and len(licence) > 20_000


def test_pictures_of_few_colours_are_smaller_with_the_same_pixels():
    random = np.random.default_rng(0)
    for colours, smaller in ((200, True), (60_000, False)):
        codes = random.integers(colours, size=(64, 64))
        pixels = np.stack([codes % 256, codes // 256, codes * 0, codes * 0 + 255], axis=-1)
        picture = Image.fromarray(pixels.astype(np.uint8), "RGBA")
        picture.save(file := io.BytesIO(), "PNG")
        before = base64.b64encode(file.getvalue()).decode()
        data = {"image/png": before}
        notebooks._with_palette(data)
        assert (len(data["image/png"]) < len(before)) == smaller
        after = Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB")
        np.testing.assert_array_equal(np.asarray(after), np.asarray(picture.convert("RGB")))


def test_progress_bars_are_not_kept_with_a_notebook():
    bar = "slicing lits:   0%|          | 0/1 [00:00<?, ?file/s]"
    stored = [{"output_type": "display_data", "data": {"text/plain": t}} for t in (bar, "<Figure>")]
    assert [notebooks._is_bar(output) for output in stored] == [True, False]
